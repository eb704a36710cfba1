//! Literal: a text that is expected at a place again and again.

/// Compared without a call where it is short: as one or two words of sixteen bytes, of which only its own bytes count.
#[derive(Debug, Clone, Default)]
pub struct Literal {
    text: Vec<u8>,
    words: [u128; 2],
    masks: [u128; 2],
}

const WORD: usize = 16;

impl Literal {
    pub fn new(text: Vec<u8>) -> Literal {
        let word = |start: usize| {
            let mut bytes = [0u8; WORD];
            let rest = text.get(start..).unwrap_or(&[]);
            rest.iter().zip(&mut bytes).for_each(|(&byte, slot)| *slot = byte);
            let mask = if rest.len() >= WORD { u128::MAX } else { (1u128 << (8 * rest.len())) - 1 };
            (u128::from_le_bytes(bytes), mask)
        };
        let (first, second) = (word(0), word(WORD));
        Literal { text, words: [first.0, second.0], masks: [first.1, second.1] }
    }

    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// Where it ends, if it is at `at`.
    #[inline(always)]
    pub fn end(&self, input: &[u8], at: usize) -> Option<usize> {
        let rest = input.get(at..)?;
        let same = if self.text.len() <= WORD {
            rest.first_chunk::<WORD>().map(|word| self.differs(word, 0) == 0)
        } else if self.text.len() <= 2 * WORD {
            rest.first_chunk::<{ 2 * WORD }>().and_then(|both| {
                let (first, second) = (both.first_chunk::<WORD>()?, both.last_chunk::<WORD>()?);
                Some(self.differs(first, 0) | self.differs(second, 1) == 0)
            })
        } else {
            None
        };
        if same.unwrap_or_else(|| rest.starts_with(&self.text)) {
            Some(at + self.text.len())
        } else {
            None
        }
    }

    #[inline(always)]
    fn differs(&self, word: &[u8; WORD], which: usize) -> u128 {
        (u128::from_le_bytes(*word) ^ self.words[which]) & self.masks[which]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths() {
        for length in 0..70usize {
            let text: Vec<u8> = (0..length).map(|i| b'a' + (i % 26) as u8).collect();
            let literal = Literal::new(text.clone());
            for behind in [0usize, 1, 40] {
                let mut input = vec![b'#'; 3];
                input.extend_from_slice(&text);
                input.extend(std::iter::repeat_n(b'!', behind));
                assert_eq!(literal.end(&input, 3), Some(3 + length));
                assert_eq!(literal.end(&input, input.len() + 1), None);
                for wrong in 0..length {
                    let mut other = input.clone();
                    other[3 + wrong] = b'#';
                    assert_eq!(literal.end(&other, 3), None);
                }
            }
            if length > 0 {
                assert_eq!(literal.end(&text[..length - 1], 0), None);
            }
        }
    }
}
