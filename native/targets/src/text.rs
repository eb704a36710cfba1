//! PostgreSQL's text forms.

use crate::ops::op;

/// A value of any type, twice, a refused one in between: what is refused leaves no trace.
pub fn pg_text(data: &[u8]) {
    let Some((op, text)) = op(data, 0) else { return };
    let mut out = op.out();
    let taken = op.decode_text(text, &mut out).is_ok();
    if !taken {
        out.truncate(0);
    }
    assert_eq!(out.rows(), usize::from(taken));
    let (half, _) = text.split_at(text.len() / 2);
    let rows = out.rows();
    if op.decode_text(half, &mut out).is_err() {
        out.truncate(rows);
    }
    let again = op.decode_text(text, &mut out).is_ok();
    assert_eq!(again, taken);
    if !again {
        let rows = usize::from(taken).max(rows).min(out.rows());
        out.truncate(rows);
    }
    let total = out.rows();
    let column = out.finish();
    assert_eq!(column.rows, total);
}
