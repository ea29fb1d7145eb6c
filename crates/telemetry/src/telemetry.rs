//! Who watches the ledger: figures of every record, and ended calls for who exports their spans.

use crate::ended::{Ended, SpanQueue};
use crate::families::{Family, families};
use crate::figures::{Figures, Snapshot};
use crate::house::{ExportCount, House};
use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, PoisonError};
use switchtower_ledger::Watcher;
use switchtower_ledger::record::{Body, Entry, Trace};

/// How figures are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TelemetrySettings {
    /// How many deployments have series of their own, each with each of its models; the others are counted as one.
    pub deployments_max: usize,
}

impl Default for TelemetrySettings {
    fn default() -> Self {
        Self { deployments_max: 500 }
    }
}

/// Figures and traces of a ledger.
#[derive(Debug)]
pub struct Telemetry {
    figures: Mutex<Figures>,
    /// Where ended calls go whose traces are kept; nothing where nobody exports them.
    spans: Option<SpanQueue>,
    pub(crate) exported_spans: ExportCount,
    pub(crate) exported_metrics: ExportCount,
}

impl Telemetry {
    /// Figures alone, or with traces where there is a queue for them.
    pub fn new(settings: TelemetrySettings, spans: Option<SpanQueue>) -> Self {
        Self {
            figures: Mutex::new(Figures::new(settings.deployments_max)),
            spans,
            exported_spans: ExportCount::default(),
            exported_metrics: ExportCount::default(),
        }
    }

    /// All figures as of now.
    pub fn families(&self, house: &House) -> Vec<Family> {
        let sending = self.exported_spans.sending.load(Ordering::Relaxed);
        let queued = sending + self.spans.as_ref().map_or(0, SpanQueue::waiting) as u64;
        families(&self.snapshot(), house, (&self.exported_spans, &self.exported_metrics, queued))
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        self.figures().snapshot()
    }

    fn figures(&self) -> MutexGuard<'_, Figures> {
        self.figures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands on what has ended, or lets go of it, counted.
    fn hand_on(&self, ended: Ended) {
        if let Some(spans) = &self.spans
            && let Err(lost) = spans.push(ended)
        {
            ExportCount::add(&self.exported_spans.queue_full, lost);
        }
    }

    fn is_wanted(&self, trace: Option<&Trace>) -> bool {
        self.spans.is_some() && trace.is_some_and(|trace| trace.sampled)
    }
}

impl Watcher for Telemetry {
    fn written(&self, record: u64, entry: Entry) {
        let at_us = entry.at_us;
        match entry.body {
            Body::Opened(opened) => self.figures().opened(record, opened, self.spans.is_some()),
            Body::Closed(closed) => {
                let opened = self.figures().closed(at_us, &closed);
                if let Some(opened) = opened {
                    self.hand_on(Ended::Call { at_us, opened, closed: Box::new(closed) });
                }
            }
            Body::Refused(refused) => {
                self.figures().refused(&refused);
                if self.is_wanted(refused.trace.as_ref()) {
                    self.hand_on(Ended::Refused { at_us, refused: Box::new(refused) });
                }
            }
            Body::Told(told) => {
                self.figures().told(&told);
                if self.is_wanted(told.trace.as_ref()) {
                    self.hand_on(Ended::Told { at_us, told: Box::new(told) });
                }
            }
            Body::TurnedAway(turned_away) => self.figures().turned_away(&turned_away),
            _ => {}
        }
    }
}
