//! Figures as Prometheus reads them, in either of two forms.
//!
//! Sources: <https://prometheus.io/docs/instrumenting/exposition_formats/> and
//! <https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md>. Only the second one has room for
//! exemplars, units and an end.

use crate::families::{Family, Point, Value};
use crate::histogram::{Exemplar, Histogram};
use crate::metric::{Kind, Metric};
use std::fmt::{self, Write};

/// A form of the exposition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The older one, which everything reads.
    Text,
    /// `OpenMetrics`, with exemplars.
    OpenMetrics,
}

impl Format {
    /// The form for who says what it accepts.
    pub fn for_accept(accept: &str) -> Self {
        if accept.contains("application/openmetrics-text") { Self::OpenMetrics } else { Self::Text }
    }

    /// Its media type.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// Writes families. Those without points are left out.
    pub fn write(self, families: &[Family]) -> String {
        let mut out = String::with_capacity(16 << 10);
        for family in families.iter().filter(|family| !family.points.is_empty()) {
            // Writing to memory cannot fail.
            let _ = self.family(family, &mut out);
        }
        if self == Self::OpenMetrics {
            out.push_str("# EOF\n");
        }
        out
    }

    fn family(self, family: &Family, out: &mut String) -> fmt::Result {
        let metric = family.metric;
        let name = match self {
            Self::Text => metric.name,
            Self::OpenMetrics => metric.name.strip_suffix("_total").unwrap_or(metric.name),
        };
        writeln!(out, "# HELP {name} {}", Escaped(metric.help))?;
        writeln!(out, "# TYPE {name} {}", metric.kind.as_str())?;
        if let (Self::OpenMetrics, Some(unit)) = (self, metric.unit.as_str()) {
            writeln!(out, "# UNIT {name} {unit}")?;
        }
        family.points.iter().try_for_each(|point| self.point(metric, point, out))
    }

    fn point(self, metric: &Metric, point: &Point, out: &mut String) -> fmt::Result {
        match &point.value {
            Value::Count(count) => {
                labelled(metric.name, metric, point, None, out)?;
                writeln!(out, " {}", Scaled(u128::from(*count), metric.unit.scale()))
            }
            Value::Exact(amount) => {
                labelled(metric.name, metric, point, None, out)?;
                writeln!(out, " {amount}")
            }
            Value::Spread(spread) => self.spread(metric, point, spread, out),
        }
    }

    fn spread(self, metric: &Metric, point: &Point, spread: &Histogram, out: &mut String) -> fmt::Result {
        debug_assert_eq!(metric.kind, Kind::Histogram, "{}", metric.name);
        let scale = metric.unit.scale();
        let mut below = 0;
        for (bound, count, exemplar) in spread.buckets() {
            below += count;
            let le = bound.map_or_else(|| "+Inf".to_owned(), |bound| Bound(bound, scale).to_string());
            labelled(&format!("{}_bucket", metric.name), metric, point, Some(&le), out)?;
            write!(out, " {below}")?;
            if let (Self::OpenMetrics, Some(Exemplar { trace, span, value, at_us })) = (self, exemplar) {
                let (value, at) = (Scaled(u128::from(*value), scale), Scaled(u128::from(*at_us), 1_000_000));
                write!(out, " # {{trace_id=\"{trace}\",span_id=\"{span}\"}} {value} {at}")?;
            }
            out.write_char('\n')?;
        }
        labelled(&format!("{}_sum", metric.name), metric, point, None, out)?;
        writeln!(out, " {}", Scaled(spread.sum(), scale))?;
        labelled(&format!("{}_count", metric.name), metric, point, None, out)?;
        writeln!(out, " {}", spread.count())
    }
}

fn labelled(name: &str, metric: &Metric, point: &Point, le: Option<&str>, out: &mut String) -> fmt::Result {
    out.write_str(name)?;
    let said = metric.labels.iter().copied().zip(point.labels.iter().map(String::as_str));
    let said = said.filter(|(_, value)| !value.is_empty()).chain(le.map(|le| ("le", le)));
    let mut any = false;
    for (label, value) in said {
        write!(out, "{}{label}=\"{}\"", if any { ',' } else { '{' }, Escaped(value))?;
        any = true;
    }
    if any { out.write_char('}') } else { Ok(()) }
}

/// Text in quotes, or of a help. Quotes may be escaped in both.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|letter| match letter {
            '\\' => f.write_str("\\\\"),
            '\n' => f.write_str("\\n"),
            '"' => f.write_str("\\\""),
            letter => f.write_char(letter),
        })
    }
}

/// A whole number of parts, as the exact decimal of what they are parts of.
struct Scaled(u128, u32);

impl fmt::Display for Scaled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(parts, scale) = *self;
        let scale = u128::from(scale);
        write!(f, "{}", parts / scale)?;
        let rest = parts % scale;
        if rest == 0 {
            return Ok(());
        }
        // What scales are: powers of ten.
        let digits = scale.ilog10() as usize;
        let fraction = format!("{rest:0digits$}");
        write!(f, ".{}", fraction.trim_end_matches('0'))
    }
}

/// A bound, which has a fraction in its canonical form.
struct Bound(u64, u32);

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = Scaled(u128::from(self.0), self.1).to_string();
        if text.contains('.') { f.write_str(&text) } else { write!(f, "{text}.0") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric;
    use switchtower_ledger::record::{SpanId, TraceId};

    fn families() -> Vec<Family> {
        let mut spread = Histogram::new(&[10_000, 1_000_000]);
        spread.add(2500, None);
        let exemplar = Exemplar { trace: TraceId([1; 16]), span: SpanId([2; 8]), value: 20_000, at_us: 1_500_000 };
        spread.add(20_000, Some(exemplar));
        let labels = ["a\"b\\c\nd", "openai", "m", "openai_chat", "answers", ""].map(str::to_owned).to_vec();
        let point = Point { labels, value: Value::Spread(Box::new(spread)) };
        let time = Point { labels: Vec::new(), value: Value::Count(1_000_250) };
        vec![
            Family { metric: metric::DURATION, points: vec![point] },
            Family { metric: metric::LEDGER_COMMIT_TIME, points: vec![time] },
            Family { metric: metric::OPEN_CALLS, points: Vec::new() },
        ]
    }

    #[test]
    fn the_older_form_has_no_exemplars() {
        let text = Format::Text.write(&families());
        let labels = r#"deployment="a\"b\\c\nd",provider="openai",model="m",client="openai_chat",operation="answers""#;
        assert!(
            text.contains(&format!("switchtower_request_duration_seconds_bucket{{{labels},le=\"0.01\"}} 1\n")),
            "{text}"
        );
        assert!(text.contains(&format!("switchtower_request_duration_seconds_bucket{{{labels},le=\"1.0\"}} 2\n")));
        assert!(text.contains(&format!("switchtower_request_duration_seconds_bucket{{{labels},le=\"+Inf\"}} 2\n")));
        assert!(text.contains(&format!("switchtower_request_duration_seconds_sum{{{labels}}} 0.0225\n")));
        assert!(text.contains("# TYPE switchtower_ledger_commit_seconds_total counter\n"));
        assert!(text.contains("\nswitchtower_ledger_commit_seconds_total 1.00025\n"));
        assert!(!text.contains("open_calls") && !text.contains("trace_id"));
    }

    #[test]
    fn the_newer_form_has_them_and_ends() {
        let text = Format::OpenMetrics.write(&families());
        let trace = "01".repeat(16);
        let exemplar = format!("2 # {{trace_id=\"{trace}\",span_id=\"{}\"}} 0.02 1.5\n", "02".repeat(8));
        assert!(text.contains(&exemplar), "{text}");
        assert!(text.contains(
            "# TYPE switchtower_ledger_commit_seconds counter\n# UNIT switchtower_ledger_commit_seconds seconds\n"
        ));
        assert!(text.ends_with("# EOF\n"));
    }

    #[test]
    fn who_accepts_the_newer_form_gets_it() {
        assert_eq!(Format::for_accept("application/openmetrics-text;version=1.0.0,*/*;q=0.1"), Format::OpenMetrics);
        assert_eq!(Format::for_accept("*/*"), Format::Text);
    }
}
