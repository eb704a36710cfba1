//! Row messages whose values came in binary format, as the server would have sent them in text: what the Python decoder reads.

use super::binary::Wire;
use super::row::UNREAD;
use super::tuple::u16_at;
use crate::error::{Declined, Result};

const CUT: Declined = Declined::Malformed("a row message that is cut short");
/// Where in a payload a row message's first tuple's mark is.
const TUPLE: usize = 30;

/// A row message with its binary values as texts. `wires`: of each value. Declined for a value that is not known here.
pub fn as_text(payload: &[u8], wires: &[Wire]) -> Result<Vec<u8>> {
    let (head, mut rest) = payload.split_at_checked(TUPLE).ok_or(CUT)?;
    let mut made = Vec::with_capacity(payload.len() * 2);
    made.extend_from_slice(head);
    while let [mark, tuple @ ..] = rest {
        made.push(*mark);
        rest = row(tuple, wires, &mut made)?;
    }
    Ok(made)
}

/// Append the row at the head of `bytes`; answers what stands behind it.
fn row<'a>(bytes: &'a [u8], wires: &[Wire], made: &mut Vec<u8>) -> Result<&'a [u8]> {
    let width = u16_at(bytes, 0)?;
    made.extend_from_slice(&width.to_be_bytes());
    let mut rest = bytes.get(2..).ok_or(CUT)?;
    for source in 0..usize::from(width) {
        let (kind, behind) = rest.split_first().ok_or(CUT)?;
        rest = behind;
        if !matches!(kind, b't' | b'b') {
            made.push(*kind);
            continue;
        }
        let (length, behind) = rest.split_first_chunk::<4>().ok_or(CUT)?;
        let (value, behind) = behind.split_at_checked(u32::from_be_bytes(*length) as usize).ok_or(CUT)?;
        rest = behind;
        made.push(b't');
        if *kind == b't' {
            made.extend_from_slice(length);
            made.extend_from_slice(value);
            continue;
        }
        let at = made.len();
        made.extend_from_slice(&[0; 4]);
        wires.get(source).ok_or(UNREAD)?.write_text(value, made)?;
        let length = u32::try_from(made.len() - at - 4).map_err(|_| Declined::TooLarge)?;
        made.get_mut(at..at + 4).ok_or(CUT)?.copy_from_slice(&length.to_be_bytes());
    }
    Ok(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binary_values_become_texts() {
        let mut payload = vec![b'w'; TUPLE];
        payload.extend_from_slice(b"K\0\x02b\0\0\0\x04\0\0\0\x07nN\0\x02t\0\0\0\x017u");
        let wires = [Wire::Int4, Wire::Text];
        let made = as_text(&payload, &wires).unwrap();
        assert_eq!(&made[TUPLE..], b"K\0\x02t\0\0\0\x017nN\0\x02t\0\0\0\x017u");
        for end in TUPLE + 1..payload.len() {
            assert!(as_text(&payload[..end], &wires).is_err() || payload[end] == b'N');
        }
        assert!(as_text(&payload, &[]).is_err());
    }
}
