//! What leaves: which bytes, with which notices, and how the answer comes back.

use super::accept::Place;
use super::count;
use super::decode::{Decoded, undecodable};
use super::defaults;
use super::kept;
use super::owned::{Asking, CARRIED_IN_BASE64, Opened};
use super::resolve::Resolved;
use super::service::{self, Job};
use super::within::BETA_HEADER;
use crate::owner::{Owner, Sealing};
use crate::tag::Tagging;
use crate::{Directory, Settings, notices};
use aho_corasick::AhoCorasick;
use bytes::Bytes;
use http::Request;
use memchr::memmem::Finder;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use switchtower_dialect::splice::Splice;
use switchtower_dialect::{Dialect, Retention, StreamUsage, Variant, carried, dialect, json, json_text};
use switchtower_domain::{DialectId, Notice, NoticeClass, Param, Refusal, RefusalCode};
use switchtower_providers::{Deployment, Interface, Operation, RequestError, RetentionPolicy, address, request};

/// A request as it leaves.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) client: DialectId,
    pub(super) deployment: Arc<Deployment>,
    pub(super) outgoing: Request<Bytes>,
    /// Further requests that belong to the same answer.
    pub(super) more: Vec<Request<Bytes>>,
    pub(super) carriage: Carriage,
    pub(super) streamed: bool,
    /// How the ids of the answer are sealed, where its provider keeps it.
    pub(super) sealing: Option<Sealing>,
    /// Says of what only the provider's account can read whose it is, in an answer.
    pub(super) tagging: Option<Tagging>,
    pub(super) notices: Vec<Notice>,
}

/// How the answer travels back.
#[derive(Debug)]
pub(super) enum Carriage {
    /// As it came.
    Forward {
        /// Whether usage is asked for on our own account, so that the client is not to see the event that tells it.
        usage_unasked: bool,
    },
    /// Through the canonical form.
    Translate {
        /// Whether the client wants usage at the end of a stream.
        report_usage: bool,
    },
    /// A count, in the dialect in which the provider counts.
    Count(DialectId),
    /// Through the typed values of a service.
    Service(Box<Job>),
}

const STRICT: &str = "x-switchtower-strict";

pub(super) fn plan(settings: &Settings, directory: &Directory, resolved: Resolved<'_>) -> Result<Planned, Refusal> {
    let Resolved { decoded, deployment } = resolved;
    let client = match decoded.asked.place {
        Place::Answer(client) | Place::CountTokens(client) => client,
        _ => decoded.asked.client,
    };
    let usual = deployment.provider.interface(client);
    let (interface, operation) = match decoded.asked.place {
        Place::CountTokens(client) => {
            (count::interface(&deployment.provider, client).unwrap_or(usual), Operation::CountTokens)
        }
        Place::Service(operation) => (service::interface(&decoded, &deployment, operation).unwrap_or(usual), operation),
        _ => (usual, Operation::Answer),
    };
    let strict = settings.strict
        || decoded.asked.headers.get(STRICT).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"true"));
    let keeping = match deployment.provider.retention {
        RetentionPolicy::Off if strict => Keeping::Refused,
        RetentionPolicy::Off => Keeping::Withheld,
        RetentionPolicy::Refuse => Keeping::Refused,
        RetentionPolicy::Allow => Keeping::Allowed,
    };
    let same = interface.dialect == client && decoded.asked.form.is_none();
    let owner = Owner::of(&deployment.provider);
    let mut splice = Splice::default();
    let opened = match decoded.asked.place {
        Place::Answer(_) | Place::CountTokens(_) => {
            Asking { settings, directory, deployment: &deployment, owner, client, same, strict }
                .open(&decoded, &mut splice)?
        }
        _ => Opened::default(),
    };
    let Opened { notices, carried } = opened;
    let bereft = !notices.is_empty();
    let (withheld, has_carried) = (Vec::new(), OnceCell::new());
    let mut draft = Draft { interface, operation, keeping, splice, withheld, carried, has_carried, bereft, notices };
    draft.keep_nothing(&decoded, client)?;
    let betas = draft.fit_within(&decoded, same);
    let sealing = match decoded.asked.place {
        Place::Answer(_) => kept::open(settings, &decoded, client, &deployment, interface, &mut draft.splice)?,
        // What counts tokens of a conversation refers to it all the same; its answer has no id.
        Place::CountTokens(_) => {
            kept::open(settings, &decoded, client, &deployment, interface, &mut draft.splice)?;
            None
        }
        _ => None,
    };
    let (mut more, mut at) = (Vec::new(), None);
    let (body, carriage) = if let Place::Service(operation) = decoded.asked.place {
        let prepared = service::prepare(&mut draft, &decoded, &deployment, operation)?;
        (more, at) = (prepared.more, prepared.at);
        (prepared.body, prepared.carriage)
    } else if same {
        let (body, usage_unasked) = draft.forward(&decoded, &deployment)?;
        (body, Carriage::Forward { usage_unasked })
    } else if operation == Operation::CountTokens {
        (draft.count(&decoded, client, &deployment)?, Carriage::Count(interface.dialect))
    } else {
        draft.translate(&decoded, client, &deployment)?
    };
    if let Some(form) = decoded.asked.form {
        let instructed = decoded.scan.field("system").is_some_and(|field| !matches!(field.value, b"null" | b"\"\""));
        draft.notices.iter_mut().for_each(|notice| notice.path = form.path(&notice.path, instructed));
    }
    if strict && let Some(paths) = notices::paths_of_meaning(&draft.notices) {
        let message =
            format!("deployment '{}' cannot express all of the request, and strict is on: {paths}", deployment.name);
        let mut refusal = Refusal::new(RefusalCode::Untranslatable, message);
        refusal.param =
            draft.notices.iter().find(|notice| notice.class == NoticeClass::Meaning).map(|notice| notice.path.clone());
        return Err(refusal);
    }
    let unsendable = |error: RequestError| unsendable(&error, &deployment);
    let usual = || address(&deployment.provider, interface, operation, &deployment.model, decoded.streamed);
    let address = at.map_or_else(usual, Ok).map_err(unsendable)?;
    let headers = betas.map_or(Cow::Borrowed(&decoded.asked.headers), |betas| {
        let mut headers = decoded.asked.headers.clone();
        headers.insert(BETA_HEADER, betas);
        Cow::Owned(headers)
    });
    let send =
        |body: Bytes| request(&deployment.provider, interface, address.clone(), body, decoded.streamed, &headers);
    let outgoing = send(body).map_err(unsendable)?;
    let more = more.into_iter().map(send).collect::<Result<_, _>>().map_err(unsendable)?;
    let (streamed, notices) = (decoded.streamed, draft.notices);
    let tagging = (decoded.asked.form.is_none() && operation == Operation::Answer)
        .then(|| Tagging::new(dialect(client).owned(), settings.seal.clone(), owner));
    Ok(Planned { client, deployment, outgoing, more, carriage, streamed, sealing, tagging, notices })
}

/// What becomes of a field that asks the provider to keep what it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keeping {
    Allowed,
    Withheld,
    Refused,
}

/// The outgoing body in the making.
pub(super) struct Draft<'a> {
    pub(super) interface: &'a Interface,
    pub(super) operation: Operation,
    keeping: Keeping,
    pub(super) splice: Splice,
    /// Fields that the splice leaves out and that are not to be renamed.
    withheld: Vec<String>,
    /// Whether reasoning of another dialect was freed of what said whose it is.
    carried: bool,
    /// Whether the body has reasoning of another dialect, once that was asked.
    has_carried: OnceCell<bool>,
    /// Whether thoughts of another account were left out.
    bereft: bool,
    pub(super) notices: Vec<Notice>,
}

impl Draft<'_> {
    /// Changes fields that ask the provider to keep what it is sent, also those that only do so by the name under
    /// which they leave.
    fn keep_nothing(&mut self, decoded: &Decoded<'_>, client: DialectId) -> Result<(), Refusal> {
        let variant = &self.interface.variant;
        let forwarded = self.interface.dialect == client && !self.needs_rewriting(decoded, client);
        for rule in dialect(client).retention() {
            let others = variant.renamed.iter().filter(|(from, to)| *to == rule.field && *from != rule.field);
            let others = others.map(|(from, _)| from.as_str()).filter(|_| forwarded);
            for name in std::iter::once(rule.field).chain(others) {
                let Some(field) = decoded.scan.field(name) else {
                    if rule.unsaid && name == rule.field && forwarded && self.withholds_unsaid(decoded, rule) {
                        self.splice.set(name, rule.instead.unwrap_or("null"));
                    }
                    continue;
                };
                if rule.harmless.iter().any(|harmless| harmless.as_bytes() == field.value) || !self.may_change(name)? {
                    continue;
                }
                match rule.instead {
                    _ if forwarded && variant.renamed.contains_key(name) => {
                        self.splice.remove(name);
                        self.withheld.push(name.to_owned());
                    }
                    Some(value) => self.splice.set(name, value),
                    None => self.splice.remove(name),
                }
            }
        }
        Ok(())
    }

    /// The same for a body that was written anew, whose fields have their last names.
    fn keep_nothing_of(&mut self, map: &mut Map<String, Value>, target: &dyn Dialect) -> Result<(), Refusal> {
        for rule in target.retention() {
            let Some(value) = map.get(rule.field).map(Value::to_string) else {
                let instead = rule.instead.and_then(|instead| serde_json::from_str(instead).ok());
                if rule.unsaid
                    && self.keeping != Keeping::Allowed
                    && self.interface.variant.keeps_unasked
                    && let Some(instead) = instead
                {
                    map.insert(rule.field.to_owned(), instead);
                }
                continue;
            };
            if rule.harmless.contains(&value.as_str()) || !self.may_change(rule.field)? {
                continue;
            }
            match rule.instead.and_then(|instead| serde_json::from_str(instead).ok()) {
                Some(instead) => {
                    map.insert(rule.field.to_owned(), instead);
                }
                None => {
                    map.shift_remove(rule.field);
                }
            }
        }
        Ok(())
    }

    /// Whether a provider that keeps what it is sent unless told otherwise is to be told, which the caller learns.
    fn withholds_unsaid(&mut self, decoded: &Decoded<'_>, rule: &Retention) -> bool {
        let asks = matches!(decoded.asked.place, Place::Answer(_)) && self.interface.variant.keeps_unasked;
        if !asks || self.keeping == Keeping::Allowed || self.interface.variant.forbidden.iter().any(|f| f == rule.field)
        {
            return false;
        }
        self.notices.push(Notice::hint(rule.field, "what is sent is not kept unless that is permitted and asked for"));
        true
    }

    /// Whether a field that asks the provider to keep what it is sent is to be changed, which is told then.
    fn may_change(&mut self, field: &str) -> Result<bool, Refusal> {
        match self.keeping {
            Keeping::Allowed => return Ok(false),
            Keeping::Withheld => {}
            Keeping::Refused => {
                let message =
                    format!("'{field}' asks the provider to keep what is sent, which this deployment does not permit");
                return Err(Refusal::new(RefusalCode::RetentionRefused, message).param(field));
            }
        }
        self.notices.push(Notice::meaning(field, "asks the provider to keep what is sent, which is not permitted"));
        Ok(true)
    }

    /// The caller's own bytes, with the model's name and what the vendor calls otherwise or does not take changed.
    fn forward(&mut self, decoded: &Decoded<'_>, deployment: &Deployment) -> Result<(Bytes, bool), Refusal> {
        let variant = &self.interface.variant;
        self.fit_words(decoded);
        if self.needs_rewriting(decoded, self.interface.dialect) {
            return self.rewrite(decoded, deployment).map(|(body, _)| (body, false));
        }
        self.fit_names(decoded, deployment, &variant.renamed, &variant.forbidden);
        self.fit_stream_usage(decoded);
        if self.operation == Operation::Answer && !deployment.defaults.is_empty() {
            defaults::splice_in(&deployment.defaults, &decoded.scan, self.interface, &mut self.splice);
        }
        let usage_unasked = self.ask_for_usage(decoded);
        Ok((self.spliced(decoded), usage_unasked))
    }

    /// What takes more than a splice: a vendor that does not know a role of the dialect gets the nearest one, and
    /// reasoning that belongs to another dialect is left out by name.
    fn needs_rewriting(&self, decoded: &Decoded<'_>, target: DialectId) -> bool {
        let roles = target == DialectId::OpenaiChat
            && !self.interface.variant.developer_role
            && DEVELOPER.find(decoded.body).is_some();
        let has = || CARRIED.as_ref().is_none_or(|finder| finder.is_match(&decoded.body[..]));
        let carried = || self.carried || *self.has_carried.get_or_init(has);
        roles || (dialect(target).carries_reasoning() && carried())
    }

    /// Leaves out words of one vendor that another of its dialect refuses.
    fn fit_words(&mut self, decoded: &Decoded<'_>) {
        const FIELD: &str = "messages";
        let found = decoded.scan.field(FIELD).map(|field| field.value);
        let Some(messages) = self.splice.value(FIELD).map(str::as_bytes).or(found) else { return };
        let target = dialect(self.interface.dialect);
        if let Some((messages, lost)) = target.without_own_words(messages, &self.interface.variant) {
            self.splice.set(FIELD, messages);
            self.notices.extend(lost);
        }
    }

    /// Asks for usage on our own account, where the vendor reports it in streams only to who asks; says whether it did.
    fn ask_for_usage(&mut self, decoded: &Decoded<'_>) -> bool {
        const FIELD: &str = "stream_options";
        const ASKED: &str = "include_usage";
        let Interface { dialect, variant, .. } = self.interface;
        let reports = *dialect != DialectId::OpenaiChat || variant.stream_usage != StreamUsage::Asked;
        let refused = variant.forbidden.iter().any(|field| field == FIELD) || variant.renamed.contains_key(FIELD);
        if !decoded.streamed || self.operation != Operation::Answer || reports || refused {
            return false;
        }
        let given = decoded.scan.field(FIELD).map(|field| field.value).filter(|value| *value != b"null");
        let mut options: Map<String, Value> = match given.map(serde_json::from_slice) {
            None => Map::new(),
            Some(Ok(options)) => options,
            // What is no object is the vendor's to refuse.
            Some(Err(_)) => return false,
        };
        if options.get(ASKED) == Some(&Value::Bool(true)) {
            return false;
        }
        options.insert(ASKED.to_owned(), Value::Bool(true));
        self.splice.set(FIELD, Value::Object(options).to_string());
        true
    }

    /// Usage is not asked for where the vendor refuses to be asked.
    pub(super) fn fit_stream_usage(&mut self, decoded: &Decoded<'_>) {
        const FIELD: &str = "stream_options";
        let refused = self.interface.variant.stream_usage == StreamUsage::Refused;
        if refused && decoded.scan.field(FIELD).is_some_and(|field| field.value != b"null") {
            self.leave_out(FIELD, FIELD);
        }
    }

    /// The caller's own bytes with what was changed.
    pub(super) fn spliced(&self, decoded: &Decoded<'_>) -> Bytes {
        if self.splice.is_empty() {
            return decoded.body.clone();
        }
        self.splice.apply(decoded.body, &decoded.scan).into()
    }

    /// The provider's name for the model and for fields, without the fields that it does not take.
    pub(super) fn fit_names(
        &mut self,
        decoded: &Decoded<'_>,
        deployment: &Deployment,
        renamed: &BTreeMap<String, String>,
        forbidden: &[String],
    ) {
        let scan = &decoded.scan;
        if self.is_addressed() {
            // The address names it.
            self.splice.remove("model");
            self.fit_counted(decoded, deployment);
        } else if scan.field("model").map_or_else(
            || decoded.asked.addressed.is_some(),
            |field| field.value != deployment.model_json().as_bytes(),
        ) {
            self.splice.set("model", deployment.model_json());
        }
        for (field, to) in renamed {
            if self.withheld.contains(field) {
                continue;
            }
            match (scan.field(field), scan.field(to)) {
                (Some(_), None) => self.splice.rename(field, to),
                (Some(_), Some(_)) => self.leave_out(field, field),
                (None, _) => {}
            }
        }
        for field in forbidden {
            match scan.field(field) {
                Some(found) if found.value == b"null" => self.splice.remove(field),
                Some(_) => self.leave_out(field, field),
                None => {}
            }
        }
    }

    fn fit_counted(&mut self, decoded: &Decoded<'_>, deployment: &Deployment) {
        let found = decoded.scan.field(COUNTED).map(|field| field.value);
        let counted = self.splice.value(COUNTED).map(str::as_bytes).or(found);
        let counted = counted.and_then(|counted| serde_json::from_slice::<Value>(counted).ok());
        if let Some(counted) = counted {
            let mut body = serde_json::json!({COUNTED: counted});
            name_counted(&mut body, deployment);
            self.splice.set(COUNTED, body.get(COUNTED).map(Value::to_string).unwrap_or_default());
        }
    }

    fn leave_out(&mut self, field: &str, path: &str) {
        self.splice.remove(field);
        self.notices.push(left_out(field, path));
    }

    fn translate(
        &mut self,
        decoded: &Decoded<'_>,
        client: DialectId,
        deployment: &Deployment,
    ) -> Result<(Bytes, Carriage), Refusal> {
        let (body, stream_usage) = self.rewrite_from(decoded, client, deployment)?;
        Ok((written(&body, decoded), Carriage::Translate { report_usage: stream_usage }))
    }

    /// The request to count what a request for an answer would say.
    fn count(&mut self, decoded: &Decoded<'_>, client: DialectId, deployment: &Deployment) -> Result<Bytes, Refusal> {
        let Interface { dialect: target, variant, .. } = self.interface;
        let (body, _) = self.rewrite_from(decoded, client, deployment)?;
        let mut body = count::counting(*target)?.ask(body, variant);
        name_counted(&mut body, deployment);
        if let Value::Object(map) = &mut body {
            // What is counted has a part of the fields only.
            self.fit_anew(map);
        }
        Ok(written(&body, decoded))
    }

    fn rewrite(&mut self, decoded: &Decoded<'_>, deployment: &Deployment) -> Result<(Bytes, bool), Refusal> {
        let (body, stream_usage) = self.rewrite_from(decoded, self.interface.dialect, deployment)?;
        Ok((written(&body, decoded), stream_usage))
    }

    /// Through the canonical form; says whether the client wants usage at the end of a stream.
    fn rewrite_from(
        &mut self,
        decoded: &Decoded<'_>,
        client: DialectId,
        deployment: &Deployment,
    ) -> Result<(Value, bool), Refusal> {
        let Interface { dialect: target, variant, .. } = self.interface;
        let target = dialect(*target);
        let text: Cow<'_, [u8]> = if self.splice.is_empty() {
            Cow::Borrowed(decoded.body)
        } else {
            Cow::Owned(self.splice.apply(decoded.body, &decoded.scan))
        };
        let value = json::parse(&text)
            .map_err(|_| Refusal::new(RefusalCode::MalformedJson, "the body is not JSON that can be read"))?;
        let counts = matches!(decoded.asked.place, Place::CountTokens(_));
        let value = match decoded.asked.form {
            Some(form) => form.request(value.into_value()).map_err(|error| undecodable(&error))?.into(),
            None => value,
        };
        let (client, value) = if counts {
            let counted = count::counting(client)?.counted_request(value).map_err(|error| undecodable(&error))?;
            (counted.dialect, counted.body)
        } else {
            (client, value)
        };
        let mut request = dialect(client).decode_request(value).map_err(|error| undecodable(&error))?;
        deployment.model.as_str().clone_into(&mut request.model);
        if decoded.asked.addressed.is_some() {
            request.stream = Some(decoded.streamed);
        }
        let stream_usage = request.stream_usage == Some(true);
        // Defaults are for answers.
        let added = if counts { Vec::new() } else { defaults::complete(&deployment.defaults, &mut request) };
        let added: Vec<&str> = added.into_iter().map(|param| dialect(client).param_path(param)).collect();
        let encoded = target.encode_request(&request, variant);
        // Nothing of the caller's is lost with a default.
        self.notices.extend(encoded.notices.into_iter().filter(|notice| !added.contains(&notice.path.as_str())));
        let mut body = encoded.body;
        if let Value::Object(map) = &mut body {
            self.fit_anew(map);
            self.fit(map, dialect(client), target, variant);
            self.keep_nothing_of(map, target)?;
            if self.bereft && target.owned().mend(map) {
                let path = dialect(client).param_path(Param::ReasoningEffort);
                self.notices
                    .push(Notice::meaning(path, "is off until the turn has ended whose thoughts were left out"));
            }
        }
        Ok((body, stream_usage))
    }

    /// Renames and leaves out what the vendor calls otherwise or does not take.
    fn fit(&mut self, map: &mut Map<String, Value>, client: &dyn Dialect, target: &dyn Dialect, variant: &Variant) {
        for (field, to) in &variant.renamed {
            if let Some(value) = map.shift_remove(field) {
                map.entry(to.clone()).or_insert(value);
            }
        }
        for field in &variant.forbidden {
            if map.shift_remove(field).is_some_and(|value| !value.is_null())
                // Usage is asked for on our own account.
                && field != "stream_options"
            {
                self.notices.push(left_out(field, &path_for(field, client, target)));
            }
        }
    }
}

/// The whole request that Gemini counts tokens of.
const COUNTED: &str = "generateContentRequest";

/// What tokens are counted of may be a whole request, which names its model once more, in Google's long form.
fn name_counted(body: &mut Value, deployment: &Deployment) {
    if let Some(Value::Object(counted)) = body.get_mut(COUNTED) {
        counted.insert("model".to_owned(), Value::from(format!("models/{}", deployment.model.as_str())));
    }
}

fn written(body: &Value, decoded: &Decoded<'_>) -> Bytes {
    json_text::write(body, decoded.body.len() + 512).into()
}

static DEVELOPER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"developer\""));

/// How reasoning of another dialect begins, also where it stands in base64. Where it cannot be looked for, every request
/// is read.
static CARRIED: LazyLock<Option<AhoCorasick>> =
    LazyLock::new(|| AhoCorasick::new([carried::PREFIX, &format!("\"{CARRIED_IN_BASE64}")]).ok());

/// Fields whose absence changes nothing for the model.
const BOOKKEEPING: [&str; 8] = [
    "user",
    "store",
    "metadata",
    "service_tier",
    "stream_options",
    "prompt_cache_key",
    "safety_identifier",
    "prompt_cache_retention",
];

fn left_out(field: &str, path: &str) -> Notice {
    let reason = "the provider does not take this field";
    if BOOKKEEPING.contains(&field) { Notice::hint(path, reason) } else { Notice::meaning(path, reason) }
}

/// The client's own path of a field of the target.
fn path_for(field: &str, client: &dyn Dialect, target: &dyn Dialect) -> String {
    const PARAMS: [Param; 20] = [
        Param::Temperature,
        Param::TopP,
        Param::TopK,
        Param::FrequencyPenalty,
        Param::PresencePenalty,
        Param::Seed,
        Param::Stop,
        Param::Choices,
        Param::Logprobs,
        Param::TopLogprobs,
        Param::LogitBias,
        Param::MaxTokens,
        Param::User,
        Param::Labels,
        Param::ServiceTier,
        Param::Store,
        Param::PromptCacheKey,
        Param::ParallelToolCalls,
        Param::ToolChoice,
        Param::ReasoningEffort,
    ];
    let param = PARAMS.into_iter().find(|param| target.param_path(*param) == field);
    let path = param.map(|param| client.param_path(param)).filter(|path| !path.is_empty());
    path.unwrap_or(field).to_owned()
}

fn unsendable(error: &RequestError, deployment: &Deployment) -> Refusal {
    match error {
        RequestError::CredentialMissing { reference } => Refusal::new(
            RefusalCode::CredentialMissing,
            format!("the gateway's credential for provider '{}' could not be read", deployment.provider.name),
        )
        .detail(format!("nothing usable at {reference}")),
        RequestError::CallerWithoutKey | RequestError::CallerKey(_) => {
            Refusal::new(RefusalCode::Unauthenticated, format!("{error} (deployment '{}')", deployment.name))
        }
        RequestError::NoSuchOperation => Refusal::new(RefusalCode::NotImplemented, error.to_string()),
    }
}
