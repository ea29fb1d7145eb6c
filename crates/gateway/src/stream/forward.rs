//! Streams that leave as they came: looked at, never rewritten, but for an error, which may quote a secret.

use super::{Arrived, Broken, Ends, Outgoing, Step, failure_beside, failure_in, frame_of, is_named_error, refusal_of};
use crate::owner::Sealing;
use crate::tag::Tagging;
use memchr::memmem::Finder;
use std::sync::LazyLock;
use switchtower_dialect::scan::scan;
use switchtower_dialect::sse::Parsed;
use switchtower_dialect::{AccountReader, StreamEnding, StreamWatch, WireEvent, dialect};
use switchtower_domain::{Account, DialectId, Failure, Refusal};
use switchtower_providers::Deployment;

pub(super) struct Forward {
    watch: Box<dyn StreamWatch>,
    ending: StreamEnding,
    /// Whether the end marker was seen.
    marked: bool,
    rewriting: Rewriting,
    reader: AccountReader,
    /// Why the stream broke off, if it did.
    pub(super) broken: Option<Refusal>,
}

/// What is not passed on as it came.
#[derive(Debug, Default)]
pub(crate) struct Rewriting {
    /// Seals the ids of an answer that its provider keeps.
    pub(crate) sealing: Option<Sealing>,
    /// Says whose it is what only the provider's account can read.
    pub(crate) tagging: Option<Tagging>,
    /// Whether the event that tells usage is not what the client asked for.
    pub(crate) usage_unasked: bool,
}

impl Rewriting {
    /// The data of an event as the client gets it, where that is not as it came.
    fn rewritten(&mut self, data: &[u8]) -> Option<Vec<u8>> {
        let sealed = self.sealing.as_mut().and_then(|sealing| sealing.rewritten(data));
        let tagged = self.tagging.as_mut().and_then(|tagging| tagging.tagged(sealed.as_deref().unwrap_or(data)));
        tagged.or(sealed)
    }
}

impl Forward {
    /// `watch` looks at what is no stream of the provider's dialect.
    pub(super) fn new(
        deployment: &Deployment,
        client: DialectId,
        watch: Option<Box<dyn StreamWatch>>,
        rewriting: Rewriting,
    ) -> Self {
        let interface = deployment.provider.interface(client);
        let watch = watch.unwrap_or_else(|| dialect(interface.dialect).stream_watch(&interface.variant));
        let reader = AccountReader::new(dialect(interface.dialect).account_places());
        let ending = interface.variant.stream_ending;
        Self { watch, ending, marked: false, rewriting, reader, broken: None }
    }

    pub(super) fn event(&mut self, event: &Arrived, ends: &Ends, out: &mut Outgoing) -> Result<Step, Broken> {
        let Some(parsed) = event.read() else {
            if event.is_foreign() {
                return Err(Broken::malformed("something that is no event"));
            }
            out.pass(event);
            return Ok(Step::On);
        };
        if let Some(failure) = failure(&parsed, ends) {
            let frame = frame_of(failure, ends);
            let mut encoder = dialect(ends.client).stream_encoder(false);
            for event in encoder.encode(&frame).map_err(|error| Broken::malformed(error.to_string()))? {
                out.write(&event);
            }
            self.broken = refusal_of(frame, ends);
            return Ok(Step::Failed);
        }
        self.watch.look(parsed.name, parsed.data()).map_err(|error| Broken::malformed(error.to_string()))?;
        self.reader.look(parsed.data(), &ends.interface().variant);
        let is_marker = parsed.data().trim_ascii() == b"[DONE]";
        if is_marker && !self.watch.complete() {
            return Err(Broken::malformed("an end without a reason for stopping"));
        }
        // Where the reason for stopping is enough, more may follow it, such as usage.
        self.marked = self.watch.complete() && (is_marker || self.ending == StreamEnding::Marker);
        if self.rewriting.usage_unasked && tells_usage_only(parsed.data()) {
            return Ok(Step::On);
        }
        match self.rewriting.rewritten(parsed.data()) {
            Some(data) => {
                let name = parsed.name.map(|name| String::from_utf8_lossy(name).into_owned());
                out.write(&WireEvent { name, data: String::from_utf8_lossy(&data).into_owned() });
            }
            None => out.pass(event),
        }
        Ok(Step::On)
    }

    pub(super) fn complete(&self) -> bool {
        self.watch.complete()
    }

    pub(super) fn over(&self) -> bool {
        self.marked
    }

    /// What is on record of the answer, and what was said.
    pub(super) fn account(&mut self) -> (Account, String) {
        (self.reader.account().clone(), self.reader.take_said())
    }
}

/// Whether an event is the one that tells usage, after all choices: the list of choices is empty there. Azure sends such a
/// list with the verdicts on a prompt as well. Source:
/// <https://platform.openai.com/docs/api-reference/chat-streaming/streaming>
fn tells_usage_only(data: &[u8]) -> bool {
    /// Deeper than this no chunk nests.
    const DEPTH_MAX: usize = 32;
    static USAGE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"usage\""));
    // Every chunk has the name, and all but one have it for nothing.
    let may = USAGE.find_iter(data).any(|at| {
        let behind = data.get(at + USAGE.needle().len()..).unwrap_or_default().trim_ascii_start();
        behind.strip_prefix(b":").is_some_and(|value| value.trim_ascii_start().starts_with(b"{"))
    });
    if !may {
        return false;
    }
    let Ok(scan) = scan(data.trim_ascii(), DEPTH_MAX) else { return false };
    let says = |name: &str, what: fn(&[u8]) -> bool| scan.field(name).is_some_and(|field| what(field.value));
    says("choices", |value| value.iter().filter(|byte| !byte.is_ascii_whitespace()).eq(b"[]"))
        && says("usage", |value| value.starts_with(b"{"))
}

/// The word, and how its letters begin where they are escaped.
static ERROR: LazyLock<[Finder<'static>; 3]> =
    LazyLock::new(|| [&b"\"error\""[..], b"\\u006", b"\\u007"].map(Finder::new));

/// The failure that an event tells of. Only one that is named so, or that has the word as a string of its own, can; its
/// letters may be escaped.
fn failure(parsed: &Parsed<'_>, ends: &Ends) -> Option<Failure> {
    if !is_named_error(parsed) && !ERROR.iter().any(|word| word.find(parsed.data()).is_some()) {
        return None;
    }
    let interface = ends.interface();
    let mut decoder = dialect(interface.dialect).stream_decoder(&interface.variant);
    let decoded = parsed.to_wire().and_then(|wire| decoder.decode(&wire).ok());
    decoded.and_then(failure_in).or_else(|| failure_beside(parsed, ends))
}
