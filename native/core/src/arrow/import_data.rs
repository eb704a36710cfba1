//! The rows of an array as a column.

use std::sync::Arc;

use super::abi::ArrowArray;
use super::bits::bit;
use super::format::{Format, Unit};
use super::import::Plan;
use super::reader::BROKEN;
use crate::builders::Bins;
use crate::column::{Column, Data};
use crate::error::{Declined, Result};
use crate::json::decimal::shortest;
use crate::moments::DAY_MS;
use crate::{nulls, ops};

/// Some rows of an array, counted from its own first one.
#[derive(Clone, Copy)]
pub struct Range {
    pub start: usize,
    pub rows: usize,
}

const LOSSY: Declined = Declined::Value("a time finer than a millisecond, or not of the day");
const LARGE: Declined = Declined::Value("a number beyond 64 bits");

/// What all arrays have: where their rows begin in the buffers, and which rows there are.
struct Rows<'a> {
    array: &'a ArrowArray,
    first: usize,
    rows: usize,
    valid: Option<Vec<bool>>,
}

impl<'a> Rows<'a> {
    fn new(array: &'a ArrowArray, range: Range, with_validity: bool) -> Result<Rows<'a>> {
        let (length, offset) = array.extent()?;
        if range.start.checked_add(range.rows).map_or(true, |end| end > length) {
            return Err(BROKEN);
        }
        let first = offset.checked_add(range.start).ok_or(BROKEN)?;
        let end = first.checked_add(range.rows).ok_or(BROKEN)?;
        let mut valid = None;
        if with_validity && array.null_count != 0 && array.buffer_count() > 0 {
            if let Some(bits) = array.buffer(0, end.div_ceil(8))? {
                let made: Vec<bool> = (first..end).map(|at| bit(bits, at)).collect();
                valid = made.iter().any(|one| !one).then_some(made);
            }
        }
        Ok(Rows { array, first, rows: range.rows, valid })
    }

    fn is_valid(&self, row: usize) -> bool {
        self.valid.as_ref().map_or(true, |valid| valid.get(row).copied().unwrap_or(false))
    }

    /// Values of `width` bytes each, of these rows.
    fn fixed(&self, width: usize) -> Result<std::slice::ChunksExact<'a, u8>> {
        let end = self.first.checked_add(self.rows).and_then(|end| end.checked_mul(width)).ok_or(BROKEN)?;
        let start = self.first.checked_mul(width).ok_or(BROKEN)?;
        let bytes = if self.rows == 0 { &[] } else { self.array.values(1, end)?.get(start..end).ok_or(BROKEN)? };
        Ok(bytes.chunks_exact(width.max(1)))
    }

    /// Where each row begins and the last one ends, from offsets of 4 or 8 bytes.
    fn offsets(&self, width: usize) -> Result<Vec<usize>> {
        if self.rows == 0 {
            return Ok(vec![0]);
        }
        let start = self.first.checked_mul(width).ok_or(BROKEN)?;
        let end = self.first.checked_add(self.rows + 1).and_then(|end| end.checked_mul(width)).ok_or(BROKEN)?;
        let bytes = self.array.values(1, end)?.get(start..end).ok_or(BROKEN)?;
        let made: Vec<usize> = bytes
            .chunks_exact(width)
            .map(|chunk| usize::try_from(int(chunk, true)?).map_err(|_| BROKEN))
            .collect::<Result<_>>()?;
        if made.windows(2).any(|pair| matches!(pair, [left, right] if left > right)) {
            return Err(BROKEN);
        }
        Ok(made)
    }

    fn column(self, data: Data) -> Column {
        Column { rows: self.rows, data, valid: self.valid, unchanged: None }
    }

    /// Numbers of `width` bytes; `convert` is asked only for rows that are not null.
    fn ints(self, width: usize, signed: bool, convert: impl Fn(i64) -> Result<i64>) -> Result<Column> {
        let mut made = Vec::with_capacity(self.rows);
        for (row, chunk) in self.fixed(width)?.enumerate() {
            made.push(if self.is_valid(row) { convert(int(chunk, signed)?)? } else { 0 });
        }
        Ok(self.column(Data::Int(made)))
    }
}

fn int(chunk: &[u8], signed: bool) -> Result<i64> {
    Ok(match (chunk, signed) {
        ([one], true) => i64::from(i8::from_ne_bytes([*one])),
        ([one], false) => i64::from(*one),
        ([a, b], true) => i64::from(i16::from_ne_bytes([*a, *b])),
        ([a, b], false) => i64::from(u16::from_ne_bytes([*a, *b])),
        ([a, b, c, d], true) => i64::from(i32::from_ne_bytes([*a, *b, *c, *d])),
        ([a, b, c, d], false) => i64::from(u32::from_ne_bytes([*a, *b, *c, *d])),
        (eight, true) => i64::from_ne_bytes(eight.try_into().map_err(|_| BROKEN)?),
        (eight, false) => {
            i64::try_from(u64::from_ne_bytes(eight.try_into().map_err(|_| BROKEN)?)).map_err(|_| LARGE)?
        }
    })
}

fn float(chunk: &[u8]) -> Result<f64> {
    Ok(match chunk {
        [a, b] => half(u16::from_ne_bytes([*a, *b])),
        [a, b, c, d] => f64::from(f32::from_ne_bytes([*a, *b, *c, *d])),
        eight => f64::from_ne_bytes(eight.try_into().map_err(|_| BROKEN)?),
    })
}

/// IEEE 754 binary16.
fn half(bits: u16) -> f64 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
    let magnitude = match exponent {
        0 => fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1.0 + fraction / 1024.0) * 2f64.powi(exponent - 15),
    };
    if bits >> 15 == 1 {
        -magnitude
    } else {
        magnitude
    }
}

fn millis(unit: Unit) -> impl Fn(i64) -> Result<i64> {
    move |value| match unit {
        Unit::Second => value.checked_mul(1000).ok_or(LARGE),
        Unit::Milli => Ok(value),
        Unit::Micro if value % 1000 == 0 => Ok(value / 1000),
        Unit::Nano if value % 1_000_000 == 0 => Ok(value / 1_000_000),
        _ => Err(LOSSY),
    }
}

/// The rows of an array that is laid out as the plan says.
pub fn column(plan: &Plan, array: &ArrowArray, range: Range) -> Result<Column> {
    if let Some(values) = &plan.dictionary {
        return decoded(plan, values, array, range);
    }
    let has_validity = !matches!(plan.format, Format::Null);
    let rows = Rows::new(array, range, has_validity)?;
    match plan.format {
        Format::Null => Ok(Column::null(range.rows)),
        Format::Bool => {
            let end = rows.first + rows.rows;
            let bits = if rows.rows == 0 { &[] } else { array.values(1, end.div_ceil(8))? };
            let made = (rows.first..end).map(|at| bit(bits, at)).collect();
            Ok(rows.column(Data::Bool(made)))
        }
        Format::Int(width, signed) => rows.ints(width, signed, Ok),
        Format::Date32 => rows.ints(4, true, Ok),
        Format::Date64 => rows.ints(8, true, |value| if value % DAY_MS == 0 { Ok(value / DAY_MS) } else { Err(LOSSY) }),
        Format::Time(unit, width) => rows.ints(width, true, millis(unit)),
        Format::Timestamp(unit) => rows.ints(8, true, millis(unit)),
        Format::Float(width) => {
            let made = rows.fixed(width)?.map(float).collect::<Result<_>>()?;
            Ok(rows.column(Data::Float(made)))
        }
        Format::Decimal(_, _, width) => {
            let chunks = rows.fixed(width)?;
            bins(rows, chunks.map(|chunk| chunk.iter().rev().copied().collect::<Vec<u8>>()), |bytes| {
                Ok(shortest(bytes))
            })
        }
        Format::FixedBytes(width) => {
            if width == 0 {
                let none = std::iter::repeat(&[][..]).take(rows.rows);
                return bins(rows, none, as_is);
            }
            let chunks = rows.fixed(width)?;
            bins(rows, chunks, as_is)
        }
        Format::Text(width) => {
            let pieces = pieces(&rows, width)?;
            bins(rows, pieces.into_iter(), text)
        }
        Format::Bytes(width) => {
            let pieces = pieces(&rows, width)?;
            bins(rows, pieces.into_iter(), as_is)
        }
        Format::TextView => {
            let pieces = views(&rows)?;
            bins(rows, pieces.into_iter(), text)
        }
        Format::BytesView => {
            let pieces = views(&rows)?;
            bins(rows, pieces.into_iter(), as_is)
        }
        Format::Struct => structure(plan, rows),
        Format::List(width) => {
            let offsets = rows.offsets(width)?;
            let [item] = plan.children.as_slice() else { return Err(BROKEN) };
            let child = array.child(0)?;
            let (offsets, inner) = elements(&rows, &offsets, child)?;
            let items = column(item, child, inner.range)?;
            Ok(rows.column(Data::List(offsets, Arc::new(inner.of(items)?))))
        }
        Format::FixedList(width) => {
            let offsets: Vec<usize> = (0..=rows.rows).map(|row| (rows.first + row).saturating_mul(width)).collect();
            let [item] = plan.children.as_slice() else { return Err(BROKEN) };
            let child = array.child(0)?;
            let (offsets, inner) = elements(&rows, &offsets, child)?;
            let items = column(item, child, inner.range)?;
            Ok(rows.column(Data::List(offsets, Arc::new(inner.of(items)?))))
        }
        Format::Map => {
            let offsets = rows.offsets(4)?;
            let [entries] = plan.children.as_slice() else { return Err(BROKEN) };
            let child = array.child(0)?;
            let (offsets, inner) = elements(&rows, &offsets, child)?;
            let pairs = inner.of(column(entries, child, inner.range)?)?;
            let [keys, values] = pairs.children() else { return Err(BROKEN) };
            Ok(rows.column(Data::Map(offsets, keys.clone(), values.clone())))
        }
    }
}

fn as_is(bytes: &[u8]) -> Result<&[u8]> {
    Ok(bytes)
}

fn text(bytes: &[u8]) -> Result<&[u8]> {
    std::str::from_utf8(bytes).map(str::as_bytes).map_err(|_| BROKEN)
}

/// Texts or bytes, one per row; what a null row has is left out, unread.
fn bins<B: AsRef<[u8]>>(
    rows: Rows<'_>,
    values: impl Iterator<Item = B>,
    check: impl Fn(&[u8]) -> Result<&[u8]>,
) -> Result<Column> {
    let mut made = Bins::with_capacity(rows.rows, 0);
    for (row, value) in values.enumerate() {
        if rows.is_valid(row) {
            made.push(check(value.as_ref())?)?;
        } else {
            made.push_null();
        }
    }
    if made.rows() != rows.rows {
        return Err(BROKEN);
    }
    Ok(made.finish())
}

fn pieces<'a>(rows: &Rows<'a>, width: usize) -> Result<Vec<&'a [u8]>> {
    let offsets = rows.offsets(width)?;
    let bytes = match offsets.last() {
        Some(&end) if end > 0 => rows.array.values(2, end)?,
        _ => &[],
    };
    offsets
        .windows(2)
        .map(|pair| match pair {
            [start, end] => bytes.get(*start..*end).ok_or(BROKEN),
            _ => Err(BROKEN),
        })
        .collect()
}

/// Values of at most 12 bytes are in the view itself, others in one of several buffers, whose lengths are in the last one.
fn views<'a>(rows: &Rows<'a>) -> Result<Vec<&'a [u8]>> {
    let array = rows.array;
    let many = array.buffer_count().checked_sub(3).ok_or(BROKEN)?;
    let lengths = if many == 0 { &[] } else { array.values(many + 2, many * 8)? };
    let mut made = Vec::with_capacity(rows.rows);
    for (row, view) in rows.fixed(16)?.enumerate() {
        let part = |at: usize| -> Result<usize> {
            let chunk = view.get(at..at + 4).ok_or(BROKEN)?;
            usize::try_from(int(chunk, true)?).map_err(|_| BROKEN)
        };
        if !rows.is_valid(row) {
            made.push(&[][..]);
            continue;
        }
        let length = part(0)?;
        made.push(if length <= 12 {
            view.get(4..4 + length).ok_or(BROKEN)?
        } else {
            let (which, start) = (part(8)?, part(12)?);
            let size = lengths.get(which * 8..which * 8 + 8).ok_or(BROKEN)?;
            let size = usize::try_from(int(size, true)?).map_err(|_| BROKEN)?;
            array.values(2 + which, size)?.get(start..start + length).ok_or(BROKEN)?
        });
    }
    Ok(made)
}

fn structure(plan: &Plan, rows: Rows<'_>) -> Result<Column> {
    // The offset of a struct holds for its children, which have one of their own besides.
    let range = Range { start: rows.first, rows: rows.rows };
    let mut children = Vec::with_capacity(plan.children.len());
    for (index, child) in plan.children.iter().enumerate() {
        let mut made = column(child, rows.array.child(index)?, range)?;
        if let Some(valid) = &rows.valid {
            made = nulls::within(&made, valid)?;
        }
        children.push(Arc::new(made));
    }
    Ok(rows.column(Data::Struct(children)))
}

/// Which elements of a list's child belong to its rows.
struct Elements {
    range: Range,
    /// Counted from the range's start; None for all of it.
    chosen: Option<Vec<u32>>,
}

impl Elements {
    fn of(&self, column: Column) -> Result<Column> {
        match &self.chosen {
            Some(rows) => ops::take(&column, rows),
            None => Ok(column),
        }
    }
}

/// The offsets of the rows' elements, and the elements, which are in `child`; a null row has none.
fn elements(rows: &Rows<'_>, offsets: &[usize], child: &ArrowArray) -> Result<(Vec<u32>, Elements)> {
    let (first, last) = (offsets.first().copied().unwrap_or(0), offsets.last().copied().unwrap_or(0));
    let (length, _) = child.extent()?;
    if last > length {
        return Err(BROKEN);
    }
    let range = Range { start: first, rows: last - first };
    let from_first = |at: usize| u32::try_from(at - first).map_err(|_| Declined::TooLarge);
    let counted = offsets.iter().map(|&at| from_first(at)).collect::<Result<Vec<u32>>>()?;
    let pairs = || counted.iter().zip(counted.iter().skip(1)).enumerate();
    if pairs().all(|(row, (start, end))| start == end || rows.is_valid(row)) {
        return Ok((counted, Elements { range, chosen: None }));
    }
    let mut made = Vec::with_capacity(counted.len());
    let mut chosen = Vec::new();
    made.push(0u32);
    for (row, (&start, &end)) in pairs() {
        if rows.is_valid(row) {
            chosen.extend(start..end);
        }
        made.push(u32::try_from(chosen.len()).map_err(|_| Declined::TooLarge)?);
    }
    Ok((made, Elements { range, chosen: Some(chosen) }))
}

fn decoded(plan: &Plan, values: &Plan, array: &ArrowArray, range: Range) -> Result<Column> {
    let dictionary = array.dictionary()?;
    let (length, _) = dictionary.extent()?;
    let known = column(values, dictionary, Range { start: 0, rows: length })?;
    let of_indexes = Plan { format: plan.format.clone(), children: Vec::new(), dictionary: None };
    let indexes = column(&of_indexes, array, range)?;
    if length == 0 {
        let none = (0..range.rows).all(|row| !indexes.is_valid(row));
        return if none { Ok(Column::null(range.rows)) } else { Err(BROKEN) };
    }
    let mut chosen = Vec::with_capacity(range.rows);
    for row in 0..range.rows {
        let index = if indexes.is_valid(row) { indexes.int(row) } else { 0 };
        chosen.push(u32::try_from(index).map_err(|_| BROKEN)?);
    }
    let made = ops::take(&known, &chosen)?;
    match indexes.validity() {
        Some(valid) => nulls::within(&made, &valid),
        None => Ok(made),
    }
}
