//! PostgreSQL's replication stream.

use std::sync::Arc;

use headrace_core::column::Column;
use headrace_core::pg::binary::Wire;
use headrace_core::pg::envelope::{Clock, Source};
use headrace_core::pg::places::Context;
use headrace_core::pg::row::{KeyPlan, Null, Output, RowPlan};
use headrace_core::pg::stream::Stream;
use headrace_core::pg::stream_state::{Route, Rules, State, Stop};

use crate::ops::op;

/// Frames about relation 1, whose columns the first bytes choose, cut anywhere. The twin's messages are passed over.
pub fn pg_stream(data: &[u8]) {
    let [settings, cut, rest @ ..] = data else { return };
    let Some((plan, rest)) = plan(*settings, rest) else { return };
    let mut stream = stream(*settings);
    let text: Arc<[u8]> = Arc::from(*b"x");
    let source = Source {
        version: text.clone(),
        connector: text.clone(),
        server: text.clone(),
        database: text.clone(),
        schema: text.clone(),
        table: text,
    };
    let wires = wires(*settings, plan.width);
    let made = wires.as_ref().map_or(Ok(plan.clone()), |wires| plan.with_wires(wires));
    let Ok(plan) = made else { panic!("as many wires as values") };
    let table = stream.add_table(Arc::new(plan), source);
    stream.route(1, Route::Table(table), wires);
    stream.route(2, Route::LeftOut, None);
    let limit = 1 + usize::from(*settings >> 4);
    for chunk in rest.chunks(usize::from(*cut) + 1) {
        loop {
            match stream.run(chunk, limit) {
                Stop::Twin => drop(stream.for_twin(chunk)),
                Stop::Foreign => return,
                Stop::Full => take(&mut stream),
                Stop::Drained => break,
            }
        }
        assert_eq!(stream.pending(chunk), 0);
        stream.next_chunk(chunk);
    }
    take(&mut stream);
}

/// All records have a place, and all columns as many rows as there are records.
fn take(stream: &mut Stream) {
    let records = stream.records();
    let Ok((blocks, places)) = stream.take(Clock::at(0)) else { return };
    assert_eq!(places.records.len(), records);
    let mut rows = 0;
    for (_, block) in &blocks {
        rows += block.ordinals.len();
        check(&block.value, block.ordinals.len());
        if let Some(key) = &block.key {
            check(key, block.ordinals.len());
        }
    }
    assert_eq!(rows, records);
}

fn check(column: &Column, rows: usize) {
    assert_eq!(column.rows, rows);
    assert!(column.valid.as_ref().map_or(true, |mask| mask.len() == rows));
    column.children().iter().for_each(|child| check(child, rows));
}

fn plan(settings: u8, data: &[u8]) -> Option<(RowPlan, &[u8])> {
    let (mut outputs, mut rest) = (Vec::new(), data);
    let width = 1 + usize::from(settings & 3);
    for source in 0..width {
        let (op, left) = op(rest, 0)?;
        rest = left;
        let null = Some(Arc::new(Column::null(1)));
        outputs.push(Output {
            source,
            op,
            null: Null::Null,
            unchanged: null.clone(),
            zero: null,
            fills: source % 2 == 0,
            wire: None,
        });
    }
    let key = KeyPlan { slots: vec![0], added: None, in_identity: settings & 4 == 0 };
    RowPlan::new(width, outputs, width, Some(key)).ok().map(|plan| (plan, rest))
}

/// The binary forms of the values, which the settings choose; None for a stream of texts.
fn wires(settings: u8, width: usize) -> Option<Vec<Wire>> {
    const FORMS: [&str; 13] = [
        "int4",
        "text",
        "numeric",
        "timestamptz",
        "date",
        "bool",
        "jsonb",
        "uuid",
        "array:int4",
        "interval",
        "bits",
        "inet",
        "range:timestamp",
    ];
    let form = |at: usize| FORMS.get((usize::from(settings) + 5 * at) % FORMS.len()).and_then(|name| Wire::parse(name));
    (settings & 32 != 0).then(|| (0..width).filter_map(form).collect())
}

fn stream(settings: u8) -> Stream {
    let rules = Rules { tombstones: settings & 8 == 0, skip_unchanged: settings & 16 == 0, ..Rules::default() };
    Stream::new(rules, State::at(0, None), Context::default())
}
