//! Rows to the data of COPY … FROM STDIN (FORMAT binary). Source: the COPY page and the *_recv functions of PostgreSQL.

pub(crate) mod containers;
pub mod field;
pub mod json_text;
pub mod moment;
mod number;
pub mod text;

use crate::column::{Column, Scalar};
use crate::copy_out::field::Field;
use crate::error::{Declined, Result};
use crate::last_word::row_view::{field as child, RowRef, View};
use crate::last_word::{Chosen, Sorted};

/// Signature, flags, length of the header's extension.
pub const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00";
pub const TRAILER: [u8; 2] = [0xff, 0xff];
const NULL: [u8; 4] = [0xff; 4];

/// Where a column's value is: a column of the key, or a field of the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Key(usize),
    Row(usize),
}

/// A column of the target. `default`: taken where the value is null. `required`: null is an error of the row.
#[derive(Debug)]
pub struct Output {
    pub place: Place,
    pub field: Field,
    pub required: bool,
    pub default: Option<Scalar>,
}

/// Which rows of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    Deletes,
    /// All rows to write.
    Rows,
    Fresh,
    /// Those that are not fresh.
    Known,
    Partial(usize),
}

/// Writes rows of these columns.
#[derive(Debug)]
pub struct Encoder {
    outputs: Vec<Output>,
    defaults: Vec<Option<Column>>,
}

impl Encoder {
    /// Declined for more columns than a row may have.
    pub fn new(outputs: Vec<Output>) -> Result<Encoder> {
        i16::try_from(outputs.len()).map_err(|_| Declined::TooLarge)?;
        let defaults = outputs.iter().map(|one| one.default.clone().map(|value| Column::constant(1, value))).collect();
        Ok(Encoder { outputs, defaults })
    }

    /// Append rows from number `from` on until `out` has `enough` bytes or all are written; answers the number of the next row, None at
    /// the end. The header comes in front of row 0, the trailer behind the last.
    pub fn write(
        &self,
        sorted: &Sorted,
        segment: usize,
        which: Which,
        from: usize,
        enough: usize,
        out: &mut Vec<u8>,
    ) -> Result<Option<usize>> {
        let gone = Declined::Malformed("rows that are not there");
        let segment = sorted.segments.get(segment).ok_or(gone.clone())?;
        let views: Vec<Columns<'_>> = sorted
            .parts
            .iter()
            .map(|part| self.columns(View::of(&sorted.rules, part)?, which))
            .collect::<Result<_>>()?;
        if from == 0 {
            out.extend_from_slice(HEADER);
        }
        let plain = |at: &RowRef| Chosen { at: *at, merged: crate::last_word::NOT_MERGED };
        let (known, fresh) = (&segment.rows, &segment.fresh);
        let next = match which {
            Which::Deletes => self.rows(sorted, &views, segment.deletes.iter().map(plain), from, enough, out)?,
            Which::Rows => self.rows(sorted, &views, known.iter().chain(fresh).copied(), from, enough, out)?,
            Which::Fresh => self.rows(sorted, &views, fresh.iter().copied(), from, enough, out)?,
            Which::Known => self.rows(sorted, &views, known.iter().copied(), from, enough, out)?,
            Which::Partial(number) => {
                let (_, rows) = segment.partial.get(number).ok_or(gone)?;
                self.rows(sorted, &views, rows.iter().copied(), from, enough, out)?
            }
        };
        if next.is_none() {
            out.extend_from_slice(&TRAILER);
        }
        Ok(next)
    }

    fn columns<'a>(&self, view: View<'a>, which: Which) -> Result<Columns<'a>> {
        let keys = if which == Which::Deletes { &view.keys_before } else { &view.keys };
        self.outputs
            .iter()
            .map(|output| {
                let column = match output.place {
                    Place::Key(at) => *keys.get(at).ok_or(Declined::Malformed("a key column that is not there"))?,
                    Place::Row(at) => child(view.row, at)?,
                };
                if column.is_some_and(|column| !output.field.takes(column)) {
                    return Err(Declined::Malformed("values of another kind"));
                }
                Ok(column)
            })
            .collect()
    }

    fn rows(
        &self,
        sorted: &Sorted,
        views: &[Columns<'_>],
        rows: impl Iterator<Item = Chosen>,
        from: usize,
        enough: usize,
        out: &mut Vec<u8>,
    ) -> Result<Option<usize>> {
        let count = (self.outputs.len() as i16).to_be_bytes();
        for (number, row) in rows.enumerate().skip(from) {
            if out.len() >= enough && number > from {
                return Ok(Some(number));
            }
            let columns = part(views, row.at)?;
            out.extend_from_slice(&count);
            match sorted.merges.get(row.merged as usize) {
                None => {
                    for ((output, default), column) in self.outputs.iter().zip(&self.defaults).zip(columns) {
                        cell(output, default, *column, row.at.row as usize, out)?;
                    }
                }
                Some(sources) => {
                    for (index, (output, default)) in self.outputs.iter().zip(&self.defaults).enumerate() {
                        let source = match output.place {
                            Place::Key(_) => row.at,
                            Place::Row(at) => {
                                *sources.get(at).ok_or(Declined::Malformed("a field that is not there"))?
                            }
                        };
                        let column = part(views, source)?.get(index).copied().flatten();
                        cell(output, default, column, source.row as usize, out)?;
                    }
                }
            }
        }
        Ok(None)
    }
}

/// One per output.
type Columns<'a> = Vec<Option<&'a Column>>;

fn part<'v, 'a>(views: &'v [Columns<'a>], at: RowRef) -> Result<&'v Columns<'a>> {
    views.get(at.part as usize).ok_or(Declined::Malformed("a part that is not there"))
}

#[inline]
fn cell(
    output: &Output,
    default: &Option<Column>,
    column: Option<&Column>,
    row: usize,
    out: &mut Vec<u8>,
) -> Result<()> {
    if let Some(column) = column {
        if column.is_valid(row) {
            return output.field.write(column, row, out);
        }
    }
    match default {
        Some(value) => output.field.write(value, 0, out),
        None if output.required => Err(Declined::Value("null where a value has to be")),
        None => {
            out.extend_from_slice(&NULL);
            Ok(())
        }
    }
}
