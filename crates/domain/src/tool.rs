//! Tools that a model may call, and how it may choose among them.

use crate::{CacheMarker, Extras, Locus};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One tool that is offered to the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tool {
    /// What kind of tool it is.
    pub kind: ToolKind,
    /// Where a provider may end a cached prefix.
    pub cache: Option<CacheMarker>,
    /// What only the original dialect says of it.
    pub extras: Extras,
    /// Where it stood.
    #[serde(skip)]
    pub at: Locus,
}

/// The kinds of tool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ToolKind {
    /// A function that the caller runs.
    Function(FunctionTool),
    /// A tool that the provider runs, or whose protocol the provider defines: web search, code execution, computer
    /// use, remote MCP. Named to policy as egress.
    Provider(ProviderTool),
}

/// A function that the caller runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FunctionTool {
    /// The name that the model calls it by.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// The JSON Schema of its arguments.
    pub parameters: Option<Value>,
    /// Whether the provider must keep the arguments to the schema.
    pub strict: Option<bool>,
}

/// A tool that the provider runs or defines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProviderTool {
    /// The provider's name for the kind, such as `web_search_20250305`.
    pub kind: String,
    /// The name that the model calls it by, where the provider wants one.
    pub name: Option<String>,
}

/// How the model may choose among its tools.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToolChoice {
    /// The model decides.
    Auto,
    /// The model must not call a tool.
    Never,
    /// The model must call some tool.
    Required,
    /// The model must call this tool.
    Named(String),
}
