//! Arrays and ranges.

use super::binary::{integer, malformed, Cursor, Wire};
use crate::error::Result;

const MOST_DIMENSIONS: usize = 6;

/// An array as array_send writes it.
pub struct Array<'a> {
    /// (number of elements, lower bound) of each dimension; none for an empty array.
    pub dimensions: Vec<(usize, i32)>,
    /// Elements in storage order.
    count: usize,
    cursor: Cursor<'a>,
}

impl<'a> Array<'a> {
    pub fn parse(value: &'a [u8]) -> Result<Self> {
        let mut cursor = Cursor::new(value);
        let number = usize::try_from(cursor.i32()?).map_err(|_| malformed("array"))?;
        let (_nulls, _element) = (cursor.i32()?, cursor.i32()?);
        if number > MOST_DIMENSIONS {
            return Err(malformed("array"));
        }
        let mut dimensions = Vec::with_capacity(number);
        let mut count: usize = usize::from(number > 0);
        for _ in 0..number {
            let (size, lower) = (cursor.i32()?, cursor.i32()?);
            let size = usize::try_from(size).map_err(|_| malformed("array"))?;
            count = count.checked_mul(size).ok_or(malformed("array"))?;
            dimensions.push((size, lower));
        }
        // Each element has a length at least.
        if count.checked_mul(4).map_or(true, |least| least > cursor.rest().len()) {
            return Err(malformed("array"));
        }
        Ok(Array { dimensions, count, cursor })
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Hand each element to `take`, None for null.
    pub fn each(mut self, mut take: impl FnMut(Option<&'a [u8]>) -> Result<()>) -> Result<()> {
        for _ in 0..self.count {
            take(self.cursor.field()?)?;
        }
        self.cursor.end()
    }
}

/// As array_out writes it.
pub fn write_array(element: &Wire, value: &[u8], out: &mut Vec<u8>) -> Result<()> {
    let array = Array::parse(value)?;
    if array.is_empty() {
        out.extend_from_slice(b"{}");
        return array.each(|_| Ok(()));
    }
    let dimensions = array.dimensions.clone();
    if dimensions.iter().any(|(_, lower)| *lower != 1) {
        for (size, lower) in &dimensions {
            out.push(b'[');
            integer(i64::from(*lower), out);
            out.push(b':');
            integer(i64::from(*lower) + i64::try_from(*size).map_err(|_| malformed("array"))? - 1, out);
            out.push(b']');
        }
        out.push(b'=');
    }
    // How many elements lie in one item of each dimension: a brace opens or closes at its multiples.
    let mut spans: Vec<usize> = vec![1; dimensions.len()];
    for place in (0..dimensions.len().saturating_sub(1)).rev() {
        let (inner, size) = (spans.get(place + 1).copied(), dimensions.get(place + 1).map(|one| one.0));
        if let (Some(span), Some(inner), Some(size)) = (spans.get_mut(place), inner, size) {
            *span = inner * size;
        }
    }
    let sizes: Vec<usize> = spans.iter().zip(&dimensions).map(|(span, (size, _))| span * size).collect();
    let mut number = 0;
    let mut text = Vec::new();
    array.each(|item| {
        if number > 0 {
            out.push(b',');
        }
        out.extend(sizes.iter().filter(|size| number % **size == 0).map(|_| b'{'));
        match item {
            None => out.extend_from_slice(b"NULL"),
            Some(bytes) => {
                text.clear();
                element.write_text(bytes, &mut text)?;
                quoted_element(&text, out);
            }
        }
        number += 1;
        out.extend(sizes.iter().filter(|size| number % **size == 0).map(|_| b'}'));
        Ok(())
    })
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0B | 0x0C)
}

fn quoted_element(text: &[u8], out: &mut Vec<u8>) {
    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | b'{' | b'}' | b',') || is_space(*byte);
    if !text.is_empty() && !text.eq_ignore_ascii_case(b"NULL") && !text.iter().any(special) {
        out.extend_from_slice(text);
        return;
    }
    out.push(b'"');
    for byte in text {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    out.push(b'"');
}

const EMPTY: u8 = 0x01;
const LOWER_INCLUSIVE: u8 = 0x02;
const UPPER_INCLUSIVE: u8 = 0x04;
const LOWER_INFINITE: u8 = 0x08;
const UPPER_INFINITE: u8 = 0x10;

/// As range_out writes it.
pub fn write_range(element: &Wire, value: &[u8], out: &mut Vec<u8>) -> Result<()> {
    let mut cursor = Cursor::new(value);
    let [flags] = cursor.array()?;
    if flags & EMPTY != 0 {
        cursor.end()?;
        out.extend_from_slice(b"empty");
        return Ok(());
    }
    let mut bound = |infinite: u8, out: &mut Vec<u8>| -> Result<()> {
        if flags & infinite != 0 {
            return Ok(());
        }
        let bytes = cursor.field()?.ok_or(malformed("range"))?;
        let mut text = Vec::new();
        element.write_text(bytes, &mut text)?;
        quoted_bound(&text, out);
        Ok(())
    };
    out.push(if flags & LOWER_INCLUSIVE != 0 { b'[' } else { b'(' });
    bound(LOWER_INFINITE, out)?;
    out.push(b',');
    bound(UPPER_INFINITE, out)?;
    out.push(if flags & UPPER_INCLUSIVE != 0 { b']' } else { b')' });
    cursor.end()
}

fn quoted_bound(text: &[u8], out: &mut Vec<u8>) {
    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | b'(' | b')' | b'[' | b']' | b',') || is_space(*byte);
    if !text.is_empty() && !text.iter().any(special) {
        out.extend_from_slice(text);
        return;
    }
    out.push(b'"');
    for byte in text {
        if matches!(byte, b'"' | b'\\') {
            out.push(*byte);
        }
        out.push(*byte);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(dimensions: &[(i32, i32)], items: &[Option<&[u8]>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for number in [dimensions.len() as i32, 0, 23] {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        for (size, lower) in dimensions {
            bytes.extend_from_slice(&size.to_be_bytes());
            bytes.extend_from_slice(&lower.to_be_bytes());
        }
        for item in items {
            match item {
                None => bytes.extend_from_slice(&(-1i32).to_be_bytes()),
                Some(text) => {
                    bytes.extend_from_slice(&(text.len() as i32).to_be_bytes());
                    bytes.extend_from_slice(text);
                }
            }
        }
        bytes
    }

    fn text(bytes: &[u8]) -> Result<String> {
        let mut out = Vec::new();
        write_array(&Wire::Text, bytes, &mut out).map(|()| String::from_utf8(out).unwrap())
    }

    #[test]
    fn texts_of_arrays() {
        let plain = array(&[(3, 1)], &[Some(b"a"), None, Some(b"null")]);
        assert_eq!(text(&plain).unwrap(), r#"{a,NULL,"null"}"#);
        let square = array(&[(2, 1), (2, 0)], &[Some(b"a"), Some(b"b c"), Some(b""), Some(br#"d"\"#)]);
        assert_eq!(text(&square).unwrap(), r#"[1:2][0:1]={{a,"b c"},{"","d\"\\"}}"#);
        assert_eq!(text(&array(&[], &[])).unwrap(), "{}");
        let cube = array(&[(2, 1), (1, 1), (2, 1)], &[Some(b"1"), Some(b"2"), Some(b"3"), Some(b"4")]);
        assert_eq!(text(&cube).unwrap(), "{{{1,2}},{{3,4}}}");
    }

    #[test]
    fn what_is_no_array() {
        assert!(text(&array(&[(i32::MAX, 1), (i32::MAX, 1)], &[])).is_err());
        assert!(text(&array(&[(-1, 1)], &[])).is_err());
        assert!(text(&array(&[(1, 1)], &[Some(b"a"), Some(b"b")])).is_err());
        assert!(text(&array(&[(2, 1)], &[Some(b"a")])).is_err());
        assert!(text(b"").is_err());
        assert_eq!(text(&array(&[(1, i32::MAX)], &[Some(b"a")])).unwrap(), "[2147483647:2147483647]={a}");
    }
}
