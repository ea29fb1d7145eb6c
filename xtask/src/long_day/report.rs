//! What a run came to, for people and as JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use super::case::{Case, Dialect, Row};
use super::changes::Changes;
use super::watch::{Sample, thinned};

/// Violations that are told in full.
const TOLD_MAX: usize = 40;
/// Rows of the table over time.
const ROWS: usize = 12;

/// How often something happened, by the dialects of client and provider.
type ByPair = BTreeMap<Option<(Dialect, Dialect)>, u64>;

/// What happened so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Requests by what was asked, how it ended, and the two dialects.
    counts: BTreeMap<(Row, String), ByPair>,
    pub(super) done: u64,
    pub(super) violations: u64,
    told: Vec<String>,
}

impl Tally {
    pub(super) fn add(&mut self, case: &Case, judged: Result<String, String>) {
        self.done += 1;
        let outcome = judged.unwrap_or_else(|why| {
            self.violation(format!("request {} ({:?} {}): {why}", case.number, case.pair(), case.row().what));
            "VIOLATION".to_owned()
        });
        *self.counts.entry((case.row(), outcome)).or_default().entry(case.pair()).or_default() += 1;
    }

    pub(super) fn violation(&mut self, what: String) {
        self.violations += 1;
        if self.told.len() < TOLD_MAX {
            self.told.push(what);
        }
    }
}

/// A whole run.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) seed: u64,
    pub(super) took: Duration,
    pub(super) tally: Tally,
    pub(super) changes: Changes,
    pub(super) samples: Vec<Sample>,
    /// Descriptors of the gateway and of the simulator, at the beginning and at the end.
    pub(super) descriptors: [(usize, usize); 2],
}

impl Report {
    fn a_second(&self) -> f64 {
        self.tally.done as f64 / self.took.as_secs_f64().max(0.001)
    }

    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a text does not fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let tally = &self.tally;
        // All pairs are too many columns; what is wrong with one shows at its client and at its provider.
        type IsOf = fn(&(Dialect, Dialect), Dialect) -> bool;
        let sides: [(&str, &str, IsOf); 2] =
            [("", ">", |pair, client| pair.0 == client), (">", "", |pair, provider| pair.1 == provider)];
        write!(out, "{:<28} {:<8} {:<36}", "asked", "way", "ended")?;
        for (before, after, _) in sides {
            for dialect in Dialect::ALL {
                write!(out, " {:>6}", format!("{before}{}{after}", letter(dialect)))?;
            }
        }
        writeln!(out, " {:>8}", "all")?;
        for ((row, outcome), by_pair) in &tally.counts {
            write!(out, "{:<28} {:<8} {outcome:<36}", row.what, row.way)?;
            for (_, _, is_of) in sides {
                for dialect in Dialect::ALL {
                    let of = by_pair.iter().filter(|(pair, _)| pair.is_some_and(|pair| is_of(&pair, dialect)));
                    match of.map(|(_, count)| count).sum::<u64>() {
                        0 => write!(out, " {:>6}", "")?,
                        count => write!(out, " {count:>6}")?,
                    }
                }
            }
            writeln!(out, " {:>8}", by_pair.values().sum::<u64>())?;
        }
        writeln!(
            out,
            "(C chat, R responses, M messages, G gemini, V converse, H cohere, O ollama; client> and >provider)\n"
        )?;
        writeln!(
            out,
            "{:>8} {:>10} {:>12} {:>12} {:>8}",
            "seconds", "requests", "resident MB", "descriptors", "threads"
        )?;
        for sample in thinned(&self.samples, ROWS) {
            let Sample { at, requests, resident, descriptors, threads } = sample;
            let (seconds, mb) = (at.as_secs_f64(), resident / (1024.0 * 1024.0));
            writeln!(out, "{seconds:>8.1} {requests:>10} {mb:>12.1} {descriptors:>12} {threads:>8}")?;
        }
        let [gateway, simulator] = self.descriptors;
        writeln!(
            out,
            "descriptors, before and after: gateway {} {}, simulator {} {}",
            gateway.0, gateway.1, simulator.0, simulator.1
        )?;
        let Changes { valid, mistaken, keys, longest, .. } = &self.changes;
        writeln!(
            out,
            "configurations: {valid} valid, {mistaken} with mistakes, {keys} keys replaced; in force within {longest:.1?}"
        )?;
        writeln!(
            out,
            "{} requests in {:.1?}, {:.0} a second; seed {}",
            tally.done,
            self.took,
            self.a_second(),
            self.seed
        )?;
        for told in &tally.told {
            writeln!(out, "violation: {told}")?;
        }
        match tally.violations {
            0 => writeln!(out, "nothing was otherwise than contracted"),
            count => writeln!(out, "{count} violations; repeat one request with `--seed {} --only NUMBER`", self.seed),
        }
    }

    pub(super) fn json(&self) -> Value {
        let counts: Vec<Value> = self
            .tally
            .counts
            .iter()
            .flat_map(|((row, outcome), by_pair)| {
                by_pair.iter().map(move |(pair, count)| {
                    let (client, provider) = pair.map_or((None, None), |(c, p)| (Some(c.word()), Some(p.word())));
                    json!({
                        "asked": row.what, "way": row.way, "ended": outcome, "client": client, "provider": provider,
                        "count": count,
                    })
                })
            })
            .collect();
        let samples: Vec<Value> = self
            .samples
            .iter()
            .map(|sample| {
                json!({
                    "seconds": sample.at.as_secs_f64(), "requests": sample.requests, "resident_bytes": sample.resident,
                    "descriptors": sample.descriptors, "threads": sample.threads,
                })
            })
            .collect();
        json!({
            "seed": self.seed, "requests": self.tally.done, "seconds": self.took.as_secs_f64(),
            "requests_a_second": self.a_second(), "violations": self.tally.violations, "told": self.tally.told,
            "configurations": {"valid": self.changes.valid, "mistaken": self.changes.mistaken, "keys": self.changes.keys},
            "descriptors": self.descriptors, "counts": counts, "samples": samples,
        })
    }
}

fn letter(dialect: Dialect) -> char {
    match dialect {
        Dialect::Chat => 'C',
        Dialect::Responses => 'R',
        Dialect::Messages => 'M',
        Dialect::Gemini => 'G',
        Dialect::Converse => 'V',
        Dialect::Cohere => 'H',
        Dialect::Ollama => 'O',
    }
}
