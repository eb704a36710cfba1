//! Texts of values made of others: arrays, hstore, points, PostGIS's and pgvector's.

use std::borrow::Cow;

use super::out::Out;
use super::plan::{Hstore, Op};
use super::text::{float, unhex, utf8};
use crate::error::{Declined, Result};

const NO_ARRAY: Declined = Declined::Value("an array of another form");
const NO_HSTORE: Declined = Declined::Value("an hstore of another form");
const NO_SHAPE: Declined = Declined::Value("a geometric value of another form");

/// `{1,NULL,"a,b"}`, `[0:1]={1,2}`. Of one dimension; others are declined.
pub fn array(text: &[u8], element: &Op, nulls: bool, out: &mut Out) -> Result<()> {
    let plain = match utf8(text)? {
        [b'[', rest @ ..] => memchr::memchr(b'=', rest).and_then(|at| rest.get(at + 1..)).ok_or(NO_ARRAY)?,
        _ => text,
    };
    let lists = out.lists_mut()?;
    let mut rest = plain.strip_prefix(b"{").ok_or(NO_ARRAY)?;
    if rest != b"}" {
        loop {
            let (end, behind);
            if let [b'"', quoted @ ..] = rest {
                let (item, more) = unquote(quoted).ok_or(NO_ARRAY)?;
                element.decode_text(&item, &mut lists.items)?;
                (end, behind) = more.split_first().ok_or(NO_ARRAY)?;
            } else {
                let at = memchr::memchr2(b',', b'}', rest).ok_or(NO_ARRAY)?;
                let (item, more) = rest.split_at(at);
                if item.is_empty() || item.iter().any(|byte| matches!(byte, b'{' | b'"' | b'\\')) {
                    return Err(NO_ARRAY);
                }
                match item {
                    b"NULL" if nulls => lists.items.null()?,
                    b"NULL" => return Err(Declined::Value("NULL in an array that cannot hold it")),
                    item => element.decode_text(item, &mut lists.items)?,
                }
                (end, behind) = more.split_first().ok_or(NO_ARRAY)?;
            }
            rest = behind;
            match end {
                b',' => (),
                b'}' if behind.is_empty() => break,
                _ => return Err(NO_ARRAY),
            }
        }
    }
    lists.end()
}

/// What stands before the closing quote, a backslash taken from before what it escapes; and what stands behind the quote.
fn unquote(text: &[u8]) -> Option<(Cow<'_, [u8]>, &[u8])> {
    let first = memchr::memchr2(b'"', b'\\', text)?;
    if text.get(first) == Some(&b'"') {
        return Some((Cow::Borrowed(text.get(..first)?), text.get(first + 1..)?));
    }
    let (mut made, mut rest) = (Vec::new(), text);
    loop {
        let at = memchr::memchr2(b'"', b'\\', rest)?;
        made.extend_from_slice(rest.get(..at)?);
        if rest.get(at) == Some(&b'"') {
            return Some((Cow::Owned(made), rest.get(at + 1..)?));
        }
        made.push(*rest.get(at + 1)?);
        rest = rest.get(at + 2..)?;
    }
}

/// Key and value, None for NULL.
type Pair = (Vec<u8>, Option<Vec<u8>>);

/// The pairs of `"a"=>"1", "b"=>NULL`, in the order in which a Java HashMap of them has them.
fn pairs(text: &[u8]) -> Result<Vec<Pair>> {
    let mut pairs: Vec<Pair> = Vec::new();
    let mut rest = utf8(text)?;
    while !rest.is_empty() {
        let quoted = rest.strip_prefix(b"\"").ok_or(NO_HSTORE)?;
        let (key, more) = unquote(quoted).ok_or(NO_HSTORE)?;
        let more = more.strip_prefix(b"=>").ok_or(NO_HSTORE)?;
        let value;
        if let Some(behind) = more.strip_prefix(b"NULL") {
            (value, rest) = (None, behind);
        } else {
            let quoted = more.strip_prefix(b"\"").ok_or(NO_HSTORE)?;
            let (text, behind) = unquote(quoted).ok_or(NO_HSTORE)?;
            (value, rest) = (Some(text.into_owned()), behind);
        }
        pairs.push((key.into_owned(), value));
        if !rest.is_empty() {
            rest = rest.strip_prefix(b", ").filter(|rest| !rest.is_empty()).ok_or(NO_HSTORE)?;
        }
    }
    let mut buckets = 16;
    while buckets * 3 < pairs.len() * 4 {
        buckets *= 2;
    }
    pairs.sort_by_cached_key(|(key, _)| java_spread(key) as usize & (buckets - 1));
    let mut names: Vec<&[u8]> = pairs.iter().map(|(key, _)| key.as_slice()).collect();
    names.sort_unstable();
    if names.windows(2).any(|two| two.first() == two.last()) {
        return Err(NO_HSTORE);
    }
    Ok(pairs)
}

/// HashMap's spread of String.hashCode.
fn java_spread(key: &[u8]) -> u32 {
    let text = std::str::from_utf8(key).unwrap_or("");
    let hash = text.encode_utf16().fold(0u32, |hash, unit| hash.wrapping_mul(31).wrapping_add(u32::from(unit)));
    hash ^ (hash >> 16)
}

pub fn hstore(text: &[u8], hstore: Hstore, out: &mut Out) -> Result<()> {
    let pairs = pairs(text)?;
    match hstore {
        Hstore::Map => {
            let maps = out.maps_mut()?;
            for (key, value) in &pairs {
                maps.keys.bin(key)?;
                match value {
                    Some(value) => maps.values.bin(value)?,
                    None => maps.values.null()?,
                }
            }
            maps.end()
        }
        Hstore::Json => {
            let bins = out.bins_mut()?;
            let to = bins.open();
            to.push(b'{');
            for (at, (key, value)) in pairs.iter().enumerate() {
                if at > 0 {
                    to.push(b',');
                }
                write_json(key, to);
                to.push(b':');
                match value {
                    Some(value) => write_json(value, to),
                    None => to.extend_from_slice(b"null"),
                }
            }
            to.push(b'}');
            bins.end()
        }
    }
}

/// A JSON text; all but control characters, quotes and backslashes as they are.
fn write_json(text: &[u8], to: &mut Vec<u8>) {
    to.push(b'"');
    for &byte in text {
        match byte {
            b'"' | b'\\' => to.extend_from_slice(&[b'\\', byte]),
            0x08 => to.extend_from_slice(b"\\b"),
            0x0C => to.extend_from_slice(b"\\f"),
            b'\n' => to.extend_from_slice(b"\\n"),
            b'\r' => to.extend_from_slice(b"\\r"),
            b'\t' => to.extend_from_slice(b"\\t"),
            0..=0x1F => to.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => to.push(byte),
        }
    }
    to.push(b'"');
}

/// Add the struct of a point.
pub fn add_point(x: f64, y: f64, out: &mut Out) -> Result<()> {
    let made = out.structs_mut()?;
    if let [first, second, wkb, srid] = made.fields.as_mut_slice() {
        first.float(x)?;
        second.float(y)?;
        let bins = wkb.bins_mut()?;
        let to = bins.open();
        to.extend_from_slice(&[1, 1, 0, 0, 0]);
        to.extend_from_slice(&x.to_le_bytes());
        to.extend_from_slice(&y.to_le_bytes());
        bins.end()?;
        srid.null()?;
    }
    made.end();
    Ok(())
}

/// `(x,y)`.
pub fn point(text: &[u8], out: &mut Out) -> Result<()> {
    let inner = text.strip_prefix(b"(").and_then(|rest| rest.strip_suffix(b")")).ok_or(NO_SHAPE)?;
    let comma = memchr::memchr(b',', inner).ok_or(NO_SHAPE)?;
    let (x, y) = inner.split_at(comma);
    add_point(float(x)?, float(y.get(1..).unwrap_or(&[]))?, out)
}

/// EWKB in hexadecimal digits.
pub fn geometry(text: &[u8], out: &mut Out) -> Result<()> {
    let mut wkb = Vec::new();
    unhex(text, &mut wkb)?;
    add_geometry(&wkb, out)
}

/// Add the struct of an EWKB and its spatial reference id, null without one.
pub fn add_geometry(wkb: &[u8], out: &mut Out) -> Result<()> {
    const HAS_SRID: u32 = 0x2000_0000;
    let word = |at: usize| -> Result<u32> {
        let bytes: [u8; 4] = wkb.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).ok_or(NO_SHAPE)?;
        Ok(if wkb.first() == Some(&0) { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    };
    let srid = if word(1)? & HAS_SRID != 0 { Some(i64::from(word(5)? as i32)) } else { None };
    let made = out.structs_mut()?;
    if let [bytes, reference] = made.fields.as_mut_slice() {
        bytes.bin(wkb)?;
        match srid {
            Some(srid) => reference.int(srid)?,
            None => reference.null()?,
        }
    }
    made.end();
    Ok(())
}

/// `[1,2.5]`.
pub fn vector(text: &[u8], out: &mut Out) -> Result<()> {
    let lists = out.lists_mut()?;
    let inner = text.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]")).ok_or(NO_SHAPE)?;
    for item in inner.split(|&byte| byte == b',') {
        lists.items.float(float(item)?)?;
    }
    lists.end()
}
