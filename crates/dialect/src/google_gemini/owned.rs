//! What only the account can read that made it. Source: <https://ai.google.dev/gemini-api/docs/thought-signatures>

use super::compose::UNSIGNED;
use crate::owned::{Owned, Place, Without};

/// Models that sign their calls want a signature with each, or this word for one that they did not make.
const OF_CALL: Without = Without::Word { beside: "functionCall", word: UNSIGNED };
const OF_CALL_SNAKE: Without = Without::Word { beside: "function_call", word: UNSIGNED };

pub(super) static OWNED: Owned = Owned {
    requests: &[
        Place { path: &["contents", "*", "parts", "*", "thoughtSignature"], without: OF_CALL },
        Place { path: &["contents", "*", "parts", "*", "thought_signature"], without: OF_CALL_SNAKE },
        Place {
            path: &["generateContentRequest", "contents", "*", "parts", "*", "thoughtSignature"],
            without: OF_CALL,
        },
        Place {
            path: &["generateContentRequest", "contents", "*", "parts", "*", "thought_signature"],
            without: OF_CALL_SNAKE,
        },
    ],
    answers: &[&["candidates", "*", "content", "parts", "*", "thoughtSignature"]],
    signs: &["\"thoughtSignature\""],
    files: &[
        &["contents", "*", "parts", "*", "fileData", "fileUri"],
        &["contents", "*", "parts", "*", "fileData", "file_uri"],
        &["contents", "*", "parts", "*", "file_data", "file_uri"],
        &["contents", "*", "parts", "*", "functionResponse", "parts", "*", "fileData", "fileUri"],
        &["contents", "*", "parts", "*", "functionResponse", "parts", "*", "file_data", "file_uri"],
        &["contents", "*", "parts", "*", "function_response", "parts", "*", "file_data", "file_uri"],
        &["cachedContent"],
        &["cached_content"],
    ],
    complaints: &["thought signature", "cachedcontent not found"],
    ..Owned::NONE
};
