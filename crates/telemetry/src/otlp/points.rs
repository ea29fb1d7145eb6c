//! Figures as metrics of OTLP: ours, and those that the conventions name.

use super::messages::{
    Attributes, CUMULATIVE, Data, Gauge, Histogram, KeyValue, Metric, Number, Numeric, Sample, Spread, Sum, nanos,
    rounded, seconds,
};
use super::spans::error_of;
use crate::families::{Family, Value};
use crate::figures::{Series, Snapshot, TOKEN_KINDS};
use crate::histogram;
use crate::metric::{Kind, Unit};
use crate::semconv::{self, Profile};
use std::collections::BTreeMap;

/// When figures began, and when they were looked at, in microseconds since 1970.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) started_us: u64,
    pub(super) now_us: u64,
}

/// All metrics.
pub(super) fn metrics(families: &[Family], snapshot: &Snapshot, profile: Profile, span: Span) -> Vec<Metric> {
    let told = families.iter().filter(|family| !family.points.is_empty()).map(|family| of_family(family, span));
    told.chain(conventional(&snapshot.series, profile, span)).collect()
}

fn of_family(family: &Family, span: Span) -> Metric {
    let metric = family.metric;
    let (mut numbers, mut spreads) = (Vec::new(), Vec::new());
    for point in &family.points {
        let mut attributes = Attributes::default();
        metric.labels.iter().zip(&point.labels).for_each(|(label, value)| attributes.text(label, value));
        match &point.value {
            Value::Count(count) => numbers.push(number(attributes.0, *count, metric.unit, span)),
            Value::Exact(amount) => numbers.push(Number {
                attributes: attributes.0,
                start_time_unix_nano: nanos(span.started_us),
                time_unix_nano: nanos(span.now_us),
                value: Some(Numeric::Fraction(rounded(*amount))),
            }),
            Value::Spread(one) => spreads.push(spread(attributes.0, one, metric.unit, span)),
        }
    }
    let data = match metric.kind {
        Kind::Counter => sum(numbers),
        Kind::Gauge => Data::Gauge(Gauge { data_points: numbers }),
        Kind::Histogram => Data::Histogram(Histogram { data_points: spreads, aggregation_temporality: CUMULATIVE }),
    };
    told(metric.otel, metric.help, metric.unit.ucum(), data)
}

fn told(name: &str, description: &str, unit: &str, data: Data) -> Metric {
    Metric { name: name.to_owned(), description: description.to_owned(), unit: unit.to_owned(), data: Some(data) }
}

const fn sum(data_points: Vec<Number>) -> Data {
    Data::Sum(Sum { data_points, aggregation_temporality: CUMULATIVE, is_monotonic: true })
}

fn number(attributes: Vec<KeyValue>, count: u64, unit: Unit, span: Span) -> Number {
    let value = match unit {
        Unit::Seconds => Numeric::Fraction(seconds(u128::from(count))),
        Unit::None | Unit::Bytes => Numeric::Whole(i64::try_from(count).unwrap_or(i64::MAX)),
    };
    Number {
        attributes,
        start_time_unix_nano: nanos(span.started_us),
        time_unix_nano: nanos(span.now_us),
        value: Some(value),
    }
}

#[expect(clippy::cast_precision_loss, reason = "OTLP has sums and bounds as fractions")]
fn spread(attributes: Vec<KeyValue>, of: &histogram::Histogram, unit: Unit, span: Span) -> Spread {
    let scaled = |value: u128| if unit == Unit::Seconds { seconds(value) } else { value as f64 };
    let exemplars = of.buckets().filter_map(|(_, _, exemplar)| {
        exemplar.map(|exemplar| Sample {
            time_unix_nano: nanos(exemplar.at_us),
            value: scaled(u128::from(exemplar.value)),
            span_id: exemplar.span.0.to_vec(),
            trace_id: exemplar.trace.0.to_vec(),
        })
    });
    Spread {
        attributes,
        start_time_unix_nano: nanos(span.started_us),
        time_unix_nano: nanos(span.now_us),
        count: of.count(),
        sum: Some(scaled(of.sum())),
        bucket_counts: of.buckets().map(|(_, count, _)| count).collect(),
        explicit_bounds: of.bounds().iter().map(|bound| scaled(u128::from(*bound))).collect(),
        exemplars: exemplars.collect(),
    }
}

/// What the conventions tell calls apart by: less than we do, so series fall together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Asked<'a> {
    operation: &'static str,
    provider: &'a str,
    model: &'a str,
    host: &'a str,
    /// The kind of error, or of tokens.
    more: (&'static str, &'a str),
}

impl<'a> Asked<'a> {
    fn of(series: &'a Series, more: (&'static str, &'a str)) -> Self {
        let labels = &series.labels;
        Self {
            operation: semconv::operation(&labels.operation, &labels.client),
            provider: semconv::provider(series.kind.as_deref(), &labels.provider),
            model: &labels.model,
            host: &series.host,
            more,
        }
    }

    fn attributes(self) -> Vec<KeyValue> {
        let mut attributes = Attributes::default();
        attributes.text(semconv::OPERATION_NAME, self.operation);
        attributes.text(semconv::PROVIDER_NAME, self.provider);
        attributes.text(semconv::REQUEST_MODEL, self.model);
        attributes.server(self.host);
        attributes.text(self.more.0, self.more.1);
        attributes.0
    }
}

/// Spreads by what the conventions tell calls apart by.
type Spreads<'a> = BTreeMap<Asked<'a>, histogram::Histogram>;

fn merge<'a>(into: &mut Spreads<'a>, asked: Asked<'a>, spread: &histogram::Histogram) {
    if !spread.is_empty() {
        let merged = into.entry(asked).or_insert_with(|| histogram::Histogram::new(spread.bounds()));
        merged.merge(spread);
    }
}

fn conventional(all: &[Series], profile: Profile, span: Span) -> Vec<Metric> {
    let (mut durations, mut first, mut later, mut usage) =
        <(Spreads<'_>, Spreads<'_>, Spreads<'_>, Spreads<'_>)>::default();
    for series in all {
        for end in &series.ends {
            let error = error_of(&end.outcome, Some(&end.code));
            merge(&mut durations, Asked::of(series, (semconv::ERROR_TYPE, error)), &end.duration);
        }
        let nothing = Asked::of(series, ("", ""));
        merge(&mut first, nothing, &series.first);
        merge(&mut later, nothing, &series.per_token);
        for (word, tokens) in semconv::TOKEN_TYPES.iter().zip(&series.usage) {
            merge(&mut usage, Asked::of(series, (semconv::TOKEN_TYPE, word)), tokens);
        }
    }
    let spreads = |name: &str, help: &str, unit: Unit, ucum: &str, of: Spreads<'_>| {
        let points = of.iter().map(|(asked, of)| spread(asked.attributes(), of, unit, span)).collect();
        let data = Histogram { data_points: points, aggregation_temporality: CUMULATIVE };
        told(name, help, ucum, Data::Histogram(data))
    };
    let mut metrics = vec![
        spreads(profile.duration_metric(), "Duration of operations.", Unit::Seconds, "s", durations),
        spreads(profile.first_metric(), "Time to the first piece of a stream.", Unit::Seconds, "s", first),
    ];
    if let Some(name) = profile.later_metric() {
        metrics.push(spreads(
            name,
            "Time for each token of a stream after the first piece.",
            Unit::Seconds,
            "s",
            later,
        ));
    }
    match profile {
        Profile::V1_41 => {
            let name = semconv::TOKEN_USAGE_METRIC;
            metrics.push(spreads(name, "Tokens of each operation.", Unit::None, "{token}", usage));
        }
        Profile::Next => metrics.extend(counters(all, span)),
    }
    metrics.retain(|metric| !matches!(&metric.data, Some(Data::Histogram(of)) if of.data_points.is_empty()));
    metrics
}

/// The counters of tokens of the next profile.
fn counters(all: &[Series], span: Span) -> impl Iterator<Item = Metric> {
    semconv::NEXT_USAGE_METRICS.into_iter().filter_map(move |(kind, name)| {
        let mut counts: BTreeMap<Asked<'_>, u64> = BTreeMap::new();
        for series in all {
            let place = TOKEN_KINDS.iter().position(|known| *known == kind)?;
            let tokens = series.tokens.get(place).into_iter().flatten();
            let count = counts.entry(Asked::of(series, (semconv::TOKEN_MODALITY, "unknown"))).or_default();
            *count = tokens.fold(*count, |count, tokens| count.saturating_add(*tokens));
        }
        counts.retain(|_, tokens| *tokens > 0);
        let points: Vec<_> =
            counts.iter().map(|(asked, tokens)| number(asked.attributes(), *tokens, Unit::None, span)).collect();
        (!points.is_empty()).then(|| told(name, "Tokens that were used.", "{token}", sum(points)))
    })
}
