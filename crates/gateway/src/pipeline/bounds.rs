//! How much a request may have generated at most, by its body: what a call costs at most that a crash leaves open.
//!
//! Only what its dialect has a word for bounds it: a provider passes over the others. What cannot be read as a whole number
//! bounds nothing, so that nobody takes a guess for a bound.

use switchtower_dialect::scan::{Scan, scan};
use switchtower_domain::DialectId;

/// The words of a dialect.
struct Words {
    /// The objects that have them, by each of their names; none where they stand beside everything else.
    within: &'static [&'static str],
    /// What bounds one answer. Where several are said, the largest counts.
    bounds: &'static [&'static str],
    /// How many answers are generated. Each of them may be as long as one may be.
    answers: &'static [&'static str],
}

const fn words(dialect: DialectId) -> Words {
    match dialect {
        // Of `best_of` completions only some are told, and all are charged for.
        // Source: <https://platform.openai.com/docs/api-reference/completions/create>
        DialectId::OpenaiChat => {
            Words { within: &[], bounds: &["max_completion_tokens", "max_tokens"], answers: &["n", "best_of"] }
        }
        DialectId::OpenaiResponses => Words { within: &[], bounds: &["max_output_tokens"], answers: &[] },
        DialectId::AnthropicMessages | DialectId::CohereChat => {
            Words { within: &[], bounds: &["max_tokens"], answers: &[] }
        }
        DialectId::GoogleGemini => Words {
            within: &["generationConfig", "generation_config"],
            bounds: &["maxOutputTokens", "max_output_tokens"],
            answers: &["candidateCount", "candidate_count"],
        },
        DialectId::BedrockConverse => Words { within: &["inferenceConfig"], bounds: &["maxTokens"], answers: &[] },
        // It may be negative, which is without a bound.
        DialectId::OllamaChat => Words { within: &["options"], bounds: &["num_predict"], answers: &[] },
    }
}

/// How many tokens all answers to a request may have together; nothing where it does not bound them.
pub(super) fn output_max(dialect: DialectId, body: &Scan<'_>, depth_max: usize) -> Option<u64> {
    let Words { within, bounds, answers } = words(dialect);
    let groups: Vec<Scan<'_>> = within
        .iter()
        .filter_map(|name| body.field(name))
        .filter(|field| field.value != b"null")
        .map(|field| scan(field.value, depth_max))
        .collect::<Result<_, _>>()
        .ok()?;
    let places = || if within.is_empty() { std::slice::from_ref(body) } else { &groups };
    let bound = largest(places(), bounds)?;
    let answers = largest(places(), answers)?.unwrap_or(1).max(1);
    Some(bound?.saturating_mul(answers).saturating_mul(prompts(dialect, body)))
}

/// The largest of what fields say, if any says something; nothing where one cannot be read.
#[expect(clippy::option_option, reason = "that nothing is said is not that it cannot be read")]
fn largest(places: &[Scan<'_>], names: &[&str]) -> Option<Option<u64>> {
    let fields = places.iter().flat_map(|place| names.iter().filter_map(|name| place.field(name)));
    let said = fields.filter(|field| field.value != b"null").map(|field| whole(field.value));
    said.collect::<Option<Vec<u64>>>().map(|numbers| numbers.into_iter().max())
}

/// A whole number; some clients write it as a text, which Google's servers take.
fn whole(value: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(value).ok()?;
    text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text).parse().ok()
}

/// How many prompts are completed, each by answers of its own: a list is of prompts, unless it is one of tokens.
fn prompts(dialect: DialectId, body: &Scan<'_>) -> u64 {
    let Some(prompt) = body.field("prompt").filter(|_| dialect == DialectId::OpenaiChat) else { return 1 };
    let first = prompt.value.strip_prefix(b"[").map(<[u8]>::trim_ascii_start).and_then(<[u8]>::first);
    match first {
        Some(b'"' | b'[') => u64::try_from(prompt.elements).unwrap_or(u64::MAX).max(1),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(dialect: DialectId, body: &str) -> Option<u64> {
        output_max(dialect, &scan(body.as_bytes(), 64).unwrap(), 64)
    }

    #[test]
    fn every_answer_may_be_as_long_as_its_dialect_bounds_it() {
        use DialectId::{
            AnthropicMessages, BedrockConverse, CohereChat, GoogleGemini, OllamaChat, OpenaiChat, OpenaiResponses,
        };
        for (dialect, body, expected) in [
            (OpenaiChat, r#"{"max_tokens": 10}"#, Some(10)),
            (OpenaiChat, r#"{"max_tokens": 10, "max_completion_tokens": 20, "n": 3}"#, Some(60)),
            (OpenaiChat, r#"{"max_tokens": 10, "n": null}"#, Some(10)),
            (OpenaiChat, r#"{"max_tokens": 10, "n": 2, "best_of": 5, "prompt": "[]"}"#, Some(50)),
            (OpenaiChat, r#"{"max_tokens": 10, "prompt": ["a", "b"]}"#, Some(20)),
            (OpenaiChat, r#"{"max_tokens": 10, "n": 2, "prompt": [ [1, 2], [3], [4] ]}"#, Some(60)),
            (OpenaiChat, r#"{"max_tokens": 10, "prompt": [1, 2, 3]}"#, Some(10)),
            (OpenaiChat, r#"{"n": 3}"#, None),
            (OpenaiChat, r#"{"max_tokens": 10, "n": 18446744073709551615}"#, Some(u64::MAX)),
            (OpenaiResponses, r#"{"max_output_tokens": 7, "n": 3}"#, Some(7)),
            (AnthropicMessages, r#"{"max_tokens": 7}"#, Some(7)),
            (CohereChat, r#"{"max_tokens": 7}"#, Some(7)),
            (GoogleGemini, r#"{"generationConfig": {"maxOutputTokens": 100, "candidateCount": 4}}"#, Some(400)),
            (GoogleGemini, r#"{"generation_config": {"max_output_tokens": "100", "candidate_count": 2}}"#, Some(200)),
            (GoogleGemini, r#"{"generationConfig": {"candidateCount": 4}}"#, None),
            (GoogleGemini, r#"{"generationConfig": null, "maxOutputTokens": 9}"#, None),
            (BedrockConverse, r#"{"inferenceConfig": {"maxTokens": 9}}"#, Some(9)),
            (OllamaChat, r#"{"options": {"num_predict": 9}}"#, Some(9)),
        ] {
            assert_eq!(bound(dialect, body), expected, "{dialect:?} {body}");
        }
    }

    #[test]
    fn what_cannot_be_read_or_is_not_the_dialects_own_is_no_bound() {
        for (dialect, body) in [
            (DialectId::OpenaiChat, r#"{"max_tokens": 10, "max_completion_tokens": 1e9}"#),
            (DialectId::OpenaiChat, r#"{"max_tokens": 10, "n": 2.0}"#),
            (DialectId::OpenaiChat, r#"{"max_output_tokens": 10, "options": {"num_predict": 3}}"#),
            (DialectId::OllamaChat, r#"{"options": {"num_predict": -1}, "max_tokens": 5}"#),
            (DialectId::GoogleGemini, r#"{"generationConfig": [], "max_tokens": 5}"#),
        ] {
            assert_eq!(bound(dialect, body), None, "{body}");
        }
    }
}
