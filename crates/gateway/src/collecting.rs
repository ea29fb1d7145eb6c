//! Content of one request on its way to who keeps it.

use crate::retention::Rule;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use switchtower_domain::{Refusal, RefusalCode};
use switchtower_ledger::Pseudonyms;
use switchtower_ledger::record::{RequestId, Text};
use switchtower_vault::{Item, Keeper, Part, until_s};
use zeroize::{Zeroize as _, Zeroizing};

/// What is to be kept of one request. It holds no more than the bound on a part.
#[derive(Debug)]
pub(crate) struct Collecting {
    /// Nobody, where a rule came with a reload and there is no place to keep yet.
    keeper: Option<Keeper>,
    opened: u64,
    request: RequestId,
    rule: Arc<str>,
    parts: Vec<Part>,
    keep: Duration,
    required: bool,
    /// Whether the answer is streamed.
    streamed: bool,
    answer: Collected,
    unkept: Vec<Text>,
}

/// An answer that had to be kept and is not.
#[derive(Debug)]
pub(crate) struct Unkept {
    pub(crate) refusal: Refusal,
    /// Whether the client has a part of the answer already.
    pub(crate) streamed: bool,
}

/// Bytes up to a bound, and how many more there were. They are wiped.
#[derive(Default)]
struct Collected {
    bytes: Zeroizing<Vec<u8>>,
    left_out: u64,
}

impl std::fmt::Debug for Collected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Collected(***)")
    }
}

impl Collected {
    fn add(&mut self, more: &[u8], max: usize) {
        let room = max.saturating_sub(self.bytes.len());
        let (taken, left) = more.split_at(room.min(more.len()));
        let needed = self.bytes.len() + taken.len();
        if needed > self.bytes.capacity() {
            // What a vector leaves behind when it grows by itself is not wiped.
            let mut roomy = Vec::with_capacity(needed.next_power_of_two());
            roomy.extend_from_slice(&self.bytes);
            self.bytes.zeroize();
            *self.bytes = roomy;
        }
        self.bytes.extend_from_slice(taken);
        self.left_out += left.len() as u64;
    }
}

impl Collecting {
    pub(crate) fn new(
        keeper: Option<Keeper>,
        (opened, request): (u64, RequestId),
        rule: &Rule,
        streamed: bool,
    ) -> Self {
        Self {
            keeper,
            opened,
            request,
            rule: rule.name.shared(),
            parts: rule.parts.clone(),
            keep: rule.keep,
            required: rule.required,
            streamed,
            answer: Collected::default(),
            unkept: Vec::new(),
        }
    }

    /// Leaves the body of the request to be kept. Where it has to be kept, it is by then.
    ///
    /// # Errors
    /// The refusal where it has to be and is not.
    pub(crate) async fn request(&mut self, body: &[u8]) -> Result<(), Refusal> {
        let mut collected = Collected::default();
        collected.add(body, self.max());
        self.hand_over(Part::Request, collected).await
    }

    /// Bytes of the answer leave for the client.
    pub(crate) fn answer(&mut self, bytes: &[u8]) {
        if self.parts.contains(&Part::Answer) {
            let max = self.max();
            self.answer.add(bytes, max);
        }
    }

    /// Leaves the answer to be kept. Where it has to be kept, it is by then. Gives what is not kept of the request, and the
    /// refusal where that had to be.
    pub(crate) async fn finish(mut self) -> (Vec<Text>, Option<Unkept>) {
        let answer = std::mem::take(&mut self.answer);
        let refused = if answer.bytes.is_empty() { Ok(()) } else { self.hand_over(Part::Answer, answer).await };
        let refused = refused.err().map(|refusal| Unkept { refusal, streamed: self.streamed });
        (self.unkept, refused)
    }

    /// The same, where nobody waits any more.
    pub(crate) fn leave(mut self) -> Vec<Text> {
        let answer = std::mem::take(&mut self.answer);
        if let Some(keeper) = self.keeper.as_ref().filter(|_| !answer.bytes.is_empty()) {
            let kept = keeper.keep(self.item(Part::Answer, answer)).is_ok();
            self.note(Part::Answer, kept);
        }
        self.unkept
    }

    async fn hand_over(&mut self, part: Part, collected: Collected) -> Result<(), Refusal> {
        if !self.parts.contains(&part) {
            return Ok(());
        }
        let kept = match &self.keeper {
            None => false,
            Some(keeper) if self.required => match keeper.keep_confirmed(self.item(part, collected)) {
                Ok(confirmation) => confirmation.kept().await,
                Err(_) => false,
            },
            Some(keeper) => keeper.keep(self.item(part, collected)).is_ok(),
        };
        self.note(part, kept);
        if kept || !self.required { Ok(()) } else { Err(unkept()) }
    }

    fn note(&mut self, part: Part, kept: bool) {
        if !kept {
            tracing::warn!(request = %self.request, part = part.as_str(), "content that was to be kept is not");
            self.unkept.push(part.as_str().into());
        }
    }

    fn item(&self, part: Part, collected: Collected) -> Item {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        Item {
            opened: self.opened,
            request: self.request,
            tenant: Pseudonyms::TENANT.into(),
            rule: Arc::clone(&self.rule),
            part,
            bytes: collected.bytes,
            left_out: collected.left_out,
            until_s: until_s(now, self.keep),
        }
    }

    fn max(&self) -> usize {
        self.keeper.as_ref().map_or(0, Keeper::item_bytes_max)
    }
}

fn unkept() -> Refusal {
    let message = "the gateway has to keep this request and its answer, and cannot do so now; try again shortly";
    Refusal::new(RefusalCode::RetentionUnavailable, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_held_than_is_kept() {
        let mut collected = Collected::default();
        collected.add(b"hello", 8);
        collected.add(b" world", 8);
        collected.add(b"!", 8);
        assert_eq!((collected.bytes.as_slice(), collected.left_out), (b"hello wo".as_slice(), 4));
        assert_eq!(format!("{collected:?}"), "Collected(***)");
    }
}
