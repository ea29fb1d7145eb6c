//! How values are spread: counts in buckets with fixed bounds, and for each bucket the last trace that fell into it.

use switchtower_ledger::record::{SpanId, TraceId};

/// Bounds of buckets in the unit in which values are counted, ascending.
pub type Bounds = &'static [u64];

/// A trace behind a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exemplar {
    /// The trace.
    pub trace: TraceId,
    /// The span of the request.
    pub span: SpanId,
    /// The value, in the unit in which values are counted.
    pub value: u64,
    /// When, in microseconds since 1970.
    pub at_us: u64,
}

/// Counts of values in buckets. It takes no memory until something is counted.
#[derive(Debug, Clone)]
pub struct Histogram {
    bounds: Bounds,
    /// One for each bound, and one for what is larger than all of them.
    counts: Vec<u64>,
    sum: u128,
    count: u64,
    exemplars: Vec<Option<Exemplar>>,
}

impl Histogram {
    /// An empty histogram.
    pub const fn new(bounds: Bounds) -> Self {
        Self { bounds, counts: Vec::new(), sum: 0, count: 0, exemplars: Vec::new() }
    }

    /// Counts a value, and remembers the trace behind it where that is kept.
    pub fn add(&mut self, value: u64, exemplar: Option<Exemplar>) {
        if self.counts.is_empty() {
            self.counts = vec![0; self.bounds.len() + 1];
        }
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.counts.get_mut(bucket) {
            *count += 1;
        }
        self.sum += u128::from(value);
        self.count += 1;
        if exemplar.is_some() {
            self.exemplars.resize(self.bounds.len() + 1, None);
            if let Some(kept) = self.exemplars.get_mut(bucket) {
                *kept = exemplar;
            }
        }
    }

    /// Takes all that another one with the same bounds has.
    pub fn merge(&mut self, other: &Self) {
        if self.counts.is_empty() {
            self.counts = vec![0; self.bounds.len() + 1];
        }
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.sum += other.sum;
        self.count += other.count;
        if !other.exemplars.is_empty() {
            self.exemplars.resize(self.bounds.len() + 1, None);
            for (kept, other) in self.exemplars.iter_mut().zip(&other.exemplars) {
                let newer = other.filter(|other| kept.is_none_or(|kept| kept.at_us <= other.at_us));
                *kept = newer.or(*kept);
            }
        }
    }

    /// Whether nothing was counted.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many values were counted.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Their sum.
    pub const fn sum(&self) -> u128 {
        self.sum
    }

    /// The bounds.
    pub const fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// The buckets in order, the last one without a bound: its bound, its own count, and a trace in it.
    pub fn buckets(&self) -> impl Iterator<Item = (Option<u64>, u64, Option<&Exemplar>)> {
        let bounds = self.bounds.iter().copied().map(Some).chain(std::iter::once(None));
        bounds.enumerate().map(|(place, bound)| {
            let exemplar = self.exemplars.get(place).and_then(Option::as_ref);
            (bound, self.counts.get(place).copied().unwrap_or_default(), exemplar)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BOUNDS: Bounds = &[10, 20, 40];

    fn of(values: &[u64]) -> Histogram {
        let mut histogram = Histogram::new(BOUNDS);
        values.iter().for_each(|value| histogram.add(*value, None));
        histogram
    }

    fn counts(histogram: &Histogram) -> Vec<u64> {
        histogram.buckets().map(|(_, count, _)| count).collect()
    }

    #[test]
    fn a_bound_belongs_to_its_bucket() {
        assert_eq!(counts(&of(&[0, 10, 11, 20, 40, 41])), [2, 2, 1, 1]);
        assert!(of(&[]).is_empty());
    }

    #[test]
    fn the_newest_trace_of_a_bucket_is_kept() {
        let exemplar = |at_us| Some(Exemplar { trace: TraceId([1; 16]), span: SpanId([1; 8]), value: 5, at_us });
        let (mut older, mut newer) = (of(&[]), of(&[]));
        older.add(5, exemplar(1));
        newer.add(5, exemplar(2));
        newer.add(6, None);
        newer.merge(&older);
        older.merge(&of(&[7]));
        let kept =
            |histogram: &Histogram| histogram.buckets().next().and_then(|(_, _, kept)| kept.map(|kept| kept.at_us));
        assert_eq!((kept(&newer), kept(&older)), (Some(2), Some(1)));
    }

    proptest! {
        #[test]
        fn two_together_are_as_one(one in prop::collection::vec(0..99_u64, 0..40), other in prop::collection::vec(0..99_u64, 0..40)) {
            let mut merged = of(&one);
            merged.merge(&of(&other));
            let whole = of(&[one, other].concat());
            prop_assert_eq!(counts(&merged), counts(&whole));
            prop_assert_eq!((merged.sum(), merged.count()), (whole.sum(), whole.count()));
        }
    }
}
