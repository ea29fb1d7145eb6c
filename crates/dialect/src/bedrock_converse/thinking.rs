//! What models are asked beside the settings that all of them share: how much to think, and how many of the likeliest
//! tokens to draw from. Each family of models has its own words for it in `additionalModelRequestFields`.
//!
//! - Claude: <https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-extended-thinking.html>
//! - Nova: <https://docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html>
//! - gpt-oss: <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-openai.html>

use crate::DecodeError;
use crate::effort::{effort, effort_word};
use crate::fields::Fields;
use crate::render::{Object, thinking_word};
use serde_json::Value;
use switchtower_domain::{Effort, Extras, ReasoningMode, ReasoningSpec};

/// Marks thinking that stands under the name that Converse's own examples have for it.
const NAMED_CONFIG: &str = "reasoning_config";
/// Marks an effort that stands in the words of gpt-oss.
const BARE_EFFORT: &str = "reasoning_effort";
/// Marks an effort in Converse's own word, beside the format. Source:
/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_OutputConfig.html>
pub(super) const OWN_EFFORT: &str = "outputConfig.effort";
/// Marks thinking in the words of Nova.
const NOVA: &str = "reasoningConfig";
/// Marks a number of tokens in the words of Nova.
const NOVA_TOP_K: &str = "inferenceConfig";

/// What is said of these.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) reasoning: ReasoningSpec,
    pub(super) top_k: Option<u64>,
}

/// A family of models by the words that it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Claude,
    Nova,
    GptOss,
    /// Models that take none of it.
    Plain,
}

/// The family of a model. What a name does not tell, as that of a profile does not, is Claude, which most of them are.
pub(super) fn family(model: &str) -> Family {
    const PLAIN: [&str; 7] = ["meta.", "mistral.", "cohere.", "ai21.", "amazon.titan", "deepseek.", "qwen."];
    if model.contains("nova") {
        Family::Nova
    } else if model.contains("gpt-oss") {
        Family::GptOss
    } else if PLAIN.iter().any(|name| model.contains(name)) {
        Family::Plain
    } else {
        Family::Claude
    }
}

/// Reads `additionalModelRequestFields`.
pub(super) fn read(more: &mut Fields) -> Result<Said, DecodeError> {
    let mut reasoning = ReasoningSpec::default();
    for key in ["thinking", NAMED_CONFIG] {
        let mode = more.peek(key).and_then(|thinking| thinking.get("type")).and_then(|kind| match kind.as_str()? {
            "enabled" => Some(ReasoningMode::Enabled),
            "disabled" => Some(ReasoningMode::Disabled),
            "adaptive" => Some(ReasoningMode::Adaptive),
            _ => None,
        });
        if mode.is_none() || reasoning.mode.is_some() {
            continue;
        }
        reasoning.mode = mode;
        reasoning.budget_tokens = more.nested(key, |thinking| {
            thinking.take("type");
            thinking.u64("budget_tokens")
        })?;
        if key == NAMED_CONFIG {
            more.lack(NAMED_CONFIG);
        }
    }
    let word = more.nested("output_config", |config| config.string("effort"))?;
    reasoning.effort = word.map(|word| effort(&word));
    if reasoning.effort.is_none()
        && let Some(word) = more.string("reasoning_effort")?
    {
        more.lack(BARE_EFFORT);
        reasoning.effort = Some(effort(&word));
    }
    let nova =
        more.peek("reasoningConfig").and_then(|config| config.get("type")).and_then(|kind| match kind.as_str()? {
            "enabled" => Some(ReasoningMode::Enabled),
            "disabled" => Some(ReasoningMode::Disabled),
            _ => None,
        });
    if reasoning.is_unstated() && nova.is_some() {
        more.lack(NOVA);
        reasoning.mode = nova;
        reasoning.effort = more.nested("reasoningConfig", |config| {
            config.take("type");
            Ok(config.string("maxReasoningEffort")?.map(|word| effort(&word)))
        })?;
    }
    let mut top_k = more.u64("top_k")?;
    if top_k.is_none() {
        top_k = more.nested("inferenceConfig", |config| config.u64("topK"))?;
        if top_k.is_some() {
            more.lack(NOVA_TOP_K);
        }
    }
    Ok(Said { reasoning, top_k })
}

/// Writes what was said in this dialect in the words in which it was.
pub(super) fn write_back(spec: &ReasoningSpec, top_k: Option<u64>, extras: &Extras) -> Object {
    let mut more = Object::new();
    if extras.lacks(NOVA) {
        more.nested("reasoningConfig", nova(spec.mode, spec.effort.as_ref()));
    } else {
        if let Some(mode) = spec.mode {
            let mut thinking = Object::typed(thinking_word(mode));
            thinking.maybe("budget_tokens", spec.budget_tokens);
            more.set(if extras.lacks(NAMED_CONFIG) { NAMED_CONFIG } else { "thinking" }, thinking);
        }
        if let Some(effort) = spec.effort.as_ref().filter(|_| !extras.lacks(OWN_EFFORT)) {
            if extras.lacks(BARE_EFFORT) {
                more.set("reasoning_effort", effort_word(effort));
            } else {
                more.set("output_config", Object::new().with("effort", effort_word(effort)));
            }
        }
    }
    if extras.lacks(NOVA_TOP_K) {
        more.maybe("inferenceConfig", top_k.map(|top_k| Object::new().with("topK", top_k)));
    } else {
        more.maybe("top_k", top_k);
    }
    more
}

/// Nova's words for thinking.
pub(super) fn nova(mode: Option<ReasoningMode>, effort: Option<&Effort>) -> Object {
    let mut config = Object::new();
    config.maybe(
        "type",
        mode.map(|mode| if mode == ReasoningMode::Disabled { "disabled" } else { "enabled" }).map(Value::from),
    );
    config.maybe("maxReasoningEffort", effort.map(effort_word));
    config
}

/// The one of Nova's three efforts that comes nearest.
pub(super) const fn nova_effort(effort: &Effort) -> Effort {
    match effort {
        Effort::None | Effort::Minimal | Effort::Low => Effort::Low,
        Effort::Medium | Effort::Other(_) => Effort::Medium,
        Effort::High | Effort::ExtraHigh | Effort::Max => Effort::High,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_told_by_names() {
        for (model, expected) in [
            ("us.anthropic.claude-haiku-4-5-20251001-v1:0", Family::Claude),
            ("amazon.nova-2-lite-v1:0", Family::Nova),
            ("openai.gpt-oss-120b-1:0", Family::GptOss),
            ("us.meta.llama4-scout-17b-instruct-v1:0", Family::Plain),
            ("arn:aws:bedrock:us-east-1:000000000000:application-inference-profile/abc", Family::Claude),
        ] {
            assert_eq!(family(model), expected, "{model}");
        }
    }
    #[test]
    fn an_effort_in_the_word_of_converse_is_read_and_goes_back_as_it_was() {
        use crate::{Dialect as _, Variant, anthropic_messages::AnthropicMessages, bedrock_converse::BedrockConverse};
        let said = serde_json::json!({"modelId": "m", "messages": [{"role": "user", "content": [{"text": "Go."}]}],
            "outputConfig": {"effort": "high"}});
        let request = BedrockConverse.decode_request(said.clone().into()).unwrap();
        assert_eq!(request.reasoning.effort, Some(Effort::High));
        assert_eq!(BedrockConverse.encode_request(&request, &Variant::default()).body, said);
        let sent = AnthropicMessages.encode_request(&request, &Variant::default());
        assert!(sent.body.get("thinking").is_some(), "{}", sent.body);
        assert!(sent.notices.iter().all(|notice| !notice.path.contains("outputConfig")), "{:?}", sent.notices);
        // What the model itself is asked goes first.
        let mut both = said;
        both["additionalModelRequestFields"] = serde_json::json!({"output_config": {"effort": "low"}});
        let request = BedrockConverse.decode_request(both.clone().into()).unwrap();
        assert_eq!(request.reasoning.effort, Some(Effort::Low));
        assert_eq!(BedrockConverse.encode_request(&request, &Variant::default()).body, both);
    }
}
