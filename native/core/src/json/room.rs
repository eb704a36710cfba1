//! Writing into a room of a given size: bytes that are all initialised, and the place to write at, handed on from write to write.
//!
//! Every function answers where the next write goes, None when the room is too small; what was written is then left as it is. So the
//! place stays in a register, and growing is one decision per row (see `grow`). A copy of a fixed size is one or two instructions, one of a
//! size only known at run time is a call: whatever is at most `WIDE` bytes is copied as `WIDE` bytes, and the next write overwrites what was
//! too much.

/// Bytes copied at once for a short piece. What is copied from has as many behind its last piece, or the slower way is taken.
pub const WIDE: usize = 32;

const SMALLEST: usize = 256;
const EIGHT: u64 = 100_000_000;

/// A room for more than `bytes` had, with what was written.
pub fn grow(bytes: &mut Vec<u8>) {
    let wanted = bytes.len().saturating_mul(2).max(SMALLEST);
    bytes.resize(wanted, 0);
}

/// What `write` writes, in a room that grows until it is large enough.
pub fn written<E>(mut write: impl FnMut(&mut [u8]) -> Result<Option<usize>, E>) -> Result<Vec<u8>, E> {
    let mut bytes = Vec::new();
    loop {
        grow(&mut bytes);
        if let Some(end) = write(&mut bytes)? {
            bytes.truncate(end);
            return Ok(bytes);
        }
    }
}

#[inline(always)]
pub fn byte(room: &mut [u8], at: usize, byte: u8) -> Option<usize> {
    *room.get_mut(at)? = byte;
    Some(at + 1)
}

/// A piece of any size.
#[inline]
pub fn slice(room: &mut [u8], at: usize, piece: &[u8]) -> Option<usize> {
    room.get_mut(at..)?.get_mut(..piece.len())?.copy_from_slice(piece);
    Some(at + piece.len())
}

/// `from[start..end]`; nothing where there is no such range.
#[inline(always)]
pub fn part(room: &mut [u8], at: usize, from: &[u8], start: usize, end: usize) -> Option<usize> {
    let count = end.wrapping_sub(start);
    if count <= WIDE {
        let target = room.get_mut(at..).and_then(|room| room.first_chunk_mut::<WIDE>());
        let piece = from.get(start..).and_then(|piece| piece.first_chunk::<WIDE>());
        if let (Some(target), Some(piece)) = (target, piece) {
            *target = *piece;
            return Some(at + count);
        }
    }
    long_part(room, at, from, start, end)
}

#[inline(never)]
fn long_part(room: &mut [u8], at: usize, from: &[u8], start: usize, end: usize) -> Option<usize> {
    slice(room, at, from.get(start..end).unwrap_or(&[]))
}

/// The first `count` of eight bytes.
#[inline(always)]
pub fn eight(room: &mut [u8], at: usize, bytes: [u8; 8], count: usize) -> Option<usize> {
    *room.get_mut(at..)?.first_chunk_mut::<8>()? = bytes;
    Some(at + count.min(8))
}

/// An integer's decimal digits.
#[inline(always)]
pub fn int(room: &mut [u8], mut at: usize, value: i64) -> Option<usize> {
    if value < 0 {
        at = byte(room, at, b'-')?;
    }
    let value = value.unsigned_abs();
    if value < EIGHT {
        return first_digits(room, at, value);
    }
    if value < EIGHT * EIGHT {
        at = first_digits(room, at, value / EIGHT)?;
    } else {
        let high = value / EIGHT;
        at = first_digits(room, at, high / EIGHT)?;
        at = eight(room, at, text_of(digits(high % EIGHT)), 8)?;
    }
    eight(room, at, text_of(digits(value % EIGHT)), 8)
}

/// A number below 10^8, without zeros in front.
#[inline(always)]
fn first_digits(room: &mut [u8], at: usize, value: u64) -> Option<usize> {
    let digits = digits(value);
    // The first digit is in the lowest byte; zero itself keeps one.
    let zeros = ((digits | 1 << 56).trailing_zeros() / 8) as usize;
    eight(room, at, text_of(digits >> (8 * zeros)), 8 - zeros)
}

/// The eight decimal digits of a number below 10^8, one a byte, the first in the lowest: two, then four, then eight at a time.
#[inline(always)]
fn digits(value: u64) -> u64 {
    let fours = (value / 10_000) | (value % 10_000) << 32;
    // 10486 / 2^20 is 1 / 100, 103 / 2^10 is 1 / 10, near enough for numbers of four and two digits.
    let hundreds = (fours.wrapping_mul(10_486) >> 20) & 0x7f_0000_007f;
    let pairs = hundreds | fours.wrapping_sub(hundreds.wrapping_mul(100)) << 16;
    let tens = (pairs.wrapping_mul(103) >> 10) & 0x000f_000f_000f_000f;
    tens | pairs.wrapping_sub(tens.wrapping_mul(10)) << 8
}

#[inline(always)]
fn text_of(digits: u64) -> [u8; 8] {
    (digits | 0x3030_3030_3030_3030).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl Fn(&mut [u8]) -> Option<usize>) -> Vec<u8> {
        written(|room| Ok::<_, ()>(write(room))).unwrap()
    }

    #[test]
    fn integers_are_written_as_everywhere() {
        let mut values = vec![0, i64::MIN, i64::MAX, -1];
        for shift in 0..63 {
            for delta in -1..=1 {
                values.push((1i64 << shift) + delta);
                values.push(-(1i64 << shift) + delta);
            }
        }
        let mut power = 1i64;
        while let Some(next) = power.checked_mul(10) {
            values.extend([power - 1, power, power + 1, 1 - power, -power]);
            power = next;
        }
        values.extend([power - 1, power, power + 1, -power]);
        values.extend((0..20_000).map(|step| step * 4_999 + 7));
        for value in values {
            assert_eq!(text(|room| int(room, 0, value)), value.to_string().as_bytes());
        }
    }

    #[test]
    fn parts_of_any_size() {
        let from: Vec<u8> = (0..200u8).collect();
        for start in [0usize, 1, 150, 180, 199, 200] {
            for end in start..=200 {
                let made = text(|room| {
                    let at = byte(room, 0, b'x')?;
                    let at = part(room, at, &from, start, end)?;
                    byte(room, at, b'y')
                });
                let mut expected = vec![b'x'];
                expected.extend_from_slice(&from[start..end]);
                expected.push(b'y');
                assert_eq!(made, expected);
            }
        }
    }

    #[test]
    fn a_room_may_be_too_small() {
        let mut room = [0; 10];
        assert_eq!(int(&mut room, 3, 123), None);
        assert_eq!(slice(&mut room, 8, b"abc"), None);
        assert_eq!(slice(&mut room, 8, b"ab"), Some(10));
        assert_eq!(byte(&mut room, 10, b'a'), None);
        assert_eq!(slice(&mut room, usize::MAX, b"ab"), None);
    }
}
