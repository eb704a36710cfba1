//! Row messages: the rows of one change, added to its table.

use super::changes::Changes;
use super::places::Operation;
use super::tuple;
use crate::error::{Declined, Result};

/// Where in a payload a row message's first tuple's mark is.
const TUPLE: usize = 30;

/// What came of a row message.
pub enum Made {
    Change,
    /// An update that changed nothing that is shown.
    Nothing,
    Twin,
}

/// Add the rows of a change to its table. Unless it answers `Change`, they have to be taken back.
pub fn add_rows(changes: &mut Changes, payload: &[u8], operation: Operation, skip_unchanged: bool) -> Result<Made> {
    const CUT: Declined = Declined::Malformed("a row message that is cut short");
    let plan = changes.plan.clone();
    let mark = *payload.get(TUPLE).ok_or(CUT)?;
    let body = payload.get(TUPLE + 1..).ok_or(CUT)?;
    match (operation, mark) {
        (Operation::Insert | Operation::Update, b'N') => {
            tuple::add(&plan, body, false, &mut changes.new)?;
            Ok(Made::Change)
        }
        (Operation::Update, b'O' | b'K') => {
            let full = mark == b'O';
            let (old, rest) = tuple::split(&plan, body)?;
            let Some((b'N', rest)) = rest.split_first() else { return Err(CUT) };
            let (mut new, _) = tuple::split(&plan, rest)?;
            tuple::add_cells(&plan, &old, !full, &mut changes.old)?;
            if full {
                tuple::fill(&plan, &mut new, &old)?;
                if skip_unchanged && tuple::same(&plan, 0..plan.value_count, &old, &new, false)? {
                    tuple::add_cells(&plan, &new, false, &mut changes.new)?;
                    return Ok(Made::Nothing);
                }
            } else {
                // Only looked at: such a record has no before.
                changes.old.truncate(changes.old.len().saturating_sub(1));
            }
            tuple::add_cells(&plan, &new, false, &mut changes.new)?;
            let key = plan.key.as_ref().filter(|key| key.in_identity);
            match key {
                Some(key) if !tuple::same(&plan, key.slots.iter().copied(), &old, &new, !full)? => Ok(Made::Twin),
                _ => Ok(Made::Change),
            }
        }
        (Operation::Delete, b'O' | b'K') => {
            if plan.key.as_ref().is_some_and(|key| !key.in_identity) {
                return Ok(Made::Twin);
            }
            tuple::add(&plan, body, mark == b'K', &mut changes.old)?;
            Ok(Made::Change)
        }
        _ => Ok(Made::Twin),
    }
}
