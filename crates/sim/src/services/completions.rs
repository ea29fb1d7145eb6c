//! `POST /v1/completions` and `POST /v1/fim/completions`: text that continues a text, or fills its gap.

use super::{Given, Served, said};
use crate::body::{Event, Events};
use crate::check::{Field, Kind, Object, fields, items, may, must, text as text_of, type_name};
use crate::dialects::event_bytes;
use crate::directives::OUTPUT_TOKENS_MAX;
use crate::failure::{Complaint, Failure, Place, Wrong};
use crate::random::Random;
use crate::said::{Said, Stop, Turn, Usage};
use crate::{text, tokens};
use bytes::Bytes;
use serde_json::{Value, json};

const STOPS_MAX: usize = 4;
const CHOICES_MAX: i64 = 128;
/// What a continuation is as long as when nobody asks for another length.
const TOKENS: u64 = 24;
/// The bound on generated tokens of who names none.
const TOKENS_MAX: u64 = 16;

const TEXT: &[Field] = &[
    must("model", Kind::Text),
    must("prompt", Kind::TextOrArray),
    may("suffix", Kind::Text),
    may("max_tokens", Kind::Integer(0, i64::MAX)),
    may("temperature", Kind::Number(0.0, 2.0)),
    may("top_p", Kind::Number(0.0, 1.0)),
    may("n", Kind::Integer(1, CHOICES_MAX)),
    may("best_of", Kind::Integer(0, 20)),
    may("stream", Kind::Bool),
    may("stream_options", Kind::Object),
    may("logprobs", Kind::Integer(0, 5)),
    may("echo", Kind::Bool),
    may("stop", Kind::TextOrArray),
    may("presence_penalty", Kind::Number(-2.0, 2.0)),
    may("frequency_penalty", Kind::Number(-2.0, 2.0)),
    may("logit_bias", Kind::Object),
    may("user", Kind::Text),
    may("seed", Kind::Integer(i64::MIN, i64::MAX)),
];

const FIM: &[Field] = &[
    must("model", Kind::Text),
    must("prompt", Kind::Text),
    may("suffix", Kind::Text),
    may("max_tokens", Kind::Integer(0, i64::MAX)),
    may("min_tokens", Kind::Integer(0, i64::MAX)),
    may("temperature", Kind::Number(0.0, 1.5)),
    may("top_p", Kind::Number(0.0, 1.0)),
    may("stream", Kind::Bool),
    may("stop", Kind::TextOrArray),
    may("random_seed", Kind::Integer(0, i64::MAX)),
    may("metadata", Kind::Object),
];

/// What is continued, and how.
struct Asked {
    prompts: Vec<(String, u64)>,
    suffix: Option<String>,
    max_tokens: u64,
    choices: u64,
    stops: Vec<String>,
    streaming: bool,
    include_usage: bool,
}

pub(super) fn text(body: &Object, given: &Given<'_>) -> Result<Served, Failure> {
    fields(&Place::root(), body, TEXT, given.strictness.lenient_fields)?;
    let asked = read(body, TOKENS_MAX)?;
    let number = |name: &str| body.get(name).and_then(Value::as_u64);
    if number("best_of").is_some_and(|best| best < asked.choices) {
        return Err(Place::root().key("best_of").says("best_of must be greater than n").into());
    }
    let (mut turns, usage) = continued(&asked, given);
    if body.get("echo") == Some(&Value::Bool(true)) {
        let choices = usize::try_from(asked.choices).unwrap_or(1).max(1);
        for (turn, (prompt, _)) in turns
            .chunks_mut(choices)
            .zip(&asked.prompts)
            .flat_map(|(turns, prompt)| turns.iter_mut().map(move |turn| (turn, prompt)))
        {
            turn.text.insert_str(0, prompt);
        }
    }
    let said = said(given, turns, usage, asked.include_usage);
    let logprobs = number("logprobs").is_some();
    if asked.streaming {
        return Ok(Served::Events(events(&said, logprobs)));
    }
    let choices: Vec<Value> = said
        .turns
        .iter()
        .enumerate()
        .map(|(index, turn)| choice(&said, index, &turn.text, Some(finish_reason(&turn.stop)), logprobs))
        .collect();
    let mut answer = head(&said, &choices);
    if let Some(answer) = answer.as_object_mut() {
        answer.insert("usage".into(), counted(&said));
    }
    Ok(Served::Whole { tokens: said.usage.output, body: answer })
}

/// The same for an answer in the form of a conversation; says whether it is to be streamed.
pub(super) fn fim(body: &Object, given: &Given<'_>) -> Result<(Said, bool), Failure> {
    fields(&Place::root(), body, FIM, given.strictness.lenient_fields)?;
    let asked = read(body, TOKENS)?;
    let (turns, usage) = continued(&asked, given);
    // Mistral reports usage at the end of every stream.
    Ok((said(given, turns, usage, asked.streaming), asked.streaming))
}

fn read(body: &Object, max_tokens: u64) -> Result<Asked, Complaint> {
    let number = |name: &str| body.get(name).and_then(Value::as_u64);
    let streaming = body.get("stream") == Some(&Value::Bool(true));
    let options = body.get("stream_options").and_then(Value::as_object);
    if let Some(options) = options {
        let at = Place::root().key("stream_options");
        if !streaming {
            return Err(at.says("The 'stream_options' parameter is only allowed when 'stream' is enabled."));
        }
        const OPTIONS: &[Field] = &[may("include_usage", Kind::Bool), may("include_obfuscation", Kind::Bool)];
        fields(&at, options, OPTIONS, false)?;
    }
    Ok(Asked {
        prompts: prompts(body)?,
        suffix: text_of(body, "suffix").map(str::to_owned),
        max_tokens: number("max_tokens").unwrap_or(max_tokens).min(OUTPUT_TOKENS_MAX),
        choices: number("n").unwrap_or(1),
        stops: stops(body)?,
        streaming,
        include_usage: options.is_some_and(|options| options.get("include_usage") == Some(&Value::Bool(true))),
    })
}

/// The prompts with their tokens. A list of numbers is one prompt that the caller cut into tokens.
fn prompts(body: &Object) -> Result<Vec<(String, u64)>, Complaint> {
    let one = |text: &str| (text.to_owned(), tokens::count(text));
    if let Some(text) = text_of(body, "prompt") {
        return Ok(vec![one(text)]);
    }
    let at = Place::root().key("prompt");
    let list = items(body, "prompt");
    if list.is_empty() {
        return Err(at.wrong(Wrong::EmptyArray));
    }
    let as_tokens = |list: &[Value]| {
        let all = !list.is_empty() && list.iter().all(Value::is_u64);
        all.then(|| (list.iter().map(Value::to_string).collect::<Vec<_>>().join(" "), list.len() as u64))
    };
    if let Some(prompt) = as_tokens(list) {
        return Ok(vec![prompt]);
    }
    let read = list.iter().enumerate().map(|(index, item)| match item {
        Value::String(text) => Ok(one(text)),
        Value::Array(numbers) => as_tokens(numbers).ok_or_else(|| at.index(index).says("Invalid tokens in 'prompt'.")),
        other => Err(at.index(index).wrong(Wrong::Type { expected: "string", found: type_name(other) })),
    });
    read.collect()
}

fn stops(body: &Object) -> Result<Vec<String>, Complaint> {
    if let Some(one) = text_of(body, "stop") {
        return Ok(vec![one.to_owned()]);
    }
    let at = Place::root().key("stop");
    let list = items(body, "stop");
    if list.len() > STOPS_MAX {
        return Err(at.wrong(Wrong::TooMany { max: STOPS_MAX, found: list.len() }));
    }
    let read = list.iter().enumerate().map(|(index, stop)| {
        let wrong = || at.index(index).wrong(Wrong::Type { expected: "string", found: type_name(stop) });
        stop.as_str().map(str::to_owned).ok_or_else(wrong)
    });
    read.collect()
}

/// The continuations of all prompts, one prompt after the other.
fn continued(asked: &Asked, given: &Given<'_>) -> (Vec<Turn>, Usage) {
    let mut usage = Usage::default();
    let mut turns = Vec::new();
    for (number, (prompt, prompt_tokens)) in asked.prompts.iter().enumerate() {
        usage.input += prompt_tokens + asked.suffix.as_deref().map_or(0, tokens::count);
        for choice in 0..asked.choices {
            let purpose = format!("continue {number} {choice}");
            let whole = continuation(prompt, asked.suffix.as_deref(), given, &purpose);
            let turn = bounded(&whole, asked);
            usage.output += tokens::count(&turn.text);
            turns.push(turn);
        }
    }
    (turns, usage)
}

/// `echo: TEXT` is continued with exactly TEXT, as answers are; a gap is filled with one sentence.
fn continuation(prompt: &str, suffix: Option<&str>, given: &Given<'_>, purpose: &str) -> String {
    if let Some(echoed) = prompt.strip_prefix("echo: ") {
        return echoed.to_owned();
    }
    let mut random = Random::for_purpose(given.answer_seed, purpose);
    match (given.directives.output_tokens, suffix) {
        (None, Some(_)) => format!(" {}", text::sentence(&mut random)),
        (length, _) => format!(" {}", text::exactly(&mut random, length.unwrap_or(TOKENS))),
    }
}

/// The text up to its first stop text and no longer than was asked for.
fn bounded(whole: &str, asked: &Asked) -> Turn {
    let first =
        asked.stops.iter().filter(|stop| !stop.is_empty()).filter_map(|stop| Some((whole.find(stop.as_str())?, stop)));
    let (told, stop) = match first.min_by_key(|(at, _)| *at) {
        Some((at, stop)) => (whole.get(..at).unwrap_or_default(), Stop::Sequence(stop.clone())),
        None => (whole, Stop::End),
    };
    let max = usize::try_from(asked.max_tokens).unwrap_or(usize::MAX);
    let kept: String = tokens::pieces(told).take(max).collect();
    let stop = if kept.len() < told.len() { Stop::Length } else { stop };
    Turn { text: kept, stop, ..Turn::default() }
}

const fn finish_reason(stop: &Stop) -> &'static str {
    match stop {
        Stop::Length => "length",
        Stop::End | Stop::Sequence(_) | Stop::Tools => "stop",
    }
}

fn head(said: &Said, choices: &[Value]) -> Value {
    json!({
        "id": Random::for_purpose(said.seed, "cmpl").id("cmpl-", 29),
        "object": "text_completion",
        "created": said.created(),
        "model": said.model,
        "choices": choices,
    })
}

fn counted(said: &Said) -> Value {
    let usage = said.usage;
    json!({
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
    })
}

fn choice(said: &Said, index: usize, text: &str, finish: Option<&str>, logprobs: bool) -> Value {
    let logprobs = if logprobs { logprobs_of(said, text) } else { Value::Null };
    json!({"text": text, "index": index, "logprobs": logprobs, "finish_reason": finish})
}

fn logprobs_of(said: &Said, text: &str) -> Value {
    let mut offset = 0;
    let (mut pieces, mut probabilities, mut offsets) = (Vec::new(), Vec::new(), Vec::new());
    for piece in tokens::pieces(text) {
        pieces.push(piece);
        probabilities.push(-Random::for_purpose(said.seed, piece).fraction() / 4.0);
        offsets.push(offset);
        offset += piece.chars().count();
    }
    json!({"tokens": pieces, "token_logprobs": probabilities, "top_logprobs": null, "text_offset": offsets})
}

/// One event for each piece of each choice, then how each ended, then what all of it used.
fn events(said: &Said, logprobs: bool) -> Events {
    let asked_usage = said.extras.include_usage;
    let chunk = |choices: &[Value], usage: Value| {
        let mut chunk = head(said, choices);
        if asked_usage && let Some(chunk) = chunk.as_object_mut() {
            chunk.insert("usage".into(), usage);
        }
        event_bytes(None, &chunk)
    };
    let mut events = Vec::new();
    for (index, turn) in said.turns.iter().enumerate() {
        for piece in tokens::pieces(&turn.text) {
            events.push(Event::new(chunk(&[choice(said, index, piece, None, logprobs)], Value::Null), 1));
        }
        let end = choice(said, index, "", Some(finish_reason(&turn.stop)), false);
        events.push(Event::new(chunk(&[end], Value::Null), 0));
    }
    if asked_usage {
        events.push(Event::new(chunk(&[], counted(said)), 0));
    }
    events.push(Event::new(Bytes::from_static(b"data: [DONE]\n\n"), 0));
    Box::new(events.into_iter())
}
