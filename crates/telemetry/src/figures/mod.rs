//! Counters and histograms of what records say.
//!
//! One writer of the ledger tells of all records in their order, so plain numbers do, behind a lock that nobody else
//! holds for longer than it takes to copy them.

mod names;
mod series;

pub(crate) use names::Labels;
pub(crate) use series::{COUNTED, DIRECTIONS, Reported, Series, Spent, TOKEN_KINDS};

use crate::histogram::Exemplar;
use names::Names;
use std::collections::{BTreeMap, HashMap};
use switchtower_ledger::record::{Closed, Opened, Refused, Text, Told, Trace, TurnedAway};

/// More calls than can be open: where ends cannot be written they would stay here.
const OPEN_MAX: usize = 1 << 20;

/// How requests ended that never became calls.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Other {
    pub(crate) deployment: Text,
    pub(crate) client: Text,
    pub(crate) operation: Text,
    pub(crate) outcome: &'static str,
    pub(crate) code: Text,
}

/// All figures.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    pub(crate) series: Vec<Series>,
    pub(crate) others: BTreeMap<Other, u64>,
    pub(crate) open: usize,
    pub(crate) overflowed: u64,
}

/// The figures as they grow.
#[derive(Debug)]
pub(crate) struct Figures {
    series: Vec<Series>,
    places: HashMap<String, usize>,
    others: BTreeMap<Other, u64>,
    names: Names,
    open: HashMap<u64, Open>,
    overflowed: u64,
    key: String,
}

/// A call that is open.
#[derive(Debug)]
struct Open {
    series: usize,
    streamed: bool,
    /// The trace, where it is kept.
    trace: Option<Trace>,
    /// All of it, where its span is to be exported.
    opened: Option<Box<Opened>>,
}

impl Figures {
    pub(crate) fn new(deployments_max: usize) -> Self {
        Self {
            series: Vec::new(),
            places: HashMap::new(),
            others: BTreeMap::new(),
            names: Names::new(deployments_max),
            open: HashMap::new(),
            overflowed: 0,
            key: String::new(),
        }
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let (series, others) = (self.series.clone(), self.others.clone());
        Snapshot { series, others, open: self.open.len(), overflowed: self.overflowed }
    }

    /// Counts a call that begins; what began is kept until its end where its span is wanted.
    pub(crate) fn opened(&mut self, record: u64, opened: Opened, spans: bool) {
        let place = self.place(&opened);
        if let Some(series) = self.series.get_mut(place) {
            series.opened(&opened);
        }
        if self.open.len() < OPEN_MAX {
            let trace = opened.trace.clone().filter(|trace| trace.sampled);
            let kept = spans && trace.is_some();
            let streamed = opened.streamed;
            self.open.insert(record, Open { series: place, streamed, trace, opened: kept.then(|| Box::new(opened)) });
        }
    }

    /// Counts a call that ended. Gives back what began, where that was kept.
    pub(crate) fn closed(&mut self, at_us: u64, closed: &Closed) -> Option<Box<Opened>> {
        // What a crash left open began in another life; nobody knows here what it was.
        let open = self.open.remove(&closed.opened);
        let (place, streamed) = match &open {
            Some(open) => (open.series, open.streamed),
            None => (self.place(&Opened::default()), false),
        };
        if let Some(series) = self.series.get_mut(place) {
            let trace = open.as_ref().and_then(|open| open.trace.as_ref());
            series.closed(closed, streamed, |value| {
                trace.map(|trace| Exemplar { trace: trace.id, span: trace.span, value, at_us })
            });
        }
        open?.opened
    }

    pub(crate) fn refused(&mut self, refused: &Refused) {
        let deployment = self.bounded(refused.deployment.as_ref());
        let (client, operation, code) = (refused.client.clone(), refused.operation.clone(), refused.code.clone());
        self.other(Other { deployment, client, operation, outcome: "refused", code }, 1);
    }

    pub(crate) fn told(&mut self, told: &Told) {
        let deployment = self.bounded(told.deployment.as_ref());
        let (client, operation) = (told.client.clone(), told.operation.clone());
        self.other(Other { deployment, client, operation, outcome: "told", code: Text::default() }, 1);
    }

    pub(crate) fn turned_away(&mut self, turned_away: &TurnedAway) {
        for counted in &turned_away.counts {
            let (deployment, client, operation) = Default::default();
            let code = counted.code.clone();
            self.other(Other { deployment, client, operation, outcome: "turned_away", code }, counted.count);
        }
    }

    fn other(&mut self, other: Other, count: u64) {
        *self.others.entry(other).or_default() += count;
    }

    /// A deployment that was chosen for what became no call.
    fn bounded(&mut self, name: Option<&Text>) -> Text {
        let Some(name) = name else { return Text::default() };
        let name = names::deployment(name);
        if self.names.admit(&name, "") { name.into_owned().into() } else { "other".into() }
    }

    /// Where calls are counted that begin like this one.
    fn place(&mut self, opened: &Opened) -> usize {
        Labels::key(opened, &mut self.key);
        if let Some(place) = self.places.get(&self.key) {
            return *place;
        }
        let mut labels = Labels::of(opened);
        if !self.names.admit(&labels.deployment, &labels.model) {
            self.overflowed += 1;
            labels = labels.other();
            if let Some(place) = self.places.get(&labels.to_key()) {
                return *place;
            }
        }
        let place = self.series.len();
        self.places.insert(labels.to_key(), place);
        self.series.push(Series::new(labels, opened));
        place
    }
}

#[cfg(test)]
mod tests;
