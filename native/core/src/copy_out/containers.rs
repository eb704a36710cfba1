//! Arrays and maps. Source: array_recv; the array and hstore text forms.

use crate::column::{Column, Data};
use crate::copy_out::field::Field;
use crate::copy_out::text::TextOf;
use crate::error::{Declined, Result};
use crate::last_word::equality::range;

const NULL: [u8; 4] = [0xff; 4];

fn malformed() -> Declined {
    Declined::Malformed("a container that is none")
}

/// A one-dimensional array in binary form, without its length.
pub fn write_array(oid: u32, element: &Field, column: &Column, i: usize, out: &mut Vec<u8>) -> Result<()> {
    let Data::List(offsets, items) = &column.data else { return Err(malformed()) };
    let (from, to) = range(offsets, i).ok_or_else(malformed)?;
    let count = i32::try_from(to - from).map_err(|_| Declined::TooLarge)?;
    let dimensions = i32::from(count > 0);
    let nulls = i32::from((from..to).any(|at| !items.is_valid(at)));
    out.extend_from_slice(&dimensions.to_be_bytes());
    out.extend_from_slice(&nulls.to_be_bytes());
    out.extend_from_slice(&oid.to_be_bytes());
    if count > 0 {
        out.extend_from_slice(&count.to_be_bytes());
        out.extend_from_slice(&1i32.to_be_bytes());
    }
    for at in from..to {
        if items.is_valid(at) {
            element.write(items, at, out)?;
        } else {
            out.extend_from_slice(&NULL);
        }
    }
    Ok(())
}

/// An array's text, every element in quotes.
pub fn write_array_text(of: &TextOf, column: &Column, i: usize, out: &mut Vec<u8>) -> Result<()> {
    let Data::List(offsets, items) = &column.data else { return Err(malformed()) };
    let (from, to) = range(offsets, i).ok_or_else(malformed)?;
    out.push(b'{');
    for at in from..to {
        if at > from {
            out.push(b',');
        }
        quoted(of, items, at, out)?;
    }
    out.push(b'}');
    Ok(())
}

/// hstore's text of a map. Declined for a key that is there twice: of a dict, the last one counts.
pub fn write_hstore(column: &Column, i: usize, out: &mut Vec<u8>) -> Result<()> {
    let Data::Map(offsets, keys, values) = &column.data else { return Err(malformed()) };
    let (from, to) = range(offsets, i).ok_or_else(malformed)?;
    distinct(keys, from, to)?;
    for at in from..to {
        if at > from {
            out.push(b',');
        }
        quoted(&TextOf::Text, keys, at, out)?;
        out.extend_from_slice(b"=>");
        quoted(&TextOf::Text, values, at, out)?;
    }
    Ok(())
}

/// Declined unless the keys of a map are all different.
pub fn distinct(keys: &Column, from: usize, to: usize) -> Result<()> {
    let mut seen: Vec<&[u8]> = (from..to).map(|at| keys.bin(at)).collect();
    seen.sort_unstable();
    if seen.windows(2).any(|pair| pair.first() == pair.last()) {
        return Err(Declined::Value("a map with a key twice"));
    }
    Ok(())
}

fn quoted(of: &TextOf, column: &Column, at: usize, out: &mut Vec<u8>) -> Result<()> {
    if !column.is_valid(at) {
        out.extend_from_slice(b"NULL");
        return Ok(());
    }
    out.push(b'"');
    let start = out.len();
    of.append(column, at, out)?;
    if out.get(start..).is_some_and(|text| memchr::memchr2(b'\\', b'"', text).is_some()) {
        let plain = out.split_off(start);
        for byte in plain {
            if matches!(byte, b'\\' | b'"') {
                out.push(b'\\');
            }
            out.push(byte);
        }
    }
    out.push(b'"');
    Ok(())
}
