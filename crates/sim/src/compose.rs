//! The model itself: from what was asked to what is answered, by fixed rules and a seed.
//!
//! 1. A conversation that ends with tool results is answered in text that quotes them.
//! 2. `tool_choice` required, or a named tool: that is called. With `auto` a tool is called when a word of its name
//!    (split at `_`, `-` and capitals; words such as `get` do not count) stands in the last text of the user. Two tools
//!    mentioned are called in one turn, and one tool is called for each of several names (`Paris and London`), unless
//!    parallel calls are forbidden. If the text says `explain`, a sentence goes before the calls.
//! 3. `echo: TEXT` is answered with exactly TEXT.
//! 4. Structured output is JSON that fits the schema.
//! 5. Everything else is answered with seeded sentences.

use crate::ask::{Ask, Format, OfferedTool, ToolChoice};
use crate::directives::{Directives, OUTPUT_TOKENS_MAX};
use crate::random::Random;
use crate::said::{Call, Stop, Turn, Usage};
use crate::schema_fill::{self, Hints};
use crate::{text, tokens};
use serde_json::json;

/// What the frame around one tool call is counted as.
const CALL_TOKENS: u64 = 7;
/// Most calls in one turn.
const CALLS_MAX: usize = 16;

/// All choices of one answer, and the tokens they used.
pub(crate) fn answer(ask: &Ask, seed: u64, directives: &Directives) -> (Vec<Turn>, Usage) {
    let mut usage = Usage { input: ask.prompt.iter().map(|part| part.tokens).sum(), ..Usage::default() };
    let mut turns = Vec::new();
    for choice in 0..ask.choices.max(1) {
        let (turn, reasoning, output) = turn(ask, seed.wrapping_add(choice), directives);
        usage.reasoning += reasoning;
        usage.output += output;
        turns.push(turn);
    }
    (turns, usage)
}

/// One choice with its tokens of reasoning and of output in all.
fn turn(ask: &Ask, seed: u64, directives: &Directives) -> (Turn, u64, u64) {
    let limit = ask.max_tokens.unwrap_or(u64::MAX);
    let reasoning_tokens = directives
        .reasoning_tokens
        .or(ask.reasoning)
        .unwrap_or(0)
        .min(limit)
        .min(OUTPUT_TOKENS_MAX / ask.choices.max(1));
    let mut turn = Turn::default();
    if reasoning_tokens > 0 {
        let mut random = Random::for_purpose(seed, "reasoning");
        turn.reasoning = text::exactly(&mut random, reasoning_tokens);
        turn.redacted = random.chance(1.0 / 16.0) || has_word(&ask.user_text, "redact");
    }
    let left = limit - reasoning_tokens;
    let mut output = reasoning_tokens;
    if ask.results.is_empty() {
        turn.calls = calls(ask, seed);
    }
    if turn.calls.is_empty() {
        let said = plain(ask, seed, directives, left);
        (turn.text, turn.stop) = bounded(said, &ask.stops, left);
    } else {
        turn.stop = Stop::Tools;
        if has_word(&ask.user_text, "explain") {
            turn.text = text::sentence(&mut Random::for_purpose(seed, "preamble"));
        }
        let spent = tokens::count(&turn.text);
        output += cut_calls(&mut turn, left.saturating_sub(spent));
    }
    output += tokens::count(&turn.text);
    (turn, reasoning_tokens, output)
}

/// Bounds the arguments of calls by what is left of the limit and gives the tokens used.
fn cut_calls(turn: &mut Turn, limit: u64) -> u64 {
    let mut used = 0;
    for (at, call) in turn.calls.iter_mut().enumerate() {
        let wanted = CALL_TOKENS + tokens::count(&call.name) + tokens::count(&call.arguments);
        if used + wanted > limit {
            let room = limit.saturating_sub(used + CALL_TOKENS + tokens::count(&call.name));
            call.arguments = first_pieces(&call.arguments, room).to_owned();
            turn.stop = Stop::Length;
            turn.calls.truncate(at + 1);
            return limit;
        }
        used += wanted;
    }
    used
}

/// The text before limits and stop sequences.
fn plain(ask: &Ask, seed: u64, directives: &Directives, limit: u64) -> String {
    let mut random = Random::for_purpose(seed, "text");
    if ask.results.is_empty()
        && let Some(echoed) = ask.user_text.trim_start().strip_prefix("echo:")
    {
        return echoed.strip_prefix(' ').unwrap_or(echoed).to_owned();
    }
    match &ask.format {
        Format::Schema(schema) => schema_fill::fill(schema, &hints(&ask.user_text), &mut random).to_string(),
        Format::JsonObject => json!({"answer": text::sentence(&mut random), "confidence": 0.5}).to_string(),
        Format::Text if !ask.results.is_empty() => {
            format!("Here is what the tools found: {} {}", ask.results.join("; "), text::sentence(&mut random))
        }
        // One more than the limit is enough to see that the limit was reached.
        Format::Text => {
            let wanted = directives.output_tokens.unwrap_or_else(|| 32 + random.below(17));
            text::exactly(&mut random, wanted.min(limit.saturating_add(1)).min(OUTPUT_TOKENS_MAX / ask.choices.max(1)))
        }
    }
}

/// Applies the stop sequences, then the limit.
fn bounded(mut said: String, stops: &[String], limit: u64) -> (String, Stop) {
    let mut stop = Stop::End;
    let first =
        stops.iter().filter(|stop| !stop.is_empty()).filter_map(|stop| said.find(stop.as_str()).map(|at| (at, stop)));
    if let Some((at, sequence)) = first.min_by_key(|(at, _)| *at) {
        stop = Stop::Sequence(sequence.clone());
        said.truncate(at);
    }
    if tokens::count(&said) > limit {
        stop = Stop::Length;
        said = first_pieces(&said, limit).to_owned();
    }
    (said, stop)
}

fn first_pieces(text: &str, wanted: u64) -> &str {
    let length = tokens::pieces(text).take(usize::try_from(wanted).unwrap_or(usize::MAX)).map(str::len).sum();
    text.get(..length).unwrap_or(text)
}

/// The tools to call now, with arguments that fit.
fn calls(ask: &Ask, seed: u64) -> Vec<Call> {
    let hints = hints(&ask.user_text);
    let mentioned = || ask.tools.iter().filter(|tool| mentions(&ask.user_text, &tool.name));
    let mut chosen: Vec<&OfferedTool> = match &ask.choice {
        ToolChoice::Never => Vec::new(),
        ToolChoice::Named(name) => ask.tools.iter().filter(|tool| tool.name == *name).take(1).collect(),
        ToolChoice::Auto if ask.user_text.trim_start().starts_with("echo:") => Vec::new(),
        ToolChoice::Auto => mentioned().collect(),
        ToolChoice::Required => {
            let found: Vec<_> = mentioned().collect();
            if found.is_empty() { ask.tools.iter().take(1).collect() } else { found }
        }
    };
    chosen.truncate(if ask.parallel { CALLS_MAX } else { 1 });
    // One tool for several names: a call for each name.
    let mut for_names: Vec<Hints> = vec![hints.clone(); chosen.len()];
    if let ([only], true) =
        (chosen.as_slice(), ask.parallel && hints.names.len() > 1 && has_word(&ask.user_text, "and"))
    {
        let repeats = hints.names.len().min(CALLS_MAX);
        for_names = hints
            .names
            .iter()
            .take(repeats)
            .map(|name| Hints { names: vec![name.clone()], text: hints.text.clone() })
            .collect();
        chosen = vec![only; repeats];
    }
    let mut random = Random::for_purpose(seed, "calls");
    let made = chosen.into_iter().zip(&for_names).map(|(tool, hints)| Call {
        name: tool.name.clone(),
        arguments: schema_fill::fill(&tool.schema, hints, &mut random).to_string(),
    });
    made.collect()
}

/// True if a telling word of the tool's name stands in the text.
fn mentions(text: &str, tool: &str) -> bool {
    const FILLERS: &[&str] =
        &["get", "set", "the", "and", "for", "with", "from", "tool", "function", "current", "do", "of", "to", "a"];
    let words = name_words(tool);
    let telling = |word: &&String| !FILLERS.contains(&word.as_str());
    let any_telling = words.iter().any(|word| telling(&word));
    words.iter().filter(|word| !any_telling || telling(word)).any(|word| has_word(text, word))
}

/// `getWeather_now` is `get`, `weather`, `now`.
fn name_words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut after_small = false;
    for letter in name.chars() {
        let starts_word = !letter.is_alphanumeric() || (letter.is_uppercase() && after_small);
        if starts_word && words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
        if letter.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(letter.to_lowercase());
        }
        after_small = letter.is_lowercase() || letter.is_numeric();
    }
    words.retain(|word| !word.is_empty());
    words
}

fn has_word(text: &str, word: &str) -> bool {
    text.split(|letter: char| !letter.is_alphanumeric()).any(|found| found.eq_ignore_ascii_case(word))
}

/// The capitalised names in a text; the first word of a sentence is none, and neighbours make one name.
fn hints(text: &str) -> Hints {
    let mut names: Vec<String> = Vec::new();
    let (mut sentence_start, mut joined) = (true, false);
    for token in text.split_whitespace() {
        let word = token.trim_matches(|letter: char| !letter.is_alphanumeric());
        let named = word.starts_with(char::is_uppercase) && word.chars().count() > 1;
        if named && !sentence_start {
            match names.last_mut().filter(|_| joined) {
                Some(name) => {
                    name.push(' ');
                    name.push_str(word);
                }
                None => names.push(word.to_owned()),
            }
        }
        let ends = token.ends_with(|letter: char| !letter.is_alphanumeric());
        joined = named && !sentence_start && !ends;
        sentence_start = token.ends_with(['.', '!', '?', ':']);
    }
    Hints { names, text: text.trim().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn offered(name: &str) -> OfferedTool {
        OfferedTool {
            name: name.into(),
            schema: json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}),
        }
    }

    fn asked(text: &str) -> Ask {
        Ask {
            user_text: text.into(),
            tools: vec![offered("get_weather"), offered("localTime")],
            parallel: true,
            choices: 1,
            ..Ask::default()
        }
    }

    fn one(ask: &Ask) -> Turn {
        turn(ask, 1, &Directives::default()).0
    }

    #[test]
    fn tools_are_called_when_mentioned() {
        let names = |ask: &Ask| one(ask).calls.iter().map(|call| call.name.clone()).collect::<Vec<_>>();
        assert!(names(&asked("Get me a coffee")).is_empty());
        assert_eq!(names(&asked("How is the weather in Paris?")), ["get_weather"]);
        assert_eq!(names(&asked("Weather and time please")), ["get_weather", "localTime"]);
        assert_eq!(names(&Ask { parallel: false, ..asked("Weather and time please") }), ["get_weather"]);
        assert_eq!(names(&Ask { choice: ToolChoice::Required, ..asked("hello") }), ["get_weather"]);
        assert_eq!(names(&Ask { choice: ToolChoice::Named("localTime".into()), ..asked("hello") }), ["localTime"]);
        assert!(names(&Ask { choice: ToolChoice::Never, ..asked("weather") }).is_empty());
        assert!(names(&Ask { results: vec!["21 degrees".into()], ..asked("weather") }).is_empty());
    }

    #[test]
    fn several_names_make_several_calls() {
        let calls = one(&asked("What is the weather in San Francisco and Paris?")).calls;
        let cities: Vec<Value> =
            calls.iter().map(|call| serde_json::from_str::<Value>(&call.arguments).unwrap()["city"].clone()).collect();
        assert_eq!(cities, [json!("San Francisco"), json!("Paris")]);
    }

    #[test]
    fn results_are_quoted_and_echoes_are_exact() {
        assert!(one(&Ask { results: vec!["21 degrees".into()], ..asked("weather") }).text.contains("21 degrees"));
        assert_eq!(one(&asked("echo: the weather {\"is\": 1}")).text, "the weather {\"is\": 1}");
    }

    #[test]
    fn limits_and_stops_hold() {
        let plain = Ask { tools: Vec::new(), ..asked("hello") };
        let short = one(&Ask { max_tokens: Some(5), ..plain.clone() });
        assert_eq!((tokens::count(&short.text), short.stop), (5, Stop::Length));
        let whole = one(&plain);
        assert_eq!(whole.stop, Stop::End);
        let stopped = one(&Ask { stops: vec!["e".into(), "zzz".into()], ..plain.clone() });
        assert_eq!(stopped.stop, Stop::Sequence("e".into()));
        assert!(!stopped.text.contains('e') && whole.text.starts_with(&stopped.text));
        let exact = Ask { max_tokens: Some(tokens::count(&whole.text)), ..plain };
        assert_eq!(one(&exact).stop, Stop::End);
    }

    #[test]
    fn reasoning_comes_out_of_the_same_limit() {
        let ask = Ask { reasoning: Some(30), max_tokens: Some(34), tools: Vec::new(), ..asked("hello") };
        let (turn, reasoning, output) = turn(&ask, 1, &Directives::default());
        assert_eq!((reasoning, output, turn.stop), (30, 34, Stop::Length));
    }
}
