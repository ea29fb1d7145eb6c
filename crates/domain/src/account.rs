//! What is on record of an answer.

use crate::{Answer, AnswerHead, Event, Stop, StopReason, Usage};

/// What is on record of an answer besides its length: nothing of what was said.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Account {
    /// What was used, as the provider reports it.
    pub usage: Option<Usage>,
    /// The model that answered, as the provider says it.
    pub model: Option<String>,
    /// The provider's mark for the configuration that served it.
    pub fingerprint: Option<String>,
    /// The class of service that the answer says of itself, beside its usage.
    pub service_tier: Option<String>,
    /// Why the first choice ended.
    pub stop: Option<StopReason>,
}

impl Account {
    /// The account of a whole answer.
    pub fn of(answer: &Answer) -> Self {
        let stop = answer.choices.iter().find_map(|choice| choice.stop.as_ref());
        let mut account = Self { usage: answer.usage.clone(), ..Self::default() };
        account.head(&answer.head);
        account.stopped(stop);
        account
    }

    /// Takes what one event of a stream adds.
    pub fn take(&mut self, event: &Event) {
        match event {
            Event::Started(head) => self.head(head),
            Event::Usage(usage) => self.used(usage),
            Event::Stopped { stop, .. } => self.stopped(Some(stop)),
            _ => {}
        }
    }

    /// Takes a report of usage; a later one replaces what it states.
    pub fn used(&mut self, usage: &Usage) {
        self.usage.get_or_insert_default().update(usage);
    }

    fn head(&mut self, head: &AnswerHead) {
        if self.model.is_none() {
            self.model.clone_from(&head.model);
        }
        if head.fingerprint.is_some() {
            self.fingerprint.clone_from(&head.fingerprint);
        }
        self.tier(head.service_tier.as_deref());
    }

    /// Takes a class of service that the answer says of itself: streams begin with what was asked for, and end with what was
    /// given.
    pub fn tier(&mut self, tier: Option<&str>) {
        if let Some(tier) = tier {
            self.service_tier = Some(tier.to_owned());
        }
    }

    /// What was used, at the class of service that was given.
    pub fn charged(&self) -> Option<Usage> {
        let usage = self.usage.clone()?;
        let service_tier = usage.service_tier.clone().or_else(|| self.service_tier.clone());
        Some(Usage { service_tier, ..usage })
    }

    fn stopped(&mut self, stop: Option<&Stop>) {
        if self.stop.is_none() {
            self.stop = stop.map(|stop| stop.reason.clone());
        }
    }
}
