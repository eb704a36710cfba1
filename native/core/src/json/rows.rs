//! Rows: which rows of a column that grows have a value.

use crate::column::{Column, Data};

/// Which rows have a value; nothing is kept until the first null. What is kept may end before the rows do: the others are null.
#[derive(Debug, Default)]
pub struct Rows {
    pub count: usize,
    pub valid: Option<Vec<bool>>,
}

impl Rows {
    #[inline(always)]
    pub fn value(&mut self) {
        if let Some(valid) = &mut self.valid {
            if valid.len() != self.count {
                valid.resize(self.count, false);
            }
            valid.push(true);
        }
        self.count += 1;
    }

    #[inline(always)]
    pub fn nulls(&mut self, count: usize) {
        if self.valid.is_none() {
            self.valid = Some(vec![true; self.count]);
        }
        self.count += count;
    }

    /// How many have a value.
    pub fn values(&self) -> usize {
        self.valid.as_ref().map_or(self.count, |valid| valid.iter().filter(|&&one| one).count())
    }

    pub fn finish(mut self, data: Data) -> Column {
        if self.count > 0 && self.values() == 0 {
            return Column::null(self.count);
        }
        if let Some(valid) = &mut self.valid {
            valid.resize(self.count, false);
        }
        Column { rows: self.count, data, valid: self.valid, unchanged: None }
    }
}
