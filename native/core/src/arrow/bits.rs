//! Bitmaps: eight rows in a byte, the lowest bit first.

/// The bitmap of truth values.
pub fn packed(values: impl ExactSizeIterator<Item = bool>) -> Vec<u8> {
    let mut made = vec![0u8; values.len().div_ceil(8)];
    for (row, value) in values.enumerate() {
        if let (true, Some(byte)) = (value, made.get_mut(row / 8)) {
            *byte |= 1 << (row % 8);
        }
    }
    made
}

/// Bit number `at`; false beyond the end.
pub fn bit(bytes: &[u8], at: usize) -> bool {
    bytes.get(at / 8).is_some_and(|byte| byte >> (at % 8) & 1 == 1)
}
