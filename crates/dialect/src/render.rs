//! Writing objects field by field.

use crate::{Terms, json_text};
use serde_json::{Map, Value};
use switchtower_domain::{DialectId, Extras, Locus, Notice, NoticeClass, ReasoningMode, Request, Tool};

/// An object in the making.
#[derive(Default)]
pub(crate) struct Object(Map<String, Value>);

impl Object {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn typed(kind: &str) -> Self {
        Self::new().with("type", kind)
    }

    pub(crate) fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.set(key, value);
        self
    }

    pub(crate) fn set(&mut self, key: &str, value: impl Into<Value>) {
        self.0.insert(key.to_owned(), value.into());
    }

    pub(crate) fn maybe<T: Into<Value>>(&mut self, key: &str, value: Option<T>) {
        if let Some(value) = value {
            self.set(key, value);
        }
    }

    /// Writes a constant of the dialect, unless the original had another value there or none.
    pub(crate) fn constant(&mut self, key: &str, value: impl Into<Value>, extras: &Extras) {
        if !extras.lacks(key) && extras.get(key).is_none() {
            self.set(key, value);
        }
    }

    /// Writes an object beneath this one, unless it would be empty.
    pub(crate) fn nested(&mut self, key: &str, inner: Self) {
        if !inner.0.is_empty() {
            self.set(key, inner.0);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn contains(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }

    pub(crate) fn map_mut(&mut self) -> &mut Map<String, Value> {
        &mut self.0
    }

    pub(crate) fn into_map(self) -> Map<String, Value> {
        self.0
    }

    /// The object as JSON text.
    pub(crate) fn into_text(self) -> String {
        json_text::of_object(&self.0)
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Self {
        Self::Object(object.0)
    }
}

/// Begins to write a request: the model, and what extras become.
pub(crate) fn begin_request<'a>(request: &Request, own: DialectId, hints: &'a [&'a str]) -> (Object, ExtrasWriter<'a>) {
    let same = request.origin == own;
    let mut body = Object::new();
    // A deployment's address may name the model in place of the body.
    if !(request.model.is_empty() && (!same || request.extras.lacks("model"))) {
        body.set("model", request.model.as_str());
    }
    (body, ExtrasWriter { from: request.origin, same, hints, notices: Vec::new() })
}

/// The word that `thinking` has for a mode.
pub(crate) const fn thinking_word(mode: ReasoningMode) -> &'static str {
    match mode {
        ReasoningMode::Enabled => "enabled",
        ReasoningMode::Disabled => "disabled",
        ReasoningMode::Adaptive => "adaptive",
    }
}

/// Where the original says that a tool's schema must be kept to: beside the schema.
pub(crate) fn strict_path(origin: DialectId, tool: &Tool) -> String {
    let schema = crate::dialect(origin).tool_schema_path(tool);
    // Converse has the schema in an object of its own.
    let schema = schema.strip_suffix(".json").unwrap_or(&schema);
    schema.rsplit_once('.').map_or_else(String::new, |(parent, _)| parent.to_owned())
}

/// Lays extras over an object of the dialect they came from, or names each of them.
pub(crate) struct ExtrasWriter<'a> {
    /// The dialect that the message came from, in whose terms notices are given.
    pub(crate) from: DialectId,
    /// Whether the message goes back into the dialect that it came from.
    pub(crate) same: bool,
    /// Extras that weigh no more than a hint, by name.
    pub(crate) hints: &'a [&'a str],
    /// What is said about the others.
    pub(crate) notices: Vec<Notice>,
}

/// Objects of Gemini, of Converse and of Ollama whose fields are settings of their own.
const GROUPS: [&str; 7] = [
    "generationConfig",
    "toolConfig",
    "thinkingConfig",
    "inferenceConfig",
    "additionalModelRequestFields",
    "outputConfig",
    "options",
];

impl ExtrasWriter<'_> {
    pub(crate) fn write(&mut self, extras: &Extras, at: impl AsRef<str>, object: &mut Object) {
        if self.same {
            extras.overlay(object.map_mut());
        } else {
            self.name(extras, at);
        }
    }

    pub(crate) fn name(&mut self, extras: &Extras, at: impl AsRef<str>) {
        if self.same {
            return;
        }
        for (key, value) in extras.meaningful() {
            let path = Locus::join(at.as_ref(), key);
            match value {
                // Of a group of settings, those that are left are named.
                Value::Object(settings) if GROUPS.contains(&key) => {
                    settings.keys().for_each(|setting| self.name_one(setting, Locus::join(&path, setting)));
                }
                _ => self.name_one(key, path),
            }
        }
    }

    fn name_one(&mut self, key: &str, path: String) {
        let class = if self.hints.contains(&key) { NoticeClass::Hint } else { NoticeClass::Meaning };
        self.notices.push(Notice { path, class, reason: "has no place in the target's dialect" });
    }

    /// The words that the message's own dialect has for what notices point at.
    pub(crate) fn terms(&self) -> Terms {
        crate::dialect(self.from).terms()
    }

    pub(crate) fn meaning(&mut self, path: impl Into<String>, reason: &'static str) {
        self.say(Notice::meaning(path, reason));
    }

    pub(crate) fn hint(&mut self, path: impl Into<String>, reason: &'static str) {
        self.say(Notice::hint(path, reason));
    }

    /// Within one dialect nothing is lost, and of what the caller's dialect has no place for nothing was said.
    fn say(&mut self, mut notice: Notice) {
        // A marker of a cache stands in the part that it marks, or after it.
        if let Some(marked) = notice.path.strip_suffix(".cache_control") {
            notice.path = crate::dialect(self.from).cache_path(marked);
        }
        if !self.same && !notice.path.is_empty() {
            self.notices.push(notice);
        }
    }
}
