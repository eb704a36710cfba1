//! A corpus in one file: of each input its length (u32, little-endian) and its bytes, sorted.

use std::fs;
use std::io::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};

/// Where a target's corpus is kept.
pub fn path_of(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus").join(format!("{name}.bin"))
}

/// The inputs of a file. An error when it is cut.
pub fn read(path: &Path) -> Result<Vec<Vec<u8>>> {
    let whole = fs::read(path)?;
    let cut = || Error::new(ErrorKind::UnexpectedEof, "the corpus file is cut");
    let (mut rest, mut inputs) = (whole.as_slice(), Vec::new());
    while !rest.is_empty() {
        let (length, behind) = rest.split_first_chunk::<4>().ok_or_else(cut)?;
        let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| cut())?;
        inputs.push(behind.get(..length).ok_or_else(cut)?.to_vec());
        rest = &behind[length..];
    }
    Ok(inputs)
}

/// Write the inputs, sorted, each once.
pub fn write(path: &Path, mut inputs: Vec<Vec<u8>>) -> Result<()> {
    inputs.sort();
    inputs.dedup();
    let mut whole = Vec::new();
    for input in inputs {
        let length = u32::try_from(input.len()).map_err(|_| Error::from(ErrorKind::InvalidInput))?;
        whole.extend_from_slice(&length.to_le_bytes());
        whole.extend_from_slice(&input);
    }
    fs::write(path, whole)
}
