//! The words that all floors speak: the canonical conversation, its events, usage, notices, refusals, failures,
//! names, secrets, limits and money.
//!
//! Every dialect decodes into these types and encodes from them, so that a translation is two steps and never a
//! pair. Nothing here does I/O, knows a runtime, or has heard of a wire format: what one dialect says and no other
//! has a word for travels in [`Extras`], beside the typed values.
//!
//! ```text
//! client bytes --decode--> Request --encode--> provider bytes
//! client bytes <--encode-- Answer | Frames <--decode-- provider bytes
//! ```
//!
//! Begin with [`Request`], then [`Answer`], then [`Frame`] for what is streamed. What is asked for besides answers has
//! types of its own: [`EmbeddingRequest`], [`RankingRequest`], [`CompletionRequest`], [`ModerationRequest`].

mod account;
mod answer;
mod completion;
mod dialect_id;
mod embedding;
mod event;
mod extras;
mod failure;
pub mod limits;
mod listing;
mod locus;
mod moderation;
mod money;
mod name;
mod nearest;
mod notice;
mod part;
mod ranking;
mod refusal;
mod request;
mod secret;
mod stop;
mod tool;
mod transport;
mod usage;

pub use account::Account;
pub use answer::{Answer, AnswerHead, Choice, FilterVerdict, LogProbs, PromptFilter, TokenLogProb};
pub use completion::{CompletionAnswer, CompletionRequest, Continuation};
pub use dialect_id::DialectId;
pub use embedding::{
    DimensionsField, Embedding, EmbeddingAnswer, EmbeddingRequest, ModelInput, Vector, VectorEncoding,
};
pub use event::{AnswerBuilder, Delta, Event, Frame, OutOfPlace};
pub use extras::Extras;
pub use failure::{Failure, FailureClass, FailureForm};
pub use listing::{ListedModel, ModelListing};
pub use locus::Locus;
pub use moderation::{ModeratedInput, ModerationAnswer, ModerationRequest, ModerationVerdict};
pub use money::{
    Amount, Charge, Cost, CostLine, CostStatus, Currency, CurrencyError, DecimalError, Discount, EstimateReason, Money,
    MoneyError, Per, Rate, Sums, Totals, Unit, UnknownReason,
};
pub use name::{
    AccountName, DeploymentName, ModelName, NameError, ProviderName, RegionName, TeamName, TenantName, UseCaseName,
};
pub use nearest::nearest;
pub use notice::{Notice, NoticeClass};
pub use part::{
    CacheMarker, CacheTtl, Citation, CitationKind, Document, Media, MediaKind, Part, PartKind, ProviderItem, Reasoning,
    ReasoningField, Source, ToolCall, ToolCallKind, ToolResult,
};
pub use ranking::{Ranked, RankedText, RankingAnswer, RankingForm, RankingRequest};
pub use refusal::{Actor, Refusal, RefusalCode};
pub use request::{
    Effort, MaxTokensField, Metadata, OutputFormat, Param, ReasoningMode, ReasoningSpec, Request, Role, Sampling,
    StructuredOutput, Turn,
};
pub use secret::{Secret, mask_secrets};
pub use stop::{OwnWord, Stop, StopReason};
pub use tool::{FunctionTool, ProviderTool, Tool, ToolChoice, ToolKind};
pub use transport::{ResponseBody, Transport, TransportError, TransportFuture, Way};
pub use usage::Usage;
