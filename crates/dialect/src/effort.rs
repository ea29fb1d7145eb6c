//! How hard to think, in the words and numbers that vendors have for it.

use switchtower_domain::{Effort, Param, ReasoningMode, ReasoningSpec};

/// The effort that a word of `OpenAI` stands for.
pub(crate) fn effort(word: &str) -> Effort {
    match word {
        "none" => Effort::None,
        "minimal" => Effort::Minimal,
        "low" => Effort::Low,
        "medium" => Effort::Medium,
        "high" => Effort::High,
        "xhigh" => Effort::ExtraHigh,
        "max" => Effort::Max,
        other => Effort::Other(other.to_owned()),
    }
}

/// The word of `OpenAI` for an effort.
pub(crate) fn effort_word(effort: &Effort) -> &str {
    match effort {
        Effort::None => "none",
        Effort::Minimal => "minimal",
        Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High => "high",
        Effort::ExtraHigh => "xhigh",
        Effort::Max => "max",
        Effort::Other(word) => word,
    }
}

/// The effort that comes nearest to a budget. The steps are those at which vendors that take both put them:
/// <https://openrouter.ai/docs/use-cases/reasoning-tokens>.
pub(crate) const fn effort_of_budget(budget_tokens: u64) -> Effort {
    match budget_tokens {
        0..=4_096 => Effort::Low,
        4_097..=16_384 => Effort::Medium,
        _ => Effort::High,
    }
}

/// The budget that stands for an effort, in tokens.
pub(crate) const fn budget_of_effort(effort: Option<&Effort>) -> u64 {
    match effort {
        Some(Effort::None | Effort::Minimal) => 1_024,
        Some(Effort::Low) => 4_096,
        None | Some(Effort::Medium | Effort::Other(_)) => 10_240,
        Some(Effort::High) => 24_576,
        Some(Effort::ExtraHigh | Effort::Max) => 32_768,
    }
}

/// The effort that `OpenAI` is asked for in place of what a request says, with what is said of each setting whose words
/// change.
pub(crate) fn in_openai_words(spec: &ReasoningSpec) -> (Option<Effort>, Vec<(Param, &'static str)>) {
    let mut told = Vec::new();
    let effort = match (&spec.mode, &spec.effort, spec.budget_tokens) {
        (Some(ReasoningMode::Disabled), _, _) => Some(Effort::None),
        (_, Some(effort), _) => Some(effort.clone()),
        (_, None, Some(budget)) => {
            told.push((Param::ReasoningBudget, "a budget of thinking becomes an effort"));
            told.push((Param::ReasoningEffort, "an effort stands for the budget of thinking"));
            Some(effort_of_budget(budget))
        }
        (Some(_), None, None) => {
            told.push((Param::ReasoningEffort, "thinking without a measure is a high effort"));
            Some(Effort::High)
        }
        (None, None, None) => None,
    };
    if spec.effort.is_some() && effort == Some(Effort::None) && spec.mode == Some(ReasoningMode::Disabled) {
        told.push((Param::ReasoningEffort, "no effort is spent where thinking is off"));
    }
    if spec.budget_tokens.is_some() && spec.effort.is_some() {
        told.push((Param::ReasoningBudget, "the effort stands for the budget of thinking"));
    }
    let effort = effort.map(|effort| match effort {
        Effort::Max => {
            told.push((Param::ReasoningEffort, "the highest effort of the target stands for it"));
            Effort::ExtraHigh
        }
        other => other,
    });
    let effort = effort.filter(|effort| {
        let known = !matches!(effort, Effort::Other(_));
        if !known {
            told.push((Param::ReasoningEffort, "an effort by another vendor's own name means nothing here"));
        }
        known
    });
    (effort, told)
}
