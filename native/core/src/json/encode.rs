//! Encode: the rows of a column as JSON, one behind the other in one buffer.

use std::collections::HashSet;

use super::bind::bind;
use super::out::Out;
use super::plan::{quoted_decimal, Plan};
use super::program::{Null, Piece, Program, Value};
use super::{base64, decimal, floats, text};
use crate::column::{Bin, Column, Data};
use crate::error::{Declined, Result};

/// Maps of more entries are checked for a key that comes twice by hashing.
const FEW_KEYS: usize = 12;

/// `bytes[..size]`: the texts; `lengths`: one per row, -1 for a null row.
#[derive(Debug, Default)]
pub struct Encoded {
    pub bytes: Vec<u8>,
    pub size: usize,
    pub lengths: Vec<i32>,
}

/// The JSON of every row. `room`: an old buffer to be written over, or an empty one.
pub fn encode(plan: &Plan, column: &Column, room: Vec<u8>) -> Result<Encoded> {
    let mut out = Out::over(room);
    let mut lengths = Vec::with_capacity(column.rows);
    if let Data::Null = column.data {
        lengths.resize(column.rows, -1);
    } else {
        let program = bind(&plan.root, column, plan.options.numeric, &plan.options.tail)?;
        for row in 0..column.rows {
            if !column.is_valid(row) {
                lengths.push(-1);
                continue;
            }
            let start = out.len();
            run(&program, row, &mut out)?;
            lengths.push(i32::try_from(out.len() - start).map_err(|_| Declined::TooLarge)?);
        }
    }
    let (bytes, size) = out.into_parts();
    Ok(Encoded { bytes, size, lengths })
}

const SHORT: Declined = Declined::Malformed("a column that is too short");

#[inline(always)]
fn piece(program: &Program<'_>, piece: Piece, out: &mut Out) {
    out.part(&program.text, piece.start, piece.end);
}

#[inline(always)]
fn bare(bin: &Bin, row: usize, out: &mut Out) -> Result<()> {
    match (bin.offsets.get(row), bin.offsets.get(row + 1)) {
        (Some(&start), Some(&end)) => out.part(&bin.bytes, start as usize, end as usize),
        _ => return Err(SHORT),
    }
    Ok(())
}

fn run(program: &Program<'_>, row: usize, out: &mut Out) -> Result<()> {
    let mut at = 0;
    while let Some(step) = program.steps.get(at) {
        at += 1;
        piece(program, step.lead, out);
        if let Some(valid) = step.valid {
            if valid.get(row) != Some(&true) {
                match step.null {
                    Null::Text(text) => piece(program, text, out),
                    Null::Refused => return Err(Declined::Value("null where a value is required")),
                }
                if let Value::Struct(steps) = step.value {
                    at += steps;
                }
                continue;
            }
        }
        match &step.value {
            Value::Nothing | Value::Struct(_) => {}
            Value::Constant(text) => piece(program, *text, out),
            Value::Ints(values) => out.int(*values.get(row).ok_or(SHORT)?),
            Value::Bare(bin) => bare(bin, row, out)?,
            Value::Clean(bin) => {
                out.byte(b'"');
                bare(bin, row, out)?;
                out.byte(b'"');
            }
            Value::Texts(bin) => text::quoted(out, bin.get(row)),
            Value::Doubles(values) => floats::double(out, *values.get(row).ok_or(SHORT)?),
            Value::Singles(values) => floats::single(out, *values.get(row).ok_or(SHORT)?),
            Value::Bools(values) => out.slice(if *values.get(row).ok_or(SHORT)? { b"true" } else { b"false" }),
            Value::Base64(bin) => {
                out.byte(b'"');
                base64::encode(out, bin.get(row));
                out.byte(b'"');
            }
            Value::Decimals(bin) => quoted_decimal(out, bin.get(row))?,
            Value::Numbers(bin, scale) => decimal::number(out, bin.get(row), *scale)?,
            Value::List(offsets, items) => list(offsets, items, row, out)?,
            Value::Map(offsets, keys, items) => map(offsets, keys, items, row, out)?,
            Value::Declined(what) => return Err(Declined::Value(what)),
        }
    }
    Ok(())
}

fn range(offsets: &[u32], row: usize) -> Result<std::ops::Range<usize>> {
    match (offsets.get(row), offsets.get(row + 1)) {
        (Some(&start), Some(&end)) => Ok(start as usize..end as usize),
        _ => Err(SHORT),
    }
}

fn list(offsets: &[u32], items: &Program<'_>, row: usize, out: &mut Out) -> Result<()> {
    out.byte(b'[');
    for (place, item) in range(offsets, row)?.enumerate() {
        if place > 0 {
            out.byte(b',');
        }
        run(items, item, out)?;
    }
    out.byte(b']');
    Ok(())
}

fn map(offsets: &[u32], keys: &Column, items: &Program<'_>, row: usize, out: &mut Out) -> Result<()> {
    let entries = range(offsets, row)?;
    if !distinct(keys, &entries) {
        return Err(Declined::Value("a map's key that is null or comes twice"));
    }
    out.byte(b'{');
    for (place, item) in entries.enumerate() {
        if place > 0 {
            out.byte(b',');
        }
        text::quoted(out, keys.bin(item));
        out.byte(b':');
        run(items, item, out)?;
    }
    out.byte(b'}');
    Ok(())
}

fn distinct(keys: &Column, entries: &std::ops::Range<usize>) -> bool {
    if entries.clone().any(|entry| !keys.is_valid(entry)) {
        return false;
    }
    if entries.len() <= FEW_KEYS {
        return entries.clone().all(|entry| (entries.start..entry).all(|other| keys.bin(other) != keys.bin(entry)));
    }
    let mut seen = HashSet::with_capacity(entries.len());
    entries.clone().all(|entry| seen.insert(keys.bin(entry)))
}
