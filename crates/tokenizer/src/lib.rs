//! How many tokens a request has, where nobody counts who knows: an estimate, with the name of the tokenizer that made it.
//!
//! The vocabularies are those that vendors published, within the crate `tiktoken`. What a vendor adds around the texts is
//! not published by most; the few tokens for each turn are those of `OpenAI`'s chat format:
//! <https://developers.openai.com/cookbook/examples/how_to_count_tokens_with_tiktoken>

use switchtower_domain::{Part, PartKind, Request, Source, Tool, ToolKind, Turn};
use tiktoken::CoreBpe;

/// How many tokens stand around each turn, and how many begin the answer.
const AROUND_TURN: u64 = 3;
const ANSWER_BEGINS: u64 = 3;
/// What stands for models whose tokenizer is not known.
const FALLBACK: &str = "o200k_base";

/// Vocabularies by what the names of their models have in them, the closest first.
const FAMILIES: [(&str, &str); 26] = [
    ("gpt-oss", "o200k_harmony"),
    ("gpt-4o", "o200k_base"),
    ("gpt-4.1", "o200k_base"),
    ("gpt-4.5", "o200k_base"),
    ("gpt-4", "cl100k_base"),
    ("gpt-3.5", "cl100k_base"),
    ("gpt-", "o200k_base"),
    ("chatgpt", "o200k_base"),
    ("o1", "o200k_base"),
    ("o3", "o200k_base"),
    ("o4", "o200k_base"),
    ("text-embedding", "cl100k_base"),
    ("deepseek", "deepseek_v3"),
    ("llama", "llama3"),
    ("qwen", "qwen2"),
    ("qwq", "qwen2"),
    ("mistral", "mistral_v3"),
    ("mixtral", "mistral_v3"),
    ("ministral", "mistral_v3"),
    ("magistral", "mistral_v3"),
    ("codestral", "mistral_v3"),
    ("devstral", "mistral_v3"),
    ("kimi", "kimi_k2"),
    ("moonshot", "kimi_k2"),
    ("glm", "glm4"),
    ("minimax", "minimax_m2"),
];

/// An estimated count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Estimate {
    /// How many tokens.
    pub tokens: u64,
    /// Whose vocabulary was used.
    pub tokenizer: &'static str,
    /// Whether it is the model's own.
    pub own: bool,
    /// Where the request has what is no text and was not counted, as paths into it.
    pub uncounted: Vec<String>,
}

/// The tokenizer of a model, and whether it is known to be the model's own.
pub fn of_model(model: &str) -> (&'static str, bool) {
    let name = model.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    let short = |family: &str| family.len() == 2;
    let found = FAMILIES.iter().find(|(family, _)| {
        // A name of two letters is one at the beginning only.
        if short(family) { name.starts_with(family) } else { name.contains(family) }
    });
    found.map_or((FALLBACK, false), |(_, tokenizer)| (tokenizer, true))
}

/// Counts a text with the tokenizer of a model.
pub fn of_text(text: &str, model: &str) -> Estimate {
    let (tokenizer, own) = of_model(model);
    let tokens = vocabulary(tokenizer).map_or_else(|| rough(text), |vocabulary| vocabulary.count(text) as u64);
    Estimate { tokens, tokenizer, own, uncounted: Vec::new() }
}

/// Counts a request with the tokenizer of a model: its instructions, turns, tools and schema. It takes a moment for long
/// texts, and longer when a vocabulary is used for the first time.
pub fn of_request(request: &Request, model: &str) -> Estimate {
    let (tokenizer, own) = of_model(model);
    let mut counter = Counter { vocabulary: vocabulary(tokenizer), tokens: ANSWER_BEGINS, uncounted: Vec::new() };
    for turn in request.instructions.iter().chain(&request.turns) {
        counter.turn(turn);
    }
    request.tools.iter().for_each(|tool| counter.tool(tool));
    if let switchtower_domain::OutputFormat::Structured(structured) = &request.output
        && let Some(schema) = &structured.schema
    {
        counter.text(&schema.to_string());
    }
    Estimate { tokens: counter.tokens, tokenizer, own, uncounted: counter.uncounted }
}

fn vocabulary(tokenizer: &str) -> Option<&'static CoreBpe> {
    tiktoken::get_encoding(tokenizer)
}

/// Four bytes a token, as vendors say of English.
const fn rough(text: &str) -> u64 {
    (text.len() as u64).div_ceil(4)
}

struct Counter {
    vocabulary: Option<&'static CoreBpe>,
    tokens: u64,
    uncounted: Vec<String>,
}

impl Counter {
    fn text(&mut self, text: &str) {
        self.tokens += self.vocabulary.map_or_else(|| rough(text), |vocabulary| vocabulary.count(text) as u64);
    }

    fn turn(&mut self, turn: &Turn) {
        self.tokens += AROUND_TURN;
        if let Some(name) = &turn.name {
            self.text(name);
        }
        turn.parts.iter().for_each(|part| self.part(part));
    }

    fn part(&mut self, part: &Part) {
        match &part.kind {
            PartKind::Text { text, .. } | PartKind::Refusal { text } => self.text(text),
            PartKind::ToolCall(call) => {
                self.text(&call.name);
                self.text(&call.arguments);
            }
            PartKind::ToolResult(result) => {
                result.content.iter().flatten().for_each(|part| self.part(part));
            }
            PartKind::Document(document) => match &document.source {
                Source::Text { data, .. } => self.text(data),
                _ => self.uncounted.push(part.at.path().to_owned()),
            },
            PartKind::Reasoning(reasoning) => {
                if let Some(words) = reasoning.text.as_ref().or(reasoning.summary.as_ref()) {
                    self.text(words);
                }
            }
            PartKind::Media(_) | PartKind::ProviderItem(_) | PartKind::Native { .. } => {
                self.uncounted.push(part.at.path().to_owned());
            }
        }
    }

    fn tool(&mut self, tool: &Tool) {
        match &tool.kind {
            ToolKind::Function(function) => {
                self.text(&function.name);
                if let Some(description) = &function.description {
                    self.text(description);
                }
                if let Some(parameters) = &function.parameters {
                    self.text(&parameters.to_string());
                }
            }
            ToolKind::Provider(_) => self.uncounted.push(tool.at.path().to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_have_the_tokenizers_of_their_families() {
        for (model, tokenizer) in [
            ("gpt-4o-mini", "o200k_base"),
            ("gpt-4-turbo", "cl100k_base"),
            ("openai/gpt-oss-120b", "o200k_harmony"),
            ("gpt-5.2", "o200k_base"),
            ("o3-mini", "o200k_base"),
            ("meta-llama/Llama-3.3-70B-Instruct", "llama3"),
            ("Qwen/Qwen3-32B", "qwen2"),
            ("mistral-small-latest", "mistral_v3"),
            ("deepseek-chat", "deepseek_v3"),
        ] {
            assert_eq!(of_model(model), (tokenizer, true), "{model}");
        }
        for model in ["claude-sonnet-4-5", "gemini-2.5-pro", "our-fine-tune", "sonar-pro1"] {
            assert_eq!(of_model(model), (FALLBACK, false), "{model}");
        }
    }

    #[test]
    fn every_vocabulary_is_there_and_counts() {
        // As OpenAI's own example counts it.
        assert_eq!(of_text("tiktoken is great!", "gpt-4").tokens, 6);
        for (family, tokenizer) in FAMILIES {
            let count = of_text("The quick brown fox jumps over the lazy dog.", family);
            assert!(vocabulary(tokenizer).is_some() && (9..=12).contains(&count.tokens), "{tokenizer}: {count:?}");
        }
    }
}
