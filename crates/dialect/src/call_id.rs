//! Ids of calls, where a provider gives none.

use switchtower_domain::ToolCall;

/// The id of a call. Gemini knows no ids, and servers of other dialects leave them out now and then; a client needs one
/// that no other call has, to name it again with the result: made of the answer's own id and the number of the call.
pub(crate) fn told(call: &ToolCall, answer: &str, number: usize) -> String {
    if call.id.is_empty() { format!("call_{answer}_{number}") } else { call.id.clone() }
}
