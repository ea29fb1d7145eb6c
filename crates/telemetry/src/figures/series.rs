//! What is counted of the calls of one deployment, for one dialect of clients and one operation.

use super::names::Labels;
use crate::histogram::{Bounds, Exemplar, Histogram};
use crate::semconv;
use switchtower_domain::Amount;
use switchtower_ledger::record::{Attempt, Closed, Costs, Counts, Lost, Opened, Text};

/// Bounds for times within streams, in microseconds: from a tenth of a millisecond to ten seconds.
const GAPS: Bounds = &[
    100, 250, 500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    10_000_000,
];

/// The kinds of tokens, in the order in which they are counted.
pub(crate) const TOKEN_KINDS: [&str; 9] = [
    "input",
    "output",
    "cache_read",
    "cache_write",
    "reasoning",
    "input_audio",
    "input_image",
    "output_audio",
    "output_image",
];
/// Whether tokens were reported or estimated.
pub(crate) const COUNTED: [&str; 2] = ["reported", "estimated"];
/// Which way bytes went.
pub(crate) const DIRECTIONS: [&str; 4] = ["from_client", "to_provider", "from_provider", "to_client"];

/// What is counted of calls that are alike.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    pub(crate) labels: Labels,
    /// The kind of the provider by the catalogue.
    pub(crate) kind: Option<Text>,
    pub(crate) host: Text,
    /// By how they ended.
    pub(crate) ends: Vec<End>,
    pub(crate) first: Histogram,
    pub(crate) per_token: Histogram,
    pub(crate) gap_median: Histogram,
    pub(crate) gap_high: Histogram,
    pub(crate) head: Histogram,
    /// Tokens of each call, in the order of [`semconv::TOKEN_TYPES`].
    pub(crate) usage: [Histogram; 2],
    /// By kind, and by whether they were reported.
    pub(crate) tokens: [[u64; COUNTED.len()]; TOKEN_KINDS.len()],
    pub(crate) bytes: [u64; DIRECTIONS.len()],
    /// By class of failure.
    pub(crate) attempts: Vec<(Text, u64)>,
    /// By how sure a cost is: how many calls, and what they came to in each currency.
    pub(crate) costs: Vec<Spent>,
    /// What providers say themselves that attempts cost, and what is worked out here for the same ones, by currency.
    pub(crate) reported: Vec<Reported>,
    /// By what lost something, and the class of the loss.
    pub(crate) notices: Vec<(&'static str, Text, u64)>,
}

/// What attempts cost by their provider, and by the prices that are known here.
#[derive(Debug, Clone)]
pub(crate) struct Reported {
    pub(crate) currency: Text,
    pub(crate) by_provider: Amount,
    pub(crate) here: Amount,
}

/// What calls cost whose cost is equally sure.
#[derive(Debug, Clone)]
pub(crate) struct Spent {
    pub(crate) status: Text,
    pub(crate) calls: u64,
    pub(crate) sums: Vec<(Text, Amount)>,
}

/// Calls that ended alike.
#[derive(Debug, Clone)]
pub(crate) struct End {
    pub(crate) outcome: Text,
    pub(crate) code: Text,
    pub(crate) duration: Histogram,
}

impl Series {
    pub(super) fn new(labels: Labels, opened: &Opened) -> Self {
        Self {
            labels,
            kind: opened.provider_kind.clone(),
            host: opened.host.clone(),
            ends: Vec::new(),
            first: Histogram::new(semconv::TIME_TO_FIRST_TOKEN_BOUNDS_US),
            per_token: Histogram::new(semconv::TIME_PER_OUTPUT_TOKEN_BOUNDS_US),
            gap_median: Histogram::new(GAPS),
            gap_high: Histogram::new(GAPS),
            head: Histogram::new(semconv::DURATION_BOUNDS_US),
            usage: [const { Histogram::new(semconv::TOKEN_USAGE_BOUNDS) }; 2],
            tokens: Default::default(),
            bytes: Default::default(),
            attempts: Vec::new(),
            costs: Vec::new(),
            reported: Vec::new(),
            notices: Vec::new(),
        }
    }

    pub(super) fn opened(&mut self, opened: &Opened) {
        let [from_client, ..] = &mut self.bytes;
        raise(from_client, opened.bytes_in);
        self.lost("request", &opened.lost);
    }

    /// Counts a call that ended. `exemplar` makes one of a value, where the trace of the call is kept.
    pub(super) fn closed(&mut self, closed: &Closed, streamed: bool, exemplar: impl Fn(u64) -> Option<Exemplar>) {
        let code = closed.code.as_deref().unwrap_or_default();
        let place = self.ends.iter().position(|end| end.outcome == closed.outcome && end.code == code);
        let place = place.unwrap_or_else(|| {
            let duration = Histogram::new(semconv::DURATION_BOUNDS_US);
            self.ends.push(End { outcome: closed.outcome.clone(), code: code.to_owned().into(), duration });
            self.ends.len() - 1
        });
        if let Some(end) = self.ends.get_mut(place) {
            end.duration.add(closed.total_us, exemplar(closed.total_us));
        }
        if streamed {
            self.stream(closed, exemplar);
        }
        if let Some(counts) = &closed.usage {
            self.used(counts);
        }
        if let Some(costs) = &closed.cost {
            self.spent(costs);
        }
        closed.attempts.iter().for_each(|attempt| self.attempted(attempt));
        let [_, to_provider, from_provider, to_client] = &mut self.bytes;
        for attempt in &closed.attempts {
            raise(to_provider, attempt.bytes_sent);
            raise(from_provider, attempt.bytes_received);
        }
        raise(to_client, closed.bytes_out);
        self.lost("answer", &closed.lost);
    }

    fn stream(&mut self, closed: &Closed, exemplar: impl Fn(u64) -> Option<Exemplar>) {
        if let Some(first) = closed.first_us {
            self.first.add(first, exemplar(first));
        }
        if let Some(gap) = closed.gap_p50_us {
            self.gap_median.add(gap, None);
        }
        if let Some(gap) = closed.gap_p99_us {
            self.gap_high.add(gap, None);
        }
        // Of estimates nothing is said about the speed of a model.
        let reported = closed.usage.as_ref().filter(|counts| counts.estimated.is_none());
        if let (Some(first), Some(after_first)) =
            (closed.first_us, reported.and_then(|counts| counts.output?.checked_sub(1)).filter(|after| *after > 0))
        {
            self.per_token.add(closed.total_us.saturating_sub(first) / after_first, None);
        }
    }

    fn used(&mut self, counts: &Counts) {
        let counted = usize::from(counts.estimated.is_some());
        let kinds = [
            counts.input,
            counts.output,
            counts.cache_read,
            counts.cache_write,
            counts.reasoning,
            counts.input_audio,
            counts.input_image,
            counts.output_audio,
            counts.output_image,
        ];
        for (tokens, more) in self.tokens.iter_mut().zip(kinds) {
            if let Some(tokens) = tokens.get_mut(counted) {
                raise(tokens, more.unwrap_or_default());
            }
        }
        for (usage, tokens) in self.usage.iter_mut().zip([counts.input, counts.output]) {
            if let Some(tokens) = tokens {
                usage.add(tokens, None);
            }
        }
    }

    /// Sums of different status and of different currencies stay apart.
    fn spent(&mut self, costs: &Costs) {
        let place = self.costs.iter().position(|spent| spent.status == costs.status).unwrap_or_else(|| {
            self.costs.push(Spent { status: costs.status.clone(), calls: 0, sums: Vec::new() });
            self.costs.len() - 1
        });
        let Some(spent) = self.costs.get_mut(place) else { return };
        spent.calls += 1;
        for total in &costs.totals {
            // A counter never falls; what is given back stands in the ledger.
            let Some(more) = total.amount.parse().ok().filter(|amount: &Amount| !amount.is_negative()) else {
                continue;
            };
            match spent.sums.iter_mut().find(|(currency, _)| *currency == total.currency) {
                // Beyond what an amount can be it stays where it is.
                Some((_, sum)) => *sum = sum.checked_add(more).unwrap_or(*sum),
                None => spent.sums.push((total.currency.clone(), more)),
            }
        }
    }

    /// Compares only where both sides know the whole.
    fn compared(&mut self, attempt: &Attempt) {
        let (Some(theirs), Some(ours)) = (&attempt.reported, &attempt.cost) else { return };
        let [whole] = ours.totals.as_slice() else { return };
        if ours.status == "unknown" || whole.currency != theirs.currency {
            return;
        }
        let amounts = [&theirs.amount, &whole.amount].map(|amount| amount.parse::<Amount>().ok());
        let [Some(by_provider), Some(here)] = amounts else { return };
        if by_provider.is_negative() || here.is_negative() {
            return;
        }
        match self.reported.iter_mut().find(|reported| reported.currency == theirs.currency) {
            Some(reported) => {
                reported.by_provider = reported.by_provider.checked_add(by_provider).unwrap_or(reported.by_provider);
                reported.here = reported.here.checked_add(here).unwrap_or(reported.here);
            }
            None => self.reported.push(Reported { currency: theirs.currency.clone(), by_provider, here }),
        }
    }

    fn attempted(&mut self, attempt: &Attempt) {
        self.compared(attempt);
        let failure = attempt.failure.as_deref().unwrap_or("none");
        match self.attempts.iter_mut().find(|(known, _)| known == failure) {
            Some((_, count)) => *count += 1,
            None => self.attempts.push((failure.to_owned().into(), 1)),
        }
        if let Some(head) = attempt.head_us {
            self.head.add(head.saturating_sub(attempt.began_us), None);
        }
    }

    fn lost(&mut self, of: &'static str, lost: &[Lost]) {
        for lost in lost {
            match self.notices.iter_mut().find(|(known, class, _)| *known == of && *class == lost.class) {
                Some((_, _, count)) => *count += 1,
                None => self.notices.push((of, lost.class.clone(), 1)),
            }
        }
    }
}

/// Beyond what a counter can be it stays where it is: what is on record may be absurd, and figures go on.
const fn raise(counter: &mut u64, more: u64) {
    *counter = counter.saturating_add(more);
}
