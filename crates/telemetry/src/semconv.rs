//! The names of OpenTelemetry's conventions for generative AI, by profile.
//!
//! `1.41` is the last version that the general conventions had them in
//! (<https://github.com/open-telemetry/semantic-conventions/tree/v1.41.0/docs/gen-ai>). `next` is what they are called in
//! the repository of their own that they moved to, as of its version 0.1.0
//! (<https://github.com/open-telemetry/semantic-conventions-genai>). All of them have the status "Development" there.
//!
//! There is no name for content here: nothing of a prompt or an answer is kept, so none can be told.

use crate::histogram::Bounds;
use switchtower_ledger::record::Counts;

/// Which names are used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Profile {
    /// Those of version 1.41.
    #[default]
    V1_41,
    /// Those that come next.
    Next,
}

impl Profile {
    /// The words of the setting.
    pub const WORDS: [(&'static str, Self); 2] = [("1.41", Self::V1_41), ("next", Self::Next)];

    /// Where the names of attributes and spans are declared, for `schema_url`.
    pub const fn schema_url(self) -> &'static str {
        match self {
            Self::V1_41 => "https://opentelemetry.io/schemas/1.41.0",
            // The new repository publishes no schema yet.
            Self::Next => "",
        }
    }

    /// How many tokens of a prompt were written to a cache.
    pub const fn cache_write_tokens(self) -> &'static str {
        match self {
            Self::V1_41 => "gen_ai.usage.cache_creation.input_tokens",
            Self::Next => "gen_ai.usage.cache_write.input_tokens",
        }
    }

    /// How long operations took.
    pub const fn duration_metric(self) -> &'static str {
        match self {
            Self::V1_41 => "gen_ai.client.operation.duration",
            Self::Next => "gen_ai.client.inference.duration",
        }
    }

    /// How long the first piece of a stream took.
    pub const fn first_metric(self) -> &'static str {
        match self {
            Self::V1_41 => "gen_ai.server.time_to_first_token",
            Self::Next => "gen_ai.client.inference.time_to_first_chunk",
        }
    }

    /// How long each later token of a stream took. What comes next measures each piece instead, which is on no record.
    pub const fn later_metric(self) -> Option<&'static str> {
        match self {
            Self::V1_41 => Some("gen_ai.server.time_per_output_token"),
            Self::Next => None,
        }
    }
}

/// What was done.
pub const OPERATION_NAME: &str = "gen_ai.operation.name";
/// Whose API was called.
pub const PROVIDER_NAME: &str = "gen_ai.provider.name";
/// The model that was asked for.
pub const REQUEST_MODEL: &str = "gen_ai.request.model";
/// The most tokens that may be generated.
pub const REQUEST_MAX_TOKENS: &str = "gen_ai.request.max_tokens";
/// Whether the answer is streamed.
pub const REQUEST_STREAM: &str = "gen_ai.request.stream";
/// The model that answered.
pub const RESPONSE_MODEL: &str = "gen_ai.response.model";
/// Why it stopped.
pub const RESPONSE_FINISH_REASONS: &str = "gen_ai.response.finish_reasons";
/// How long the first piece of a stream took, in seconds.
pub const RESPONSE_TIME_TO_FIRST_CHUNK: &str = "gen_ai.response.time_to_first_chunk";
/// Tokens of the prompt.
pub const USAGE_INPUT_TOKENS: &str = "gen_ai.usage.input_tokens";
/// Tokens that were generated.
pub const USAGE_OUTPUT_TOKENS: &str = "gen_ai.usage.output_tokens";
/// Tokens of the prompt that were read from a cache.
pub const USAGE_CACHE_READ_TOKENS: &str = "gen_ai.usage.cache_read.input_tokens";
/// Tokens of reasoning among those that were generated.
pub const USAGE_REASONING_TOKENS: &str = "gen_ai.usage.reasoning.output_tokens";
/// Which tokens.
pub const TOKEN_TYPE: &str = "gen_ai.token.type";
/// Tokens of what.
pub const TOKEN_MODALITY: &str = "gen_ai.token.modality";
/// Who answered.
pub const SERVER_ADDRESS: &str = "server.address";
/// At which port.
pub const SERVER_PORT: &str = "server.port";
/// What kind of error it was.
pub const ERROR_TYPE: &str = "error.type";
/// The status of an answer in HTTP.
pub const HTTP_STATUS: &str = "http.response.status_code";

/// How many tokens calls used, in the profile 1.41.
pub const TOKEN_USAGE_METRIC: &str = "gen_ai.client.token.usage";
/// The counters of tokens that replace it.
pub const NEXT_USAGE_METRICS: [(&str, &str); 5] = [
    ("input", "gen_ai.client.inference.usage.input_tokens"),
    ("output", "gen_ai.client.inference.usage.output_tokens"),
    ("cache_read", "gen_ai.client.inference.usage.cache_read.input_tokens"),
    ("cache_write", "gen_ai.client.inference.usage.cache_write.input_tokens"),
    ("reasoning", "gen_ai.client.inference.usage.reasoning.output_tokens"),
];

/// The words for the two kinds of tokens, in the order in which they are kept.
pub const TOKEN_TYPES: [&str; 2] = ["input", "output"];

/// The bounds that the conventions want for durations, in microseconds.
pub const DURATION_BOUNDS_US: Bounds = &[
    10_000, 20_000, 40_000, 80_000, 160_000, 320_000, 640_000, 1_280_000, 2_560_000, 5_120_000, 10_240_000, 20_480_000,
    40_960_000, 81_920_000,
];
/// Those for the time to the first token, in microseconds.
pub const TIME_TO_FIRST_TOKEN_BOUNDS_US: Bounds = &[
    1000, 5000, 10_000, 20_000, 40_000, 60_000, 80_000, 100_000, 250_000, 500_000, 750_000, 1_000_000, 2_500_000,
    5_000_000, 7_500_000, 10_000_000,
];
/// Those for the time of each later token, in microseconds.
pub const TIME_PER_OUTPUT_TOKEN_BOUNDS_US: Bounds = &[
    10_000, 25_000, 50_000, 75_000, 100_000, 150_000, 200_000, 300_000, 400_000, 500_000, 750_000, 1_000_000, 2_500_000,
];
/// Those for numbers of tokens.
pub const TOKEN_USAGE_BOUNDS: Bounds =
    &[1, 4, 16, 64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216, 67_108_864];

/// Our word for what is asked for, as the conventions say it.
pub fn operation(word: &str, client: &str) -> &'static str {
    match (word, client) {
        ("answers", "google_gemini") => "generate_content",
        ("answers" | "first_chat" | "invoke" | "fim", _) => "chat",
        ("completions" | "generate", _) => "text_completion",
        ("embeddings", _) => "embeddings",
        ("rerank", _) => "rerank",
        ("moderations", _) => "moderate",
        ("count_tokens", _) => "count_tokens",
        ("models", _) => "list_models",
        _ => "_OTHER",
    }
}

/// A kind of provider, as the conventions say it: a word of theirs where they have one, the catalogue's otherwise.
pub fn provider<'a>(kind: Option<&'a str>, name: &'a str) -> &'a str {
    match kind.unwrap_or(name) {
        "azure_openai" => "azure.ai.openai",
        "bedrock" | "bedrock_anthropic" => "aws.bedrock",
        "google" => "gcp.gemini",
        kind if kind.starts_with("google_vertex") => "gcp.vertex_ai",
        "mistral" => "mistral_ai",
        "moonshot" => "moonshot_ai",
        "xai" => "x_ai",
        // openai, anthropic, cohere, deepseek, groq and perplexity are called alike.
        kind => kind,
    }
}

/// The tokens that a profile has attributes for.
pub fn usage(profile: Profile, counts: &Counts) -> [(&'static str, Option<u64>); 5] {
    [
        (USAGE_INPUT_TOKENS, counts.input),
        (USAGE_OUTPUT_TOKENS, counts.output),
        (USAGE_CACHE_READ_TOKENS, counts.cache_read),
        (profile.cache_write_tokens(), counts.cache_write),
        (USAGE_REASONING_TOKENS, counts.reasoning),
    ]
}
