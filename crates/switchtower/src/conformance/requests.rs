//! Requests: through their own dialect, and to each other dialect and back.

use super::semantic::{align, differences, settle, settled_path, unnamed_differences};
use super::{Findings, listed};
use serde_json::Value;
use switchtower_dialect::{ALL, Dialect, Thinking, Variant, google_gemini};
use switchtower_domain::{DialectId, PartKind, Request};

/// The model of a request whose body names none.
const MODEL: &str = "named-by-the-address";

/// The compiled schemas of all dialects' requests.
pub(super) struct Schemas(Vec<(DialectId, Option<jsonschema::Validator>)>);

impl Schemas {
    pub(super) fn compile() -> Self {
        let compile = |own: &dyn Dialect| {
            let schema: Value = serde_json::from_str(own.request_schema()).ok()?;
            jsonschema::validator_for(&schema).ok()
        };
        Self(ALL.iter().map(|own| (own.id(), compile(*own))).collect())
    }

    fn of(&self, id: DialectId) -> Option<&jsonschema::Validator> {
        self.0.iter().find(|(of, _)| *of == id).and_then(|(_, validator)| validator.as_ref())
    }
}

/// Checks one request. `refused` says that its provider refused it: then it need not be well-formed.
pub(super) fn check(own: &dyn Dialect, body: &Value, refused: bool, schemas: &Schemas, findings: &mut Findings) {
    check_within(own, body, refused, schemas, &|request| request, findings);
}

/// Checks one request that stands in a call for something else. `within` is what such a call holds of a request for an
/// answer.
pub(super) fn check_within(
    own: &dyn Dialect,
    body: &Value,
    refused: bool,
    schemas: &Schemas,
    within: &dyn Fn(Value) -> Value,
    findings: &mut Findings,
) {
    // Google takes each field in two spellings.
    let spelt = match own.id() {
        DialectId::GoogleGemini => google_gemini::spelling::usual(body.clone().into()).into_value(),
        _ => body.clone(),
    };
    let body = &spelt;
    let mut request = match own.decode_request(body.clone().into()) {
        Ok(request) => request,
        Err(_) if refused => return,
        Err(error) => return findings.push(("request decodes", error.to_string())),
    };
    let variant = Variant::default();
    let same = own.encode_request(&request, &variant);
    let paths = differences(body, &same.body);
    if !paths.is_empty() {
        findings.push(("request round trip", format!("differs at {}", listed(&paths))));
    }
    if !same.notices.is_empty() {
        findings.push(("request round trip", "a notice was given within one dialect".to_owned()));
    }
    if request.model.is_empty() {
        // The address named the model; a translated request has to.
        request.model = MODEL.to_owned();
    }
    for other in ALL.iter().filter(|other| other.id() != own.id()) {
        let sent = other.encode_request(&request, &variant);
        let named: Vec<String> = sent.notices.iter().map(|notice| settled_path(own.id(), &notice.path)).collect();
        let encoded = sent.body.clone();
        match other.decode_request(sent.body.into()) {
            Err(error) => findings.push(("translated request decodes", format!("{}: {error}", other.id()))),
            Ok(mut received) => {
                // Where all that was said is lost by name, nobody asks any more.
                let said_nothing = received.turns.is_empty() && !request.turns.is_empty();
                if !(refused || said_nothing && !named.is_empty()) {
                    validate(&encoded, other.id(), schemas, findings);
                }
                if other.is_addressed() {
                    received.model.clone_from(&request.model);
                    received.stream = request.stream;
                }
                let mut back = within(own.encode_request(&received, &most_able(&request)).body);
                let mut original = body.clone();
                if let (Value::Object(original), true) = (&mut original, request.model == MODEL && !own.is_addressed())
                {
                    original.insert("model".to_owned(), Value::from(MODEL));
                }
                align(own.id(), &original, &mut back);
                settle(own.id(), &mut original);
                settle(own.id(), &mut back);
                let silent = unnamed_differences(&original, &back, &named);
                if !silent.is_empty() {
                    let reason = format!("{}: lost without a notice at {}", other.id(), listed(&silent));
                    findings.push(("translated request returns", reason));
                }
            }
        }
    }
}

/// The way back is to the variant that the request came from, with what it used.
fn most_able(request: &Request) -> Variant {
    let field = request.turns.iter().flat_map(|turn| &turn.parts).find_map(|part| match &part.kind {
        PartKind::Reasoning(reasoning) => reasoning.field,
        _ => None,
    });
    let thinking = if request.reasoning.budget_tokens.is_some() { Thinking::Budget } else { Thinking::Adaptive };
    Variant {
        thinking,
        cache_markers: true,
        top_k: true,
        labels: true,
        tool_result_media: true,
        reasoning_field: field,
        ..Variant::default()
    }
}

fn validate(body: &Value, id: DialectId, schemas: &Schemas, findings: &mut Findings) {
    let Some(validator) = schemas.of(id) else {
        return findings.push(("translated request validates", format!("{id}: its schema does not compile")));
    };
    if let Err(error) = validator.validate(body) {
        let at = error.instance_path().to_string();
        let rule = error.schema_path().to_string();
        findings.push(("translated request validates", format!("{id}: '{at}' breaks {rule}")));
    }
}
