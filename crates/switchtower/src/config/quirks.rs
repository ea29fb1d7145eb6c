//! The quirks of a provider, by the same names as in the catalogue.

use super::checked::{OUTPUT_TOKENS, choice, field_name, whole};
use super::problem::Findings;
use super::written::{self, At};
use std::collections::BTreeMap;
use switchtower_dialect::openai_chat::stop_reason;
use switchtower_dialect::{StreamEnding, StreamUsage, Thinking, Variant};
use switchtower_domain::{MaxTokensField, ReasoningField, StopReason};

/// Quirks that were set; the others stay as the catalogue has them.
#[derive(Debug, Clone, Default)]
pub(super) struct Quirks {
    max_tokens_field: Option<Option<MaxTokensField>>,
    default_max_tokens: Option<u64>,
    reasoning_field: Option<ReasoningField>,
    thinking: Option<Thinking>,
    cache_markers: Option<bool>,
    mistral_words: Option<bool>,
    developer_role: Option<bool>,
    cached_tokens_field: Option<String>,
    output_excludes_reasoning: Option<bool>,
    stream_ending: Option<StreamEnding>,
    stream_usage: Option<StreamUsage>,
    finish_reasons: Option<BTreeMap<String, StopReason>>,
    forbidden: Option<Vec<String>>,
    renamed: Option<BTreeMap<String, String>>,
    keeps_unasked: Option<bool>,
}

impl Quirks {
    pub(super) fn check(written: &written::Quirks, findings: &mut Findings) -> Self {
        let cached_tokens_field = written.cached_tokens_field.as_ref().and_then(|at| field_name(at, findings));
        let forbidden = written
            .forbidden
            .as_ref()
            .map(|list| list.value.iter().filter_map(|at| spare_field(at, findings)).collect());
        let renamed = written.renamed.as_ref().map(|named| {
            let pairs = named.value.iter().filter_map(|(from, to)| {
                let to = from.with(to.clone());
                Some((spare_field(from, findings)?, free_name(&to, findings)?))
            });
            pairs.collect()
        });
        let finish_reasons = written.finish_reasons.as_ref().map(|named| {
            let known = ["stop", "length", "tool_calls", "content_filter"].map(|word| (word, stop_reason(word)));
            let pairs = named.value.iter().filter_map(|(word, means)| {
                Some((word.value.clone(), choice(Some(&word.with(means.clone())), &known, findings)?))
            });
            pairs.collect()
        });
        Self {
            max_tokens_field: choice(
                written.max_tokens_field.as_ref(),
                &[
                    ("max_tokens", Some(MaxTokensField::MaxTokens)),
                    ("max_completion_tokens", Some(MaxTokensField::MaxCompletionTokens)),
                    ("either", None),
                ],
                findings,
            ),
            default_max_tokens: whole(written.default_max_tokens.as_ref(), OUTPUT_TOKENS, findings),
            reasoning_field: choice(
                written.reasoning_field.as_ref(),
                &[
                    ("reasoning_content", ReasoningField::ReasoningContent),
                    ("reasoning", ReasoningField::Reasoning),
                    ("reasoning_details", ReasoningField::ReasoningDetails),
                    ("thinking_parts", ReasoningField::ThinkingParts),
                ],
                findings,
            ),
            thinking: choice(
                written.thinking.as_ref(),
                &[("adaptive", Thinking::Adaptive), ("budget", Thinking::Budget)],
                findings,
            ),
            cache_markers: written.cache_markers.as_ref().map(|at| at.value),
            mistral_words: written.mistral_words.as_ref().map(|at| at.value),
            developer_role: written.developer_role.as_ref().map(|at| at.value),
            cached_tokens_field,
            output_excludes_reasoning: written.output_excludes_reasoning.as_ref().map(|at| at.value),
            stream_ending: choice(
                written.stream_ending.as_ref(),
                &[("marker", StreamEnding::Marker), ("stop_reason", StreamEnding::StopReason)],
                findings,
            ),
            stream_usage: choice(
                written.stream_usage.as_ref(),
                &[("asked", StreamUsage::Asked), ("always", StreamUsage::Always), ("refused", StreamUsage::Refused)],
                findings,
            ),
            finish_reasons,
            forbidden,
            renamed,
            keeps_unasked: written.keeps_unasked.as_ref().map(|at| at.value),
        }
    }

    /// Sets them in a variant.
    pub(super) fn over(&self, variant: &mut Variant) {
        macro_rules! set {
            ($($field:ident),*) => { $(if let Some(value) = &self.$field { value.clone_into(&mut variant.$field); })* };
        }
        set!(max_tokens_field, default_max_tokens, thinking, cache_markers, mistral_words, developer_role);
        set!(output_excludes_reasoning, stream_ending, stream_usage, finish_reasons, forbidden, renamed, keeps_unasked);
        variant.reasoning_field = self.reasoning_field.or(variant.reasoning_field);
        if let Some(field) = &self.cached_tokens_field {
            variant.cached_tokens_field = Some(field.clone());
        }
    }
}

/// Fields that every request needs by their own names.
const NEEDED: [&str; 3] = ["messages", "model", "stream"];

/// A field that a provider may not take or may call otherwise.
fn spare_field(at: &At<String>, findings: &mut Findings) -> Option<String> {
    let name = field_name(at, findings)?;
    if NEEDED.contains(&name.as_str()) {
        findings.add(&at.place, format!("'{}': every request needs the field '{name}' by this name", at.place.key));
        return None;
    }
    Some(name)
}

/// A name that another field may have: one whose meaning the gateway does not depend on.
fn free_name(at: &At<String>, findings: &mut Findings) -> Option<String> {
    let name = spare_field(at, findings)?;
    if switchtower_dialect::ALL.iter().any(|dialect| dialect.retention().iter().any(|rule| rule.field == name)) {
        let message = format!(
            "'{}': no field can be called '{name}', which asks the provider to keep what is sent",
            at.place.key
        );
        findings.add(&at.place, message);
        return None;
    }
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::written::Section as _;

    #[test]
    fn the_names_are_those_of_the_catalogue() {
        let mut known = switchtower_providers::compatible::QUIRKS.to_vec();
        let mut ours = written::Quirks::NAMES.to_vec();
        known.sort_unstable();
        ours.sort_unstable();
        assert_eq!(known, ours);
    }
}
