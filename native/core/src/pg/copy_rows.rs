//! Rows of COPY as columns; rows that are not taken, as lines for the Python twin.

use std::sync::Arc;

use super::binary::{Cursor, Wire};
use super::copy_stream::{CopyStream, Format, Next};
use super::copy_text::{line_of, split, unescape};
use super::row::{Cell, Null, RowPlan, Rows};
use super::text::utf8;
use crate::column::Column;
use crate::error::{Declined, Result};

pub const OTHER_WIDTH: Declined = Declined::Malformed("a row of another number of fields");

/// What was found, in the order of the rows.
#[derive(Debug)]
pub enum Found {
    /// Columns of so many rows, one column for each output of the plan; `bytes`: of the rows as they came.
    Rows { rows: usize, columns: Vec<Arc<Column>>, bytes: usize },
    /// Lines of the text format, without their newlines.
    Lines { lines: Vec<Vec<u8>>, bytes: usize },
    /// No whole row is there, or another message comes next.
    Nothing,
}

/// How much is taken at a time: one row in any case, and none more once one of these is reached.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub rows: usize,
    pub bytes: usize,
}

/// Decodes the rows of one COPY. `wires`: of each field of the binary format, empty for the text format.
pub struct CopyRows {
    plan: Option<Arc<RowPlan>>,
    wires: Vec<Wire>,
    rows: Option<Rows>,
    scratch: Vec<u8>,
    /// Of the rows kept.
    bytes: usize,
}

impl CopyRows {
    /// `plan`: as many fields as the COPY gives; None leaves all rows to the twin. Declined for as many wires as there are no fields.
    pub fn new(plan: Option<Arc<RowPlan>>, wires: Vec<Wire>) -> Result<Self> {
        if plan.as_ref().is_some_and(|plan| !wires.is_empty() && wires.len() != plan.width) {
            return Err(Declined::Value("a plan that does not fit its fields"));
        }
        let rows = plan.as_deref().map(Rows::of);
        Ok(CopyRows { plan, wires, rows, scratch: Vec::new(), bytes: 0 })
    }

    /// Go on by another plan, which has the same fields; there must be no rows that were kept.
    pub fn go_on(&mut self, plan: Option<Arc<RowPlan>>) -> Result<()> {
        if self.kept() > 0 {
            return Err(Declined::Value("rows of another plan"));
        }
        *self = CopyRows::new(plan, std::mem::take(&mut self.wires))?;
        Ok(())
    }

    /// The next rows. Fewer than the limits say come only before a row that is not taken, before another message, and where `all`
    /// that is there is wanted; else they are kept. Malformed for bytes that are no rows at all; a value that is not taken is no error.
    pub fn decode(&mut self, stream: &mut CopyStream, limits: Limits, all: bool) -> Result<Found> {
        while self.kept() < limits.rows && self.bytes < limits.bytes {
            let format = stream.format();
            let (row, behind) = match stream.peek()? {
                (Next::Row(row), behind) => (row, behind),
                (Next::Nothing, _) => return if all { Ok(self.found()) } else { Ok(Found::Nothing) },
                (Next::Message(..), _) => break,
            };
            if self.row(format, row).is_err() {
                self.cut();
                if self.kept() > 0 {
                    break;
                }
                return self.lines(stream, limits);
            }
            self.bytes += row.len();
            stream.advance(behind);
        }
        Ok(self.found())
    }

    /// Rows that are decoded and not given out yet.
    pub fn kept(&self) -> usize {
        self.rows.as_ref().map_or(0, Rows::len)
    }

    fn found(&mut self) -> Found {
        let (rows, bytes) = (self.kept(), std::mem::take(&mut self.bytes));
        match (&self.plan, &mut self.rows) {
            (Some(plan), Some(made)) if rows > 0 => Found::Rows { rows, columns: made.take(plan), bytes },
            _ => Found::Nothing,
        }
    }

    /// The next row, which is not taken, and those behind it that are not, either.
    fn lines(&mut self, stream: &mut CopyStream, limits: Limits) -> Result<Found> {
        let (mut lines, mut bytes) = (Vec::new(), 0);
        while lines.len() < limits.rows && bytes < limits.bytes {
            let format = stream.format();
            let (Next::Row(row), behind) = stream.peek()? else { break };
            let taken = self.row(format, row).is_ok();
            if let Some(made) = &mut self.rows {
                made.truncate(0);
            }
            if taken {
                break;
            }
            lines.push(match format {
                Format::Text => row.to_vec(),
                Format::Binary => line_of(&self.wires, row)?,
            });
            bytes += row.len();
            stream.advance(behind);
        }
        Ok(Found::Lines { lines, bytes })
    }

    /// Take back what was added of a row that is not taken.
    fn cut(&mut self) {
        if let Some(made) = &mut self.rows {
            made.truncate(made.len());
        }
    }

    fn row(&mut self, format: Format, row: &[u8]) -> Result<()> {
        let (Some(plan), Some(rows)) = (&self.plan, &mut self.rows) else {
            return Err(Declined::Value("no plan"));
        };
        match format {
            Format::Text => text_row(plan, rows, row, &mut self.scratch)?,
            Format::Binary => binary_row(plan, rows, &self.wires, row, &mut self.scratch)?,
        }
        rows.end();
        Ok(())
    }
}

fn binary_row(plan: &RowPlan, rows: &mut Rows, wires: &[Wire], row: &[u8], scratch: &mut Vec<u8>) -> Result<()> {
    let mut cursor = Cursor::new(row);
    if usize::from(cursor.u16()?) != wires.len() {
        return Err(OTHER_WIDTH);
    }
    for (source, wire) in wires.iter().enumerate() {
        let Some(value) = cursor.field()? else {
            rows.cell(plan, source, Cell::Null, false)?;
            continue;
        };
        for &slot in plan.slots_of(source) {
            if let (Some(output), Some(out)) = (plan.outputs.get(slot), rows.outs.get_mut(slot)) {
                output.op.decode_binary(wire, value, out, scratch)?;
            }
        }
    }
    cursor.end()
}

fn text_row(plan: &RowPlan, rows: &mut Rows, line: &[u8], scratch: &mut Vec<u8>) -> Result<()> {
    // The twin reads the whole line as text.
    let mut rest = Some(utf8(line)?);
    if plan.width == 0 && line.is_empty() {
        return Ok(());
    }
    for source in 0..plan.width {
        let (field, behind) = split(rest.ok_or(OTHER_WIDTH)?);
        rest = behind;
        let cell = if field == b"\\N" {
            Cell::Null
        } else if field.contains(&b'\\') {
            scratch.clear();
            unescape(field, scratch)?;
            Cell::Text(scratch)
        } else {
            Cell::Text(field)
        };
        rows.cell(plan, source, cell, false)?;
    }
    match rest {
        None => Ok(()),
        Some(_) => Err(OTHER_WIDTH),
    }
}

/// The plan of a table's rows as COPY gives them: `sources` says which of the table's columns each field is. There NULL is taken as it is, whatever
/// the catalog says.
pub fn copy_plan(plan: &RowPlan, sources: &[usize]) -> Result<RowPlan> {
    let mut outputs = plan.outputs.clone();
    for output in &mut outputs {
        let place = sources.iter().position(|source| *source == output.source);
        output.source = place.ok_or(Declined::Value("a column that is not copied"))?;
        if matches!(output.null, Null::Refused) {
            output.null = Null::Null;
        }
    }
    RowPlan::new(sources.len(), outputs, plan.value_count, plan.key.clone())
}
