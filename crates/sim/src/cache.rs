//! The prompt cache that providers keep, and what they report of it.
//!
//! It is the one thing in this crate that remembers earlier requests. Entries never age, since there is no clock here;
//! the oldest make room when the cache is full. It holds digests of prompts, never their text.

use crate::ask::{CacheMark, PromptPart};
use crate::random::Digest;
use crate::said::Usage;
use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

/// Shortest prefix that is cached, and the step in which OpenAI reports it.
const PREFIX_TOKENS_MIN: u64 = 1_024;
const STEP_TOKENS: u64 = 128;
/// Most prefixes kept.
const ENTRIES_MAX: usize = 65_536;

#[derive(Debug, Default)]
pub(crate) struct PromptCache {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    known: HashSet<u64>,
    order: VecDeque<u64>,
}

impl Kept {
    fn keep(&mut self, prefix: u64) {
        if self.known.insert(prefix) {
            self.order.push_back(prefix);
            if self.order.len() > ENTRIES_MAX
                && let Some(oldest) = self.order.pop_front()
            {
                self.known.remove(&oldest);
            }
        }
    }
}

/// A prefix that is long enough to be cached.
struct Prefix {
    digest: u64,
    tokens: u64,
    mark: Option<CacheMark>,
}

fn prefixes(model: &str, prompt: &[PromptPart]) -> Vec<Prefix> {
    let mut chain = Digest::new();
    chain.add(model.as_bytes());
    let mut tokens = 0;
    let all = prompt.iter().map(|part| {
        chain.add(&part.digest.to_le_bytes());
        tokens += part.tokens;
        Prefix { digest: chain.finish(), tokens, mark: part.mark }
    });
    all.filter(|prefix| prefix.tokens >= PREFIX_TOKENS_MIN).collect()
}

impl PromptCache {
    /// As OpenAI does: every long prefix is kept without being asked, and reported in steps.
    pub(crate) fn automatic(&self, model: &str, prompt: &[PromptPart], usage: &mut Usage) {
        let prefixes = prefixes(model, prompt);
        if prefixes.is_empty() {
            return;
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let hit = prefixes.iter().rev().find(|prefix| kept.known.contains(&prefix.digest));
        usage.cache_read = hit.map_or(0, |prefix| prefix.tokens / STEP_TOKENS * STEP_TOKENS);
        prefixes.iter().for_each(|prefix| kept.keep(prefix.digest));
    }

    /// As Anthropic does: prefixes are kept up to the marks of the caller, for five minutes or an hour.
    pub(crate) fn marked(&self, model: &str, prompt: &[PromptPart], usage: &mut Usage) {
        let prefixes = prefixes(model, prompt);
        let Some(last) = prefixes.iter().rposition(|prefix| prefix.mark.is_some()) else {
            return;
        };
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let reachable = || prefixes.iter().take(last + 1);
        let read =
            reachable().rev().find(|prefix| kept.known.contains(&prefix.digest)).map_or(0, |prefix| prefix.tokens);
        usage.cache_read = read;
        let mut from = read;
        for prefix in reachable() {
            let written = match prefix.mark {
                Some(CacheMark::FiveMinutes) => &mut usage.cache_write_5m,
                Some(CacheMark::OneHour) => &mut usage.cache_write_1h,
                None => continue,
            };
            *written += prefix.tokens.saturating_sub(from);
            from = from.max(prefix.tokens);
            kept.keep(prefix.digest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(digest: u64, tokens: u64, mark: Option<CacheMark>) -> PromptPart {
        PromptPart { digest, tokens, mark }
    }

    #[test]
    fn automatic_hits_are_reported_in_steps() {
        let cache = PromptCache::default();
        let read = |prompt: &[PromptPart]| {
            let mut usage = Usage::default();
            cache.automatic("m", prompt, &mut usage);
            usage.cache_read
        };
        assert_eq!(read(&[part(1, 1_300, None), part(2, 10, None)]), 0);
        assert_eq!(read(&[part(1, 1_300, None), part(3, 10, None)]), 1_280);
        assert_eq!(read(&[part(9, 1_300, None)]), 0);
        assert_eq!(read(&[part(7, 1_000, None)]), 0);
        assert_eq!(read(&[part(7, 1_000, None)]), 0, "too short to be cached");
    }

    #[test]
    fn marks_are_written_once_and_read_afterwards() {
        let cache = PromptCache::default();
        let used = |prompt: &[PromptPart]| {
            let mut usage = Usage::default();
            cache.marked("m", prompt, &mut usage);
            (usage.cache_read, usage.cache_write_5m, usage.cache_write_1h)
        };
        let system = part(1, 2_000, Some(CacheMark::OneHour));
        assert_eq!(used(&[system.clone(), part(2, 50, Some(CacheMark::FiveMinutes))]), (0, 50, 2_000));
        assert_eq!(used(&[system.clone(), part(2, 50, Some(CacheMark::FiveMinutes))]), (2_050, 0, 0));
        assert_eq!(used(&[system, part(3, 60, Some(CacheMark::FiveMinutes))]), (2_000, 60, 0));
        assert_eq!(used(&[part(5, 3_000, None)]), (0, 0, 0));
    }

    #[test]
    fn memory_is_bounded() {
        let mut kept = Kept::default();
        (0..ENTRIES_MAX as u64 + 10).for_each(|prefix| kept.keep(prefix));
        assert_eq!((kept.known.len(), kept.order.len()), (ENTRIES_MAX, ENTRIES_MAX));
        assert!(!kept.known.contains(&0));
    }
}
