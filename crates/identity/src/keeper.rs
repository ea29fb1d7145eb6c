//! What a cloud gives for a time: kept while it is good, and renewed ahead of its expiry, once for all who wait.

use crate::IdentityError;
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long it may take to come.
const PATIENCE: Duration = Duration::from_secs(20);
/// It is renewed when it is good for less than this, or for a fifth of its life.
const AHEAD: Duration = Duration::from_secs(300);
/// What is good for less than this may not be good any more when it is read.
const TOO_LATE: Duration = Duration::from_secs(10);
/// After a failure, whoever waited and whoever comes within this time is told of it without another try.
pub(crate) const AFTER_FAILURE: Duration = Duration::from_secs(2);

/// Something that is good for a time, and how long, in seconds.
#[derive(Debug, Clone)]
pub(crate) struct Given<T> {
    pub(crate) value: T,
    pub(crate) lifetime: u64,
}

/// Keeps it.
pub(crate) struct Keeper<T> {
    state: Mutex<State<T>>,
    /// Held by who asks.
    asking: tokio::sync::Mutex<()>,
}

struct State<T> {
    held: Option<Held<T>>,
    /// The last that was given, also when it is not held any more.
    last: Option<T>,
    failed: Option<(Instant, IdentityError)>,
}

#[derive(Clone)]
struct Held<T> {
    value: T,
    refresh_at: Instant,
    good_until: Instant,
}

impl<T: Clone> Keeper<T> {
    pub(crate) fn new() -> Self {
        let state = State { held: None, last: None, failed: None };
        Self { state: Mutex::new(state), asking: tokio::sync::Mutex::new(()) }
    }

    /// What is good now. One caller asks, and all who wait get the same; what is about to expire is renewed by one caller
    /// while the others go on with it. `who` is asked, for a message.
    pub(crate) async fn good(
        &self,
        who: &'static str,
        ask: impl Future<Output = Result<Given<T>, IdentityError>>,
    ) -> Result<T, IdentityError> {
        if let Some(held) = self.held() {
            if Instant::now() < held.refresh_at {
                return Ok(held.value);
            }
            let Ok(_asking) = self.asking.try_lock() else { return Ok(held.value) };
            return Ok(self.ask(who, ask).await.unwrap_or(held.value));
        }
        let _asking = self.asking.lock().await;
        if let Some(held) = self.held() {
            return Ok(held.value);
        }
        let failed = self.state().failed.clone();
        if let Some((at, error)) = failed
            && at.elapsed() < AFTER_FAILURE
        {
            return Err(error);
        }
        self.ask(who, ask).await
    }

    /// The last that was given, good or not.
    pub(crate) fn last(&self) -> Option<T> {
        self.state().last.clone()
    }

    /// Forgets what was refused.
    pub(crate) fn forget(&self) {
        self.state().held = None;
    }

    async fn ask(
        &self,
        who: &'static str,
        ask: impl Future<Output = Result<Given<T>, IdentityError>>,
    ) -> Result<T, IdentityError> {
        let outcome = tokio::time::timeout(PATIENCE, ask).await.unwrap_or_else(|_| {
            let reason = format!("no answer within {} s", PATIENCE.as_secs());
            Err(IdentityError::Unreachable { who: who.to_owned(), reason })
        });
        let mut state = self.state();
        match outcome {
            Ok(Given { value, lifetime }) => {
                let (now, lifetime) = (Instant::now(), Duration::from_secs(lifetime));
                let ahead = AHEAD.min(lifetime / 5);
                let (refresh_at, good_until) = (now + (lifetime - ahead), now + lifetime);
                let held = Held { value: value.clone(), refresh_at, good_until };
                *state = State { held: Some(held), last: Some(value.clone()), failed: None };
                Ok(value)
            }
            Err(error) => {
                state.failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    fn held(&self) -> Option<Held<T>> {
        self.state().held.clone().filter(|held| Instant::now() + TOO_LATE < held.good_until)
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
