//! What each attempt at a provider cost, out of the journal.

use crate::money::{MoneyRecordError, cost, money};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::collections::{BTreeSet, HashMap, VecDeque};
use switchtower_domain::{Cost, Money};
use switchtower_ledger::record::{Attempt, Body, Closed, Counts, Entry, Opened, Pseudonym, RequestId, Text};
use switchtower_ledger::{Entries, ReadError};

/// What one attempt cost, and what is known of it; a call that never came to an attempt is told as one without.
#[derive(Debug, Clone, PartialEq)]
pub struct Spent {
    /// The number of the record that closed the call.
    pub record: u64,
    /// The id of the request.
    pub request: RequestId,
    /// When the call began and ended, in microseconds since 1970.
    pub began_us: u64,
    /// See above.
    pub ended_us: u64,
    /// Who asked; unsaid where no keys are configured.
    pub caller: Option<Pseudonym>,
    /// Whose the caller is.
    pub tenant: Text,
    /// The team of the key's holder, if it has one.
    pub team: Option<Text>,
    /// What its holder uses models for, if that is said.
    pub use_case: Option<Text>,
    /// What was asked for.
    pub operation: Text,
    /// The name of the configuration that was asked for, if it was one.
    pub asked: Option<Text>,
    /// The deployment.
    pub deployment: Text,
    /// Its provider.
    pub provider: Text,
    /// Where that is.
    pub region: Option<Text>,
    /// The model, by the provider's name.
    pub model: Text,
    /// How the call ended.
    pub outcome: Text,
    /// Why the attempt failed, if it did.
    pub failure: Option<Text>,
    /// The provider's id for the request.
    pub provider_request_id: Option<Text>,
    /// What was used.
    pub usage: Option<Counts>,
    /// Bytes of bodies, to the provider and from it.
    pub bytes_sent: u64,
    /// See above.
    pub bytes_received: u64,
    /// What it cost; nothing where nothing was charged for.
    pub cost: Option<Cost>,
    /// What it cost that bytes left a cloud; nothing where nobody states a price.
    pub egress: Option<Cost>,
    /// What the provider itself says that it cost.
    pub reported: Option<Money>,
}

/// Days from one on, and before another, in UTC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span {
    /// The first day.
    pub from: Option<Date>,
    /// The day before which it ends.
    pub until: Option<Date>,
}

impl Span {
    /// Whether a moment is in it.
    pub fn has(&self, at_us: u64) -> bool {
        self.has_day(day_of(at_us))
    }

    /// Whether a day is.
    pub fn has_day(&self, day: Date) -> bool {
        self.from.is_none_or(|from| from <= day) && self.until.is_none_or(|until| day < until)
    }
}

/// The day of a moment in microseconds since 1970, in UTC.
pub(crate) fn day_of(at_us: u64) -> Date {
    moment(at_us).to_zoned(TimeZone::UTC).date()
}

/// A moment in microseconds since 1970. What no calendar has is its end.
pub(crate) fn moment(at_us: u64) -> Timestamp {
    i64::try_from(at_us).ok().and_then(|at| Timestamp::from_microsecond(at).ok()).unwrap_or(Timestamp::MAX)
}

/// What cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum SpendError {
    /// The journal cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A cost on record cannot be read.
    #[error("record {record}: {error}")]
    Money {
        /// The number of the record.
        record: u64,
        /// What is wrong with it.
        error: MoneyRecordError,
    },
}

/// What was spent, in the order in which calls ended. A call counts on the day on which it ended, which is the day whose
/// prices it has.
#[derive(Debug)]
pub struct Spending<'a> {
    entries: Entries<'a>,
    span: Span,
    /// Calls that have begun and not ended yet, by the record that opened them.
    open: HashMap<u64, (u64, Box<Opened>)>,
    ready: VecDeque<Spent>,
    first: Option<u64>,
    providers: BTreeSet<Text>,
    nameless_before: Option<u64>,
    /// The first record whose end of a call is told.
    since: u64,
    beginless: u64,
}

impl<'a> Spending<'a> {
    /// What was spent in a span of days.
    pub fn new(entries: Entries<'a>, span: Span) -> Self {
        Self {
            entries,
            span,
            open: HashMap::new(),
            ready: VecDeque::new(),
            first: None,
            providers: BTreeSet::new(),
            nameless_before: None,
            since: 0,
            beginless: 0,
        }
    }

    /// Tells only calls that end from a record on. They are read from before it all the same, where they began.
    #[must_use]
    pub const fn since(mut self, record: u64) -> Self {
        self.since = record;
        self
    }

    /// How many calls of the span have ended in what was read and are not told, since they began in what was pruned: whose
    /// they were and what they asked for went with that, and so the rest of what they cost is no part of a sum either.
    pub const fn beginless(&self) -> u64 {
        self.beginless
    }

    /// The number of the first record that was there, once one was read.
    pub const fn first_record(&self) -> Option<u64> {
        self.first
    }

    /// Every provider that was asked, also on other days, in what was read.
    pub const fn providers(&self) -> &BTreeSet<Text> {
        &self.providers
    }

    /// The last record that says that the key of pseudonyms was destroyed, in what was read: whose the calls before it are
    /// nobody can tell.
    pub const fn nameless_before(&self) -> Option<u64> {
        self.nameless_before
    }

    /// The next one; nothing at the end of what is written.
    ///
    /// # Errors
    /// [`SpendError`] for what cannot be read.
    pub fn read(&mut self) -> Result<Option<Spent>, SpendError> {
        loop {
            if let Some(spent) = self.ready.pop_front() {
                return Ok(Some(spent));
            }
            let Some((record, Entry { at_us, body })) = self.entries.read()? else { return Ok(None) };
            let first = *self.first.get_or_insert(record);
            match body {
                Body::Opened(opened) => {
                    self.met(&opened.provider);
                    self.open.insert(record, (at_us, Box::new(opened)));
                }
                Body::Closed(closed) => {
                    let opened = self.open.remove(&closed.opened);
                    closed.attempts.iter().for_each(|attempt| self.met(&attempt.provider));
                    if record < self.since || !self.span.has(at_us) {
                        continue;
                    }
                    if opened.is_none() && closed.opened < first {
                        self.beginless += 1;
                    } else {
                        let ready = spent(record, at_us, opened, closed);
                        self.ready.extend(ready.map_err(|error| SpendError::Money { record, error })?);
                    }
                }
                Body::Shredded(shredded) if shredded.pseudonyms => self.nameless_before = Some(record),
                _ => {}
            }
        }
    }
}

impl Spending<'_> {
    fn met(&mut self, provider: &Text) {
        if !self.providers.contains(provider) {
            self.providers.insert(provider.clone());
        }
    }
}

impl Iterator for Spending<'_> {
    type Item = Result<Spent, SpendError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

/// The attempts of a call that has ended.
fn spent(
    record: u64,
    ended_us: u64,
    opened: Option<(u64, Box<Opened>)>,
    closed: Closed,
) -> Result<Vec<Spent>, MoneyRecordError> {
    let began_us = opened.as_ref().map_or_else(|| ended_us.saturating_sub(closed.total_us), |(at_us, _)| *at_us);
    let opened = opened.map(|(_, opened)| *opened).unwrap_or_default();
    let call = Spent {
        record,
        request: closed.request,
        began_us,
        ended_us,
        caller: opened.caller,
        tenant: opened.tenant,
        team: opened.team,
        use_case: opened.use_case,
        operation: opened.operation,
        asked: opened.asked,
        deployment: opened.deployment,
        provider: opened.provider,
        region: opened.region,
        model: opened.model,
        outcome: closed.outcome,
        failure: None,
        provider_request_id: None,
        usage: None,
        bytes_sent: 0,
        bytes_received: 0,
        cost: None,
        egress: None,
        reported: None,
    };
    if closed.attempts.is_empty() {
        // What a crash left open has no attempts, and may have cost something all the same.
        let cost = closed.cost.as_ref().map(cost).transpose()?;
        return Ok(vec![Spent { usage: closed.usage, cost, ..call }]);
    }
    closed.attempts.into_iter().map(|attempt| of_attempt(call.clone(), attempt)).collect()
}

fn of_attempt(call: Spent, attempt: Attempt) -> Result<Spent, MoneyRecordError> {
    Ok(Spent {
        cost: attempt.cost.as_ref().map(cost).transpose()?,
        egress: attempt.egress.as_ref().map(cost).transpose()?,
        reported: attempt.reported.as_ref().map(money).transpose()?,
        deployment: attempt.deployment,
        provider: attempt.provider,
        failure: attempt.failure,
        provider_request_id: attempt.provider_request_id,
        usage: attempt.usage,
        bytes_sent: attempt.bytes_sent,
        bytes_received: attempt.bytes_received,
        ..call
    })
}
