//! One request from its head to its answer.

use crate::body::{Pace, SimBody};
use crate::cache::PromptCache;
use crate::check::Object;
use crate::compose;
use crate::dialects::{self, Dialect, Framing, Place, Strictness, set};
use crate::directives::Directives;
use crate::failure::{Failure, Place as At};
use crate::fault::{Fault, Faults};
use crate::random::{Digest, Random};
use crate::recording::FolderError;
use crate::replay::{self, Recorded, Replay};
use crate::said::Said;
use crate::service::Service;
use crate::services::{self, Given, Served};
use crate::settings::Settings;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use secrecy::ExposeSecret as _;
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use subtle::ConstantTimeEq as _;

/// A simulated provider. Clones share the count of requests and the prompt cache.
#[derive(Debug, Clone)]
pub struct Sim {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    settings: Settings,
    replay: Replay,
    cache: PromptCache,
    requests: AtomicU64,
}

/// What is known about a request before it is checked.
struct Asked {
    ordinal: u64,
    method: Method,
    path: String,
    /// How the address asks for a stream, if it does.
    framing: Option<Framing>,
    /// The address and not the body names the model.
    addressed: bool,
    /// The body with the directives taken out of the model name; `Err` says why it is not JSON.
    body: Result<Value, String>,
    /// The model name as asked.
    model: String,
    bare_model: String,
    directives: Directives,
    faults: Faults,
    request_id: String,
}

impl Sim {
    /// A provider with these settings. A replay folder that is set is not loaded; see [`Sim::with_recordings`].
    pub fn new(settings: Settings) -> Self {
        Self::made(settings, Replay::default())
    }

    /// A provider with these settings, with the recordings of its replay folder loaded.
    ///
    /// # Errors
    /// When the folder or a recording in it cannot be read.
    pub fn with_recordings(settings: Settings) -> Result<Self, FolderError> {
        let replay = match &settings.replay {
            Some(folder) => Replay::load(folder)?,
            None => Replay::default(),
        };
        Ok(Self::made(settings, replay))
    }

    fn made(settings: Settings, replay: Replay) -> Self {
        Self { inner: Arc::new(Inner { settings, replay, cache: PromptCache::default(), requests: AtomicU64::new(0) }) }
    }

    /// Answers one request. Waits only where a pace, a latency or `slow_headers` asks for it.
    ///
    /// Dropping the future or the body of the answer ends all work for the request at once.
    pub async fn answer(&self, request: Request<Bytes>) -> Response<SimBody> {
        let dialect = dialect_of(&request);
        match self.prepare(dialect, &request) {
            Ok(asked) => match self.respond(dialect, &request, &asked).await {
                Ok(response) => response,
                Err(failure) => refused(dialect, &request, &failure, &asked.request_id),
            },
            Err(failure) => refused(dialect, &request, &failure, "req_000000000000000000000000"),
        }
    }

    pub(crate) fn body_bytes_max(&self) -> usize {
        self.inner.settings.body_bytes_max
    }

    pub(crate) fn too_large(&self, request: &Request<Bytes>) -> Response<SimBody> {
        let failure = Failure::TooLarge { max: self.inner.settings.body_bytes_max };
        refused(dialect_of(request), request, &failure, "req_000000000000000000000000")
    }

    /// Counts the request and reads its directives.
    fn prepare(&self, dialect: &dyn Dialect, request: &Request<Bytes>) -> Result<Asked, Failure> {
        let settings = &self.inner.settings;
        let posted = request.method() == Method::POST;
        let ordinal = if posted { self.inner.requests.fetch_add(1, Ordering::Relaxed) + 1 } else { 0 };
        let invalid = |error: crate::directives::DirectiveError| Failure::from(At::root().says(error.to_string()));
        let mut directives = if settings.directives {
            Directives::from_headers(request.headers()).map_err(invalid)?
        } else {
            Directives::default()
        };
        let mut body = match posted {
            true => serde_json::from_slice::<Value>(request.body()).map_err(|error| error.to_string()),
            false => Ok(Value::Null),
        };
        let path = request.uri().path().to_owned();
        let addressed = dialect.model_at(&path);
        let named = || body.as_ref().ok().and_then(|body| body.get("model")?.as_str()).unwrap_or_default().to_owned();
        let model = addressed.clone().unwrap_or_else(named);
        let bare_model = if settings.directives {
            directives.read_model(&model).map_err(invalid)?.to_owned()
        } else {
            model.clone()
        };
        if let (None, Ok(Some(name))) = (&addressed, body.as_mut().map(|body| body.get_mut("model"))) {
            // A name that is not text is left for the check to complain about.
            if name.is_string() {
                *name = Value::String(bare_model.clone());
            }
        }
        let mut ids = Digest::new();
        ids.add(&settings.seed.to_le_bytes());
        ids.add(request.body());
        let request_id = Random::for_purpose(ids.finish(), "request").id("req_", 24);
        let faults = self.faults(ordinal, &bare_model, &directives);
        Ok(Asked {
            ordinal,
            method: request.method().clone(),
            framing: dialect.streamed_at(&path, request.uri().query()),
            path,
            addressed: addressed.is_some(),
            body,
            model,
            bare_model,
            directives,
            faults,
            request_id,
        })
    }

    /// What the request says about itself goes first, then the script, then chance.
    fn faults(&self, ordinal: u64, model: &str, directives: &Directives) -> Faults {
        let settings = &self.inner.settings;
        if let Some(faults) = &directives.faults {
            return faults.clone();
        }
        if ordinal == 0 {
            return Faults::none();
        }
        if let Some(faults) = settings.fault_script.faults_for(ordinal, model) {
            return faults.clone();
        }
        let mut faults = Faults::none();
        let mut random = Random::for_purpose(settings.seed.wrapping_add(ordinal), "rates");
        for rate in &settings.fault_rates {
            if random.chance(rate.probability) {
                faults.add(rate.fault);
            }
        }
        faults
    }

    async fn respond(
        &self,
        dialect: &dyn Dialect,
        request: &Request<Bytes>,
        asked: &Asked,
    ) -> Result<Response<SimBody>, Failure> {
        self.check_key(dialect, request)?;
        for fault in asked.faults.iter() {
            if let Fault::SlowHeaders { ms } = fault {
                tokio::time::sleep(Duration::from_millis(*ms)).await;
            }
        }
        if let Some(response) = status_fault(dialect, asked)? {
            return Ok(response);
        }
        if let Some(recorded) =
            asked.body.as_ref().ok().and_then(|body| self.inner.replay.find(&asked.path, request.uri().query(), body))
        {
            return Ok(self.replayed(dialect, recorded, asked));
        }
        if self.inner.settings.replay_only {
            return Err(Failure::NoRecording { path: asked.path.clone() });
        }
        let Some(place) = place(dialect, request) else {
            return Err(Failure::NoSuchPlace { method: asked.method.to_string(), path: asked.path.clone() });
        };
        dialect.check_head(request.headers())?;
        let offered = &self.inner.settings.models;
        match place {
            Place::Models => return Ok(whole(dialect, asked, &dialect.models(offered, None)?)),
            Place::Model(name) => {
                return Ok(whole(dialect, asked, &dialect.models(offered, Some(&name))?));
            }
            Place::Chat | Place::CountTokens | Place::Service(_) => {}
        }
        check_media_type(request)?;
        let body = object(asked)?;
        dialect.check_version(request.headers(), body)?;
        let strictness = self.strictness();
        match place {
            Place::Chat => self.chat(dialect, asked, body).await,
            Place::CountTokens => {
                let counted = dialect.count_tokens(body, strictness)?;
                self.check_model(asked)?;
                Ok(whole(dialect, asked, &counted))
            }
            Place::Service(service) => self.serve(dialect, service, asked, body).await,
            Place::Models | Place::Model(_) => {
                Err(Failure::NoSuchPlace { method: asked.method.to_string(), path: asked.path.clone() })
            }
        }
    }

    async fn serve(
        &self,
        dialect: &dyn Dialect,
        service: Service,
        asked: &Asked,
        body: &Object,
    ) -> Result<Response<SimBody>, Failure> {
        let answer_seed = self.answer_seed(asked, body);
        let given = Given {
            strictness: self.strictness(),
            seed: self.seed(asked),
            answer_seed,
            model: &asked.model,
            directives: &asked.directives,
        };
        let served = services::serve(service, body, &given)?;
        self.check_model(asked)?;
        let pace = self.pace(asked, answer_seed);
        match served {
            Served::Events(events) => {
                let framing = dialect.framing();
                let body = SimBody::stream(events, &pace, &asked.faults, &framing.fault_words(dialect));
                Ok(answered(dialect, asked, framing.media_type(), body))
            }
            Served::Whole { body, tokens } => {
                let wait = pace.whole(tokens.saturating_sub(1));
                if !wait.is_zero() {
                    tokio::time::sleep(wait).await;
                }
                Ok(whole(dialect, asked, &body))
            }
        }
    }

    async fn chat(&self, dialect: &dyn Dialect, asked: &Asked, body: &Object) -> Result<Response<SimBody>, Failure> {
        let settings = &self.inner.settings;
        let ask = dialect.read_chat(body, self.strictness())?;
        let framing = asked.framing.or_else(|| ask.streaming.then(|| dialect.framing()));
        self.check_model(asked)?;
        let seed = self.answer_seed(asked, body);
        let (turns, mut usage) = compose::answer(&ask, seed, &asked.directives);
        if settings.prompt_cache {
            dialect.cache(&self.inner.cache, &asked.bare_model, &ask.prompt, &mut usage);
        }
        let said = Said { model: asked.model.clone(), seed, turns, usage, extras: ask.extras, owner: settings.seed };
        let pace = self.pace(asked, seed);
        if let Some(framing) = framing {
            let events = framing.put(dialect.stream(said));
            let body = SimBody::stream(events, &pace, &asked.faults, &framing.fault_words(dialect));
            return Ok(answered(dialect, asked, framing.media_type(), body));
        }
        let wait = pace.whole(said.usage.output.saturating_sub(1));
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        Ok(whole(dialect, asked, &dialect.whole(&said)))
    }

    fn check_key(&self, dialect: &dyn Dialect, request: &Request<Bytes>) -> Result<(), Failure> {
        let Some(required) = &self.inner.settings.require_key else {
            return Ok(());
        };
        let Some(presented) = dialect.presented_key(request.headers(), request.uri().query()) else {
            return Err(Failure::Unauthorized(None));
        };
        if bool::from(presented.as_bytes().ct_eq(required.expose_secret().as_bytes())) {
            return Ok(());
        }
        Err(Failure::Unauthorized(Some(masked(presented))))
    }

    fn check_model(&self, asked: &Asked) -> Result<(), Failure> {
        let settings = &self.inner.settings;
        if settings.any_model || settings.models.contains(&asked.bare_model) {
            return Ok(());
        }
        Err(Failure::UnknownModel(asked.bare_model.clone()))
    }

    fn strictness(&self) -> Strictness {
        let settings = &self.inner.settings;
        Strictness {
            lenient_fields: settings.lenient_fields,
            signatures_of: settings.verify_signatures.then_some(settings.seed),
        }
    }

    fn seed(&self, asked: &Asked) -> u64 {
        asked.directives.seed.unwrap_or(self.inner.settings.seed)
    }

    /// The seed of an answer: from the seed and the request. Whether it is streamed makes no difference, so that both
    /// ways give the same words.
    fn answer_seed(&self, asked: &Asked, body: &Object) -> u64 {
        let mut digest = Digest::new();
        digest.add(&self.seed(asked).to_le_bytes());
        let mut sum = 0_u64;
        for (name, value) in body.iter().filter(|(name, _)| !matches!(name.as_str(), "stream" | "stream_options")) {
            let mut field = Digest::new();
            field.add(name.as_bytes());
            field.add_json(value);
            sum = sum.wrapping_add(field.finish());
        }
        digest.add(&sum.to_le_bytes());
        if asked.addressed {
            digest.add(asked.bare_model.as_bytes());
        }
        digest.finish()
    }

    fn pace(&self, asked: &Asked, seed: u64) -> Pace {
        let settings = &self.inner.settings;
        Pace {
            latency: asked.directives.latency.unwrap_or(settings.latency_to_first_token),
            tokens_per_second: asked
                .directives
                .tokens_per_second
                .or(settings.tokens_per_second)
                .filter(|pace| *pace > 0.0),
            jitter: settings.jitter,
            // Equal requests still come at different moments.
            seed: seed.wrapping_add(asked.ordinal),
        }
    }

    fn replayed(&self, dialect: &dyn Dialect, recorded: &Recorded, asked: &Asked) -> Response<SimBody> {
        let pace = self.pace(asked, self.seed(asked));
        let body = match recorded.streaming {
            true => {
                let words = dialect.framing().fault_words(dialect);
                SimBody::stream(Box::new(replay::events(recorded.body.clone())), &pace, &asked.faults, &words)
            }
            false => SimBody::whole(recorded.body.clone(), &asked.faults),
        };
        let mut response = Response::new(body);
        *response.status_mut() = recorded.status;
        *response.headers_mut() = recorded.headers.clone();
        response
    }
}

/// The dialect that serves the place; without one, the dialect that the request looks like words the failure.
fn dialect_of(request: &Request<Bytes>) -> &'static dyn Dialect {
    let (path, headers) = (request.uri().path(), request.headers());
    let serves = |dialect: &&&dyn Dialect| place(**dialect, request).is_some();
    let found = dialects::ALL
        .iter()
        .find(serves)
        .or_else(|| dialects::ALL.iter().find(|dialect| dialect.looks_like(path, headers)));
    found.copied().unwrap_or(&dialects::openai_chat::OpenAiChat)
}

fn place(dialect: &dyn Dialect, request: &Request<Bytes>) -> Option<Place> {
    let (method, path) = (request.method(), request.uri().path());
    let asked = |query: &str| dialect.place_asked(method, path, query);
    dialect.place(method, path, request.headers()).or_else(|| request.uri().query().and_then(asked))
}

/// The answer of the first fault that decides a status.
fn status_fault(dialect: &dyn Dialect, asked: &Asked) -> Result<Option<Response<SimBody>>, Failure> {
    let streams = asked.framing.is_some() || asked.body.as_ref().is_ok_and(|body| dialect.asks_for_stream(body));
    for fault in asked.faults.iter() {
        match fault {
            Fault::RateLimited { .. }
            | Fault::Overloaded
            | Fault::ServerError
            | Fault::BadRequest
            | Fault::Unauthorized
            | Fault::NotFound => return Err(Failure::Injected(*fault)),
            Fault::StreamError { .. } if !streams => return Err(Failure::Injected(*fault)),
            Fault::Html => {
                const PAGE: &[u8] = b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n";
                let mut response =
                    answered(dialect, asked, "text/html", SimBody::whole(Bytes::from_static(PAGE), &Faults::none()));
                *response.status_mut() = StatusCode::BAD_GATEWAY;
                return Ok(Some(response));
            }
            _ => {}
        }
    }
    Ok(None)
}

fn check_media_type(request: &Request<Bytes>) -> Result<(), Failure> {
    let found = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = found.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(Failure::MediaType(found.to_owned()))
}

fn object(asked: &Asked) -> Result<&Object, Failure> {
    let body = asked.body.as_ref().map_err(|why| Failure::NotJson(why.clone()))?;
    body.as_object().ok_or_else(|| Failure::NotJson("the body is not a JSON object".into()))
}

/// The end of a key, as vendors show it.
fn masked(key: &str) -> String {
    let start: String = key.chars().take(3).collect();
    format!("{start}*****")
}

fn whole(dialect: &dyn Dialect, asked: &Asked, answer: &Value) -> Response<SimBody> {
    let body = SimBody::whole(answer.to_string().into(), &asked.faults);
    answered(dialect, asked, "application/json", body)
}

fn answered(dialect: &dyn Dialect, asked: &Asked, media_type: &'static str, body: SimBody) -> Response<SimBody> {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    dialect.headers(&asked.request_id, response.headers_mut());
    response
}

fn refused(dialect: &dyn Dialect, request: &Request<Bytes>, failure: &Failure, request_id: &str) -> Response<SimBody> {
    let (status, mut error) = dialect.failure(failure, request_id);
    // Who asked for an array gets one.
    if dialect.streamed_at(request.uri().path(), request.uri().query()) == Some(Framing::Array) {
        error = Value::Array(vec![error]);
    }
    let mut response = Response::new(SimBody::whole(error.to_string().into(), &Faults::none()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    dialect.headers(request_id, response.headers_mut());
    dialect.failure_headers(failure, response.headers_mut());
    if let Failure::Injected(Fault::RateLimited { retry_after }) = failure {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(*retry_after));
        set(response.headers_mut(), "retry-after-ms", &retry_after.saturating_mul(1_000).to_string());
    }
    response
}
