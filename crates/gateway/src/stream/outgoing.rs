//! Bytes for the client, gathered from one piece of the provider's stream.

use super::Arrived;
use bytes::Bytes;
use http::HeaderValue;
use switchtower_dialect::bedrock_converse::nova;
use switchtower_dialect::{FirstChatWatch, Form, InvokedWatch, StreamWatch, WireEvent, chunks, event_stream, sse};
use switchtower_providers::StreamFraming;

/// How the pieces of a streamed answer are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// Server-sent events.
    Events,
    /// One JSON text a line, as Ollama sends them.
    Lines,
    /// The elements of one JSON list, which is what Gemini sends unless it is asked for events. Source:
    /// <https://cloud.google.com/apis/docs/system-parameters#definitions>
    List {
        /// Whether an element was told.
        begun: bool,
    },
    /// Messages of an AWS event stream, as `ConverseStream` has them.
    Messages,
    /// The same, each with an event of Messages in it, as `InvokeModelWithResponseStream` has them.
    Chunks,
    /// The same with events of Nova.
    Nova,
    /// The same with whatever a model says in its own words.
    Invoked,
    /// Lines, in the words of Ollama's `/api/generate`.
    Generate,
    /// Lines, in the words of Cohere's first chat.
    FirstChat,
}

/// How a stream of Cohere's first chat ends that broke. Source: <https://docs.cohere.com/v1/reference/chat-stream>
const FIRST_CHAT_FAILED: &[u8] =
    br#"{"is_finished":true,"event_type":"stream-end","finish_reason":"ERROR","response":{"text":"","finish_reason":"ERROR"}}"#;

impl Framing {
    /// Whether what comes in a provider's framing can leave as it is.
    pub(crate) const fn is_that_of(self, provider: StreamFraming) -> bool {
        matches!(
            (self, provider),
            (Self::Events, StreamFraming::Events)
                | (Self::Messages | Self::Invoked, StreamFraming::Messages)
                | (Self::Chunks, StreamFraming::Chunks)
                | (Self::Lines, StreamFraming::Lines)
        )
    }

    /// The media type of a stream in it.
    pub(crate) const fn media_type(self) -> HeaderValue {
        match self {
            Self::Events => HeaderValue::from_static("text/event-stream"),
            Self::Lines | Self::Generate => HeaderValue::from_static("application/x-ndjson"),
            Self::FirstChat => HeaderValue::from_static("application/stream+json"),
            Self::List { .. } => HeaderValue::from_static("application/json"),
            Self::Messages | Self::Chunks | Self::Nova | Self::Invoked => {
                HeaderValue::from_static("application/vnd.amazon.eventstream")
            }
        }
    }

    /// The form of its dialect in which the client is answered, where it is not the dialect's own.
    pub(crate) const fn form(self) -> Option<Form> {
        match self {
            Self::Generate => Some(Form::Generate),
            Self::Nova => Some(Form::Nova),
            _ => None,
        }
    }

    /// Whether the answer is that of an invoked model.
    pub(crate) const fn is_of_invoked(self) -> bool {
        matches!(self, Self::Chunks | Self::Nova | Self::Invoked)
    }

    /// Who looks at a stream that is forwarded, where that is not the dialect.
    pub(super) fn watch(self) -> Option<Box<dyn StreamWatch>> {
        match self {
            Self::Invoked => Some(Box::new(InvokedWatch::default())),
            Self::FirstChat => Some(Box::new(FirstChatWatch::default())),
            _ => None,
        }
    }
}

/// What leaves for one piece.
pub(super) struct Outgoing {
    /// The piece itself, if it holds nothing but whole events so far and all of them leave as they are.
    piece: Bytes,
    /// How much of the piece that is.
    untouched: usize,
    /// What leaves, where it is not a part of the piece.
    gathered: Option<Vec<u8>>,
    framing: Framing,
    /// Whether the provider has the same framing.
    alike: bool,
}

impl Outgoing {
    /// For a piece of the provider's stream. A `fresh` one begins with an event; what comes in an `alike` framing may
    /// leave as it is.
    pub(super) fn of_piece(fresh: bool, piece: Bytes, framing: Framing, alike: bool) -> Self {
        let whole = fresh && alike;
        Self { piece, untouched: 0, gathered: (!whole).then(Vec::new), framing, alike }
    }

    /// For what is said of our own accord.
    pub(super) const fn of_our_own(framing: Framing) -> Self {
        Self { piece: Bytes::new(), untouched: 0, gathered: Some(Vec::new()), framing, alike: true }
    }

    /// Lets an event of the piece leave as it is.
    pub(super) fn pass(&mut self, event: &Arrived) {
        // The rest of a stream may be told on its own, after the last piece.
        let alike = self.alike
            && matches!(
                (self.framing, event),
                (Framing::Events, Arrived::Event(_))
                    | (Framing::Messages | Framing::Chunks | Framing::Invoked, Arrived::Message { .. })
            );
        if !alike {
            let Some(parsed) = event.read() else { return };
            match self.framing {
                Framing::List { .. } | Framing::FirstChat => self.element(parsed.data()),
                _ => parsed.to_wire().iter().for_each(|wire| self.write(wire)),
            }
            return;
        }
        match &mut self.gathered {
            None => self.untouched += event.bytes().len(),
            Some(gathered) => gathered.extend_from_slice(event.bytes()),
        }
    }

    /// Writes an event.
    pub(super) fn write(&mut self, event: &WireEvent) {
        match self.framing {
            Framing::Events => sse::write(event, self.gathered()),
            Framing::Messages | Framing::Invoked => event_stream::write_event(event, self.gathered()),
            Framing::Chunks => chunks::write(event, self.gathered()),
            Framing::Nova => nova::write_message(event, self.gathered()),
            Framing::Lines | Framing::List { .. } => self.element(event.data.as_bytes()),
            Framing::Generate => {
                let data = serde_json::from_str(&event.data).map(|piece| Form::Generate.told(piece).to_string());
                self.element(data.as_ref().unwrap_or(&event.data).as_bytes());
            }
            // Only an end that went wrong is told in other words than the provider's.
            Framing::FirstChat => self.element(FIRST_CHAT_FAILED),
        }
    }

    /// Writes what says nothing, but that somebody is there. Event streams of AWS have no such word.
    pub(super) fn keep_alive(&mut self) {
        let word = match self.framing {
            Framing::Events => sse::KEEP_ALIVE,
            Framing::List { .. } => b"\n",
            // Clients of Ollama take every line for a piece of the answer.
            Framing::Lines
            | Framing::Generate
            | Framing::FirstChat
            | Framing::Messages
            | Framing::Chunks
            | Framing::Nova
            | Framing::Invoked => return,
        };
        self.gathered().extend_from_slice(word);
    }

    /// Ends the stream.
    pub(super) fn close(&mut self) {
        if let Framing::List { begun } = self.framing {
            self.gathered().extend_from_slice(if begun { b"\n]" } else { b"[]" });
        }
    }

    fn element(&mut self, data: &[u8]) {
        if matches!(self.framing, Framing::Lines | Framing::Generate | Framing::FirstChat) {
            let gathered = self.gathered();
            gathered.extend_from_slice(data);
            return gathered.push(b'\n');
        }
        let Framing::List { begun } = self.framing else { return };
        let gathered = self.gathered();
        gathered.extend_from_slice(if begun { b"\n,\r\n" } else { b"[" });
        gathered.extend_from_slice(data);
        self.framing = Framing::List { begun: true };
    }

    fn gathered(&mut self) -> &mut Vec<u8> {
        let untouched = self.piece.get(..self.untouched).unwrap_or_default();
        self.gathered.get_or_insert_with(|| untouched.to_vec())
    }

    /// What leaves, and how far the framing is.
    pub(super) fn finish(mut self) -> (Bytes, Framing) {
        let bytes = match self.gathered {
            Some(gathered) => gathered.into(),
            None => {
                self.piece.truncate(self.untouched);
                self.piece
            }
        };
        (bytes, self.framing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchtower_dialect::sse::RawEvent;

    #[test]
    fn a_list_is_one_json_text_wherever_it_ends() {
        let event = |data: &str| WireEvent { name: Some("x".to_owned()), data: data.to_owned() };
        for count in 0..3 {
            let mut framing = Framing::List { begun: false };
            let mut told = Vec::new();
            for number in 0..count {
                let raw = RawEvent { bytes: Bytes::from(format!(": hi\ndata: {{\"n\":\ndata: {number}}}\n\n")) };
                let mut out = Outgoing::of_piece(true, raw.bytes.clone(), framing, false);
                if number == 1 {
                    out.write(&event("{\"n\":1}"))
                } else {
                    out.pass(&Arrived::Event(raw))
                }
                out.keep_alive();
                let (bytes, next) = out.finish();
                told.extend_from_slice(&bytes);
                framing = next;
            }
            let mut out = Outgoing::of_our_own(framing);
            out.close();
            told.extend_from_slice(&out.finish().0);
            let list: Vec<serde_json::Value> = serde_json::from_slice(&told).unwrap();
            assert_eq!(list, (0..count).map(|number| serde_json::json!({"n": number})).collect::<Vec<_>>());
        }
    }
}
