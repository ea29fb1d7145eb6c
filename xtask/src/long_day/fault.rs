//! The faults of the simulator, in its own words.

use std::fmt;

use super::random::Random;

/// What goes wrong at the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    RateLimited,
    Overloaded,
    ServerError,
    BadRequest,
    Unauthorized,
    NotFound,
    SlowHeaders,
    Cut,
    CleanCut,
    Stall,
    Garbage,
    Oversized,
    StreamError,
    Reset,
    BadJson,
    Html,
}

/// Each kind with its word and its weight: those that make everybody wait are rare.
const KINDS: [(Kind, &str, u64); 16] = [
    (Kind::RateLimited, "rate_limited", 10),
    (Kind::Overloaded, "overloaded", 10),
    (Kind::ServerError, "server_error", 10),
    (Kind::BadRequest, "bad_request", 10),
    (Kind::Unauthorized, "unauthorized", 10),
    (Kind::NotFound, "not_found", 10),
    (Kind::SlowHeaders, "slow_headers", 3),
    (Kind::Cut, "cut", 14),
    (Kind::CleanCut, "clean_cut", 14),
    (Kind::Stall, "stall", 2),
    (Kind::Garbage, "garbage", 14),
    (Kind::Oversized, "oversized", 8),
    (Kind::StreamError, "stream_error", 14),
    (Kind::Reset, "reset", 14),
    (Kind::BadJson, "bad_json", 14),
    (Kind::Html, "html", 10),
];

impl Kind {
    pub(super) fn word(self) -> &'static str {
        KINDS.iter().find(|(kind, _, _)| *kind == self).map_or("?", |(_, word, _)| word)
    }
}

/// The longest event and the largest whole answer that the gateway is set to take.
pub(super) const EVENT_BYTES_MAX: u64 = 128 * 1024;
pub(super) const ANSWER_BYTES_MAX: u64 = 512 * 1024;

/// A kind with its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) kind: Kind,
    /// Chunks of the answer that come before: events, or eighths of what is whole.
    pub(super) after: u64,
    /// Seconds, milliseconds or bytes, as the kind has it.
    pub(super) amount: u64,
}

impl Fault {
    /// `late` is so long that the gateway does not wait for it.
    pub(super) fn draw(random: &mut Random, late_ms: u64, streamed: bool) -> Self {
        let weights = KINDS.map(|(kind, _, weight)| (weight, kind));
        let kind = random.weighted(&weights).unwrap_or(Kind::Html);
        let mut after = random.below(6);
        let amount = match kind {
            Kind::RateLimited => 1 + random.below(30),
            Kind::SlowHeaders => random.pick([20, 60, late_ms]),
            Kind::Oversized if streamed => random.pick([EVENT_BYTES_MAX / 2, EVENT_BYTES_MAX * 3 / 2]),
            Kind::Oversized => {
                // White space within JSON changes it, before and after it means nothing.
                after = random.pick([0, 8]);
                random.pick([ANSWER_BYTES_MAX / 2, ANSWER_BYTES_MAX * 3 / 2])
            }
            _ => 0,
        };
        Self { kind, after, amount }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.word())?;
        match self.kind {
            Kind::RateLimited => write!(f, ":retry_after={}", self.amount),
            Kind::SlowHeaders => write!(f, ":ms={}", self.amount),
            Kind::Oversized => write!(f, ":bytes={}:after={}", self.amount, self.after),
            Kind::Cut | Kind::CleanCut | Kind::Stall | Kind::Garbage | Kind::StreamError | Kind::Reset => {
                write!(f, ":after={}", self.after)
            }
            Kind::Overloaded
            | Kind::ServerError
            | Kind::BadRequest
            | Kind::Unauthorized
            | Kind::NotFound
            | Kind::BadJson
            | Kind::Html => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The task runner depends on no crate of the product, so it reads what the simulator has.
    #[test]
    fn every_fault_of_the_simulator_is_here() {
        let source = include_str!("../../../crates/sim/src/fault.rs");
        let list = source.split("const NAMES: &[&str] = &[").nth(1).unwrap().split("];").next().unwrap();
        let named: Vec<&str> = list.split('"').skip(1).step_by(2).collect();
        assert_eq!(KINDS.map(|(_, word, _)| word).to_vec(), named);
    }

    #[test]
    fn a_fault_is_written_as_the_simulator_reads_it() {
        let fault = |kind| Fault { kind, after: 2, amount: 7 }.to_string();
        assert_eq!(fault(Kind::Cut), "cut:after=2");
        assert_eq!(fault(Kind::Oversized), "oversized:bytes=7:after=2");
        assert_eq!(fault(Kind::RateLimited), "rate_limited:retry_after=7");
        assert_eq!(fault(Kind::Html), "html");
    }
}
