//! How much a request may have generated at most, by its body: what a call costs at most that a crash leaves open.
//!
//! Only what its dialect has a word for bounds it: a provider passes over the others. What cannot be read as a whole number
//! bounds nothing, so that nobody takes a guess for a bound.

use crate::scan::{Scan, scan};

/// The words of a dialect that bound how much is generated.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// The objects that have them, by each of their names; none where they stand beside everything else.
    pub(crate) within: &'static [&'static str],
    /// What bounds one answer. Where several are said, the largest counts.
    pub(crate) answer: &'static [&'static str],
    /// How many answers are generated. Each of them may be as long as one may be.
    pub(crate) answers: &'static [&'static str],
    /// What may hold several prompts, each with answers of its own.
    pub(crate) prompts: Option<&'static str>,
}

impl Bounds {
    /// Those of a dialect that gives one answer, by words that stand beside everything else.
    pub(crate) const fn of_one_answer(answer: &'static [&'static str]) -> Self {
        Self { within: &[], answer, answers: &[], prompts: None }
    }

    /// How many tokens all answers to a request may have together; nothing where it does not bound them. What is within
    /// may nest as deep as `depth_max`.
    pub fn output_max(&self, body: &Scan<'_>, depth_max: usize) -> Option<u64> {
        let groups: Vec<Scan<'_>> = self
            .within
            .iter()
            .filter_map(|name| body.field(name))
            .filter(|field| field.value != b"null")
            .map(|field| scan(field.value, depth_max))
            .collect::<Result<_, _>>()
            .ok()?;
        let places = if self.within.is_empty() { std::slice::from_ref(body) } else { &groups };
        let bound = largest(places, self.answer)?;
        let answers = largest(places, self.answers)?.unwrap_or(1).max(1);
        Some(bound?.saturating_mul(answers).saturating_mul(self.prompts(body)))
    }

    /// How many prompts are completed: a list is of prompts, unless it is one of tokens.
    fn prompts(&self, body: &Scan<'_>) -> u64 {
        let Some(prompt) = self.prompts.and_then(|name| body.field(name)) else { return 1 };
        let first = prompt.value.strip_prefix(b"[").map(<[u8]>::trim_ascii_start).and_then(<[u8]>::first);
        match first {
            Some(b'"' | b'[') => u64::try_from(prompt.elements).unwrap_or(u64::MAX).max(1),
            _ => 1,
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect;
    use switchtower_domain::DialectId;

    fn bound(id: DialectId, body: &str) -> Option<u64> {
        dialect(id).bounds().output_max(&scan(body.as_bytes(), 64).unwrap(), 64)
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
