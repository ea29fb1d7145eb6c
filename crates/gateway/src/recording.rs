//! A call that is on record: opened before a byte goes to a provider, closed before the client gets the end.

use crate::clock::micros;
use crate::collecting::{Collecting, Unkept};
use crate::cost::{Charging, Priced, reported, with_lines, without_lines};
use crate::meter::Meter;
use crate::recorded::unavailable;
use crate::tokens::{BYTES_OF_TOKEN, apart};
use crate::trace::Attempted;
use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use std::time::Instant;
use switchtower_catalogue::prices::Prices;
use switchtower_dialect::documented_path;
use switchtower_domain::{Account, Cost, EstimateReason, Notice, Refusal, RefusalCode, UnknownReason, Usage};
use switchtower_ledger::journal::AppendError;
use switchtower_ledger::record::{Attempt, Closed, Counts, Lost, RequestId, Text};
use switchtower_ledger::{OpenCall, Receipt};
use switchtower_providers::Deployment;
use switchtower_tokenizer::of_text;
use tokio::runtime::Handle;

/// The longest name that a provider may give itself on record.
const NAME_CHARS_MAX: usize = 200;

/// A call that is on record. It is large, and boxed wherever it goes.
#[derive(Debug)]
pub(crate) struct Recording {
    call: OpenCall,
    deployment: Arc<Deployment>,
    /// What the deployment is called on record.
    name: Text,
    /// What its model is called on record.
    model: Text,
    pub(crate) meter: Meter,
    attempt: Arc<Marks>,
    /// How many bytes the texts of the request have.
    text_bytes: u64,
    bytes_to_provider: u64,
    charging: Charging,
    prices: Arc<Prices>,
    provider_request_id: Option<String>,
    /// What the answer lost on its way, as far as it is known when the call ends.
    lost: Vec<Lost>,
    /// The attempt in the trace of the request, if that stands in one.
    pub(crate) attempted: Option<Attempted>,
    /// What is to be kept of it, if anything is.
    collecting: Option<Collecting>,
    unkept: Vec<Text>,
}

/// When what happened in an attempt.
#[derive(Debug)]
pub(crate) struct Marks {
    began: Instant,
    sent_us: AtomicU64,
    head_us: AtomicU64,
    status: AtomicU16,
    unconnected: AtomicBool,
    unused_bytes: AtomicU64,
}

impl Marks {
    fn new(began: Instant) -> Self {
        let none = || AtomicU64::new(0);
        Self {
            began,
            sent_us: none(),
            head_us: none(),
            status: AtomicU16::new(0),
            unconnected: AtomicBool::new(false),
            unused_bytes: none(),
        }
    }

    fn now(&self) -> u64 {
        micros(self.began.elapsed())
    }

    /// The request leaves.
    pub(crate) fn sent(&self) {
        self.sent_us.store(self.now(), Ordering::Relaxed);
    }

    /// The head of the provider's answer is there.
    pub(crate) fn headed(&self, status: u16) {
        self.head_us.store(self.now(), Ordering::Relaxed);
        self.status.store(status, Ordering::Relaxed);
    }

    /// There was no connection, so that nothing was sent.
    pub(crate) fn unconnected(&self) {
        self.unconnected.store(true, Ordering::Relaxed);
    }

    /// Bytes came of which no answer was made, such as those of an error.
    pub(crate) fn unused(&self, bytes: usize) {
        self.unused_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Answered,
    Refused,
    BrokeOff,
    Abandoned,
}

impl Outcome {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Refused => "refused",
            Self::BrokeOff => "broke_off",
            Self::Abandoned => "abandoned",
        }
    }
}

/// What is known at the end of a call.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) outcome: Outcome,
    /// What the client got.
    pub(crate) status: u16,
    pub(crate) code: Option<RefusalCode>,
    pub(crate) account: Account,
    /// What a model is known to have said, where nobody counted it.
    pub(crate) said: Option<String>,
}

impl End {
    pub(crate) fn answered(account: Account) -> Self {
        Self { outcome: Outcome::Answered, status: 200, code: None, account, said: None }
    }

    /// The client went away before there was an answer.
    pub(crate) fn abandoned() -> Self {
        Self { outcome: Outcome::Abandoned, status: 0, code: None, account: Account::default(), said: None }
    }

    pub(crate) fn refused(refusal: &Refusal, status: u16) -> Self {
        let account = Account::default();
        Self { outcome: Outcome::Refused, status, code: Some(refusal.code), account, said: None }
    }
}

/// An end that the client must not have as it is.
#[derive(Debug)]
pub(crate) struct Unclosed {
    /// What it gets in its place.
    pub(crate) refusal: Box<Refusal>,
    /// That the end is on record all the same, as one that was refused.
    pub(crate) receipt: Option<Receipt>,
}

impl From<&AppendError> for Unclosed {
    fn from(error: &AppendError) -> Self {
        Self { refusal: Box::new(unavailable(error)), receipt: None }
    }
}

impl Recording {
    pub(crate) fn new(
        call: OpenCall,
        (deployment, name, model): (Arc<Deployment>, Text, Text),
        meter: Meter,
        began: Instant,
        (text_bytes, bytes_to_provider): (u64, u64),
        (charging, prices): (Charging, Arc<Prices>),
    ) -> Box<Self> {
        Box::new(Self {
            call,
            deployment,
            name,
            model,
            meter,
            attempt: Arc::new(Marks::new(began)),
            text_bytes,
            bytes_to_provider,
            charging,
            prices,
            provider_request_id: None,
            lost: Vec::new(),
            attempted: None,
            collecting: None,
            unkept: Vec::new(),
        })
    }

    /// Content of the call is to be kept, that of the request now.
    ///
    /// # Errors
    /// The refusal where it has to be kept and cannot be.
    pub(crate) async fn keep(&mut self, mut collecting: Collecting, body: &[u8]) -> Result<(), Refusal> {
        let kept = collecting.request(body).await;
        self.collecting = Some(collecting);
        kept
    }

    /// The number of the record that opened the call, and the id of the request.
    pub(crate) const fn opened(&self) -> (u64, RequestId) {
        (self.call.opened(), self.call.request())
    }

    /// Bytes leave for the client.
    pub(crate) fn sent(&mut self, bytes: &[u8]) {
        self.meter.sent(bytes);
        if let Some(collecting) = &mut self.collecting {
            collecting.answer(bytes);
        }
    }

    /// The whole answer leaves for the client.
    pub(crate) fn sent_whole(&mut self, bytes: &[u8]) {
        self.meter.sent_whole(bytes);
        if let Some(collecting) = &mut self.collecting {
            collecting.answer(bytes);
        }
    }

    /// Where an attempt notes when what happened.
    pub(crate) fn marks(&self) -> &Marks {
        &self.attempt
    }

    /// What the deployment is called on record.
    pub(crate) const fn name(&self) -> &Text {
        &self.name
    }

    /// The provider's own id for the request.
    pub(crate) fn identified(&mut self, id: Option<&str>) {
        self.provider_request_id = id.map(|id| id.chars().take(NAME_CHARS_MAX).collect());
    }

    /// What the answer loses on its way.
    pub(crate) fn lost(&mut self, notices: &[Notice]) {
        self.lost = notices.iter().map(lost).collect();
    }

    /// Writes the end of the call.
    ///
    /// # Errors
    /// [`Unclosed`] where it could not be written, or where the answer had to be kept and is not.
    pub(crate) async fn close(
        mut self: Box<Self>,
        mut end: End,
        refusal: Option<&Refusal>,
    ) -> Result<Receipt, Unclosed> {
        let total_us = self.meter.elapsed_us();
        let output = self.output_of(&end).await;
        let mut unkept = None;
        if let Some(collecting) = self.collecting.take() {
            (self.unkept, unkept) = collecting.finish().await;
        }
        if let Some(Unkept { refusal, streamed }) = &unkept {
            end.code = Some(refusal.code);
            (end.outcome, end.status) =
                if *streamed { (Outcome::BrokeOff, end.status) } else { (Outcome::Refused, refusal.status) };
        }
        let closed = self.closed(end, output, refusal, total_us);
        let receipt = self.call.close(closed).await.map_err(|error| Unclosed::from(&error))?;
        match unkept {
            None => Ok(receipt),
            Some(Unkept { refusal, .. }) => Err(Unclosed { refusal: Box::new(refusal), receipt: Some(receipt) }),
        }
    }

    /// Leaves the end of the call to be written, since nobody waits for it. What was said is counted before, as that of any
    /// other call is.
    pub(crate) fn leave(mut self: Box<Self>, end: End) {
        self.unkept = self.collecting.take().map(Collecting::leave).unwrap_or_default();
        let leaving = Leaving { left_us: self.meter.elapsed_us(), left: Some((self, end)) };
        // Where there is nothing to count, or nobody who could, it ends here.
        if leaving.said_something()
            && let Ok(runtime) = Handle::try_current()
        {
            drop(runtime.spawn(leaving.count()));
        }
    }

    /// How many tokens were generated, where nobody counted them: by the model's tokenizer, or the nearest one.
    async fn output_of(&self, end: &End) -> Option<u64> {
        let reported = end.account.usage.as_ref().is_some_and(|usage| usage.output.is_some());
        let said =
            end.said.clone().filter(|said| self.charging == Charging::Tokens && !reported && !said.is_empty())?;
        let model = self.deployment.model.clone();
        apart(move || of_text(&said, model.as_str()).tokens).await
    }

    fn closed(&self, end: End, output: Option<u64>, refusal: Option<&Refusal>, total_us: u64) -> Closed {
        let marks = &self.attempt;
        let load = |mark: &AtomicU64| Some(mark.load(Ordering::Relaxed)).filter(|mark| *mark > 0);
        let status = Some(marks.status.load(Ordering::Relaxed)).filter(|status| *status > 0);
        let sent_us = load(&marks.sent_us);
        let used = self.used(end.account.charged(), output, end.outcome, status);
        let priced = Priced::today(&self.prices, &self.deployment);
        let cost = self.cost(priced, &used, sent_us.is_some(), status);
        let unused_bytes = marks.unused_bytes.load(Ordering::Relaxed);
        let bytes_received = self.meter.bytes_received().saturating_add(unused_bytes);
        let unconnected = marks.unconnected.load(Ordering::Relaxed);
        let bytes_sent = if unconnected { 0 } else { self.bytes_to_provider };
        let usage = (used.usage != Usage::default()).then(|| counts_of(&used));
        let Account { model, fingerprint, stop, .. } = end.account;
        let attempt = Attempt {
            deployment: self.name.clone(),
            provider: self.deployment.provider.name.to_string().into(),
            failure: refusal.and_then(|refusal| refusal.failure).map(|class| class.as_str().into()),
            status,
            began_us: sent_us.unwrap_or_default(),
            head_us: load(&marks.head_us),
            ended_us: total_us,
            provider_request_id: self.provider_request_id.clone().map(Cow::Owned),
            usage: usage.clone(),
            bytes_sent,
            bytes_received,
            cost: cost.as_ref().map(with_lines),
            reported: reported(&used.usage),
            egress: priced.egress(bytes_sent, bytes_received).as_ref().map(with_lines),
            span: self.attempted.as_ref().map(|attempted| attempted.span),
        };
        let (gap_p50_us, gap_p99_us) = self.meter.gaps_us();
        Closed {
            outcome: end.outcome.as_str().into(),
            status: end.status,
            code: end.code.map(|code| code.as_str().into()),
            // Nothing was tried where not even a head could be asked for.
            attempts: if sent_us.is_some() { vec![attempt] } else { Vec::new() },
            model: model.as_deref().map(|model| self.answered_by(model)),
            fingerprint: fingerprint.as_deref().map(named),
            stop: stop.map(|stop| named(stop.as_str())),
            usage,
            first_us: self.meter.first_us(),
            gap_p50_us,
            gap_p99_us,
            total_us,
            bytes_out: self.meter.bytes_sent(),
            answer: Some(self.meter.digest()),
            lost: self.lost.clone(),
            cost: cost.as_ref().map(without_lines),
            timeline: self.meter.timeline.as_deref().map(|timeline| Box::new(timeline.on_record())),
            unkept: self.unkept.clone(),
            ..Closed::default()
        }
    }

    /// The model that a provider says it answered with. Where it repeats the name that it was asked for, that is the name
    /// on record, which is a digest where only a caller says it.
    fn answered_by(&self, model: &str) -> Text {
        let asked = self.deployment.model.as_str();
        let is_repeated = model == asked || asked.strip_prefix(model).is_some_and(|rest| rest.starts_with('?'));
        if is_repeated { self.model.clone() } else { named(model) }
    }

    /// What was used, as it was reported, or as an estimate with its reason.
    fn used(&self, usage: Option<Usage>, output: Option<u64>, outcome: Outcome, status: Option<u16>) -> Used {
        let whole = usage.as_ref().is_some_and(|usage| usage.input.is_some() && usage.output.is_some());
        let mut usage = usage.unwrap_or_default();
        // A provider that refused, or was never reached, charges nothing that anybody knows of.
        let charged = self.charging == Charging::Tokens && status.is_some_and(|status| (200..300).contains(&status));
        let ended_well = outcome == Outcome::Answered;
        if !charged || whole && ended_well || ended_well && output.is_none() && usage.input.is_some() {
            return Used { usage, estimated: None };
        }
        usage.input = usage.input.or_else(|| Some(self.text_bytes.div_ceil(BYTES_OF_TOKEN)));
        // A count in the middle of a stream is of what came until then; what was said since counts too.
        usage.output = usage.output.max(output);
        Used { usage, estimated: Some(if ended_well { Estimated::NoUsage } else { Estimated::CutOff }) }
    }

    /// What the attempt cost; nothing where nothing was charged.
    fn cost(&self, priced: Priced<'_>, used: &Used, sent: bool, status: Option<u16>) -> Option<Cost> {
        let reached = sent && !self.attempt.unconnected.load(Ordering::Relaxed);
        match status {
            _ if !reached || self.charging == Charging::Free => None,
            Some(status) if !(200..300).contains(&status) => None,
            Some(_) => Some(priced.usage(&used.usage, used.estimated.map(Estimated::reason))),
            // The provider was asked and never heard: what it did, it may charge.
            None => Some(Cost::unknown(UnknownReason::NoUsage)),
        }
    }
}

/// A call whose client went away, until what was said is counted. Where nobody can count it any more, as at the end of the
/// gateway, it is taken by its length.
struct Leaving {
    left: Option<(Box<Recording>, End)>,
    /// When the client left, in microseconds of the call.
    left_us: u64,
}

impl Leaving {
    fn said_something(&self) -> bool {
        self.left.as_ref().is_some_and(|(_, end)| end.said.as_ref().is_some_and(|said| !said.is_empty()))
    }

    async fn count(mut self) {
        let output = match &self.left {
            Some((recording, end)) => recording.output_of(end).await,
            None => None,
        };
        self.end(output);
    }

    fn end(&mut self, output: Option<u64>) {
        let Some((recording, end)) = self.left.take() else { return };
        let by_length = || end.said.as_ref().map(|said| (said.len() as u64).div_ceil(BYTES_OF_TOKEN));
        let output = output.or_else(by_length);
        let closed = recording.closed(end, output, None, self.left_us);
        recording.call.leave(closed);
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.end(None);
    }
}

/// What was used, and why that is an estimate, if it is.
#[derive(Debug)]
struct Used {
    usage: Usage,
    estimated: Option<Estimated>,
}

/// Why a usage is an estimate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Estimated {
    /// The provider reported none.
    NoUsage,
    /// The answer ended early.
    CutOff,
}

impl Estimated {
    const fn as_str(self) -> &'static str {
        match self {
            Self::NoUsage => "no_usage",
            Self::CutOff => "cut_off",
        }
    }

    const fn reason(self) -> EstimateReason {
        match self {
            Self::NoUsage => EstimateReason::CountedHere,
            Self::CutOff => EstimateReason::Interrupted,
        }
    }
}

fn named(name: &str) -> Text {
    // Nearly all of them are as they should be.
    if name.len() <= NAME_CHARS_MAX && name.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return name.to_owned().into();
    }
    let bounded = name.chars().filter(|letter| !letter.is_control()).take(NAME_CHARS_MAX).collect::<String>();
    bounded.into()
}

/// A notice on record.
pub(crate) fn lost(notice: &Notice) -> Lost {
    Lost { path: named(&documented_path(&notice.path)), class: notice.class.as_str().into() }
}

fn counts_of(used: &Used) -> Counts {
    let usage = &used.usage;
    Counts {
        input: usage.input,
        cache_read: usage.cache_read,
        cache_write: usage.cache_write,
        cache_write_5m: usage.cache_write_5m,
        cache_write_1h: usage.cache_write_1h,
        input_audio: usage.input_audio,
        input_image: usage.input_image,
        output: usage.output,
        reasoning: usage.reasoning,
        output_audio: usage.output_audio,
        output_image: usage.output_image,
        web_searches: usage.web_searches,
        service_tier: usage.service_tier.as_deref().map(named),
        estimated: used.estimated.map(|estimated| estimated.as_str().into()),
        input_video: usage.input_video,
        web_fetches: usage.web_fetches,
        total: usage.total,
    }
}
