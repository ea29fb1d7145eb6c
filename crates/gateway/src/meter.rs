//! What is measured of an answer on its way: times, lengths, and a digest. Nothing of what is said is kept.

use crate::clock::micros;
use crate::timeline::Timeline;
use std::time::{Duration, Instant};
use switchtower_ledger::record::Digest;
use switchtower_ledger::{Digesting, Digests};

/// Measures one call.
#[derive(Debug)]
pub(crate) struct Meter {
    began: Instant,
    first: Option<Duration>,
    last: Option<Instant>,
    gaps: Gaps,
    received: u64,
    sent: u64,
    digests: Digests,
    digest: Sent,
    /// When each piece came and each room was left, where that is asked for.
    pub(crate) timeline: Option<Box<Timeline>>,
}

/// The digest of what was sent. One that can grow is large.
#[derive(Debug, Default)]
enum Sent {
    #[default]
    Nothing,
    Whole(Digest),
    Pieces(Digesting),
}

impl Sent {
    fn take(&mut self, digests: &Digests, bytes: &[u8]) {
        if !matches!(self, Self::Pieces(_)) {
            *self = Self::Pieces(digests.digesting());
        }
        if let Self::Pieces(digest) = self {
            digest.update(bytes);
        }
    }
}

impl Meter {
    pub(crate) fn new(began: Instant, digests: Digests) -> Self {
        let (gaps, digest) = (Gaps::default(), Sent::default());
        Self { began, first: None, last: None, gaps, received: 0, sent: 0, digests, digest, timeline: None }
    }

    /// Bytes of the provider came.
    pub(crate) fn received(&mut self, bytes: usize) {
        let now = Instant::now();
        match self.last.replace(now) {
            None => self.first = Some(now - self.began),
            Some(last) => self.gaps.add(now - last),
        }
        self.received += bytes as u64;
        if let Some(timeline) = &mut self.timeline {
            timeline.received(bytes as u64);
        }
    }

    /// Bytes leave for the client.
    pub(crate) fn sent(&mut self, bytes: &[u8]) {
        self.sent += bytes.len() as u64;
        self.digest.take(&self.digests, bytes);
        if let Some(timeline) = &mut self.timeline {
            timeline.sent(bytes.len() as u64);
        }
    }

    /// All bytes leave for the client, at once.
    pub(crate) fn sent_whole(&mut self, bytes: &[u8]) {
        self.sent += bytes.len() as u64;
        self.digest = Sent::Whole(self.digests.digest(bytes));
        if let Some(timeline) = &mut self.timeline {
            timeline.sent(bytes.len() as u64);
        }
    }

    /// The request leaves a room.
    pub(crate) fn passed(&mut self, room: &'static str) {
        if let Some(timeline) = &mut self.timeline {
            timeline.passed(room);
        }
    }

    pub(crate) const fn bytes_received(&self) -> u64 {
        self.received
    }

    pub(crate) const fn bytes_sent(&self) -> u64 {
        self.sent
    }

    pub(crate) fn digest(&self) -> Digest {
        match &self.digest {
            Sent::Nothing => self.digests.digest(b""),
            Sent::Whole(digest) => *digest,
            Sent::Pieces(digest) => digest.digest(),
        }
    }

    pub(crate) fn first_us(&self) -> Option<u64> {
        self.first.map(micros)
    }

    /// The median and the 99th percentile of the microseconds between pieces.
    pub(crate) fn gaps_us(&self) -> (Option<u64>, Option<u64>) {
        (self.gaps.quantile(50), self.gaps.quantile(99))
    }

    pub(crate) fn elapsed_us(&self) -> u64 {
        micros(self.began.elapsed())
    }
}

/// How many steps there are between a number and its double: a quantile is at most an eighth too large.
const STEPS: u32 = 8;
/// Gaps beyond 2^32 microseconds, more than an hour, are counted as that.
const BUCKETS: usize = 32 * STEPS as usize;

/// Times in buckets, which grow as the times do. There is no memory for an answer that comes in one piece.
#[derive(Debug, Default)]
struct Gaps {
    counts: Vec<u32>,
    total: u32,
}

impl Gaps {
    fn add(&mut self, gap: Duration) {
        if self.counts.is_empty() {
            self.counts = vec![0; BUCKETS];
        }
        let bucket = bucket(micros(gap)).min(BUCKETS - 1);
        if let Some(count) = self.counts.get_mut(bucket) {
            *count = count.saturating_add(1);
            self.total = self.total.saturating_add(1);
        }
    }

    fn quantile(&self, percent: u64) -> Option<u64> {
        let wanted = (u64::from(self.total) * percent).div_ceil(100);
        let mut before = 0;
        let found = self.counts.iter().position(|count| {
            before += u64::from(*count);
            before >= wanted && before > 0
        });
        found.map(top)
    }
}

/// The bucket of a number of microseconds: its own below sixteen, above that by its highest bits.
fn bucket(gap_us: u64) -> usize {
    let low = u64::from(2 * STEPS);
    if gap_us < low {
        return usize::try_from(gap_us).unwrap_or(0);
    }
    let magnitude = gap_us.ilog2();
    let step = (gap_us >> (magnitude - STEPS.ilog2())) - u64::from(STEPS);
    ((magnitude - STEPS.ilog2()) * STEPS) as usize + STEPS as usize + usize::try_from(step).unwrap_or(0)
}

/// The largest number of a bucket.
fn top(bucket: usize) -> u64 {
    let (bucket, steps) = (bucket as u64, u64::from(STEPS));
    if bucket < 2 * steps {
        return bucket;
    }
    let (magnitude, step) = (bucket / steps - 1, bucket % steps);
    ((steps + step + 1) << magnitude) - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn quantiles(gaps: &[u64]) -> (Option<u64>, Option<u64>) {
        let mut counted = Gaps::default();
        gaps.iter().for_each(|gap| counted.add(Duration::from_micros(*gap)));
        (counted.quantile(50), counted.quantile(99))
    }

    #[test]
    fn nothing_measured_is_no_zero() {
        assert_eq!(quantiles(&[]), (None, None));
        assert_eq!(quantiles(&[7]), (Some(7), Some(7)));
        assert_eq!(quantiles(&[0, 0, 0]), (Some(0), Some(0)));
    }

    proptest! {
        #[test]
        fn a_quantile_is_at_most_an_eighth_too_large(mut gaps in prop::collection::vec(0..4_000_000_000_u64, 1..200)) {
            let (median, high) = quantiles(&gaps);
            gaps.sort_unstable();
            for (found, percent) in [(median, 50), (high, 99)] {
                let exact = gaps[(gaps.len() * percent).div_ceil(100) - 1];
                let found = found.unwrap();
                prop_assert!(found >= exact && found <= exact + exact / 8 + 1, "{found} for {exact}");
            }
        }
    }
}
