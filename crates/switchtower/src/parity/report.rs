//! What was found, as a table and as JSON.

use super::ask::{Answer, Streamed};
use super::probes::{PROBES, Verdict};
use comfy_table::Table;
use comfy_table::presets::UTF8_BORDERS_ONLY;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use std::time::Duration;

/// The outcome of a comparison.
#[derive(Debug)]
pub struct Report {
    columns: Vec<Column>,
}

/// What one deployment did.
#[derive(Debug)]
pub(super) struct Column {
    name: String,
    verdicts: Vec<Verdict>,
    model: Option<String>,
    notices: String,
    text: Option<String>,
    first_ms: Option<f64>,
    tokens_per_second: Option<f64>,
    usage: Option<[Option<u64>; 3]>,
    arithmetic: String,
}

impl Column {
    pub(super) fn new(
        name: String,
        verdicts: Vec<Verdict>,
        whole: Option<&Answer>,
        short: Option<&Streamed>,
        streams: &[Streamed],
    ) -> Self {
        let usage = whole.and_then(|answer| answer.body.get("usage")).map(counts);
        let streamed = short.and_then(|stream| stream.usage.as_ref()).map(counts);
        let text =
            |answer: &Answer| Some(answer.body.pointer("/choices/0/message/content")?.as_str()?.trim().to_owned());
        let speed = |stream: &Streamed| {
            let tokens = stream.usage.as_ref().and_then(|usage| usage.get("completion_tokens")?.as_u64())?;
            let seconds = stream.rest.as_secs_f64();
            #[expect(clippy::cast_precision_loss, reason = "counts of tokens are small")]
            let speed = tokens as f64 / seconds;
            (seconds > 0.0).then_some(speed)
        };
        Self {
            name,
            verdicts,
            model: whole.and_then(|answer| Some(answer.body.get("model")?.as_str()?.to_owned())),
            notices: whole.map(|answer| answer.notices.clone()).unwrap_or_default(),
            text: whole.and_then(text),
            first_ms: median(streams.iter().filter_map(|stream| stream.first.map(millis))),
            tokens_per_second: median(streams.iter().filter_map(speed)),
            usage,
            arithmetic: arithmetic(usage, streamed),
        }
    }

    fn json(&self) -> Value {
        let features: Map<String, Value> = PROBES
            .iter()
            .zip(&self.verdicts)
            .map(|(probe, verdict)| {
                let (works, why) = match verdict {
                    Verdict::Works => (true, None),
                    Verdict::Otherwise(why) | Verdict::Refused(why) => (false, Some(why)),
                };
                (probe.name.to_owned(), json!({"works": works, "why": why}))
            })
            .collect();
        let [input, output, total] = self.usage.unwrap_or_default();
        json!({"deployment": self.name, "model": self.model, "features": features, "first_token_ms": self.first_ms,
            "tokens_per_second": self.tokens_per_second, "usage": {"input": input, "output": output, "total": total},
            "usage_arithmetic": self.arithmetic, "answer": self.text, "notices": self.notices})
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn median(numbers: impl Iterator<Item = f64>) -> Option<f64> {
    let mut sorted: Vec<f64> = numbers.collect();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied()
}

fn counts(usage: &Value) -> [Option<u64>; 3] {
    ["prompt_tokens", "completion_tokens", "total_tokens"].map(|key| usage.get(key).and_then(Value::as_u64))
}

/// Whether a usage adds up, and is the same whole and streamed.
fn arithmetic(whole: Option<[Option<u64>; 3]>, streamed: Option<[Option<u64>; 3]>) -> String {
    let [input, output, total] = whole.unwrap_or_default();
    let (Some(input), Some(output)) = (input, output) else { return "not reported".to_owned() };
    if total.is_some_and(|total| total != input.saturating_add(output)) {
        return format!("{input} + {output} is not {}", total.unwrap_or_default());
    }
    match streamed {
        None => "not reported in streams".to_owned(),
        Some([of_stream, ..]) if of_stream != Some(input) => {
            format!(
                "{input} whole, {} streamed",
                of_stream.map_or_else(|| "none".to_owned(), |count| count.to_string())
            )
        }
        Some(_) => "adds up".to_owned(),
    }
}

impl Report {
    pub(super) const fn new(columns: Vec<Column>) -> Self {
        Self { columns }
    }

    /// Whether every deployment did every probe alike.
    pub fn is_alike(&self) -> bool {
        let works = |verdict: &Verdict| *verdict == Verdict::Works;
        let [first, rest @ ..] = self.columns.as_slice() else { return true };
        let alike = |other: &Column| {
            first.verdicts.iter().map(works).eq(other.verdicts.iter().map(works)) && first.text == other.text
        };
        rest.iter().all(alike)
    }

    /// As JSON: one object for each deployment.
    pub fn json(&self) -> Value {
        json!({"alike": self.is_alike(), "deployments": self.columns.iter().map(Column::json).collect::<Vec<_>>()})
    }

    /// As a table, with what stands behind each cell below it.
    pub fn text(&self) -> String {
        let mut table = Table::new();
        table.load_style(UTF8_BORDERS_ONLY);
        table.set_header(std::iter::once("").chain(self.columns.iter().map(|column| column.name.as_str())));
        let mut notes = Vec::new();
        for (place, probe) in PROBES.iter().enumerate() {
            let cells = self.columns.iter().map(|column| match column.verdicts.get(place) {
                Some(Verdict::Works) => "yes".to_owned(),
                Some(Verdict::Otherwise(why)) => format!("no: {why}"),
                Some(Verdict::Refused(why)) => {
                    notes.push(format!("{}, {}: {why}", column.name, probe.name));
                    format!("refused [{}]", notes.len())
                }
                None => String::new(),
            });
            let cells: Vec<String> = cells.collect();
            table.add_row(std::iter::once(probe.name.to_owned()).chain(cells));
        }
        let number = |number: Option<f64>| number.map_or_else(|| "–".to_owned(), |number| format!("{number:.0}"));
        let count = |count: Option<u64>| count.map_or_else(|| "–".to_owned(), |count| count.to_string());
        type Row<'a> = (&'static str, Box<dyn Fn(&Column) -> String + 'a>);
        let rows: [Row<'_>; 8] = [
            ("first token (ms)", Box::new(|column| number(column.first_ms))),
            ("tokens a second", Box::new(|column| number(column.tokens_per_second))),
            ("input tokens", Box::new(|column| count(column.usage.unwrap_or_default()[0]))),
            ("output tokens", Box::new(|column| count(column.usage.unwrap_or_default()[1]))),
            ("usage", Box::new(|column| column.arithmetic.clone())),
            ("model that answered", Box::new(|column| column.model.clone().unwrap_or_else(|| "–".to_owned()))),
            ("answer at temperature 0", Box::new(|column| self.compared(column))),
            (
                "not carried",
                Box::new(|column| if column.notices.is_empty() { "–".to_owned() } else { column.notices.clone() }),
            ),
        ];
        for (name, cell) in rows {
            table.add_row(std::iter::once(name.to_owned()).chain(self.columns.iter().map(cell)));
        }
        let mut text = format!("{table}\n");
        for (number, note) in notes.iter().enumerate() {
            let _ = writeln!(text, "[{}] {note}", number + 1);
        }
        text
    }

    /// How an answer compares with the first one.
    fn compared(&self, column: &Column) -> String {
        let first = self.columns.first().and_then(|first| first.text.as_deref());
        match (first, column.text.as_deref()) {
            (_, None) => "–".to_owned(),
            (Some(first), Some(text)) if first == text => "the same".to_owned(),
            (first, Some(text)) => {
                let alike = first.unwrap_or_default().chars().zip(text.chars()).take_while(|(one, other)| one == other);
                format!("differs from letter {} on", alike.count() + 1)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_adds_up_or_is_told() {
        let counts = |input, output, total| Some([Some(input), Some(output), Some(total)]);
        assert_eq!(arithmetic(counts(5, 2, 7), counts(5, 3, 8)), "adds up");
        assert_eq!(arithmetic(counts(5, 2, 9), counts(5, 2, 7)), "5 + 2 is not 9");
        assert_eq!(arithmetic(counts(5, 2, 7), counts(6, 2, 8)), "5 whole, 6 streamed");
        assert_eq!(arithmetic(counts(5, 2, 7), None), "not reported in streams");
        assert_eq!(arithmetic(None, None), "not reported");
    }

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), Some(2.0));
        assert_eq!(median(std::iter::empty()), None);
    }
}
