//! Out: bytes written one behind the other, where small pieces are copied in fixed sizes.
//!
//! A copy of a fixed size is one or two instructions; a copy of a size only known at run time is a call. So whatever is at most
//! `WIDE` bytes is copied as `WIDE` bytes, and the next piece overwrites what was too much.

/// Bytes copied at once for a short piece; a buffer that is read from has as many behind its last piece, or the slow way is taken.
pub const WIDE: usize = 32;

const DIGITS: &[u8; 200] = b"0001020304050607080910111213141516171819\
2021222324252627282930313233343536373839\
4041424344454647484950515253545556575859\
6061626364656667686970717273747576777879\
8081828384858687888990919293949596979899";

/// Growing bytes. `bytes` is all initialised, `len` of it written.
#[derive(Debug, Default)]
pub struct Out {
    bytes: Vec<u8>,
    len: usize,
}

impl Out {
    /// Writes into `room`, whose contents do not count.
    pub fn over(room: Vec<u8>) -> Self {
        Out { bytes: room, len: 0 }
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// What was written, cut to its length.
    pub fn finish(mut self) -> Vec<u8> {
        self.bytes.truncate(self.len);
        self.bytes
    }

    /// The bytes, all of them initialised, and how many of them were written.
    pub fn into_parts(self) -> (Vec<u8>, usize) {
        (self.bytes, self.len)
    }

    pub fn written(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or(&[])
    }

    /// Room for `count` more bytes.
    #[inline(always)]
    fn reserve(&mut self, count: usize) {
        if self.bytes.len() - self.len < count {
            self.grow(count);
        }
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, count: usize) {
        let wanted = self.len.saturating_add(count).max(self.bytes.len().saturating_mul(2)).max(256);
        self.bytes.resize(wanted, 0);
    }

    #[inline(always)]
    pub fn byte(&mut self, byte: u8) {
        self.reserve(1);
        if let Some(slot) = self.bytes.get_mut(self.len) {
            *slot = byte;
            self.len += 1;
        }
    }

    #[inline]
    pub fn slice(&mut self, piece: &[u8]) {
        self.reserve(piece.len());
        if let Some(room) = self.bytes.get_mut(self.len..self.len + piece.len()) {
            room.copy_from_slice(piece);
            self.len += piece.len();
        }
    }

    /// `from[start..end]`; nothing where there is no such range.
    #[inline(always)]
    pub fn part(&mut self, from: &[u8], start: usize, end: usize) {
        let count = end.wrapping_sub(start);
        if count <= WIDE {
            self.reserve(WIDE);
            let room = self.bytes.get_mut(self.len..).and_then(|room| room.first_chunk_mut::<WIDE>());
            let piece = from.get(start..).and_then(|piece| piece.first_chunk::<WIDE>());
            if let (Some(room), Some(piece)) = (room, piece) {
                *room = *piece;
                self.len += count;
                return;
            }
        }
        if let Some(piece) = from.get(start..end) {
            self.slice(piece);
        }
    }

    /// An integer's decimal digits.
    #[inline(always)]
    pub fn int(&mut self, value: i64) {
        self.reserve(WIDE);
        let Some(room) = self.bytes.get_mut(self.len..).and_then(|room| room.first_chunk_mut::<WIDE>()) else { return };
        let mut at = 0;
        if value < 0 {
            room[0] = b'-';
            at = 1;
        }
        let mut rest = value.unsigned_abs();
        let count = at + digits_of(rest);
        let mut end = count;
        while rest >= 100 {
            let pair = (rest % 100) as usize * 2;
            rest /= 100;
            room[end - 1] = DIGITS[pair + 1];
            room[end - 2] = DIGITS[pair];
            end -= 2;
        }
        if rest >= 10 {
            let pair = rest as usize * 2;
            room[end - 1] = DIGITS[pair + 1];
            room[end - 2] = DIGITS[pair];
        } else {
            room[end - 1] = b'0' + rest as u8;
        }
        self.len += count;
    }
}

/// How many decimal digits `value` has, 1 to 20.
#[inline(always)]
fn digits_of(value: u64) -> usize {
    const POWERS: [u64; 20] = {
        let mut powers = [1u64; 20];
        let mut at = 1;
        while at < 20 {
            powers[at] = powers[at - 1] * 10;
            at += 1;
        }
        powers
    };
    // An odd number of as many digits: 0 has one, too. 1233 / 4096 is a little more than log10(2): the guess is right or one too low.
    let value = value | 1;
    let guess = ((64 - value.leading_zeros()) * 1233) >> 12;
    guess as usize + usize::from(value >= POWERS[guess as usize])
}

#[cfg(test)]
mod tests {
    use super::*;

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
        for value in values {
            let mut out = Out::default();
            out.int(value);
            assert_eq!(out.written(), value.to_string().as_bytes());
        }
    }

    #[test]
    fn parts_of_any_size() {
        let from: Vec<u8> = (0..200u8).collect();
        for start in [0usize, 1, 150, 180, 199, 200] {
            for end in start..=200 {
                let mut out = Out::default();
                out.byte(b'x');
                out.part(&from, start, end);
                out.byte(b'y');
                let mut expected = vec![b'x'];
                expected.extend_from_slice(&from[start..end]);
                expected.push(b'y');
                assert_eq!(out.finish(), expected);
            }
        }
    }
}
