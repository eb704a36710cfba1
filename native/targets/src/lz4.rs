//! Blocks of LZ4, as the log keeps them.

use headrace_core::lz4::{compress, decompress, Seams};

/// The first three bytes are the size to be filled, the rest are blocks. What comes out comes back when it is compressed again,
/// whatever is said of its seams.
pub fn lz4(data: &[u8]) {
    let Some(([a, b, c], blocks)) = data.split_first_chunk::<3>().map(|(size, rest)| (*size, rest)) else { return };
    let size = usize::try_from(u32::from_le_bytes([a, b, c & 3, 0])).unwrap_or(0);
    let mut made = vec![0; size];
    if decompress(blocks, &mut made).is_err() {
        return;
    }
    let (head, tail) = made.split_at(size / 3);
    for seams in
        [None, Some((1, Seams { lengths: data, gaps: blocks })), Some((1, Seams { lengths: blocks, gaps: &made }))]
    {
        let again = compress(&[head, tail], usize::MAX, seams).expect("no limit");
        let mut back = vec![0xA5; size];
        decompress(&again, &mut back).expect("what was compressed here");
        assert_eq!(back, made);
    }
}
