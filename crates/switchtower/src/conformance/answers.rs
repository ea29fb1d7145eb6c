//! Whole answers and errors: through their own dialect, and as another dialect tells them.

use super::rows;
use super::semantic::differences;
use super::{Findings, listed};
use serde_json::Value;
use switchtower_dialect::{ALL, Dialect, Variant};
use switchtower_domain::{Answer, Choice, DialectId, Notice, PartKind, StopReason, Usage};

pub(super) fn check(own: &dyn Dialect, variant: &Variant, body: &[u8], findings: &mut Findings) {
    let Ok(value) = serde_json::from_slice::<Value>(body) else {
        return findings.push(("answer decodes", "the recorded body is not JSON".to_owned()));
    };
    if value.get("error").is_some_and(Value::is_object) {
        // An error that came with a status of success is one all the same.
        return failure(own, 500, body, findings);
    }
    let answer = match own.decode_answer(value.clone().into(), &Variant::default()) {
        Ok(answer) => answer,
        Err(error) => return findings.push(("answer decodes", error.to_string())),
    };
    let same = own.encode_answer(&answer);
    let paths = differences(&value, &same.body);
    if !paths.is_empty() {
        findings.push(("answer round trip", format!("differs at {}", listed(&paths))));
    }
    // From here on as the provider's row reads it.
    let answer = match own.decode_answer(value.clone().into(), variant) {
        Ok(answer) => answer,
        Err(error) => return findings.push(("answer decodes", error.to_string())),
    };
    carried(own.id(), variant, &value, &answer, findings);
    rows::reasoning_carried(std::slice::from_ref(&value), &answer, findings);
    for other in ALL.iter().filter(|other| other.id() != own.id()) {
        let told = other.encode_answer(&answer);
        if told.notices.iter().any(is_half_a_call) {
            continue;
        }
        match other.decode_answer(told.body.into(), &Variant::default()) {
            Ok(received) => tells_the_same("answer translated", &answer, &received, findings),
            Err(error) => findings.push(("answer translated", format!("{}: {error}", other.id()))),
        }
    }
}

/// Whether a notice says that a model which was cut short wrote half of its arguments.
fn is_half_a_call(notice: &Notice) -> bool {
    notice.reason.contains("no JSON object")
}

pub(super) fn failure(own: &dyn Dialect, status: u16, body: &[u8], findings: &mut Findings) {
    let failure = own.decode_failure(status, body);
    if let Ok(value) = serde_json::from_slice::<Value>(body) {
        let same = own.encode_failure(&failure, own.id());
        let paths = differences(&value, &same);
        if !paths.is_empty() {
            findings.push(("error round trip", format!("differs at {}", listed(&paths))));
        }
        let words = failure.message.clone();
        for other in ALL.iter().filter(|other| other.id() != own.id()) {
            let told = other.encode_failure(&failure, own.id()).to_string();
            if words.is_some() && other.decode_failure(status, told.as_bytes()).message != words {
                findings.push(("error translated", format!("{}: the provider's words are lost", other.id())));
            }
        }
    }
}

/// Usage and stop reasons are looked up in the recording itself, not in what was decoded from it.
fn carried(id: DialectId, variant: &Variant, value: &Value, answer: &Answer, findings: &mut Findings) {
    let usage = answer.usage.clone().unwrap_or_default();
    let recorded = rows::usage_of(id, rows::usage_in(id, value), variant);
    if recorded != [usage.input, usage.output, usage.cache_read] {
        findings.push(("usage carried", "the counts are not those of the recording".to_owned()));
    }
    let stopped: Vec<bool> = match id {
        DialectId::OpenaiChat => value
            .pointer("/choices")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .map(|choice| choice.get("finish_reason").is_some_and(Value::is_string))
            .collect(),
        DialectId::OpenaiResponses => {
            let status = value.get("status").and_then(Value::as_str);
            vec![matches!(status, Some("completed" | "incomplete"))]
        }
        DialectId::AnthropicMessages => vec![value.get("stop_reason").is_some_and(Value::is_string)],
        DialectId::OllamaChat => vec![value.get("done_reason").is_some_and(Value::is_string)],
        DialectId::CohereChat => vec![value.get("finish_reason").is_some_and(Value::is_string)],
        DialectId::BedrockConverse => vec![value.get("stopReason").is_some_and(Value::is_string)],
        // A prompt that was refused has no candidate, and that is the reason.
        DialectId::GoogleGemini => match value.get("candidates").and_then(Value::as_array) {
            Some(candidates) => candidates.iter().map(|candidate| candidate.get("finishReason").is_some()).collect(),
            None => vec![true],
        },
    };
    if stopped != answer.choices.iter().map(|choice| choice.stop.is_some()).collect::<Vec<_>>() {
        findings.push(("stop reason carried", "a reason for stopping was lost or made up".to_owned()));
    }
}

/// What every client must get, whichever dialect it speaks: the first choice's words, calls and reason for stopping,
/// and the usage.
pub(super) fn tells_the_same(check: &'static str, sent: &Answer, received: &Answer, findings: &mut Findings) {
    let mut wrong = Vec::new();
    if words(sent) != words(received) {
        wrong.push("text");
    }
    let (mut told, mut heard) = (calls(sent), calls(received));
    // A call without an id is given one on its way.
    for ((told, _, _), (heard, _, _)) in told.iter_mut().zip(&mut heard).filter(|((id, _, _), _)| id.is_empty()) {
        heard.clone_into(told);
    }
    if told != heard {
        wrong.push("tool calls");
    }
    if stop(sent) != stop(received) {
        wrong.push("stop reason");
    }
    let counts = |answer: &Answer| {
        let usage = answer.usage.clone().unwrap_or_default();
        let known = |count: Option<u64>| count.unwrap_or_default();
        // A vendor that reports more tokens of a kind than tokens contradicts itself; not every dialect can repeat that.
        let holds = |of: fn(&Usage) -> (Option<u64>, Option<u64>)| {
            sent.usage.as_ref().map(of).is_none_or(|(part, whole)| part <= whole)
        };
        let input = if holds(|usage| (usage.cache_read, usage.input)) { known(usage.input) } else { 0 };
        let output = if holds(|usage| (usage.reasoning, usage.output)) { known(usage.output) } else { 0 };
        // Converse has no count of reasoning apart, and Ollama counts nothing apart.
        let reasoning = match received.origin {
            DialectId::BedrockConverse | DialectId::OllamaChat => 0,
            _ => known(usage.reasoning),
        };
        let read = if received.origin == DialectId::OllamaChat { 0 } else { known(usage.cache_read) };
        [input, output, read, reasoning]
    };
    if counts(sent) != counts(received) {
        wrong.push("usage");
    }
    if !wrong.is_empty() {
        findings.push((check, format!("{} to {}: {} differ", sent.origin, received.origin, wrong.join(", "))));
    }
}

/// The choice of the lowest number; streams may begin with another.
fn first(answer: &Answer) -> Option<&Choice> {
    answer.choices.iter().min_by_key(|choice| choice.index)
}

fn words(answer: &Answer) -> String {
    first(answer)
        .iter()
        .flat_map(|choice| &choice.parts)
        .filter_map(|part| match &part.kind {
            PartKind::Text { text, .. } | PartKind::Refusal { text } => Some(text.as_str()),
            _ => None,
        })
        .collect()
}

/// The calls of the first choice: their ids, names and arguments, the last as text where they are no JSON.
pub(super) fn calls(answer: &Answer) -> Vec<(String, String, Value)> {
    let arguments = |text: &str| match text.trim() {
        "" => Value::Object(serde_json::Map::new()),
        text => serde_json::from_str(text).unwrap_or_else(|_| Value::from(text)),
    };
    first(answer)
        .iter()
        .flat_map(|choice| &choice.parts)
        .filter_map(|part| match &part.kind {
            PartKind::ToolCall(call) => Some((call.id.clone(), call.name.clone(), arguments(&call.arguments))),
            _ => None,
        })
        .collect()
}

/// The reason for stopping, with those taken together that some dialect does not tell apart.
fn stop(answer: &Answer) -> &'static str {
    let choice = first(answer);
    let refused =
        choice.is_some_and(|choice| choice.parts.iter().any(|part| matches!(part.kind, PartKind::Refusal { .. })));
    match choice.and_then(|choice| choice.stop.as_ref()).map(|stop| &stop.reason) {
        _ if refused => "refused",
        Some(StopReason::MaxTokens | StopReason::ContextWindow) => "length",
        Some(StopReason::ToolUse) => "tools",
        // Nor does every dialect tell a turn that ended with calls from one that ended for them.
        Some(StopReason::EndTurn) if !calls(answer).is_empty() => "tools",
        // Who does not say why it stopped has stopped for its calls, if there are any.
        None if !calls(answer).is_empty() => "tools",
        Some(StopReason::Refusal | StopReason::ContentFilter) => "refused",
        Some(StopReason::EndTurn | StopReason::StopSequence | StopReason::PauseTurn | StopReason::Other(_)) | None => {
            "end"
        }
    }
}
