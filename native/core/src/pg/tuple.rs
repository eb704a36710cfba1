//! Tuples of pgoutput: the values of one row as they were sent. Source: PostgreSQL manual, "Logical Replication Message Formats".

use super::row::{Cell, Null, Output, RowPlan, Rows, UNREAD};
use crate::error::{Declined, Result};

const CUT: Declined = Declined::Malformed("a row that is cut short");

/// Two big-endian bytes at `at`.
#[inline]
pub fn u16_at(bytes: &[u8], at: usize) -> Result<u16> {
    take(bytes, at).map(u16::from_be_bytes)
}

#[inline]
pub fn u32_at(bytes: &[u8], at: usize) -> Result<u32> {
    take(bytes, at).map(u32::from_be_bytes)
}

#[inline]
pub fn u64_at(bytes: &[u8], at: usize) -> Result<u64> {
    take(bytes, at).map(u64::from_be_bytes)
}

#[inline]
fn take<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N]> {
    bytes.get(at..).and_then(|rest| rest.first_chunk::<N>()).copied().ok_or(CUT)
}

/// The cell at the head of `bytes`, and what stands behind it.
#[inline]
fn cell(bytes: &[u8]) -> Result<(Cell<'_>, &[u8])> {
    match bytes {
        [kind @ (b't' | b'b'), a, b, c, d, rest @ ..] => {
            let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
            if length > rest.len() {
                return Err(CUT);
            }
            let (value, behind) = rest.split_at(length);
            Ok((if *kind == b't' { Cell::Text(value) } else { Cell::Binary(value) }, behind))
        }
        [b'n', rest @ ..] => Ok((Cell::Null, rest)),
        [b'u', rest @ ..] => Ok((Cell::Unsent, rest)),
        _ => Err(CUT),
    }
}

/// The number of values, which must be the plan's, and the rest.
#[inline]
fn width<'a>(plan: &RowPlan, bytes: &'a [u8]) -> Result<&'a [u8]> {
    if usize::from(u16_at(bytes, 0)?) != plan.width {
        return Err(Declined::Malformed("a row of another number of columns"));
    }
    Ok(bytes.get(2..).unwrap_or(&[]))
}

/// Add the row at the head of `bytes`; `partial`: an old one of the identity's columns only. On `Err` part of it may have been added.
pub fn add(plan: &RowPlan, bytes: &[u8], partial: bool, rows: &mut Rows) -> Result<()> {
    let mut rest = width(plan, bytes)?;
    if plan.straight {
        for (output, out) in plan.outputs.iter().zip(&mut rows.outs) {
            let (value, behind) = cell(rest)?;
            output.add(value, partial, out)?;
            rest = behind;
        }
    } else {
        for source in 0..plan.width {
            let (value, behind) = cell(rest)?;
            rows.cell(plan, source, value, partial)?;
            rest = behind;
        }
    }
    rows.end();
    Ok(())
}

/// The cells of the row at the head of `bytes`, and what stands behind it.
pub fn split<'a>(plan: &RowPlan, bytes: &'a [u8]) -> Result<(Vec<Cell<'a>>, &'a [u8])> {
    let mut rest = width(plan, bytes)?;
    let mut cells = Vec::with_capacity(plan.width);
    for _ in 0..plan.width {
        let (value, behind) = cell(rest)?;
        cells.push(value);
        rest = behind;
    }
    Ok((cells, rest))
}

/// Add a row of these cells.
pub fn add_cells(plan: &RowPlan, cells: &[Cell<'_>], partial: bool, rows: &mut Rows) -> Result<()> {
    for (source, &value) in cells.iter().enumerate() {
        rows.cell(plan, source, value, partial)?;
    }
    rows.end();
    Ok(())
}

/// Take from a complete old row what the new one leaves out, as far as the plan says so. Declined where outputs of one value differ in
/// that.
pub fn fill<'a>(plan: &RowPlan, new: &mut [Cell<'a>], old: &[Cell<'a>]) -> Result<()> {
    for (source, (value, before)) in new.iter_mut().zip(old).enumerate() {
        if *value != Cell::Unsent {
            continue;
        }
        let mut fills = plan.slots_of(source).iter().filter_map(|&slot| plan.outputs.get(slot)).map(|one| one.fills);
        match fills.next() {
            Some(true) if fills.all(|one| one) => *value = *before,
            Some(false) if fills.all(|one| !one) => (),
            None => (),
            _ => return Err(Declined::Value("a value that is filled here and not there")),
        }
    }
    Ok(())
}

/// Whether the outputs in `slots` have the same values in both rows. Declined where the bytes do not tell. `partial`: the old row is of
/// the identity's columns only, where NULL may stand for other values.
pub fn same(
    plan: &RowPlan,
    slots: impl Iterator<Item = usize>,
    old: &[Cell<'_>],
    new: &[Cell<'_>],
    partial: bool,
) -> Result<bool> {
    const UNTOLD: Declined = Declined::Value("values of which the bytes do not tell whether they are the same");
    let (mut doubtful, mut old_text, mut new_text) = (false, Vec::new(), Vec::new());
    for slot in slots {
        let output = plan.outputs.get(slot).ok_or(CUT)?;
        let (before, after) = (*old.get(output.source).ok_or(CUT)?, *new.get(output.source).ok_or(CUT)?);
        match (shown(output, before, &mut old_text)?, shown(output, after, &mut new_text)?) {
            (Cell::Text(one), Cell::Text(other)) if one == other => {
                // NaN is not the same as itself.
                doubtful |= !output.op.tells_texts_apart() && memchr::memmem::find(one, b"NaN").is_some();
            }
            (Cell::Text(_), Cell::Text(_)) if output.op.tells_texts_apart() => return Ok(false),
            (Cell::Null, Cell::Null) if !partial => (),
            (Cell::Null, Cell::Text(_)) | (Cell::Text(_), Cell::Null) if matches!(output.null, Null::Null) => {
                return Ok(false);
            }
            _ => doubtful = true,
        }
    }
    if doubtful {
        return Err(UNTOLD);
    }
    Ok(true)
}

/// A cell as the text format has it.
fn shown<'a>(output: &Output, cell: Cell<'a>, text: &'a mut Vec<u8>) -> Result<Cell<'a>> {
    let Cell::Binary(value) = cell else { return Ok(cell) };
    text.clear();
    output.wire.as_ref().ok_or(UNREAD)?.write_text(value, text)?;
    Ok(Cell::Text(text))
}
