//! What only the account can read that made it, where vendors of this dialect tell it: `OpenRouter` in
//! `reasoning_details`, Google beside calls. Sources: <https://openrouter.ai/docs/use-cases/reasoning-tokens>,
//! <https://ai.google.dev/gemini-api/docs/thought-signatures>

use crate::owned::{ELEMENT, Owned, Place, Without};

/// What Google takes for the signature of a call that it did not sign.
const UNSIGNED: &str = "skip_thought_signature_validator";

pub(super) static OWNED: Owned = Owned {
    requests: &[
        Place { path: &["messages", "*", "reasoning_details", "*", "signature"], without: ELEMENT },
        Place { path: &["messages", "*", "reasoning_details", "*", "data"], without: ELEMENT },
        Place { path: &["messages", "*", "extra_content", "google", "thought_signature"], without: Without::Member },
        Place { path: &["messages", "*", "thought_signature"], without: Without::Member },
        Place {
            path: &["messages", "*", "tool_calls", "*", "extra_content", "google", "thought_signature"],
            without: Without::Word { beside: "thought_signature", word: UNSIGNED },
        },
    ],
    answers: &[
        &["choices", "*", "message", "reasoning_details", "*", "signature"],
        &["choices", "*", "message", "reasoning_details", "*", "data"],
        &["choices", "*", "message", "extra_content", "google", "thought_signature"],
        &["choices", "*", "message", "thought_signature"],
        &["choices", "*", "message", "tool_calls", "*", "extra_content", "google", "thought_signature"],
        &["choices", "*", "delta", "reasoning_details", "*", "signature"],
        &["choices", "*", "delta", "reasoning_details", "*", "data"],
        &["choices", "*", "delta", "extra_content", "google", "thought_signature"],
        &["choices", "*", "delta", "thought_signature"],
        &["choices", "*", "delta", "tool_calls", "*", "extra_content", "google", "thought_signature"],
    ],
    signs: &["\"reasoning_details\"", "\"thought_signature\""],
    files: &[&["messages", "*", "content", "*", "file", "file_id"]],
    complaints: &["invalid `signature`", "thought signature"],
    ..Owned::NONE
};
