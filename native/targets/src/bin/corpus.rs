//! `corpus unpack NAME FOLDER` and `corpus pack NAME FOLDER`: between the file that is kept and the folder a fuzzer works on.

use std::path::Path;
use std::{env, fs, process};

use headrace_targets::packed;

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [what, name, folder] = arguments.as_slice() else {
        eprintln!("corpus pack|unpack NAME FOLDER");
        process::exit(2);
    };
    let (file, folder) = (packed::path_of(name), Path::new(folder));
    if what == "pack" {
        let inputs = fs::read_dir(folder)?.map(|entry| fs::read(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
        return packed::write(&file, inputs);
    }
    fs::create_dir_all(folder)?;
    for (at, input) in packed::read(&file)?.into_iter().enumerate() {
        fs::write(folder.join(format!("{at:05}")), input)?;
    }
    Ok(())
}
