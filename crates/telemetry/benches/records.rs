//! What it costs that somebody watches: nanoseconds for each call, which is two records.
//!
//! `cargo bench -p switchtower-telemetry` prints them; nothing is asserted.

#![expect(clippy::print_stdout, reason = "a bench is looked at")]

use std::hint::black_box;
use std::time::Instant;
use switchtower_ledger::Watcher as _;
use switchtower_ledger::record::{Attempt, Closed, Counts, Entry, Opened, SpanId, Trace, TraceId};
use switchtower_telemetry::{House, SpanQueue, Telemetry, TelemetrySettings};

const CALLS: u64 = 200_000;
/// Calls whose entries are made beforehand, so that only the watching is measured.
const AT_ONCE: u64 = 1000;

fn entries(number: u64, traced: bool) -> [Entry; 2] {
    let trace = Trace { id: TraceId([1; 16]), span: SpanId([2; 8]), parent: None, sampled: true };
    let opened = Opened {
        deployment: format!("openai-eu/gpt-{}", number % 40).into(),
        model: format!("gpt-{}", number % 40).into(),
        provider: "openai-eu".into(),
        client: "openai_chat".into(),
        operation: "answers".into(),
        streamed: true,
        bytes_in: 2000,
        trace: traced.then_some(trace),
        ..Opened::default()
    };
    let usage = Some(Counts { input: Some(512), output: Some(number % 900), ..Counts::default() });
    let attempt = Attempt { head_us: Some(412_000), usage: usage.clone(), ..Attempt::default() };
    let closed = Closed {
        opened: 2 * number,
        outcome: "answered".into(),
        status: 200,
        usage,
        attempts: vec![attempt],
        first_us: Some(300_000 + number),
        gap_p50_us: Some(900),
        gap_p99_us: Some(5000),
        total_us: 1_300_000 + number,
        ..Closed::default()
    };
    [Entry { at_us: number, body: opened.into() }, Entry { at_us: number, body: closed.into() }]
}

fn measured(what: &str, traced: bool) {
    let (queue, _waiting) = SpanQueue::new(1000);
    let telemetry = Telemetry::new(TelemetrySettings::default(), traced.then_some(queue));
    let mut nanos = 0;
    for begun in (0..CALLS).step_by(usize::try_from(AT_ONCE).unwrap_or(1)) {
        let calls: Vec<[Entry; 2]> = (begun..begun + AT_ONCE).map(|number| entries(number, traced)).collect();
        let started = Instant::now();
        for (number, [opened, closed]) in (begun..).zip(calls) {
            telemetry.written(2 * number, opened);
            telemetry.written(2 * number + 1, closed);
        }
        nanos += started.elapsed().as_nanos();
    }
    println!("{what:<44} {:>8} ns a call", nanos / u128::from(CALLS));
    let started = Instant::now();
    black_box(telemetry.families(&House::default()));
    println!("{:<44} {:>8} ns", "  a look at all figures", started.elapsed().as_nanos());
}

fn main() {
    measured("figures", false);
    measured("figures, and spans that nobody fetches", true);
}
