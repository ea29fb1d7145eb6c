//! Streams that leave as they came: looked at, never rewritten.

use super::{Broken, Ends, Outgoing, Step};
use crate::failure::masked;
use switchtower_dialect::sse::{Parsed, RawEvent};
use switchtower_dialect::{StreamWatch, WireEvent, dialect};
use switchtower_domain::Event;
use switchtower_providers::Deployment;

pub(super) struct Forward {
    watch: Box<dyn StreamWatch>,
}

impl Forward {
    pub(super) fn new(deployment: &Deployment) -> Self {
        let provider = &deployment.provider;
        Self { watch: dialect(provider.dialect).stream_watch(&provider.variant) }
    }

    pub(super) fn event(&mut self, event: &RawEvent, ends: &Ends, out: &mut Outgoing) -> Result<Step, Broken> {
        let Some(parsed) = event.read() else {
            if event.is_foreign() {
                return Err(Broken::malformed("something that is no event"));
            }
            out.pass(event);
            return Ok(Step::On);
        };
        self.watch.look(parsed.name, parsed.data()).map_err(|error| Broken::malformed(error.to_string()))?;
        if let Some(failure) = failure_in(&parsed, ends) {
            out.write(&WireEvent { data: masked(&failure.data, &ends.deployment), ..failure });
            return Ok(Step::Failed);
        }
        out.pass(event);
        Ok(Step::On)
    }

    pub(super) fn complete(&self) -> bool {
        self.watch.complete()
    }
}

/// The event, if it says that the provider failed. Only one that has the word as a string of its own can.
fn failure_in(parsed: &Parsed<'_>, ends: &Ends) -> Option<WireEvent> {
    memchr::memmem::find(parsed.data(), b"\"error\"")?;
    let wire = parsed.to_wire()?;
    let provider = &ends.deployment.provider;
    let frame = dialect(provider.dialect).stream_decoder(&provider.variant).decode(&wire).ok()?;
    frame.events.iter().any(|event| matches!(event, Event::Failed(_))).then_some(wire)
}
