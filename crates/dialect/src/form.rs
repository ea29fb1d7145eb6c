//! Other forms of a dialect: what another endpoint says in a few words of its own, and a dialect says as well.

use crate::bedrock_converse::nova;
use crate::ollama_chat::generate;
use crate::{DecodeError, StreamWatch};
use serde_json::Value;
use switchtower_domain::DialectId;

/// A form in which a client speaks a dialect, where it is not the dialect's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Ollama's `/api/generate`: its chat with one prompt.
    Generate,
    /// Nova within `InvokeModel`: Converse.
    Nova,
}

impl Form {
    /// The dialect.
    pub const fn dialect(self) -> DialectId {
        match self {
            Self::Generate => DialectId::OllamaChat,
            Self::Nova => DialectId::BedrockConverse,
        }
    }

    /// The request in the dialect's own form.
    ///
    /// # Errors
    /// [`DecodeError`] names what the dialect cannot say.
    pub fn request(self, body: Value) -> Result<Value, DecodeError> {
        match self {
            Self::Generate => generate::as_chat(body),
            Self::Nova => Ok(nova::as_converse(body)),
        }
    }

    /// A path in the dialect's own form, as it stands in this one.
    pub fn path(self, path: &str, instructed: bool) -> String {
        match self {
            Self::Generate => generate::path(path, instructed),
            Self::Nova => nova::path(path),
        }
    }

    /// An answer of the dialect, told in this form.
    pub fn told(self, answer: Value) -> Value {
        match self {
            Self::Generate => generate::told(answer),
            Self::Nova => nova::told(answer),
        }
    }

    /// An answer in this form, as the dialect tells it.
    pub fn read(self, answer: Value) -> Value {
        match self {
            Self::Generate => generate::read(answer),
            Self::Nova => nova::read(answer),
        }
    }
}

/// Looks at the messages of a stream whose model speaks as it likes, as `InvokeModelWithResponseStream` sends them: the
/// last piece of every model says beside it what was counted, or what a guardrail did. What a guardrail let no model hear
/// is answered in one piece.
#[derive(Debug, Default)]
pub struct InvokedWatch {
    pieces: usize,
    blocked: bool,
    ended: bool,
}

/// What Bedrock says beside a piece that a guardrail has changed, and beside the last one if its trace was asked for.
/// Source: recorded streams
const GUARDED: &[u8] = b"amazon-bedrock-guardrailAction";
const TRACE: &[u8] = b"amazon-bedrock-trace";

impl StreamWatch for InvokedWatch {
    fn look(&mut self, name: Option<&[u8]>, data: &[u8]) -> Result<(), DecodeError> {
        let name = name.and_then(|name| std::str::from_utf8(name).ok()).unwrap_or_default();
        if crate::event_stream::is_exception(name) {
            self.ended = true;
            return Ok(());
        }
        let piece = crate::chunks::carried(data).ok_or_else(|| DecodeError::Missing { path: "bytes".to_owned() })?;
        let piece = crate::scan::fields_of(&piece)?;
        self.pieces = self.pieces.saturating_add(1);
        self.blocked = self.pieces == 1 && piece.iter().any(|field| field.key == GUARDED);
        self.ended |= piece.iter().any(|field| field.key == nova::METRICS.as_bytes() || field.key == TRACE);
        Ok(())
    }

    fn complete(&self) -> bool {
        self.ended || self.blocked
    }
}

/// Looks at the pieces of a stream of Cohere's first chat: the last one says that it is.
/// Source: <https://docs.cohere.com/v1/reference/chat-stream>
#[derive(Debug, Default)]
pub struct FirstChatWatch {
    ended: bool,
}

impl StreamWatch for FirstChatWatch {
    fn look(&mut self, _: Option<&[u8]>, data: &[u8]) -> Result<(), DecodeError> {
        let fields = crate::scan::fields_of(data.trim_ascii())?;
        self.ended |= fields.iter().any(|field| field.key == b"is_finished" && field.value.trim_ascii() == b"true");
        Ok(())
    }

    fn complete(&self) -> bool {
        self.ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use serde_json::json;

    #[test]
    fn a_stream_of_any_model_ends_with_what_was_counted() {
        let chunk = |piece: Value| {
            json!({"bytes": base64::engine::general_purpose::STANDARD.encode(piece.to_string())})
                .to_string()
                .into_bytes()
        };
        let mut watch = InvokedWatch::default();
        watch.look(Some(b"chunk"), &chunk(json!({"generation": "a \"amazon-bedrock-invocationMetrics\""}))).unwrap();
        assert!(!watch.complete());
        watch.look(Some(b"chunk"), &chunk(json!({"generation": "b", "amazon-bedrock-invocationMetrics": {}}))).unwrap();
        assert!(watch.complete());
        for wrong in [b"{}".as_slice(), br#"{"bytes":"!"}"#, &chunk(json!([1]))] {
            assert!(InvokedWatch::default().look(Some(b"chunk"), wrong).is_err());
        }
        let mut guarded = InvokedWatch::default();
        let blocked = chunk(json!({"outputText": "no", "amazon-bedrock-guardrailAction": "INTERVENED"}));
        guarded.look(Some(b"chunk"), &blocked).unwrap();
        assert!(guarded.complete());
        guarded.look(Some(b"chunk"), &blocked).unwrap();
        assert!(!guarded.complete(), "an answer that goes on has an end to come");
        guarded.look(Some(b"chunk"), &chunk(json!({"amazon-bedrock-trace": {}}))).unwrap();
        assert!(guarded.complete());
        let mut failed = InvokedWatch::default();
        failed.look(Some(b"throttlingException"), b"{}").unwrap();
        assert!(failed.complete());
    }

    #[test]
    fn a_stream_of_the_first_chat_ends_when_it_says_so() {
        let mut watch = FirstChatWatch::default();
        watch
            .look(None, br#"{"is_finished":false,"event_type":"text-generation","text":"\"is_finished\":true"}"#)
            .unwrap();
        assert!(!watch.complete());
        watch.look(None, br#"{"is_finished":true,"event_type":"stream-end"}"#).unwrap();
        assert!(watch.complete());
        assert!(watch.look(None, b"no").is_err());
    }
}
