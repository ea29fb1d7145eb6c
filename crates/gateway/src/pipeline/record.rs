//! What is on record: the beginning of a call before anything is sent, its end before the client gets the end of the
//! answer, and one entry for a refusal.

use super::accept::{Accepted, Place};
use super::decode::Decoded;
use super::plan::{Carriage, Planned};
use crate::clock::micros;
use crate::collecting::Collecting;
use crate::cost::{Charging, reserved};
use crate::holder::Holder;
use crate::meter::Meter;
use crate::recorded::{Recorded, unavailable};
use crate::recording::{End, Recording, Unclosed, lost};
use crate::reply::Refused;
use crate::request_id::RequestId;
use crate::retention;
use crate::shared::Shared;
use crate::timeline::Timeline;
use crate::trace::Traced;
use bytes::Bytes;
use http::uri::Authority;
use http::{HeaderMap, Uri};
use std::sync::Arc;
use std::time::Instant;
use switchtower_dialect::dialect;
use switchtower_domain::{DialectId, Refusal, RefusalCode};
use switchtower_ledger::record::{Digest, Opened, Pseudonym, Refused as RefusedEntry, Text, Told, Trace};
use switchtower_ledger::{Ledger, Receipt};
use switchtower_providers::{Deployment, Operation, RetentionPolicy};

/// How far a request has come, for its record if it goes no further.
#[derive(Debug)]
pub(super) struct Standing {
    began: Instant,
    /// Where the request stands in a trace, if it does.
    traced: Option<Traced>,
    /// Who asks for what, once that is known.
    caller: Option<Caller>,
    /// The deployment that was chosen, as records name it.
    deployment: Option<Text>,
    /// When it left which room, where that is asked for and until the call is open.
    timeline: Option<Box<Timeline>>,
    /// The call, once it is open.
    pub(super) recording: Option<Box<Recording>>,
    /// That its end is on record already, as one that is refused.
    pub(super) closed: Option<Receipt>,
}

#[derive(Debug)]
struct Caller {
    who: Option<Pseudonym>,
    /// The holder of the caller's key.
    holder: Option<Arc<Holder>>,
    client: DialectId,
    operation: &'static str,
}

impl Standing {
    /// A request begins.
    pub(super) fn begin(traced: Option<Traced>, headers: &HeaderMap) -> Self {
        let began = Instant::now();
        let timeline = Timeline::wished(headers, began);
        Self { began, traced, caller: None, deployment: None, timeline, recording: None, closed: None }
    }

    /// The request leaves a room.
    pub(super) fn passed(&mut self, room: &'static str) {
        match (&mut self.recording, &mut self.timeline) {
            (Some(recording), _) => recording.meter.passed(room),
            (None, Some(timeline)) => timeline.passed(room),
            (None, None) => {}
        }
    }

    fn trace(&self) -> Option<Trace> {
        self.traced.as_ref().map(|traced| traced.trace.clone())
    }

    /// It is known who asks.
    pub(super) fn known(&mut self, shared: &Shared, accepted: &Accepted) {
        let who = accepted.caller.as_ref().map(|holder| shared.ledger.pseudonyms().of_caller(&holder.name));
        let (holder, client) = (accepted.caller.clone(), accepted.client);
        self.caller = Some(Caller { who, holder, client, operation: operation(&accepted.place) });
    }

    /// It is known who answers; the name that records have for it.
    pub(super) fn chosen(&mut self, shared: &Shared, deployment: &Deployment) -> Text {
        self.deployment.insert(Names::of(shared, deployment).deployment).clone()
    }
}

/// Where the client goes away before its answer has begun, nobody waits for the record of the call any more.
impl Drop for Standing {
    fn drop(&mut self) {
        if let Some(recording) = self.recording.take() {
            recording.leave(End::abandoned());
        }
    }
}

/// What is asked for, by the word on record.
const fn operation(place: &Place) -> &'static str {
    match place {
        Place::Answer(_) => Operation::Answer.as_str(),
        Place::CountTokens(_) => Operation::CountTokens.as_str(),
        Place::Service(operation) => operation.as_str(),
        Place::Models | Place::Model(_) => "models",
        Place::Health | Place::Ready => "health",
    }
}

/// A deployment by the names that may stand on record: those of the configuration and of the catalogue. A name that
/// only a caller says is a digest.
struct Names {
    deployment: Text,
    model: Text,
    /// Whether the model is named by a digest.
    hides: bool,
}

impl Names {
    fn of(shared: &Shared, deployment: &Deployment) -> Self {
        let name = deployment.name.as_str();
        let listed = deployment.facts.is_some() || deployment.provider.models.contains(&deployment.model);
        if listed || shared.directory.has(name) {
            let model = deployment.model.as_str().to_owned().into();
            return Self { deployment: name.to_owned().into(), model, hides: false };
        }
        let digest = shared.ledger.pseudonyms().digest(deployment.model.as_str().as_bytes()).to_string();
        let short = digest.get(..16).unwrap_or_default();
        let provider = deployment.provider.name.as_str();
        Self { deployment: format!("{provider}/#{short}").into(), model: format!("#{short}").into(), hides: true }
    }
}

fn team(holder: &Holder) -> Option<Text> {
    holder.team.as_ref().map(|team| team.as_str().to_owned().into())
}

fn use_case(holder: &Holder) -> Option<Text> {
    holder.use_case.as_ref().map(|use_case| use_case.as_str().to_owned().into())
}

/// What a caller asked for, as far as it goes on record.
#[derive(Debug)]
pub(super) struct Asked {
    name: String,
    bytes: u64,
    text_bytes: u64,
    digest: Digest,
    output_max: Option<u64>,
    /// The body as it came, where anything may be kept.
    body: Option<Bytes>,
}

impl Asked {
    pub(super) fn of(shared: &Shared, decoded: &Decoded<'_>) -> Self {
        let depth_max = shared.settings.limits.depth_max;
        Self {
            name: decoded.model.clone().into_owned(),
            bytes: decoded.body.len() as u64,
            text_bytes: decoded.scan.text_bytes as u64,
            digest: shared.ledger.pseudonyms().digest(decoded.body),
            output_max: dialect(decoded.asked.client).bounds().output_max(&decoded.scan, depth_max),
            body: shared.settings.retention.keep_anything().then(|| decoded.body.clone()),
        }
    }
}

/// Writes the beginning of a call.
pub(super) async fn open<'s>(
    (shared, ledger): (&Shared, &Ledger),
    standing: &'s mut Standing,
    planned: &Planned,
    asked: Asked,
    id: &RequestId,
) -> Result<&'s mut Recording, Refusal> {
    let (settings, deployment) = (&shared.settings, &planned.deployment);
    let pseudonyms = ledger.pseudonyms();
    let names = Names::of(shared, deployment);
    let (operation, who) = standing.caller.as_ref().map_or(("", None), |caller| (caller.operation, caller.who));
    let configured = shared.directory.has(&asked.name);
    let provider = &deployment.provider;
    let holder = standing.caller.as_ref().and_then(|caller| caller.holder.as_deref());
    let fitting =
        retention::Asked { holder, deployment: deployment.name.as_str(), provider: provider.name.as_str(), operation };
    let decided = settings.retention.decide(fitting, id.on_record(), pseudonyms);
    // Nobody could look up later what a model costs that the record does not name.
    let bounds = (asked.bytes, asked.output_max);
    let reserved = names.hides.then(|| reserved(&settings.prices, deployment, operation, bounds)).flatten();
    let opened = Opened {
        request: id.on_record(),
        caller: who,
        tenant: switchtower_ledger::Pseudonyms::TENANT.into(),
        client: planned.client.as_str().into(),
        operation: operation.into(),
        asked_digest: (!configured).then(|| pseudonyms.digest(asked.name.as_bytes())),
        asked: configured.then_some(asked.name.into()),
        deployment: names.deployment.clone(),
        provider: provider.name.as_str().to_owned().into(),
        region: provider.region.as_ref().map(|region| region.as_str().to_owned().into()),
        model: names.model.clone(),
        spoken: provider.interface(planned.client).dialect.as_str().into(),
        carriage: carriage(&planned.carriage).into(),
        streamed: planned.streamed,
        bytes_in: asked.bytes,
        prompt: Some(asked.digest),
        lost: planned.notices.iter().map(lost).collect(),
        configuration: settings.digests.configuration,
        catalogue: settings.digests.catalogue,
        kept_by_provider: provider.retention == RetentionPolicy::Allow,
        output_max: asked.output_max,
        prices: settings.digests.prices,
        team: holder.and_then(team),
        use_case: holder.and_then(use_case),
        trace: standing.trace(),
        provider_kind: provider.kind.clone().map(Text::from),
        host: host(planned.outgoing.uri()).into(),
        retention: decided.map(|(rule, _)| rule.name.to_string().into()),
        keeps_content: decided.is_some_and(|(_, keeps)| keeps),
        reserved,
    };
    let call = ledger.begin(opened).await.map_err(|error| unavailable(&error))?;
    let began = standing.began;
    let mut meter = Meter::new(began, pseudonyms.digests().clone());
    meter.timeline = standing.timeline.take();
    meter.passed("record");
    let to_provider = std::iter::once(&planned.outgoing).chain(&planned.more).map(|sent| sent.body().len() as u64);
    let bytes = (asked.text_bytes, to_provider.sum());
    let charging = (Charging::of(operation), Arc::clone(&settings.prices));
    let mut recording =
        Recording::new(call, (deployment.clone(), names.deployment, names.model), meter, began, bytes, charging);
    recording.attempted = standing.traced.as_ref().map(Traced::attempt);
    let recording = standing.recording.insert(recording);
    if let (Some((rule, true)), Some(body)) = (decided, asked.body) {
        let collecting = Collecting::new(shared.keeper.clone(), recording.opened(), rule, planned.streamed);
        recording.keep(collecting, &body).await?;
    }
    Ok(recording)
}

/// Who is sent to: never what may stand before it in an address.
fn host(uri: &Uri) -> String {
    let authority = uri.authority().map(Authority::as_str).unwrap_or_default();
    authority.rsplit_once('@').map_or(authority, |(_, host)| host).to_owned()
}

const fn carriage(carriage: &Carriage) -> &'static str {
    match carriage {
        Carriage::Forward { .. } => "forward",
        Carriage::Translate { .. } => "transform",
        Carriage::Count(_) => "count",
        Carriage::Service(_) => "service",
    }
}

/// Writes what becomes of a request that is refused. Where that cannot be written, the client is told that.
pub(super) async fn refuse(
    (shared, ledger): (&Shared, &Ledger),
    mut standing: Standing,
    id: &RequestId,
    refused: &mut Refused,
) -> Recorded {
    let (client, trace, began) =
        (standing.caller.as_ref().map(|caller| caller.client), standing.trace(), standing.began);
    let status = |refusal: &Refusal| client.map_or(refusal.status, |client| dialect(client).refusal_status(refusal));
    if let Some(recording) = standing.recording.take() {
        let refusal = &refused.refusal;
        let written = recording.close(End::refused(refusal, status(refusal)), Some(refusal)).await;
        return written_or_told(written, refused);
    }
    if let Some(receipt) = standing.closed.take() {
        return receipt.into();
    }
    let Some(caller) = standing.caller.take() else {
        shared.turned_away.count(refused.refusal.code);
        return Recorded::counted();
    };
    if refused.refusal.code == RefusalCode::LedgerUnavailable {
        // The beginning could not be written; nothing was sent.
        return Recorded::impossible();
    }
    let entry = RefusedEntry {
        request: id.on_record(),
        caller: caller.who,
        tenant: switchtower_ledger::Pseudonyms::TENANT.into(),
        client: caller.client.as_str().into(),
        code: refused.refusal.code.as_str().into(),
        status: status(&refused.refusal),
        operation: caller.operation.into(),
        deployment: standing.deployment.take(),
        configuration: shared.settings.digests.configuration,
        team: caller.holder.as_deref().and_then(team),
        use_case: caller.holder.as_deref().and_then(use_case),
        trace,
        total_us: micros(began.elapsed()),
    };
    let written = ledger.append(entry.into()).await;
    written_or_told(written.map_err(|error| Unclosed::from(&error)), refused)
}

fn written_or_told(written: Result<Receipt, Unclosed>, refused: &mut Refused) -> Recorded {
    match written {
        Ok(receipt) => receipt.into(),
        Err(Unclosed { refusal, receipt }) => {
            refused.refusal = refusal;
            receipt.map_or_else(Recorded::impossible, Recorded::from)
        }
    }
}

/// Writes that the gateway answered by itself.
pub(super) async fn told(
    (shared, ledger): (&Shared, &Ledger),
    standing: &Standing,
    id: &RequestId,
) -> Result<Recorded, Refusal> {
    let caller = standing.caller.as_ref();
    let holder = caller.and_then(|caller| caller.holder.as_deref());
    let entry = Told {
        request: id.on_record(),
        caller: caller.and_then(|caller| caller.who),
        tenant: switchtower_ledger::Pseudonyms::TENANT.into(),
        client: caller.map_or("", |caller| caller.client.as_str()).into(),
        operation: caller.map_or("", |caller| caller.operation).into(),
        deployment: standing.deployment.clone(),
        configuration: shared.settings.digests.configuration,
        team: holder.and_then(team),
        use_case: holder.and_then(use_case),
        trace: standing.trace(),
        total_us: micros(standing.began.elapsed()),
    };
    let receipt = ledger.append(entry.into()).await.map_err(|error| unavailable(&error))?;
    Ok(receipt.into())
}
