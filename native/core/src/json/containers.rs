//! Reading objects, arrays and maps.
//!
//! The fields of an object are expected in the schema's order, without white space, as Connect writes them: there each costs a comparison.
//! Any other order, white space and missing fields are read as well.

use std::collections::HashSet;

use super::decode::{null, quick_value, value};
use super::read::{byte, space};
use super::read_text::{plain_text, text, Room, Said};
use super::shape::{Field, OnNull, Reading, Shape};
use super::sink::{end_of, Sink};
use crate::error::{Declined, Result};

/// The object at `at`.
#[inline(never)]
pub fn object(fields: &[Field], sinks: &mut [Sink], input: &[u8], mut at: usize) -> Result<usize> {
    let mut done = 0;
    for (field, sink) in fields.iter().zip(sinks.iter_mut()) {
        let Some(end) = field.lead.end(input, at) else { break };
        at = quick_value(&field.shape, sink, input, end)?;
        done += 1;
    }
    if done == fields.len() && done > 0 && input.get(at) == Some(&b'}') {
        return Ok(at + 1);
    }
    loose_object(fields, sinks, input, at, done)
}

/// An object of which the first `done` fields are read, in whatever form the rest is.
#[cold]
#[inline(never)]
fn loose_object(fields: &[Field], sinks: &mut [Sink], input: &[u8], mut at: usize, done: usize) -> Result<usize> {
    let mut seen = vec![false; fields.len()];
    seen.iter_mut().take(done).for_each(|one| *one = true);
    let mut first = done == 0;
    if first {
        if byte(input, at)? != b'{' {
            return Err(Declined::Value("no object where one is expected"));
        }
        at += 1;
    }
    loop {
        at = space(input, at);
        let next = byte(input, at)?;
        if next == b'}' {
            break;
        }
        if !first {
            if next != b',' {
                return Err(Declined::Malformed("an object without a comma"));
            }
            at = space(input, at + 1);
        }
        first = false;
        let (which, behind) = field_at(fields, input, at)?;
        let (Some(field), Some(sink), Some(once)) = (fields.get(which), sinks.get_mut(which), seen.get_mut(which))
        else {
            return Err(Declined::Malformed("a field that is not there"));
        };
        if std::mem::replace(once, true) {
            return Err(Declined::Value("a field that comes twice"));
        }
        at = value(&field.shape, sink, input, space(input, behind))?;
    }
    for ((field, sink), _) in fields.iter().zip(sinks.iter_mut()).zip(&seen).filter(|(_, &seen)| !seen) {
        if let (Reading::Decimal(_), OnNull::Default(_)) = (&field.shape.kind, &field.shape.null) {
            return Err(Declined::Value("a decimal that is not there but has a default"));
        }
        null(&field.shape, sink)?;
    }
    Ok(at + 1)
}

/// The field whose name is at `at`, and the place behind the colon.
fn field_at(fields: &[Field], input: &[u8], at: usize) -> Result<(usize, usize)> {
    let (name, end) = plain_text(input, at)?;
    let which = fields.iter().position(|field| field.name == name).ok_or(Declined::Value("an unknown field"))?;
    let colon = space(input, end);
    if byte(input, colon)? != b':' {
        return Err(Declined::Malformed("a field without a colon"));
    }
    Ok((which, colon + 1))
}

/// The array or the map at `at`.
#[inline(never)]
pub fn container(shape: &Shape, sink: &mut Sink, input: &[u8], at: usize) -> Result<usize> {
    match (&shape.kind, sink) {
        (Reading::List(item), Sink::List(rows, offsets, items)) => {
            let end = elements(input, at, b'[', b']', |at| value(item, items, input, at))?;
            end_of(rows, offsets, items.count())?;
            Ok(end)
        }
        (Reading::Map(item), Sink::Map(rows, offsets, keys, items)) => {
            let mut seen = HashSet::new();
            let end = elements(input, at, b'{', b'}', |at| {
                let behind = key(keys, &mut seen, input, at)?;
                let colon = space(input, behind);
                if byte(input, colon)? != b':' {
                    return Err(Declined::Malformed("a key without a colon"));
                }
                value(item, items, input, space(input, colon + 1))
            })?;
            end_of(rows, offsets, items.count())?;
            Ok(end)
        }
        _ => Err(Declined::Malformed("a sink of another kind")),
    }
}

/// What is between two brackets, with commas between; `element` reads one and answers where it ends.
fn elements(
    input: &[u8],
    at: usize,
    open: u8,
    close: u8,
    mut element: impl FnMut(usize) -> Result<usize>,
) -> Result<usize> {
    if byte(input, at)? != open {
        return Err(Declined::Value("no container where one is expected"));
    }
    let mut at = space(input, at + 1);
    if byte(input, at)? == close {
        return Ok(at + 1);
    }
    loop {
        at = space(input, element(at)?);
        match byte(input, at)? {
            b',' => at = space(input, at + 1),
            last if last == close => return Ok(at + 1),
            _ => return Err(Declined::Malformed("a container without a comma")),
        }
    }
}

/// The name of a map's entry; one that comes twice is the twin's.
fn key(keys: &mut Sink, seen: &mut HashSet<Vec<u8>>, input: &[u8], at: usize) -> Result<usize> {
    let Sink::Bins(keys) = keys else { return Err(Declined::Malformed("a sink of another kind")) };
    let mut name = Room::default();
    let (said, end) = text(input, at, || Ok(&mut name))?;
    if let Said::Plain(start, stop) = said {
        name.slice(input.get(start..stop).unwrap_or(&[]));
    }
    keys.scalar(name.written())?;
    if seen.insert(name.written().to_vec()) {
        Ok(end)
    } else {
        Err(Declined::Value("a key that comes twice"))
    }
}
