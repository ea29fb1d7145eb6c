//! Can the checks fail? Each typed value is changed in the middle, and the exchange must notice.

use super::semantic::differences;
use super::streams::{differing, lenient, read};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;
use switchtower_dialect::{Dialect, Variant, dialect};
use switchtower_domain::{Answer, DialectId, Frame, Request};
use switchtower_sim::recording::Exchange;

/// For each typed field, how often it was changed and how often that was noticed.
#[derive(Debug, Default, Serialize)]
pub struct Mutations {
    /// The fields by their typed path.
    pub fields: BTreeMap<String, Tally>,
}

/// How often a field was changed, and how often that was noticed.
#[derive(Debug, Default, Clone, Copy, Serialize)]
pub struct Tally {
    /// Changes.
    pub changed: usize,
    /// Changes after which the exchange differed, or could not be encoded.
    pub noticed: usize,
}

impl Mutations {
    /// The fields of which some change went unnoticed, but for those that say nothing in their place ([`SILENT`]).
    pub fn unnoticed(&self) -> impl Iterator<Item = (&str, Tally)> {
        self.fields
            .iter()
            .filter(|(path, tally)| {
                let silent = SILENT.iter().any(|silent| path.ends_with(silent));
                let restated = path.starts_with("google_gemini ") && RESTATED.iter().any(|field| path.ends_with(field));
                tally.noticed < tally.changed && !silent && !restated
            })
            .map(|(path, tally)| (path.as_str(), *tally))
    }

    /// How many changes were made, and how many of them were noticed.
    pub fn total(&self) -> Tally {
        self.fields.values().fold(Tally::default(), |sum, tally| Tally {
            changed: sum.changed + tally.changed,
            noticed: sum.noticed + tally.noticed,
        })
    }

    pub(super) fn exchange(&mut self, exchange: &Exchange, id: DialectId) {
        let own = dialect(id);
        let variant = Variant::default();
        if let Some(body) = exchange.request.as_ref().and_then(|request| request.body.as_ref()) {
            self.request(body, id);
        }
        if exchange.response.status >= 400 {
            return;
        }
        let (framing, bytes) = super::framing::of(exchange, id, exchange.response.body.to_bytes());
        let bytes = super::events_of_list(bytes);
        if exchange.streaming {
            let Ok(whole) = read(own, &lenient(), framing, &[&bytes]) else { return };
            self.each(&format!("{id} stream"), &whole.frames, |changed: &Vec<Frame>| {
                stream_differs(own, &whole.events, changed)
            });
        } else if let Ok(value) = serde_json::from_slice::<Value>(&bytes)
            && let Ok(answer) = own.decode_answer(value.clone().into(), &variant)
        {
            self.each(&format!("{id} answer"), &answer, |changed: &Answer| {
                !differences(&value, &own.encode_answer(changed).body).is_empty()
            });
        }
    }

    pub(super) fn request(&mut self, body: &Value, id: DialectId) {
        let (own, variant) = (dialect(id), Variant::default());
        let Ok(request) = own.decode_request(body.clone().into()) else { return };
        let body = &own.encode_request(&request, &variant).body;
        self.each(&format!("{id} request"), &request, |changed: &Request| {
            !differences(body, &own.encode_request(changed, &variant).body).is_empty()
        });
    }

    pub(super) fn each<T: Serialize + DeserializeOwned>(
        &mut self,
        subject: &str,
        typed: &T,
        differs: impl Fn(&T) -> bool,
    ) {
        let Ok(tree) = serde_json::to_value(typed) else { return };
        let mut leaves = Vec::new();
        collect(&tree, &mut String::new(), &mut String::new(), &mut leaves);
        // Long streams repeat themselves; a few hundred changes each are enough to tell.
        let step = leaves.len().div_ceil(300).max(1);
        for leaf in leaves.iter().step_by(step) {
            let Some(changed) = change(&tree, leaf) else { continue };
            let Ok(changed) = serde_json::from_value::<T>(changed) else { continue };
            let tally = self.fields.entry(format!("{subject}: {}", leaf.field)).or_default();
            tally.changed += 1;
            tally.noticed += usize::from(differs(&changed));
        }
    }
}

fn stream_differs(own: &dyn Dialect, recorded: &[switchtower_dialect::WireEvent], changed: &[Frame]) -> bool {
    let mut encoder = own.stream_encoder(true);
    recorded.iter().zip(changed).any(|(recorded, frame)| match encoder.encode(frame) {
        Ok(written) => !matches!(written.as_slice(), [written] if differing(recorded, written).is_empty()),
        Err(_) => true,
    })
}

/// Fields that say how something else was laid out, or repeat what its place says already: where there is nothing to
/// lay out, a change of them changes nothing that is written.
const SILENT: [&str; 34] = [
    // How a text, a stop text, a format, a bound or an effort was written, where there is none.
    ".plain",
    ".stop_plain",
    ".former_field",
    ".in_one_object",
    ".max_tokens_field",
    // Instructions apart from the conversation are the system's; a turn of results is the user's.
    ".instructions.role",
    "openai_chat request: .turns.role",
    "cohere_chat request: .turns.role",
    "ollama_chat request: .turns.role",
    // Only messages name a role; the other items of Responses are whose their type says.
    "openai_responses request: .turns.role",
    // Responses says that an answer is complete, whether it ended with calls or with words.
    "openai_responses answer: .choices.stop.reason",
    "openai_responses stream: .events.Stopped.stop.reason",
    // What the pieces of a text left out comes with an event that tells the text whole.
    "openai_responses stream: .events.PartGrew.delta.Text",
    // A dialect with one choice does not number it.
    "anthropic_messages answer: .choices.index",
    "cohere_chat answer: .choices.index",
    "ollama_chat answer: .choices.index",
    // Ollama has one word for an answer that calls and one that does not, and calls often have no ids.
    "ollama_chat answer: .choices.stop.own.means",
    "ollama_chat answer: .choices.stop.reason",
    "ollama_chat stream: .events.Stopped.stop.own.means",
    "ollama_chat stream: .events.Stopped.stop.reason",
    "ollama_chat stream: .events.PartStarted.content.kind.ToolCall.id",
    "ollama_chat request: .turns.parts.kind.ToolCall.id",
    "ollama_chat request: .turns.parts.kind.ToolResult.call_id",
    // Whether one input stood in a list, where there are several, and which of two names stands for nothing.
    ".single",
    ".dimensions_field",
    "rerank request: .form",
    // The address names the model.
    "vertex_predict request: .model",
    "bedrock_converse request: .model",
    // What begins before its first piece holds nothing yet, and Converse has one kind of call and one choice.
    "bedrock_converse stream: .events.PartStarted.content.kind.ProviderItem.input",
    "bedrock_converse stream: .events.PartStarted.content.kind.ToolCall.arguments",
    "bedrock_converse stream: .events.PartStarted.content.kind.ToolCall.kind",
    "bedrock_converse answer: .choices.index",
    // What was written to a cache is broken down in a list that is kept.
    "bedrock_converse answer: .usage.cache_write_5m",
    // The status of an error in a stream is read from its code.
    ".events.Failed.status",
];

/// One typed value in the tree of a message.
struct Leaf {
    /// Where it stands, as a JSON pointer.
    pointer: String,
    /// Which field it is, without the places in lists.
    field: String,
}

/// Fields that say where a value came from or how it is told to another dialect; their own dialect does not write
/// them. What an extra holds is no typed value.
/// Fields that say once more what stands beside them as Google wrote it, and goes back so.
const RESTATED: [&str; 21] = [
    // The address names the model, the media type the kind of media, the finish reason what it means.
    " request: .model",
    ".Media.kind",
    ".own.means",
    ".stop.reason",
    // Citations are read from the grounding metadata, which is kept.
    ".kind.Url.url",
    ".kind.Url.start",
    ".kind.Url.end",
    ".citations.title",
    ".Citation.title",
    // Calls and candidates without a name are told apart by their places, and so are pieces of one part.
    ".ToolCall.id",
    ".call_id",
    ".choices.index",
    ".PartGrew.part",
    ".Native.name",
    // A schema of OpenAPI is read as JSON Schema, and that thoughts are asked for as that a summary is.
    ".Structured.schema",
    ".Function.parameters",
    ".reasoning.summary",
    // Counts by kind of content, and what is left without a count of the candidates.
    ".input_audio",
    ".input_image",
    ".input_video",
    "sage.output",
];
const NOT_WRITTEN: [&str; 3] = ["origin", "extras", "restated"];

fn collect(tree: &Value, pointer: &mut String, field: &mut String, leaves: &mut Vec<Leaf>) {
    let (at, named) = (pointer.len(), field.len());
    match tree {
        Value::Object(map) => {
            for (key, value) in map.iter().filter(|(key, _)| !NOT_WRITTEN.contains(&key.as_str())) {
                pointer.push('/');
                pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
                field.push('.');
                field.push_str(key);
                // Below the schema, labels or input of a caller all names are the caller's own.
                if OPEN.contains(&key.as_str()) {
                    leaves.push(Leaf { pointer: pointer.clone(), field: field.clone() });
                } else {
                    collect(value, pointer, field, leaves);
                }
                pointer.truncate(at);
                field.truncate(named);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                pointer.push_str(&format!("/{index}"));
                collect(item, pointer, field, leaves);
                pointer.truncate(at);
            }
        }
        Value::Null => {}
        Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            leaves.push(Leaf { pointer: pointer.clone(), field: field.clone() });
        }
    }
}

const OPEN: [&str; 6] = ["parameters", "schema", "labels", "logit_bias", "value", "content_of_provider"];

fn change(tree: &Value, leaf: &Leaf) -> Option<Value> {
    let mut changed = tree.clone();
    let value = changed.pointer_mut(&leaf.pointer)?;
    let other = match &*value {
        Value::Bool(on) => Value::from(!on),
        Value::Number(number) => number.as_u64().map_or_else(
            || Value::from(number.as_f64().unwrap_or_default() + 1.5),
            |count| Value::from(count.wrapping_add(1)),
        ),
        Value::String(word) => Value::from(sibling(word).map_or_else(|| format!("{word}~"), str::to_owned)),
        Value::Object(_) | Value::Array(_) => serde_json::json!({"changed": true}),
        Value::Null => return None,
    };
    *value = other;
    Some(changed)
}

/// Another word of the same closed set, for words that are variants without content.
fn sibling(word: &str) -> Option<&'static str> {
    const PAIRS: [(&str, &str); 40] = [
        ("System", "User"),
        ("Developer", "System"),
        ("User", "Assistant"),
        ("Assistant", "User"),
        ("Tool", "User"),
        ("EndTurn", "MaxTokens"),
        ("MaxTokens", "MaxCompletionTokens"),
        ("MaxCompletionTokens", "MaxTokens"),
        ("StopSequence", "EndTurn"),
        ("ToolUse", "EndTurn"),
        ("Refusal", "EndTurn"),
        ("ContentFilter", "EndTurn"),
        ("PauseTurn", "EndTurn"),
        ("ContextWindow", "EndTurn"),
        ("Minimal", "Low"),
        ("Low", "High"),
        ("Medium", "High"),
        ("High", "Low"),
        ("ExtraHigh", "Low"),
        ("Max", "Low"),
        ("Enabled", "Disabled"),
        ("Disabled", "Enabled"),
        ("Adaptive", "Enabled"),
        ("Image", "Video"),
        ("Audio", "Image"),
        ("Video", "Image"),
        ("Function", "Custom"),
        ("Custom", "Function"),
        ("ReasoningContent", "Reasoning"),
        ("Reasoning", "ReasoningContent"),
        ("ReasoningDetails", "Reasoning"),
        ("ThinkingParts", "Reasoning"),
        ("FiveMinutes", "OneHour"),
        ("OneHour", "FiveMinutes"),
        ("Dimensions", "OutputDimension"),
        ("OutputDimension", "Dimensions"),
        ("Results", "Data"),
        ("Data", "Results"),
        ("Float", "Base64"),
        ("Base64", "Float"),
    ];
    PAIRS.iter().find(|(one, _)| *one == word).map(|(_, other)| *other)
}
