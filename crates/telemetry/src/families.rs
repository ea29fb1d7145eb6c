//! Figures as they are told: families of points with labels, for both forms of export.

use crate::figures::{COUNTED, DIRECTIONS, Labels, Reported, Series, Snapshot, Spent, TOKEN_KINDS};
use crate::histogram::Histogram;
use crate::house::{ExportCount, House, Projected};
use crate::metric::{self, Metric};
use std::collections::BTreeMap;
use switchtower_domain::Amount;

/// A metric with its points.
#[derive(Debug, Clone)]
pub struct Family {
    /// The metric.
    pub metric: &'static Metric,
    /// Its points, each with other labels.
    pub points: Vec<Point>,
}

/// One point of a metric.
#[derive(Debug, Clone)]
pub struct Point {
    /// The values of the metric's labels, in their order; an empty one says nothing.
    pub labels: Vec<String>,
    /// The value.
    pub value: Value,
}

/// The value of a point.
#[derive(Debug, Clone)]
pub enum Value {
    /// A number of what the metric is counted in: of microseconds where its unit is seconds.
    Count(u64),
    /// An exact decimal number.
    Exact(Amount),
    /// A spread.
    Spread(Box<Histogram>),
}

/// Figures and the house, as they are told.
pub(crate) fn families(
    snapshot: &Snapshot,
    house: &House,
    (spans, metrics, queued): (&ExportCount, &ExportCount, u64),
) -> Vec<Family> {
    let mut families = Families(metric::ALL.iter().map(|metric| Family { metric, points: Vec::new() }).collect());
    for series in &snapshot.series {
        families.series(series);
    }
    for (other, count) in &snapshot.others {
        let (deployment, client, operation) = (&*other.deployment, &*other.client, &*other.operation);
        families.count(metric::REQUESTS, &[deployment, "", "", client, operation, other.outcome, &other.code], *count);
    }
    families.heads(&snapshot.series);
    families.count(metric::OPEN_CALLS, &[], snapshot.open as u64);
    families.count(metric::OTHER, &[], snapshot.overflowed);
    families.house(house);
    for (signal, counted) in [("traces", spans), ("metrics", metrics)] {
        for (outcome, count) in counted.outcomes() {
            families.count(metric::EXPORTED, &[signal, outcome], count);
        }
    }
    families.count(metric::EXPORT_QUEUE, &[], queued);
    families.0
}

struct Families(Vec<Family>);

impl Families {
    fn point(&mut self, metric: &'static Metric, labels: Vec<String>, value: Value) {
        debug_assert_eq!(metric.labels.len(), labels.len(), "{}", metric.name);
        if let Some(family) = self.0.iter_mut().find(|family| family.metric.name == metric.name) {
            family.points.push(Point { labels, value });
        }
    }

    fn count(&mut self, metric: &'static Metric, labels: &[&str], count: u64) {
        self.point(metric, labels.iter().map(|label| (*label).to_owned()).collect(), Value::Count(count));
    }

    fn spread(&mut self, metric: &'static Metric, labels: &[&str], spread: &Histogram) {
        if !spread.is_empty() {
            let labels = labels.iter().map(|label| (*label).to_owned()).collect();
            self.point(metric, labels, Value::Spread(Box::new(spread.clone())));
        }
    }

    fn series(&mut self, series: &Series) {
        let Labels { deployment, provider, model, client, operation } = &series.labels;
        let of_call = [deployment, provider, model, client, operation].map(|label| &**label);
        let [deployment, provider, model, client, operation] = of_call;
        let mut by_outcome: Vec<(&str, Histogram)> = Vec::new();
        for end in &series.ends {
            let labels = [deployment, provider, model, client, operation, &end.outcome, &end.code];
            self.count(metric::REQUESTS, &labels, end.duration.count());
            match by_outcome.iter_mut().find(|(outcome, _)| *outcome == end.outcome) {
                Some((_, duration)) => duration.merge(&end.duration),
                None => by_outcome.push((&end.outcome, end.duration.clone())),
            }
        }
        for (outcome, duration) in &by_outcome {
            self.spread(metric::DURATION, &[deployment, provider, model, client, operation, outcome], duration);
        }
        for (metric, spread) in [
            (metric::FIRST_TOKEN, &series.first),
            (metric::PER_TOKEN, &series.per_token),
            (metric::GAP_MEDIAN, &series.gap_median),
            (metric::GAP_HIGH, &series.gap_high),
        ] {
            self.spread(metric, &of_call, spread);
        }
        for (kind, tokens) in TOKEN_KINDS.iter().zip(&series.tokens) {
            for (counted, tokens) in COUNTED.iter().zip(tokens).filter(|(_, tokens)| **tokens > 0) {
                self.count(metric::TOKENS, &[deployment, provider, model, client, operation, kind, counted], *tokens);
            }
        }
        for (direction, bytes) in DIRECTIONS.iter().zip(series.bytes) {
            self.count(metric::BYTES, &[deployment, provider, model, client, operation, direction], bytes);
        }
    }

    /// What is not told apart by client and operation.
    fn heads(&mut self, all: &[Series]) {
        let mut heads: BTreeMap<[&str; 3], Histogram> = BTreeMap::new();
        let mut attempts: BTreeMap<[&str; 4], u64> = BTreeMap::new();
        let mut notices: BTreeMap<[&str; 6], u64> = BTreeMap::new();
        let mut priced: BTreeMap<[&str; 4], u64> = BTreeMap::new();
        let mut costs: BTreeMap<[&str; 5], Amount> = BTreeMap::new();
        let mut reported: BTreeMap<[&str; 5], Amount> = BTreeMap::new();
        for series in all {
            let Labels { deployment, provider, model, client, .. } = &series.labels;
            let [deployment, provider, model, client] = [deployment, provider, model, client].map(|label| &**label);
            for (failure, count) in &series.attempts {
                *attempts.entry([deployment, provider, model, failure]).or_default() += count;
            }
            for (of, class, count) in &series.notices {
                *notices.entry([deployment, provider, model, client, of, class]).or_default() += count;
            }
            for Spent { status, calls, sums } in &series.costs {
                *priced.entry([deployment, provider, model, status]).or_default() += calls;
                for (currency, amount) in sums {
                    let sum = costs.entry([deployment, provider, model, currency, status]).or_default();
                    *sum = sum.checked_add(*amount).unwrap_or(*sum);
                }
            }
            for Reported { currency, by_provider, here } in &series.reported {
                for (by, amount) in [("provider", by_provider), ("here", here)] {
                    let sum = reported.entry([deployment, provider, model, currency, by]).or_default();
                    *sum = sum.checked_add(*amount).unwrap_or(*sum);
                }
            }
            let head = heads.entry([deployment, provider, model]);
            head.or_insert_with(|| Histogram::new(series.head.bounds())).merge(&series.head);
        }
        attempts.iter().for_each(|(labels, count)| self.count(metric::ATTEMPTS, labels, *count));
        notices.iter().for_each(|(labels, count)| self.count(metric::NOTICES, labels, *count));
        priced.iter().for_each(|(labels, count)| self.count(metric::PRICED, labels, *count));
        for (metric, sums) in [(metric::COST, &costs), (metric::REPORTED_COST, &reported)] {
            for (labels, amount) in sums {
                let labels = labels.iter().map(|label| (*label).to_owned()).collect();
                self.point(metric, labels, Value::Exact(*amount));
            }
        }
        heads.iter().for_each(|(labels, head)| self.spread(metric::HEAD, labels, head));
    }

    fn house(&mut self, house: &House) {
        let plain = [
            (metric::OPEN_REQUESTS, house.open_requests),
            (metric::LEDGER_RECORDS, house.records),
            (metric::LEDGER_UNSYNCED, house.records.saturating_sub(house.synced)),
            (metric::LEDGER_QUEUE, house.waiting),
            (metric::LEDGER_COMMITS, house.commits),
            (metric::LEDGER_COMMIT_TIME, house.commit_us),
            (metric::LEDGER_COMMIT_MAX, house.commit_us_max),
            (metric::LEDGER_BYTES, house.written_bytes),
            (metric::LEDGER_REFUSED, house.refused_records),
            (metric::LEDGER_FAILING, u64::from(house.ledger_failing)),
            (metric::LEDGER_WITNESS_CONFLICTS, house.witness_conflicts),
            (metric::LEDGER_OTHERS_CONTRADICTED, house.others_contradicted),
            (metric::RELOAD_OK, u64::from(house.reload_ok)),
            (metric::STARTED, house.started_us),
        ];
        plain.into_iter().for_each(|(metric, count)| self.count(metric, &[], count));
        if let Some(bytes) = house.disk_free_bytes {
            self.count(metric::LEDGER_DISK_FREE, &[], bytes);
        }
        if let Some(Projected { behind, lag_us, failing, failures }) = house.projection {
            self.count(metric::PROJECTION_BEHIND, &[], behind);
            self.count(metric::PROJECTION_LAG, &[], lag_us);
            self.count(metric::PROJECTION_FAILING, &[], u64::from(failing));
            self.count(metric::PROJECTION_FAILURES, &[], failures);
        }
        self.count(metric::RELOADS, &["ok"], house.reloads);
        self.count(metric::RELOADS, &["failed"], house.reloads_failed);
        for check in &house.checks {
            self.count(metric::READY, &[check.name], u64::from(check.holds));
        }
        self.count(metric::BUILD, &[house.version], 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::Figures;
    use crate::house::Check;
    use switchtower_ledger::record::{Attempt, Closed, Costs, Counts, Lost, Opened, Sum};

    #[test]
    fn every_metric_is_told() {
        let mut figures = Figures::new(10);
        let lost = vec![Lost { path: "top_k".into(), class: "meaning".into() }];
        figures.opened(0, Opened { streamed: true, lost, ..Opened::default() }, false);
        let usage = Counts { input: Some(3), output: Some(9), ..Counts::default() };
        let sum = || Sum { amount: "0.5".into(), currency: "USD".into() };
        let cost = || Some(Costs { status: "exact".into(), totals: vec![sum()], ..Costs::default() });
        let attempt = Attempt { head_us: Some(1), cost: cost(), reported: Some(sum()), ..Attempt::default() };
        let closed = Closed {
            outcome: "answered".into(),
            usage: Some(usage),
            first_us: Some(1),
            gap_p50_us: Some(1),
            gap_p99_us: Some(1),
            cost: cost(),
            attempts: vec![attempt],
            ..Closed::default()
        };
        figures.closed(1, &closed);
        let checks = vec![Check { name: "serving", holds: true }];
        let house =
            House { disk_free_bytes: Some(1), projection: Some(Projected::default()), checks, ..House::default() };
        let counts = ExportCount::default();
        for family in families(&figures.snapshot(), &house, (&counts, &counts, 0)) {
            assert!(!family.points.is_empty(), "{}", family.metric.name);
            assert!(family.points.iter().all(|point| point.labels.len() == family.metric.labels.len()));
        }
    }
}
