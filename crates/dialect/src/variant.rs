//! How one vendor's variant of a dialect differs from the dialect, as data.

use std::collections::BTreeMap;
use switchtower_domain::{MaxTokensField, ReasoningField, StopReason};

/// One vendor's variant of a dialect. The default is the dialect as its own vendor documents it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// Which field bounds the generated tokens; `None` where the vendor takes either.
    pub max_tokens_field: Option<MaxTokensField>,
    /// The bound to ask for where the dialect needs one and the caller named none.
    pub default_max_tokens: u64,
    /// Where reasoning of earlier turns is taken back; `None` where it is not.
    pub reasoning_field: Option<ReasoningField>,
    /// How the amount of thinking is asked for.
    pub thinking: Thinking,
    /// Whether `cache_control` markers are taken in Chat Completions.
    pub cache_markers: bool,
    /// Whether `top_k` is taken in Chat Completions.
    pub top_k: bool,
    /// Whether labels are taken in Gemini.
    pub labels: bool,
    /// Whether results of tools may hold images and documents in Chat Completions.
    pub tool_result_media: bool,
    /// Whether words of Mistral's own are taken in Chat Completions: `prefix`, `document_url`, addresses of images alone.
    pub mistral_words: bool,
    /// Whether the role `developer` is known in Chat Completions.
    pub developer_role: bool,
    /// Where the count of cached tokens stands within `usage`, if not where the dialect has it.
    pub cached_tokens_field: Option<String>,
    /// Whether `completion_tokens` leaves reasoning out.
    pub output_excludes_reasoning: bool,
    /// What ends a stream.
    pub stream_ending: StreamEnding,
    /// When a stream reports usage.
    pub stream_usage: StreamUsage,
    /// Words for why an answer ended that are none of the dialect's, and what each means.
    pub finish_reasons: BTreeMap<String, StopReason>,
    /// Whether what is sent is kept unless a request says otherwise, where the dialect leaves that to the vendor.
    pub keeps_unasked: bool,
    /// Top-level fields that the vendor does not take.
    pub forbidden: Vec<String>,
    /// Top-level fields that the vendor calls by another name.
    pub renamed: BTreeMap<String, String>,
}

impl Default for Variant {
    fn default() -> Self {
        Self {
            max_tokens_field: None,
            default_max_tokens: 4096,
            reasoning_field: None,
            thinking: Thinking::Adaptive,
            cache_markers: false,
            top_k: false,
            labels: false,
            tool_result_media: false,
            mistral_words: false,
            developer_role: true,
            cached_tokens_field: None,
            output_excludes_reasoning: false,
            stream_ending: StreamEnding::Marker,
            stream_usage: StreamUsage::Asked,
            finish_reasons: BTreeMap::new(),
            keeps_unasked: true,
            forbidden: Vec::new(),
            renamed: BTreeMap::new(),
        }
    }
}

/// How a vendor is asked to think.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thinking {
    /// By an effort; the model decides how much that is.
    Adaptive,
    /// By a budget of tokens.
    Budget,
}

/// When a stream of Chat Completions reports usage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamUsage {
    /// When it is asked to, by `stream_options`.
    Asked,
    /// Always; being asked changes nothing.
    Always,
    /// Never by request: the vendor refuses `stream_options`.
    Refused,
}

/// What ends a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamEnding {
    /// The dialect's end marker, and nothing less.
    Marker,
    /// The reason for stopping is enough; the vendor may leave the marker out.
    StopReason,
}
