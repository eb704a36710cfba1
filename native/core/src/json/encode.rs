//! Encode: the rows of a column as JSON, one behind the other in one buffer.

use std::collections::HashSet;

use super::bind::bind;
use super::plan::Plan;
use super::program::{Null, Piece, Program, Value};
use super::room::{byte, grow, int, part, slice};
use super::{base64, decimal, floats, text};
use crate::column::{Bin, Column, Data};
use crate::error::{Declined, Result};

/// Maps of more entries are checked for a key that comes twice by hashing.
const FEW_KEYS: usize = 12;

/// `bytes[..size]`: the texts; `lengths`: one per row, -1 for a null row; `seams`: as many for each row, see `Seams` of `lz4`.
#[derive(Debug, Default)]
pub struct Encoded {
    pub bytes: Vec<u8>,
    pub size: usize,
    pub lengths: Vec<i32>,
    pub seams: Vec<u16>,
}

/// Why a row is not written.
enum Stop {
    /// The room is too small: again in a larger one.
    Full,
    Declined(Declined),
}

impl From<Declined> for Stop {
    fn from(declined: Declined) -> Self {
        Stop::Declined(declined)
    }
}

type Place = std::result::Result<usize, Stop>;

/// The JSON of every row. `room`: an old buffer to be written over, or an empty one.
pub fn encode(plan: &Plan, column: &Column, room: Vec<u8>) -> Result<Encoded> {
    let mut bytes = room;
    let mut lengths = Vec::with_capacity(column.rows);
    if let Data::Null = column.data {
        lengths.resize(column.rows, -1);
        return Ok(Encoded { bytes, size: 0, lengths, seams: Vec::new() });
    }
    let program = bind(&plan.root, column, plan.options.numeric, &plan.options.tail)?;
    let mut seams = vec![0; program.steps.len().saturating_mul(column.rows)];
    let mut rows = seams.chunks_exact_mut(program.steps.len().max(1));
    let mut start = 0;
    for row in 0..column.rows {
        let seams = rows.next().unwrap_or(&mut []);
        if !column.is_valid(row) {
            lengths.push(-1);
            continue;
        }
        let end = loop {
            match run(&program, row, &mut bytes, start, seams) {
                Ok(end) => break end,
                Err(Stop::Full) if bytes.len() - start > i32::MAX as usize => return Err(Declined::TooLarge),
                Err(Stop::Full) => grow(&mut bytes),
                Err(Stop::Declined(declined)) => return Err(declined),
            }
        };
        lengths.push(i32::try_from(end - start).map_err(|_| Declined::TooLarge)?);
        start = end;
    }
    Ok(Encoded { bytes, size: start, lengths, seams })
}

const SHORT: Declined = Declined::Malformed("a column that is too short");

#[inline(always)]
fn piece(program: &Program<'_>, piece: Piece, room: &mut [u8], at: usize) -> Place {
    part(room, at, &program.text, piece.start, piece.end).ok_or(Stop::Full)
}

#[inline(always)]
fn bare(bin: &Bin, row: usize, room: &mut [u8], at: usize) -> Place {
    match (bin.offsets.get(row), bin.offsets.get(row + 1)) {
        (Some(&start), Some(&end)) => part(room, at, &bin.bytes, start as usize, end as usize).ok_or(Stop::Full),
        _ => Err(SHORT.into()),
    }
}

#[inline(always)]
fn of<T: Copy>(values: &[T], row: usize) -> Result<T> {
    values.get(row).copied().ok_or(SHORT)
}

/// Writes row `row` at `at`; answers where it ends. `seams`: for how far behind the step before each step begins, as far as there is room.
fn run(program: &Program<'_>, row: usize, room: &mut [u8], mut at: usize, seams: &mut [u16]) -> Place {
    let (mut next, mut seam) = (0, at);
    while let Some(step) = program.steps.get(next) {
        if let Some(gap) = seams.get_mut(next) {
            // A longer one is a hint that fails.
            *gap = (at - seam).min(usize::from(u16::MAX)) as u16;
            seam = at;
        }
        next += 1;
        at = piece(program, step.lead, room, at)?;
        if let Some(valid) = step.valid {
            if valid.get(row) != Some(&true) {
                match step.null {
                    Null::Text(text) => at = piece(program, text, room, at)?,
                    Null::Refused => return Err(Declined::Value("null where a value is required").into()),
                }
                if let Value::Struct(steps) = step.value {
                    next += steps;
                }
                continue;
            }
        }
        let written = match &step.value {
            Value::Nothing | Value::Struct(_) => continue,
            Value::Ints(values) => int(room, at, of(values, row)?),
            Value::Bare(bin) => {
                at = bare(bin, row, room, at)?;
                continue;
            }
            Value::Clean(bin) => {
                at = byte(room, at, b'"').ok_or(Stop::Full)?;
                at = bare(bin, row, room, at)?;
                byte(room, at, b'"')
            }
            Value::Constant(text) => part(room, at, &program.text, text.start, text.end),
            Value::Texts(bin) => text::quoted(room, at, bin.get(row)),
            Value::Doubles(values) => floats::double(room, at, of(values, row)?),
            Value::Singles(values) => floats::single(room, at, of(values, row)?),
            Value::Bools(values) => slice(room, at, if of(values, row)? { b"true" } else { b"false" }),
            Value::Base64(bin) => base64::quoted(room, at, bin.get(row)),
            Value::Decimals(bin) => decimal::quoted(room, at, bin.get(row)),
            Value::Numbers(bin, scale) => decimal::number(room, at, bin.get(row), *scale),
            Value::List(offsets, items) => {
                at = list(offsets, items, row, room, at)?;
                continue;
            }
            Value::Map(offsets, keys, items) => {
                at = map(offsets, keys, items, row, room, at)?;
                continue;
            }
            Value::Declined(what) => return Err(Declined::Value(what).into()),
        };
        at = written.ok_or(Stop::Full)?;
    }
    Ok(at)
}

fn range(offsets: &[u32], row: usize) -> Result<std::ops::Range<usize>> {
    match (offsets.get(row), offsets.get(row + 1)) {
        (Some(&start), Some(&end)) => Ok(start as usize..end as usize),
        _ => Err(SHORT),
    }
}

fn put(room: &mut [u8], at: usize, letter: u8) -> Place {
    byte(room, at, letter).ok_or(Stop::Full)
}

fn list(offsets: &[u32], items: &Program<'_>, row: usize, room: &mut [u8], at: usize) -> Place {
    let mut at = put(room, at, b'[')?;
    for (place, item) in range(offsets, row)?.enumerate() {
        if place > 0 {
            at = put(room, at, b',')?;
        }
        at = run(items, item, room, at, &mut [])?;
    }
    put(room, at, b']')
}

fn map(offsets: &[u32], keys: &Column, items: &Program<'_>, row: usize, room: &mut [u8], at: usize) -> Place {
    let entries = range(offsets, row)?;
    if !distinct(keys, &entries) {
        return Err(Declined::Value("a map's key that is null or comes twice").into());
    }
    let mut at = put(room, at, b'{')?;
    for (place, item) in entries.enumerate() {
        if place > 0 {
            at = put(room, at, b',')?;
        }
        at = text::quoted(room, at, keys.bin(item)).ok_or(Stop::Full)?;
        at = put(room, at, b':')?;
        at = run(items, item, room, at, &mut [])?;
    }
    put(room, at, b'}')
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
