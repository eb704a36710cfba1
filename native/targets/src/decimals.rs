//! Decimals as text and back.

use headrace_core::decimals::{self, shortest};

/// Bytes as an unscaled value: its text reads back as the value. Bytes as a text: what is taken is written so that it reads the same.
pub fn decimals(data: &[u8]) {
    let Some((&[low, high], bytes)) = data.split_first_chunk::<2>() else { return };
    let scale = i32::from(i16::from_le_bytes([low, high]));
    if let Some(text) = decimals::text(bytes, scale) {
        let text = String::from_utf8(text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(unscaled(&text, scale).as_deref(), Some(shortest(bytes)), "{text}");
        let digits = decimals::digits(bytes).unwrap_or(0);
        assert_eq!(
            digits,
            decimals::text(bytes, 0).map_or(0, |text| text.iter().filter(|one| one.is_ascii_digit()).count())
        );
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Some(value) = unscaled(text, scale) {
        assert_eq!(shortest(&value), value, "{text}");
        if let Some(again) = decimals::text(&value, scale) {
            let again = String::from_utf8(again).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(unscaled(&again, scale), Some(value), "{text} is written as {again}");
        }
    }
}

fn unscaled(text: &str, scale: i32) -> Option<Vec<u8>> {
    let mut made = Vec::new();
    decimals::write_unscaled_of(&mut made, text, scale).ok()?;
    Some(made)
}
