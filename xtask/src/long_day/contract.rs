//! What the gateway promises for each request, and whether it was kept.
//!
//! Refusals are those of `docs/reference/refusals.md`: a status and a code for the dialects of OpenAI, a status and a
//! type for Messages.

use std::time::Duration;

use serde_json::Value;

use super::case::{Answer, Asked, Called, Case, Dialect, Listing, Manner, Service, Wrong};
use super::client::{End, Heard};
use super::fault::{ANSWER_BYTES_MAX, EVENT_BYTES_MAX, Fault, Kind};
use super::reading::{Said, Streamed, stops};
use super::stage::{BODY_TIME_MAX, IDLE_TIMEOUT, TOTAL_TIMEOUT};
use super::wire::{DIMENSIONS, TOOL};
use super::words::MARK;

/// What a busy machine may add to a time limit.
const SLACK: Duration = Duration::from_secs(4);
/// Up to here the simulated prompt cache takes no part of a prompt.
const UNCACHED_TOKENS: u64 = 900;

/// An answer "no".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct No {
    status: u16,
    /// For the dialects of OpenAI.
    code: &'static str,
    /// For Messages, whose status is another where a provider has no capacity.
    kind: &'static str,
}

const fn no(status: u16, code: &'static str, kind: &'static str) -> No {
    No { status, code, kind }
}

const RATE_LIMITED: No = no(429, "rate_limit_exceeded", "rate_limit_error");
const OVERLOADED: No = no(503, "provider_overloaded", "overloaded_error");
const FAILED: No = no(502, "provider_failed", "api_error");
const INVALID: No = no(400, "provider_invalid_request", "invalid_request_error");
const DENIED: No = no(401, "provider_denied", "authentication_error");
const NOT_FOUND: No = no(404, "provider_invalid_request", "not_found_error");
const UNREACHABLE: No = no(502, "provider_unreachable", "api_error");
const MALFORMED: No = no(502, "provider_malformed", "api_error");
const TIMED_OUT: No = no(504, "provider_timed_out", "timeout_error");

/// One way in which a request may end.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Promise {
    /// All of it.
    Answered,
    Refused(No),
    /// A stream that begins and ends in an error of ours.
    Breaks(No),
    /// A stream that begins and ends in the provider's own error.
    TellsItsError,
    /// The client left; what it heard until then was right.
    Left,
}

impl Promise {
    /// The word for it in the report.
    fn word(&self) -> String {
        match self {
            Self::Answered => "answered".to_owned(),
            Self::Refused(no) => format!("{} {}", no.status, no.code),
            Self::Breaks(no) => format!("stream error {}", no.code),
            Self::TellsItsError => "stream error of the provider".to_owned(),
            Self::Left => "left".to_owned(),
        }
    }
}

/// How a request ended: a word for the report.
///
/// # Errors
/// What was promised and not kept.
pub(super) fn judge(case: &Case, heard: &Heard) -> Result<String, String> {
    let promises = promises(case);
    check_time(&promises, heard)?;
    let mut broken = None;
    for promise in &promises {
        match kept(case, promise, heard) {
            Ok(()) => return Ok(promise.word()),
            Err(why) => broken = broken.or_else(|| Some(format!("{}: {why}", promise.word()))),
        }
    }
    Err(broken.unwrap_or_else(|| "nothing was promised".to_owned()))
}

fn promises(case: &Case) -> Vec<Promise> {
    match &case.asked {
        Asked::Answer(answer) => of_answer(answer),
        Asked::Service { fault, .. } => fault.map_or_else(|| vec![Promise::Answered], of_whole),
        Asked::CountTokens { .. } => vec![Promise::Answered],
        Asked::Listing(_) => vec![Promise::Answered],
        Asked::Wrong { wrong, .. } => vec![Promise::Refused(of_wrong(*wrong))],
    }
}

fn of_answer(answer: &Answer) -> Vec<Promise> {
    match (answer.called, answer.manner) {
        (Called::Endless, _) if answer.streamed => return vec![Promise::Breaks(TIMED_OUT)],
        (Called::Endless, _) => return vec![Promise::Refused(TIMED_OUT)],
        (Called::Narrow, _) => return vec![Promise::Answered, Promise::Refused(RATE_LIMITED)],
        // A short answer may be over before the client leaves.
        (_, Manner::Leaves(_)) => return vec![Promise::Left, Promise::Answered],
        (_, Manner::LeavesEarly) => return vec![Promise::Left],
        (_, Manner::NeverSends) => {
            return vec![Promise::Refused(no(408, "request_timeout", "invalid_request_error"))];
        }
        _ => {}
    }
    match answer.fault {
        None => vec![Promise::Answered],
        // AWS forbids where others do not know who asks.
        Some(Fault { kind: Kind::Unauthorized, .. }) if answer.provider == Dialect::Converse => {
            vec![Promise::Refused(no(403, "provider_denied", "permission_error"))]
        }
        Some(fault) if answer.streamed => of_stream(fault),
        Some(fault) => of_whole(fault),
    }
}

fn of_status(kind: Kind) -> Option<No> {
    Some(match kind {
        Kind::RateLimited => RATE_LIMITED,
        Kind::Overloaded => OVERLOADED,
        Kind::ServerError => FAILED,
        Kind::BadRequest => INVALID,
        Kind::Unauthorized => DENIED,
        Kind::NotFound => NOT_FOUND,
        Kind::Html => UNREACHABLE,
        _ => return None,
    })
}

fn is_late(fault: Fault) -> bool {
    u128::from(fault.amount) > IDLE_TIMEOUT.as_millis()
}

fn of_whole(fault: Fault) -> Vec<Promise> {
    if let Some(no) = of_status(fault.kind) {
        return vec![Promise::Refused(no)];
    }
    vec![match fault.kind {
        Kind::SlowHeaders if is_late(fault) => Promise::Refused(TIMED_OUT),
        Kind::SlowHeaders => Promise::Answered,
        Kind::Oversized if fault.amount <= ANSWER_BYTES_MAX => Promise::Answered,
        Kind::Stall => Promise::Refused(TIMED_OUT),
        Kind::StreamError => Promise::Refused(FAILED),
        Kind::Cut | Kind::Reset => Promise::Refused(UNREACHABLE),
        _ => Promise::Refused(MALFORMED),
    }]
}

fn of_stream(fault: Fault) -> Vec<Promise> {
    if let Some(no) = of_status(fault.kind) {
        return vec![Promise::Refused(no)];
    }
    match fault.kind {
        Kind::SlowHeaders if is_late(fault) => vec![Promise::Refused(TIMED_OUT)],
        Kind::SlowHeaders => vec![Promise::Answered],
        Kind::Oversized if fault.amount <= EVENT_BYTES_MAX => vec![Promise::Answered],
        Kind::Stall => vec![Promise::Breaks(TIMED_OUT)],
        Kind::StreamError => vec![Promise::TellsItsError],
        // Where nothing was sent before, not even the head may have come.
        Kind::Cut | Kind::Reset if fault.after == 0 => {
            vec![Promise::Refused(UNREACHABLE), Promise::Breaks(UNREACHABLE)]
        }
        // A reset may overtake what was sent before it.
        Kind::Reset => vec![Promise::Breaks(UNREACHABLE), Promise::Refused(UNREACHABLE)],
        Kind::Cut | Kind::CleanCut => vec![Promise::Breaks(UNREACHABLE)],
        _ => vec![Promise::Breaks(MALFORMED)],
    }
}

const fn of_wrong(wrong: Wrong) -> No {
    const INVALID_REQUEST: &str = "invalid_request_error";
    match wrong {
        Wrong::Json => no(400, "malformed_json", INVALID_REQUEST),
        Wrong::DuplicateKey => no(400, "duplicate_key", INVALID_REQUEST),
        Wrong::Depth => no(400, "too_deep", INVALID_REQUEST),
        Wrong::NoModel | Wrong::StreamWord => no(400, "invalid_request", INVALID_REQUEST),
        Wrong::Key | Wrong::NoKey => no(401, "invalid_api_key", "authentication_error"),
        Wrong::Model | Wrong::Provider => no(404, "model_not_found", "not_found_error"),
        Wrong::Size => no(413, "too_large", "request_too_large"),
        Wrong::MediaType => no(415, "unsupported_media_type", INVALID_REQUEST),
        Wrong::Path => no(404, "unknown_path", "not_found_error"),
        Wrong::Method => no(405, "method_not_allowed", INVALID_REQUEST),
    }
}

/// Nothing takes longer than its time limit, and what waits for a limit waits for it.
fn check_time(promises: &[Promise], heard: &Heard) -> Result<(), String> {
    if heard.end == End::Hung {
        return Err("the gateway never ended it".to_owned());
    }
    let waits = promises
        .iter()
        .any(|promise| matches!(promise, Promise::Refused(no) | Promise::Breaks(no) if *no == TIMED_OUT));
    let limit = if waits { IDLE_TIMEOUT.max(BODY_TIME_MAX) + SLACK } else { TOTAL_TIMEOUT + SLACK };
    if heard.took > limit {
        return Err(format!("took {:?}, and {limit:?} is the most", heard.took));
    }
    Ok(())
}

fn kept(case: &Case, promise: &Promise, heard: &Heard) -> Result<(), String> {
    match (promise, &heard.end) {
        (Promise::Left, End::Left) => return left(case, heard),
        (Promise::Left, _) | (_, End::Left) => return Err("the client left, or did not".to_owned()),
        (_, End::Broken(why)) => return Err(format!("the connection to the client broke: {why}")),
        (_, End::Hung) => return Err("the gateway never ended it".to_owned()),
        (_, End::Whole) => {}
    }
    let client = client(case);
    let is_probe = matches!(case.asked, Asked::Listing(Listing::Health));
    if !is_probe && heard.header("x-request-id").is_none_or(str::is_empty) {
        return Err("the answer has no x-request-id".to_owned());
    }
    match promise {
        Promise::Answered => {
            status(heard, 200)?;
            answered(case, client, heard)
        }
        Promise::Refused(no) => {
            status(heard, if client == Dialect::Messages && *no == OVERLOADED { 529 } else { no.status })?;
            let body: Value = json(heard)?;
            error_of(client, &body, Some(no))?;
            if client == Dialect::Converse && heard.header("x-amzn-errortype").is_none_or(str::is_empty) {
                return Err("the error has no type".to_owned());
            }
            check_retry(case, no, heard)
        }
        Promise::Breaks(no) => {
            status(heard, 200)?;
            broke(case, client, heard, Some(no))
        }
        Promise::TellsItsError => {
            status(heard, 200)?;
            broke(case, client, heard, None)
        }
        Promise::Left => Ok(()),
    }
}

fn client(case: &Case) -> Dialect {
    match &case.asked {
        Asked::Answer(answer) => answer.client,
        Asked::CountTokens { client, .. } => client.counts_in(),
        Asked::Wrong { client, .. } => *client,
        Asked::Service { .. } | Asked::Listing(_) => Dialect::Chat,
    }
}

fn status(heard: &Heard, wanted: u16) -> Result<(), String> {
    if heard.status == wanted {
        return Ok(());
    }
    let error: Option<Value> = serde_json::from_slice(&heard.body).ok();
    let code = error.as_ref().and_then(|body| body.pointer("/error/code").or_else(|| body.pointer("/error/type")));
    Err(format!("status {} ({}) instead of {wanted}", heard.status, code.unwrap_or(&Value::Null)))
}

fn json(heard: &Heard) -> Result<Value, String> {
    serde_json::from_slice(&heard.body).map_err(|_| format!("{} bytes that are not JSON", heard.body.len()))
}

/// The shape of an error in the client's dialect, and its code where that is known.
fn error_of(client: Dialect, body: &Value, no: Option<&No>) -> Result<(), String> {
    let word = |path: &str| body.pointer(path).and_then(Value::as_str).unwrap_or_default();
    // These tell it in words, and the type beside the body if at all.
    let words = match client {
        Dialect::Converse => Some("/message"),
        Dialect::Cohere if body.get("delta").is_some() => Some("/delta/error"),
        Dialect::Cohere => Some("/message"),
        Dialect::Ollama => Some("/error"),
        Dialect::Gemini if word("/error/status").is_empty() => return Err("the error has no status".to_owned()),
        Dialect::Gemini => Some("/error/message"),
        Dialect::Chat | Dialect::Responses | Dialect::Messages => None,
    };
    if let Some(path) = words {
        return if word(path).is_empty() { Err("the error has no message".to_owned()) } else { Ok(()) };
    }
    if word("/error/message").is_empty() || word("/error/type").is_empty() {
        return Err("the error has no message or no type".to_owned());
    }
    let (found, wanted) = match client {
        Dialect::Messages => {
            if word("/type") != "error" {
                return Err("the error is not of the type 'error'".to_owned());
            }
            (word("/error/type"), no.map(|no| no.kind))
        }
        _ => (word("/error/code"), no.map(|no| no.code)),
    };
    match wanted {
        Some(wanted) if wanted != found => Err(format!("error '{found}' instead of '{wanted}'")),
        _ => Ok(()),
    }
}

fn check_retry(case: &Case, no: &No, heard: &Heard) -> Result<(), String> {
    if *no != RATE_LIMITED {
        return Ok(());
    }
    let wanted = match &case.asked {
        Asked::Answer(Answer { fault: Some(fault), .. }) | Asked::Service { fault: Some(fault), .. } => fault.amount,
        _ => 1,
    };
    let found = heard.header("retry-after").unwrap_or("nothing");
    if found == wanted.to_string() { Ok(()) } else { Err(format!("retry-after is {found} instead of {wanted}")) }
}

fn answered(case: &Case, client: Dialect, heard: &Heard) -> Result<(), String> {
    match &case.asked {
        Asked::Answer(answer) if answer.streamed => {
            let streamed = Streamed::read(client, &heard.body)?;
            if streamed.ends != 1 || !streamed.errors.is_empty() || streamed.late > 0 {
                let (ends, errors, late) = (streamed.ends, streamed.errors.len(), streamed.late);
                return Err(format!("the stream has {ends} ends, {errors} errors and {late} events after that"));
            }
            check_said(answer, &streamed.said)
        }
        Asked::Answer(answer) => check_said(answer, &Said::read(client, &json(heard)?)),
        Asked::Service { service, count, .. } => check_service(*service, *count, &json(heard)?),
        Asked::CountTokens { provider, words, .. } => {
            let body = json(heard)?;
            let told = ["input_tokens", "totalTokens", "inputTokens"].into_iter().find_map(|name| body.get(name));
            let counted = told.and_then(Value::as_u64);
            // Where the provider does not count, the gateway estimates and says so.
            let estimated = heard.header("x-switchtower-estimated-by").is_some();
            let counts = provider.counts_in() == *provider;
            match counted {
                Some(1..) if estimated && !counts => Ok(()),
                Some(tokens) if !estimated && tokens == words.prompt_tokens() => Ok(()),
                _ => Err(format!("{counted:?} tokens were counted, estimated: {estimated}")),
            }
        }
        Asked::Listing(Listing::Models) => {
            let body = json(heard)?;
            let all = body.get("data").and_then(Value::as_array).map_or(0, Vec::len);
            if all >= 3 { Ok(()) } else { Err(format!("{all} models are listed")) }
        }
        Asked::Listing(Listing::Model) => {
            let found = json(heard)?.get("id").is_some_and(|id| id == "via-chat");
            if found { Ok(()) } else { Err("another model is told of".to_owned()) }
        }
        Asked::Listing(Listing::Health) if heard.body == b"ok\n" => Ok(()),
        Asked::Listing(Listing::Health) => Err("not healthy".to_owned()),
        Asked::Wrong { .. } => Err("what is wrong was answered".to_owned()),
    }
}

/// Text, tokens and reason are the simulator's.
fn check_said(answer: &Answer, said: &Said) -> Result<(), String> {
    let (stop, tool_stop) = stops(answer.client);
    if answer.tool {
        let [(name, arguments)] = said.calls.as_slice() else {
            return Err(format!("{} calls instead of one", said.calls.len()));
        };
        let arguments: Value = serde_json::from_str(arguments).map_err(|_| "arguments that are not JSON".to_owned())?;
        if name != TOOL || arguments.get("city").and_then(Value::as_str).is_none() || said.stop != tool_stop {
            return Err(format!("a call of '{name}' that ends with '{}'", said.stop));
        }
        return Ok(());
    }
    if said.text != answer.words.text {
        let (found, wanted) = (said.text.len(), answer.words.text.len());
        return Err(format!("the text is another one, of {found} bytes instead of {wanted}"));
    }
    if said.stop != stop {
        return Err(format!("it ended with '{}' instead of '{stop}'", said.stop));
    }
    let output = answer.words.tokens + answer.thinking;
    if said.output_tokens != Some(output) {
        return Err(format!("{:?} tokens of output instead of {output}", said.output_tokens));
    }
    let input = answer.words.prompt_tokens();
    if input < UNCACHED_TOKENS && said.input_tokens != Some(input) {
        return Err(format!("{:?} tokens of input instead of {input}", said.input_tokens));
    }
    Ok(())
}

fn check_service(service: Service, count: u64, body: &Value) -> Result<(), String> {
    let list = |name: &str| body.get(name).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let wanted = usize::try_from(count).unwrap_or(usize::MAX);
    let (found, wanted) = match service {
        Service::Embeddings => {
            let vectors = list("data").iter().filter_map(|item| item.get("embedding")?.as_array());
            (vectors.filter(|vector| vector.len() == DIMENSIONS).count(), wanted)
        }
        Service::Rerank => (list("results").len(), wanted),
        Service::Moderations => (list("results").len(), wanted),
        Service::Completions => (list("choices").iter().filter(|choice| choice.get("text").is_some()).count(), 1),
        Service::Fim => (list("choices").iter().filter(|choice| choice.get("message").is_some()).count(), 1),
    };
    if found == wanted { Ok(()) } else { Err(format!("{found} results instead of {wanted}")) }
}

/// A stream that ends in an error, once, after a beginning of the text.
fn broke(case: &Case, client: Dialect, heard: &Heard, no: Option<&No>) -> Result<(), String> {
    let Asked::Answer(answer) = &case.asked else { return Err("no stream was asked for".to_owned()) };
    let streamed = Streamed::read(client, &heard.body)?;
    let [error] = streamed.errors.as_slice() else {
        return Err(format!("the stream has {} errors and {} ends", streamed.errors.len(), streamed.ends));
    };
    if streamed.ends > 0 || streamed.late > 0 {
        return Err(format!("the stream has an error and {} ends, {} events after that", streamed.ends, streamed.late));
    }
    error_of(client, error, no)?;
    // What an endless model says is its own.
    if answer.called != Called::Endless && !answer.words.text.starts_with(&streamed.said.text) {
        return Err("the text before the error is another one".to_owned());
    }
    Ok(())
}

fn left(case: &Case, heard: &Heard) -> Result<(), String> {
    let Asked::Answer(answer) = &case.asked else { return Err("nobody was to leave".to_owned()) };
    if answer.manner == Manner::LeavesEarly {
        return Ok(());
    }
    status(heard, 200)?;
    let whole = String::from_utf8_lossy(&heard.body);
    if whole.contains(MARK) || heard.body.len() < 4096 { Ok(()) } else { Err("what came was no answer".to_owned()) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hyper::HeaderMap;

    use super::super::words::Words;
    use super::*;

    fn case(fault: Option<Kind>, streamed: bool) -> Case {
        let answer = Answer {
            client: Dialect::Chat,
            provider: Dialect::Messages,
            called: Called::Outright,
            streamed,
            fault: fault.map(|kind| Fault { kind, after: 2, amount: 3 }),
            words: Words { text: "one two".to_owned(), tokens: 2 },
            thinking: 0,
            tool: false,
            manner: Manner::Usual,
        };
        Case { number: 1, fresh: false, asked: Asked::Answer(answer) }
    }

    fn heard(status: u16, body: &str) -> Heard {
        let mut headers = HeaderMap::new();
        headers.insert("x-request-id", "1".parse().unwrap());
        Heard { status, headers, body: body.as_bytes().to_vec(), end: End::Whole, took: Duration::from_millis(1) }
    }

    const WHOLE: &str = r#"{"choices":[{"message":{"content":"one two"},"finish_reason":"stop"}],"usage":{"prompt_tokens":8,"completion_tokens":2}}"#;

    #[test]
    fn an_answer_must_be_the_simulators_to_the_token() {
        assert_eq!(judge(&case(None, false), &heard(200, WHOLE)), Ok("answered".to_owned()));
        for (right, wrong) in [("one two", "one too"), (":8", ":9"), (":2}", ":3}"), ("\"stop\"", "\"length\"")] {
            assert!(judge(&case(None, false), &heard(200, &WHOLE.replace(right, wrong))).is_err(), "{wrong}");
        }
        assert!(judge(&case(None, false), &heard(502, WHOLE)).is_err());
        let late = Heard { took: Duration::from_secs(60), ..heard(200, WHOLE) };
        assert!(judge(&case(None, false), &late).unwrap_err().contains("took"));
        let broken = Heard { end: End::Broken("reset".to_owned()), ..heard(200, WHOLE) };
        assert!(judge(&case(None, false), &broken).is_err());
    }

    #[test]
    fn a_stream_ends_with_its_end_or_with_an_error_and_never_both_or_neither() {
        let text = "data: {\"choices\":[{\"delta\":{\"content\":\"one\"}}]}\n\n";
        let error = "data: {\"error\":{\"message\":\"m\",\"type\":\"t\",\"code\":\"provider_unreachable\"}}\n\n";
        let end = "data: [DONE]\n\n";
        let cut = case(Some(Kind::Cut), true);
        assert!(judge(&cut, &heard(200, &[text, error].concat())).is_ok());
        for stream in [[text, error, end], [text, end, error], [text, end, ""], [text, "", ""], [text, error, error]] {
            assert!(judge(&cut, &heard(200, &stream.concat())).is_err(), "{stream:?}");
        }
        let other = error.replace("unreachable", "malformed");
        assert!(judge(&cut, &heard(200, &[text, &other].concat())).is_err());
    }

    #[test]
    fn a_refusal_has_its_status_code_and_wait() {
        let body = r#"{"error":{"message":"m","type":"t","code":"rate_limit_exceeded"}}"#;
        let limited = case(Some(Kind::RateLimited), false);
        assert!(judge(&limited, &heard(429, body)).unwrap_err().contains("retry-after"));
        let mut right = heard(429, body);
        right.headers.insert("retry-after", "3".parse().unwrap());
        assert_eq!(judge(&limited, &right), Ok("429 rate_limit_exceeded".to_owned()));
    }
}
