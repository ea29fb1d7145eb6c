//! What a process holds, over time: memory, descriptors, threads.

use std::time::Duration;

use crate::process::resident_bytes;

/// Growth that is no leak: what an allocator keeps for later comes in steps.
const GROWTH_SHARE: f64 = 0.10;
const GROWTH_BYTES: f64 = 8.0 * 1024.0 * 1024.0;
/// Fewer samples say nothing about a trend.
const SAMPLES_MIN: usize = 20;
/// Threads for files come and go with the reading of a configuration, and those for estimates of tokens with requests for counts.
const THREADS_MORE: usize = 6;

/// What a process holds at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sample {
    pub(super) at: Duration,
    pub(super) requests: u64,
    pub(super) resident: f64,
    pub(super) descriptors: usize,
    pub(super) threads: usize,
}

impl Sample {
    pub(super) fn take(id: u32, at: Duration, requests: u64) -> Self {
        let entries = |what: &str| std::fs::read_dir(format!("/proc/{id}/{what}")).map_or(0, Iterator::count);
        Self { at, requests, resident: resident_bytes(id), descriptors: entries("fd"), threads: entries("task") }
    }
}

/// What is wrong with a run, as far as its samples tell.
pub(super) fn growth(samples: &[Sample]) -> Vec<String> {
    let mut problems = Vec::new();
    let (Some(first), true) = (samples.first(), samples.len() >= SAMPLES_MIN) else {
        return problems;
    };
    let tenth = samples.len() / 10;
    let early = median(samples.get(tenth..2 * tenth).unwrap_or_default());
    let late = median(samples.get(samples.len() - tenth..).unwrap_or_default());
    if late > early * (1.0 + GROWTH_SHARE) + GROWTH_BYTES {
        let mb = |bytes: f64| bytes / (1024.0 * 1024.0);
        problems.push(format!(
            "memory grew from {:.1} MB in the second tenth to {:.1} MB in the last (10 % and 8 MB are allowed)",
            mb(early),
            mb(late)
        ));
    }
    let most = samples.iter().map(|sample| sample.threads).max().unwrap_or(0);
    if most > first.threads + THREADS_MORE {
        problems.push(format!("threads grew from {} to {most}", first.threads));
    }
    problems
}

/// The median of what was resident.
fn median(samples: &[Sample]) -> f64 {
    let mut resident: Vec<f64> = samples.iter().map(|sample| sample.resident).collect();
    resident.sort_by(f64::total_cmp);
    resident.get(resident.len() / 2).copied().unwrap_or(0.0)
}

/// So many of the samples, from the first to the last.
pub(super) fn thinned(samples: &[Sample], rows: usize) -> Vec<Sample> {
    let last = samples.len().saturating_sub(1);
    let mut places: Vec<usize> = (0..rows).map(|row| row * last / rows.saturating_sub(1).max(1)).collect();
    places.dedup();
    places.into_iter().filter_map(|place| samples.get(place).copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(resident: impl Fn(usize) -> f64) -> Vec<Sample> {
        let sample = |place| Sample {
            at: Duration::from_secs(place as u64),
            requests: place as u64,
            resident: resident(place) * 1024.0 * 1024.0,
            descriptors: 10,
            threads: 4,
        };
        (0..100).map(sample).collect()
    }

    #[test]
    fn a_run_that_grows_is_told_and_one_that_warms_up_is_not() {
        assert_eq!(growth(&run(|place| if place < 5 { 10.0 } else { 60.0 })), Vec::<String>::new());
        assert_eq!(growth(&run(|place| if place == 50 { 300.0 } else { 60.0 })), Vec::<String>::new());
        assert_eq!(growth(&run(|place| 40.0 + place as f64)).len(), 1);
        let mut many = run(|_| 50.0);
        many[50].threads = 40;
        assert_eq!(growth(&many).len(), 1);
    }

    #[test]
    fn a_thinned_run_keeps_its_ends() {
        let all = run(|_| 1.0);
        let few = thinned(&all, 5);
        assert_eq!(few.len(), 5);
        assert_eq!((few[0].requests, few[4].requests), (0, 99));
        assert_eq!(thinned(&all[..1], 5).len(), 1);
    }
}
