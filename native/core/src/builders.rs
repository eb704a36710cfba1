//! Builders: columns that grow row by row. Masks cost nothing until the first null.

use crate::column::{Bin, Column, Data};
use crate::error::{Declined, Result};

/// The masks every builder has.
#[derive(Debug, Default)]
pub(crate) struct Masks {
    valid: Option<Vec<bool>>,
    unchanged: Option<Vec<bool>>,
}

impl Masks {
    #[inline]
    pub(crate) fn push(&mut self) {
        if let Some(valid) = &mut self.valid {
            valid.push(true);
        }
        if let Some(unchanged) = &mut self.unchanged {
            unchanged.push(false);
        }
    }

    /// Behind a `push` of `rows` rows in all: the last one is null.
    #[inline]
    pub(crate) fn null(&mut self, rows: usize) {
        let valid = self.valid.get_or_insert_with(|| vec![true; rows]);
        if let Some(last) = valid.last_mut() {
            *last = false;
        }
    }

    #[inline]
    pub(crate) fn mark_unchanged(&mut self, rows: usize) {
        let unchanged = self.unchanged.get_or_insert_with(|| vec![false; rows]);
        if let Some(last) = unchanged.last_mut() {
            *last = true;
        }
    }

    pub(crate) fn truncate(&mut self, rows: usize) {
        if let Some(valid) = &mut self.valid {
            valid.truncate(rows);
        }
        if let Some(unchanged) = &mut self.unchanged {
            unchanged.truncate(rows);
        }
    }

    pub(crate) fn finish(self, rows: usize, data: Data) -> Column {
        // A column without any value needs no data.
        if rows > 0 && self.unchanged.is_none() && self.valid.as_ref().is_some_and(|v| v.iter().all(|one| !one)) {
            return Column::null(rows);
        }
        Column { rows, data, valid: self.valid, unchanged: self.unchanged }
    }
}

macro_rules! plain_builder {
    ($(#[$doc:meta])* $name:ident, $type:ty, $data:path, $zero:expr) => {
        $(#[$doc])*
        #[derive(Debug, Default)]
        pub struct $name {
            values: Vec<$type>,
            masks: Masks,
        }

        impl $name {
            pub fn with_capacity(rows: usize) -> Self {
                Self { values: Vec::with_capacity(rows), masks: Masks::default() }
            }

            pub fn rows(&self) -> usize {
                self.values.len()
            }

            pub fn reserve(&mut self, rows: usize) {
                self.values.reserve(rows);
            }

            #[inline]
            pub fn push(&mut self, value: $type) {
                self.values.push(value);
                self.masks.push();
            }

            #[inline]
            pub fn push_null(&mut self) {
                self.push($zero);
                self.masks.null(self.values.len());
            }

            /// The row pushed last stands for a value that was not sent.
            pub fn mark_unchanged(&mut self) {
                self.masks.mark_unchanged(self.values.len());
            }

            /// Take the last rows back, so that `rows` are left: a row that was refused half way.
            pub fn truncate(&mut self, rows: usize) {
                self.values.truncate(rows);
                self.masks.truncate(rows);
            }

            pub fn finish(self) -> Column {
                let rows = self.values.len();
                self.masks.finish(rows, $data(self.values))
            }
        }
    };
}

plain_builder!(
    /// Integers of any width, days, milliseconds.
    Ints, i64, Data::Int, 0
);
plain_builder!(
    /// Floats; singles already rounded.
    Floats, f64, Data::Float, 0.0
);
plain_builder!(
    /// Truth values.
    Bools, bool, Data::Bool, false
);

/// Texts and bytes.
#[derive(Debug)]
pub struct Bins {
    bin: Bin,
    masks: Masks,
}

impl Default for Bins {
    fn default() -> Self {
        Bins::with_capacity(0, 0)
    }
}

impl Bins {
    pub fn with_capacity(rows: usize, bytes: usize) -> Self {
        let mut offsets = Vec::with_capacity(rows + 1);
        offsets.push(0);
        Bins { bin: Bin { offsets, bytes: Vec::with_capacity(bytes) }, masks: Masks::default() }
    }

    pub fn rows(&self) -> usize {
        self.bin.offsets.len() - 1
    }

    #[inline]
    pub fn push(&mut self, value: &[u8]) -> Result<()> {
        self.bin.bytes.extend_from_slice(value);
        self.end()
    }

    pub fn reserve(&mut self, rows: usize, bytes: usize) {
        self.bin.offsets.reserve(rows);
        self.bin.bytes.reserve(bytes);
    }

    /// How many bytes all rows have.
    pub fn bytes(&self) -> usize {
        self.bin.bytes.len()
    }

    /// The row pushed last; empty before the first.
    pub fn last(&self) -> &[u8] {
        self.rows().checked_sub(1).map_or(&[], |row| self.bin.get(row))
    }

    /// For a value written piece by piece: append to this, then call `end`.
    #[inline]
    pub fn open(&mut self) -> &mut Vec<u8> {
        &mut self.bin.bytes
    }

    /// What was written since the row before is the next row.
    #[inline]
    pub fn end(&mut self) -> Result<()> {
        let end = u32::try_from(self.bin.bytes.len()).map_err(|_| Declined::TooLarge)?;
        self.bin.offsets.push(end);
        self.masks.push();
        Ok(())
    }

    #[inline]
    pub fn push_null(&mut self) {
        let last = self.bin.offsets.last().copied().unwrap_or(0);
        self.bin.bytes.truncate(last as usize);
        self.bin.offsets.push(last);
        self.masks.push();
        let rows = self.rows();
        self.masks.null(rows);
    }

    /// The row pushed last stands for a value that was not sent.
    pub fn mark_unchanged(&mut self) {
        let rows = self.rows();
        self.masks.mark_unchanged(rows);
    }

    /// As for the plain builders; also drops what was written without `end`.
    pub fn truncate(&mut self, rows: usize) {
        self.bin.offsets.truncate(rows + 1);
        let last = self.bin.offsets.last().copied().unwrap_or(0);
        self.bin.bytes.truncate(last as usize);
        self.masks.truncate(rows);
    }

    pub fn finish(self) -> Column {
        let rows = self.rows();
        self.masks.finish(rows, Data::Bin(self.bin))
    }
}
