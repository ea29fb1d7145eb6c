//! Addresses, which name the model and what is asked of it: `/model/MODEL/OPERATION`.

use crate::dialects::percent_decoded;

pub(super) const CONVERSE: &str = "converse";
pub(super) const CONVERSE_STREAM: &str = "converse-stream";
pub(super) const COUNT_TOKENS: &str = "count-tokens";
pub(super) const INVOKE: &str = "invoke";
pub(super) const INVOKE_STREAM: &str = "invoke-with-response-stream";
const OPERATIONS: [&str; 5] = [CONVERSE, CONVERSE_STREAM, COUNT_TOKENS, INVOKE, INVOKE_STREAM];

/// An operation on a model.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Called {
    pub(super) model: String,
    pub(super) operation: &'static str,
}

impl Called {
    pub(super) fn is_streamed(&self) -> bool {
        [CONVERSE_STREAM, INVOKE_STREAM].contains(&self.operation)
    }
}

/// What a path calls.
pub(super) fn called(path: &str) -> Option<Called> {
    // The name of a profile has slashes of its own, which some clients leave as they are.
    let (model, operation) = path.strip_prefix("/model/")?.rsplit_once('/')?;
    let operation = OPERATIONS.into_iter().find(|known| *known == operation)?;
    Some(Called { model: percent_decoded(model).filter(|model| !model.is_empty())?, operation })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_and_operations_are_found() {
        let found = |path: &str| called(path).map(|called| (called.model, called.operation));
        let is = |model: &str, operation: &'static str| Some((model.to_owned(), operation));
        assert_eq!(found("/model/us.amazon.nova-lite-v1%3A0/converse"), is("us.amazon.nova-lite-v1:0", "converse"));
        assert_eq!(found("/model/a:b/converse-stream"), is("a:b", "converse-stream"));
        assert_eq!(found("/model/arn:aws:b:r:1:profile/x/invoke"), is("arn:aws:b:r:1:profile/x", "invoke"));
        assert_eq!(found("/model/sim-1%3Ffault=cut:after=3/converse"), is("sim-1?fault=cut:after=3", "converse"));
        for path in ["/model/a", "/model//converse", "/model/a/converses", "/models/a/converse", "/model/%G/invoke"] {
            assert_eq!(found(path), None, "{path}");
        }
    }
}
