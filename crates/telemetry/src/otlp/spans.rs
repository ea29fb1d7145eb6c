//! An ended request as spans: one for the request, and one for each attempt at a provider beneath it.
//!
//! What was used stands at the attempts, so that who adds up the usage of all spans counts nothing twice; all attempts
//! together, and the cost, stand at the request under names of ours.

use super::messages::{Attributes, SPAN_KIND_CLIENT, SPAN_KIND_SERVER, STATUS_ERROR, Span, Status, nanos};
use crate::ended::Ended;
use crate::semconv::{self, Profile};
use switchtower_ledger::record::{
    Attempt, Closed, Costs, Lost, Opened, Refused, RequestId, SpanId, Sum, Text, Told, Trace,
};

/// The most places of losses that a span names.
const LOST_MAX: usize = 20;
/// That the flags say whether the parent is in another process, and that it is.
const PARENT_KNOWN: u32 = 0x100;
const PARENT_REMOTE: u32 = 0x200;
const SAMPLED: u32 = 1;

/// The spans of what ended.
pub(super) fn spans(ended: &Ended, profile: Profile) -> Vec<Span> {
    match ended {
        Ended::Call { at_us, opened, closed } => of_call(*at_us, opened, closed, profile),
        Ended::Refused { at_us, refused } => of_refusal(*at_us, refused).into_iter().collect(),
        Ended::Told { at_us, told } => of_told(*at_us, told).into_iter().collect(),
    }
}

fn of_call(at_us: u64, opened: &Opened, closed: &Closed, profile: Profile) -> Vec<Span> {
    let Some(trace) = &opened.trace else { return Vec::new() };
    let call = Call { opened, closed, trace, begun_us: at_us.saturating_sub(closed.total_us), profile };
    std::iter::once(call.request(at_us)).chain(closed.attempts.iter().filter_map(|one| call.attempt(one))).collect()
}

struct Call<'a> {
    opened: &'a Opened,
    closed: &'a Closed,
    trace: &'a Trace,
    begun_us: u64,
    profile: Profile,
}

impl Call<'_> {
    fn operation(&self) -> &'static str {
        semconv::operation(&self.opened.operation, &self.opened.client)
    }

    fn provider(&self) -> &str {
        semconv::provider(self.opened.provider_kind.as_deref(), &self.opened.provider)
    }

    fn request(&self, at_us: u64) -> Span {
        let Self { opened, closed, trace, .. } = self;
        let mut attributes =
            of_request(opened.request, &opened.client, (&opened.tenant, &opened.team, &opened.use_case));
        attributes.text(semconv::OPERATION_NAME, self.operation());
        attributes.text(semconv::PROVIDER_NAME, self.provider());
        attributes.text(semconv::REQUEST_MODEL, &opened.model);
        attributes.number(semconv::HTTP_STATUS, u64::from(closed.status));
        attributes.text("switchtower.deployment", &opened.deployment);
        attributes.text("switchtower.provider", &opened.provider);
        attributes.text("switchtower.region", opened.region.as_deref().unwrap_or_default());
        attributes.text("switchtower.asked", opened.asked.as_deref().unwrap_or_default());
        attributes.text("switchtower.carriage", &opened.carriage);
        attributes.text("switchtower.outcome", &closed.outcome);
        attributes.number("switchtower.record", closed.opened);
        attributes.number("switchtower.attempts", closed.attempts.len() as u64);
        if let Some(usage) = &closed.usage {
            attributes.number("switchtower.usage.input_tokens", usage.input);
            attributes.number("switchtower.usage.output_tokens", usage.output);
            attributes.text("switchtower.usage.estimated", usage.estimated.as_deref().unwrap_or_default());
        }
        if let Some(costs) = &closed.cost {
            spent(&mut attributes, costs);
        }
        lost(&mut attributes, &opened.lost, &closed.lost);
        let error = error_of(&closed.outcome, closed.code.as_deref());
        attributes.text(semconv::ERROR_TYPE, error);
        let asked = opened.asked.as_ref().unwrap_or(&opened.deployment);
        let ours = closed.status >= 500 || matches!(&*closed.outcome, "broke_off" | "crashed");
        Span {
            name: format!("{} {asked}", self.operation()),
            attributes: attributes.0,
            status: ours.then(|| Status { code: STATUS_ERROR, message: error.to_owned() }),
            ..of_server(trace, self.begun_us, at_us)
        }
    }

    fn attempt(&self, attempt: &Attempt) -> Option<Span> {
        let Self { opened, closed, trace, .. } = self;
        let span = attempt.span?;
        let mut attributes = Attributes::default();
        attributes.text(semconv::OPERATION_NAME, self.operation());
        attributes.text(semconv::PROVIDER_NAME, self.provider());
        attributes.text(semconv::REQUEST_MODEL, &opened.model);
        attributes.number(semconv::REQUEST_MAX_TOKENS, opened.output_max);
        attributes.truth(semconv::REQUEST_STREAM, opened.streamed);
        attributes.server(&opened.host);
        attributes.number(semconv::HTTP_STATUS, attempt.status.map(u64::from));
        // What the answer says belongs to the attempt that gave it.
        if closed.attempts.last().is_some_and(|last| last.span == attempt.span) {
            attributes.text(semconv::RESPONSE_MODEL, closed.model.as_deref().unwrap_or_default());
            attributes.texts(semconv::RESPONSE_FINISH_REASONS, closed.stop.as_deref().into_iter());
            let first = closed.first_us.filter(|_| opened.streamed);
            let first = first.map(|first| first.saturating_sub(attempt.began_us));
            attributes.seconds(semconv::RESPONSE_TIME_TO_FIRST_CHUNK, first);
        }
        if let Some(usage) = &attempt.usage {
            for (name, tokens) in semconv::usage(self.profile, usage) {
                attributes.number(name, tokens);
            }
        }
        attributes.text("switchtower.deployment", &attempt.deployment);
        let id = attempt.provider_request_id.as_deref().unwrap_or_default();
        attributes.text("switchtower.provider.request_id", id);
        let failure = attempt.failure.as_deref();
        attributes.text(semconv::ERROR_TYPE, failure.unwrap_or_default());
        Some(Span {
            trace_id: trace.id.0.to_vec(),
            span_id: span.0.to_vec(),
            parent_span_id: trace.span.0.to_vec(),
            flags: PARENT_KNOWN | SAMPLED,
            name: format!("{} {}", self.operation(), opened.model),
            kind: SPAN_KIND_CLIENT,
            start_time_unix_nano: nanos(self.begun_us.saturating_add(attempt.began_us)),
            end_time_unix_nano: nanos(self.begun_us.saturating_add(attempt.ended_us)),
            attributes: attributes.0,
            status: failure.map(|class| Status { code: STATUS_ERROR, message: class.to_owned() }),
        })
    }
}

fn of_refusal(at_us: u64, refused: &Refused) -> Option<Span> {
    let trace = refused.trace.as_ref()?;
    let mut attributes =
        of_request(refused.request, &refused.client, (&refused.tenant, &refused.team, &refused.use_case));
    let operation = semconv::operation(&refused.operation, &refused.client);
    attributes.text(semconv::OPERATION_NAME, operation);
    attributes.number(semconv::HTTP_STATUS, u64::from(refused.status));
    attributes.text(semconv::ERROR_TYPE, &refused.code);
    attributes.text("switchtower.deployment", refused.deployment.as_deref().unwrap_or_default());
    attributes.text("switchtower.outcome", "refused");
    let status = (refused.status >= 500).then(|| Status { code: STATUS_ERROR, message: refused.code.to_string() });
    let server = of_server(trace, at_us.saturating_sub(refused.total_us), at_us);
    Some(Span { name: operation.to_owned(), attributes: attributes.0, status, ..server })
}

fn of_told(at_us: u64, told: &Told) -> Option<Span> {
    let trace = told.trace.as_ref()?;
    let mut attributes = of_request(told.request, &told.client, (&told.tenant, &told.team, &told.use_case));
    let operation = semconv::operation(&told.operation, &told.client);
    attributes.text(semconv::OPERATION_NAME, operation);
    attributes.text("switchtower.deployment", told.deployment.as_deref().unwrap_or_default());
    attributes.text("switchtower.outcome", "told");
    let server = of_server(trace, at_us.saturating_sub(told.total_us), at_us);
    Some(Span { name: operation.to_owned(), attributes: attributes.0, ..server })
}

fn of_request(
    request: RequestId,
    client: &str,
    (tenant, team, use_case): (&str, &Option<Text>, &Option<Text>),
) -> Attributes {
    let mut attributes = Attributes::default();
    attributes.text("switchtower.request.id", &request.to_string());
    attributes.text("switchtower.client", client);
    attributes.text("switchtower.tenant", tenant);
    attributes.text("switchtower.team", team.as_deref().unwrap_or_default());
    attributes.text("switchtower.use_case", use_case.as_deref().unwrap_or_default());
    attributes
}

/// The span of a request as the caller's tools see it, without what it says.
fn of_server(trace: &Trace, begun_us: u64, ended_us: u64) -> Span {
    let remote = if trace.parent.is_some() { PARENT_REMOTE } else { 0 };
    Span {
        trace_id: trace.id.0.to_vec(),
        span_id: trace.span.0.to_vec(),
        parent_span_id: trace.parent.map(|SpanId(parent)| parent.to_vec()).unwrap_or_default(),
        flags: PARENT_KNOWN | remote | SAMPLED,
        kind: SPAN_KIND_SERVER,
        start_time_unix_nano: nanos(begun_us),
        end_time_unix_nano: nanos(ended_us),
        ..Span::default()
    }
}

/// The class of an error: the code of a refusal, or how the call ended.
pub(super) fn error_of<'a>(outcome: &'a str, code: Option<&'a str>) -> &'a str {
    match (outcome, code) {
        ("answered", _) => "",
        (_, Some(code)) if !code.is_empty() => code,
        (outcome, _) => outcome,
    }
}

/// What a call cost: exactly as text, and rounded for who adds up, where it is of one currency.
fn spent(attributes: &mut Attributes, costs: &Costs) {
    attributes.text("switchtower.cost.status", &costs.status);
    attributes.texts("switchtower.cost.reasons", costs.reasons.iter().map(|reason| &**reason));
    let sums: Vec<String> = costs.totals.iter().map(|sum| format!("{} {}", sum.amount, sum.currency)).collect();
    attributes.texts("switchtower.cost.totals", sums.iter().map(String::as_str));
    if let [Sum { amount, currency }] = &costs.totals[..]
        && let Ok(amount) = amount.parse()
    {
        attributes.amount("switchtower.cost.amount", amount);
        attributes.text("switchtower.cost.currency", currency);
    }
}

fn lost(attributes: &mut Attributes, request: &[Lost], answer: &[Lost]) {
    let all = || request.iter().chain(answer);
    attributes.texts("switchtower.notices", all().take(LOST_MAX).map(|lost| &*lost.path));
    for class in ["meaning", "hint"] {
        let count = all().filter(|lost| lost.class == class).count() as u64;
        attributes.number(&format!("switchtower.notices.{class}"), (count > 0).then_some(count));
    }
}

#[cfg(test)]
mod tests {
    use super::super::messages::{Any, KeyValue};
    use super::*;
    use switchtower_ledger::record::{Counts, TraceId};

    fn call(outcome: &'static str, failure: Option<&'static str>) -> Ended {
        let trace = Trace { id: TraceId([1; 16]), span: SpanId([2; 8]), parent: Some(SpanId([3; 8])), sampled: true };
        let opened = Opened {
            trace: Some(trace),
            asked: Some("fast".into()),
            deployment: "fast".into(),
            model: "gpt".into(),
            provider: "ours".into(),
            provider_kind: Some("azure_openai".into()),
            host: "a.example:8443".into(),
            client: "openai_chat".into(),
            operation: "answers".into(),
            streamed: true,
            lost: vec![Lost { path: "top_k".into(), class: "meaning".into() }],
            ..Opened::default()
        };
        let usage = Some(Counts { input: Some(7), cache_write: Some(2), ..Counts::default() });
        let attempt = Attempt {
            span: Some(SpanId([4; 8])),
            began_us: 100,
            ended_us: 900,
            failure: failure.map(Into::into),
            usage: usage.clone(),
            ..Attempt::default()
        };
        let closed = Closed {
            outcome: outcome.into(),
            status: 200,
            attempts: vec![attempt],
            usage,
            total_us: 1000,
            first_us: Some(350_100),
            stop: Some("end_turn".into()),
            cost: Some(Costs {
                status: "estimated".into(),
                reasons: vec!["no_usage".into()],
                totals: vec![Sum { amount: "0.00125".into(), currency: "EUR".into() }],
                ..Costs::default()
            }),
            ..Closed::default()
        };
        Ended::Call { at_us: 5000, opened: Box::new(opened), closed: Box::new(closed) }
    }

    fn said<'a>(span: &'a Span, key: &str) -> Option<&'a Any> {
        let at: &KeyValue = span.attributes.iter().find(|at| at.key == key)?;
        at.value.as_ref()?.value.as_ref()
    }

    #[test]
    fn a_call_is_a_span_with_one_beneath_it_for_each_attempt() {
        let spans = spans(&call("answered", None), Profile::V1_41);
        let [request, attempt] = &spans[..] else { panic!("{spans:?}") };
        assert_eq!((&*request.name, request.kind, &*attempt.name, attempt.kind), ("chat fast", 2, "chat gpt", 3));
        assert_eq!((&request.parent_span_id, &attempt.parent_span_id), (&vec![3; 8], &request.span_id));
        assert_eq!((request.start_time_unix_nano, request.end_time_unix_nano), (4_000_000, 5_000_000));
        assert_eq!((attempt.start_time_unix_nano, attempt.end_time_unix_nano), (4_100_000, 4_900_000));
        assert_eq!(said(attempt, "gen_ai.provider.name"), Some(&Any::Text("azure.ai.openai".to_owned())));
        assert_eq!(said(attempt, "server.port"), Some(&Any::Number(8443)));
        assert_eq!(said(attempt, "gen_ai.response.time_to_first_chunk"), Some(&Any::Fraction(0.35)));
        assert_eq!(said(attempt, "gen_ai.usage.cache_creation.input_tokens"), Some(&Any::Number(2)));
        assert_eq!(said(request, "switchtower.notices.meaning"), Some(&Any::Number(1)));
        assert_eq!(said(request, "switchtower.cost.amount"), Some(&Any::Fraction(0.00125)));
        assert_eq!(said(request, "switchtower.cost.status"), Some(&Any::Text("estimated".to_owned())));
        assert!(request.status.is_none() && attempt.status.is_none());
        // Nobody counts the tokens twice.
        assert!(!request.attributes.iter().any(|at| at.key.starts_with("gen_ai.usage")));
    }

    #[test]
    fn the_next_profile_has_other_names() {
        let spans = spans(&call("answered", None), Profile::Next);
        assert_eq!(said(&spans[1], "gen_ai.usage.cache_write.input_tokens"), Some(&Any::Number(2)));
    }

    #[test]
    fn trouble_is_classed() {
        let spans = spans(&call("broke_off", Some("timed_out")), Profile::V1_41);
        assert_eq!(said(&spans[0], "error.type"), Some(&Any::Text("broke_off".to_owned())));
        assert_eq!(said(&spans[1], "error.type"), Some(&Any::Text("timed_out".to_owned())));
        assert!(spans.iter().all(|span| span.status.as_ref().is_some_and(|status| status.code == STATUS_ERROR)));
    }
}
