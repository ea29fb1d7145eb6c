//! What all threads share.

use crate::turned_away::Counter;
use crate::{Directory, Settings};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use switchtower_domain::{Refusal, RefusalCode};
use switchtower_ledger::Ledger;
use switchtower_vault::Keeper;

/// What all threads share: nothing here is ever locked.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) directory: Directory,
    pub(crate) ledger: Ledger,
    pub(crate) turned_away: Arc<Counter>,
    /// Who keeps content, where anything may be kept.
    pub(crate) keeper: Option<Keeper>,
    open: Arc<AtomicUsize>,
}

impl Shared {
    pub(crate) fn new(settings: Settings, directory: Directory, ledger: Ledger) -> Self {
        let turned_away = Arc::new(Counter::new());
        Self { settings, directory, ledger, turned_away, keeper: None, open: Arc::default() }
    }

    /// Other settings and another directory, with the requests that are open counted on.
    pub(crate) fn next(&self, settings: Settings, directory: Directory) -> Self {
        let (ledger, turned_away) = (self.ledger.clone(), Arc::clone(&self.turned_away));
        let keeper = self.keeper.clone();
        Self { settings, directory, ledger, turned_away, keeper, open: Arc::clone(&self.open) }
    }

    /// The same with somebody who keeps content.
    pub(crate) fn keeping(self, keeper: Keeper) -> Self {
        Self { keeper: Some(keeper), ..self }
    }

    pub(crate) fn open_requests(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }
}

/// One open request; it is counted until this is dropped.
#[derive(Debug)]
pub(crate) struct Permit(Arc<AtomicUsize>);

impl Permit {
    pub(crate) fn take(shared: &Shared) -> Result<Self, Refusal> {
        let before = shared.open.fetch_add(1, Ordering::Relaxed);
        let permit = Self(Arc::clone(&shared.open));
        let max = shared.settings.limits.open_requests_max;
        if before < max {
            return Ok(permit);
        }
        Err(Refusal::new(
            RefusalCode::TooManyRequests,
            format!(
                "the gateway has {max} open requests, which is its limit (limits.open_requests_max); try again shortly"
            ),
        ))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
