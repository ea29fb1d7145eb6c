//! Streams that leave in another dialect.

use super::{Arrived, Broken, Ends, Outgoing, Step, failure_beside, frame_of, is_named_error, refusal_of};
use crate::tag::Tagging;
use switchtower_dialect::{SAID_BYTES_MAX, StreamDecoder, StreamEncoder, WireEvent, dialect};
use switchtower_domain::{Account, DialectId, Event, Extras, Frame, Refusal};
use switchtower_providers::Deployment;

pub(super) struct Translate {
    decoder: Box<dyn StreamDecoder>,
    encoder: Box<dyn StreamEncoder>,
    tagging: Option<Tagging>,
    origin: DialectId,
    /// When the answer began, for clients that want to know where the provider does not say, in seconds since 1970.
    began: u64,
    ended: bool,
    account: Account,
    /// What was said, for a provider that does not count it.
    said: String,
    /// Why the stream broke off, if it did.
    pub(super) broken: Option<Refusal>,
}

/// How a translated answer leaves.
#[derive(Debug)]
pub(crate) struct Leaving {
    /// Whether the client wants usage at its end.
    pub(crate) report_usage: bool,
    /// Says whose it is what only the provider's account can read.
    pub(crate) tagging: Option<Tagging>,
}

impl Translate {
    pub(super) fn new(deployment: &Deployment, client: DialectId, leaving: Leaving) -> Self {
        let interface = deployment.provider.interface(client);
        Self {
            decoder: dialect(interface.dialect).stream_decoder(&interface.variant),
            encoder: dialect(client).stream_encoder(leaving.report_usage),
            tagging: leaving.tagging,
            origin: interface.dialect,
            began: crate::clock::seconds_since_1970(),
            ended: false,
            account: Account::default(),
            said: String::new(),
            broken: None,
        }
    }

    pub(super) fn event(&mut self, event: &Arrived, ends: &Ends, out: &mut Outgoing) -> Result<Step, Broken> {
        let Some(parsed) = event.read() else {
            return if event.is_foreign() {
                Err(Broken::malformed("something that is no event"))
            } else {
                Ok(Step::On)
            };
        };
        let wire = parsed.to_wire().ok_or_else(|| Broken::malformed("an event that is not UTF-8"))?;
        let decoded = self.decoder.decode(&wire);
        let mut frame = match decoded {
            Ok(frame) => frame,
            Err(error) => match failure_beside(&parsed, ends) {
                Some(failure) => frame_of(failure, ends),
                None => return Err(Broken::malformed(error.to_string())),
            },
        };
        let mut failed = None;
        self.note(&frame);
        for event in &mut frame.events {
            match event {
                Event::Started(head) => {
                    head.created.get_or_insert(self.began);
                    head.id.get_or_insert_with(|| ends.request_id.as_str().to_owned());
                    head.model.get_or_insert_with(|| ends.deployment.model.as_str().to_owned());
                }
                Event::Failed(failure) => failed = Some(failure.clone()),
                Event::Ended => self.ended = true,
                _ => {}
            }
        }
        if failed.is_none() && is_named_error(&parsed) {
            failed = failure_beside(&parsed, ends);
        }
        let step = if failed.is_some() { Step::Failed } else { Step::On };
        if let Some(failure) = failed {
            frame = frame_of(failure, ends);
            self.broken = refusal_of(frame.clone(), ends);
        }
        for event in self.encoder.encode(&frame).map_err(|error| Broken::malformed(error.to_string()))? {
            out.write(&self.tagged(event));
        }
        Ok(step)
    }

    fn tagged(&mut self, event: WireEvent) -> WireEvent {
        let data = self.tagging.as_mut().and_then(|tagging| tagging.tagged(event.data.as_bytes()));
        match data.map(String::from_utf8) {
            Some(Ok(data)) => WireEvent { data, ..event },
            Some(Err(_)) | None => event,
        }
    }

    /// Notes what goes on record of a frame.
    fn note(&mut self, frame: &Frame) {
        for event in &frame.events {
            self.account.take(event);
            if let Event::PartGrew { delta, .. } = event
                && self.said.len() < SAID_BYTES_MAX
            {
                self.said.push_str(delta.generated());
            }
        }
    }

    /// What is on record of the answer, and what was said.
    pub(super) fn account(&mut self) -> (Account, String) {
        (std::mem::take(&mut self.account), std::mem::take(&mut self.said))
    }

    /// Ends the answer for the client, where the provider's variant of the dialect leaves its end marker out.
    pub(super) fn conclude(&mut self, out: &mut Outgoing) -> Result<(), Broken> {
        if std::mem::replace(&mut self.ended, true) {
            return Ok(());
        }
        let end = Frame { origin: self.origin, name: None, events: vec![Event::Ended], extras: Extras::none() };
        for event in self.encoder.encode(&end).map_err(|error| Broken::malformed(error.to_string()))? {
            out.write(&self.tagged(event));
        }
        Ok(())
    }

    pub(super) fn complete(&self) -> bool {
        self.decoder.complete()
    }

    pub(super) fn over(&self) -> bool {
        self.ended && self.decoder.complete()
    }

    pub(super) fn fail(&mut self, refusal: &Refusal, request_id: &str) -> Vec<WireEvent> {
        self.encoder.fail(refusal, request_id)
    }
}
