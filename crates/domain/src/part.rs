//! What turns and answers are made of.

use crate::{Extras, Locus};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One piece of a turn or of an answer, in its place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// What it is.
    pub kind: PartKind,
    /// Where a provider may end a cached prefix.
    pub cache: Option<CacheMarker>,
    /// What only the original dialect says of it.
    pub extras: Extras,
    /// Where it stood.
    #[serde(skip)]
    pub at: Locus,
}

impl Part {
    /// A part with nothing but its content.
    pub const fn new(kind: PartKind) -> Self {
        Self { kind, cache: None, extras: Extras::none(), at: Locus::const_default() }
    }

    /// A part of plain text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::new(PartKind::Text { text: text.into(), citations: Vec::new() })
    }
}

/// The kinds of part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum PartKind {
    /// Text, with what it cites.
    Text {
        /// The text.
        text: String,
        /// What the text cites, in order.
        citations: Vec<Citation>,
    },
    /// An image, a recording or a film.
    Media(Media),
    /// A document to read.
    Document(Document),
    /// What the model thought, or a sealed form of it.
    Reasoning(Reasoning),
    /// A call of a tool that the caller runs.
    ToolCall(ToolCall),
    /// What a tool that the caller ran gave back.
    ToolResult(ToolResult),
    /// The model's words for declining.
    Refusal {
        /// The words.
        text: String,
    },
    /// A call or a result of a tool that the provider ran.
    ProviderItem(ProviderItem),
    /// A part that only the original dialect knows, by its own name, whole.
    Native {
        /// The dialect's name for it.
        name: String,
        /// The part as it stood.
        value: Value,
    },
}

/// Where a provider may end a cached prefix.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CacheMarker {
    /// How long the prefix should live, where the caller says so.
    pub ttl: Option<CacheTtl>,
    /// What else the marker says.
    pub extras: Extras,
}

/// The lifetimes that providers sell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CacheTtl {
    /// Five minutes after the last use.
    FiveMinutes,
    /// One hour after the last use.
    OneHour,
    /// A lifetime by the provider's own name.
    Other(String),
}

/// An image, a recording or a film.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Media {
    /// Which of the three.
    pub kind: MediaKind,
    /// Where its bytes are.
    pub source: Source,
    /// How closely to look, by the provider's own word (`low`, `high`, `auto`).
    pub detail: Option<String>,
}

/// Kinds of media.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MediaKind {
    /// A picture.
    Image,
    /// A recording of sound.
    Audio,
    /// A film.
    Video,
}

/// Where the bytes of media or of a document are. A URL is passed on, never fetched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Source {
    /// At a URL that the provider would fetch.
    Url(String),
    /// Here, in base64.
    Base64 {
        /// The media type, such as `image/png`; for audio in Chat Completions the bare format, such as `wav`.
        media_type: String,
        /// The bytes in base64.
        data: String,
    },
    /// Here, as text.
    Text {
        /// The media type, such as `text/plain`.
        media_type: String,
        /// The text.
        data: String,
    },
    /// Kept by the provider under an id that only its account knows.
    File(String),
    /// Here, as parts.
    Parts {
        /// The parts.
        parts: Vec<Part>,
        /// Whether they were written as one plain string.
        plain: bool,
    },
}

/// A document to read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// Where its content is.
    pub source: Source,
    /// Its title or file name.
    pub title: Option<String>,
    /// What the reader should know of it.
    pub context: Option<String>,
    /// Whether the answer should cite it.
    pub citations: Option<bool>,
}

/// What the model thought, or a sealed form of it. It belongs to the account that made it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Reasoning {
    /// The thought in words.
    pub text: Option<String>,
    /// A summary in place of the thought.
    pub summary: Option<String>,
    /// Proof that the provider made the text.
    pub signature: Option<String>,
    /// The thought sealed, readable for its provider only.
    pub sealed: Option<String>,
    /// The item's id.
    pub id: Option<String>,
    /// The provider's name for the format of signature and seal.
    pub format: Option<String>,
    /// Where the dialect wrote it, where it has several places.
    pub field: Option<ReasoningField>,
    /// Whether another part of the same turn says the same, so that this one is for its own dialect only.
    pub restated: bool,
}

/// Places where vendors of one dialect write reasoning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReasoningField {
    /// A string `reasoning_content` beside `content`.
    ReasoningContent,
    /// A string `reasoning` beside `content`.
    Reasoning,
    /// A list `reasoning_details` beside `content`.
    ReasoningDetails,
    /// Parts of type `thinking` inside `content`.
    ThinkingParts,
}

/// A call of a tool that the caller runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The id that the result will refer to.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// The arguments, as JSON text. A model may write text that is not JSON; it is carried as it is.
    pub arguments: String,
    /// What the arguments are.
    pub kind: ToolCallKind,
}

/// What the arguments of a call are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToolCallKind {
    /// JSON that should fit the function's schema.
    Function,
    /// Free text.
    Custom,
}

/// What a tool gave back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolResult {
    /// The id of the call.
    pub call_id: String,
    /// What it gave, in parts; `None` where nothing was said.
    pub content: Option<Vec<Part>>,
    /// Whether the content was written as one plain string.
    pub plain: bool,
    /// Whether the tool failed, where the caller says so.
    pub is_error: Option<bool>,
}

/// A call or a result of a tool that the provider ran.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProviderItem {
    /// The dialect's name for the item, such as `server_tool_use` or `web_search_tool_result`.
    pub kind: String,
    /// The id of the call, or of the call that this is the result of.
    pub id: Option<String>,
    /// The tool's name, for a call.
    pub name: Option<String>,
    /// The arguments of a call as JSON text.
    pub input: Option<String>,
    /// What a result holds, as the provider wrote it: its form is the provider's own.
    pub content: Option<Value>,
}

/// One thing that a text cites.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Citation {
    /// What is cited.
    pub kind: CitationKind,
    /// The words that are cited.
    pub cited_text: Option<String>,
    /// The title of what is cited.
    pub title: Option<String>,
    /// What only the original dialect says of it.
    pub extras: Extras,
}

/// The kinds of thing that a text can cite.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum CitationKind {
    /// A web page; `start` and `end` are character places in the citing text.
    Url {
        /// The page.
        url: String,
        /// The first citing character.
        start: Option<u64>,
        /// The place after the last citing character.
        end: Option<u64>,
    },
    /// Characters of a document of the request.
    Characters {
        /// Which document, from 0.
        document: u64,
        /// The first character.
        start: u64,
        /// The place after the last character.
        end: u64,
    },
    /// Pages of a document of the request.
    Pages {
        /// Which document, from 0.
        document: u64,
        /// The first page, from 1.
        start: u64,
        /// The place after the last page.
        end: u64,
    },
    /// A form that only the original dialect knows, by its own name; the rest is in the extras.
    Other(String),
}
