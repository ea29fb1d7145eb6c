//! The messages of the Gemini API: every field that a request may have, from the public reference alone.
//!
//! Names are in lower camel case; [`super::proto`] takes their snake case as well. What Vertex AI has and AI Studio lacks is here
//! too, but for schemas: their subset is that of AI Studio, which is the smaller one.
//! Sources: <https://ai.google.dev/api/generate-content>, <https://ai.google.dev/api/caching>,
//! <https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference>

use super::proto::{Message, Type};

const TEXTS: Type = Type::List(&Type::Text);

/// A request for an answer, and the body of one that counts tokens in Vertex AI.
pub(super) static GENERATE: Message = Message {
    name: "GenerateContentRequest",
    fields: &[
        ("model", Type::Text),
        ("contents", Type::List(&Type::Message(&CONTENT))),
        ("systemInstruction", Type::Message(&CONTENT)),
        ("tools", Type::List(&Type::Message(&TOOL))),
        ("toolConfig", Type::Message(&TOOL_CONFIG)),
        ("safetySettings", Type::List(&Type::Message(&SAFETY_SETTING))),
        ("generationConfig", Type::Message(&GENERATION_CONFIG)),
        ("cachedContent", Type::Text),
        ("labels", Type::Map(&Type::Text)),
        ("modelArmorConfig", Type::Struct),
        ("serviceTier", Type::Text),
        ("store", Type::Bool),
    ],
};

/// A request to count tokens: what is to be counted, or a whole request for an answer.
pub(super) static COUNT_TOKENS: Message = Message {
    name: "CountTokensRequest",
    fields: &[
        ("model", Type::Text),
        ("contents", Type::List(&Type::Message(&CONTENT))),
        ("generateContentRequest", Type::Message(&GENERATE)),
        ("systemInstruction", Type::Message(&CONTENT)),
        ("tools", Type::List(&Type::Message(&TOOL))),
        ("generationConfig", Type::Message(&GENERATION_CONFIG)),
    ],
};

/// A request for a vector. Source: <https://ai.google.dev/api/embeddings>
pub(super) static EMBED: Message = Message {
    name: "EmbedContentRequest",
    fields: &[
        ("model", Type::Text),
        ("content", Type::Message(&CONTENT)),
        ("taskType", Type::Enum("TaskType", TASK_TYPES)),
        ("title", Type::Text),
        ("outputDimensionality", Type::Integer("TYPE_INT32")),
        ("autoTruncate", Type::Bool),
        ("embedContentConfig", Type::Struct),
    ],
};

/// A request for several vectors.
pub(super) static BATCH_EMBED: Message =
    Message { name: "BatchEmbedContentsRequest", fields: &[("requests", Type::List(&Type::Message(&EMBED)))] };

static CONTENT: Message =
    Message { name: "Content", fields: &[("role", Type::Text), ("parts", Type::List(&Type::Message(&PART)))] };

static PART: Message = Message {
    name: "Part",
    fields: &[
        ("text", Type::Text),
        ("inlineData", Type::Message(&BLOB)),
        ("fileData", Type::Message(&FILE_DATA)),
        ("functionCall", Type::Message(&FUNCTION_CALL)),
        ("functionResponse", Type::Message(&FUNCTION_RESPONSE)),
        ("executableCode", Type::Message(&EXECUTABLE_CODE)),
        ("codeExecutionResult", Type::Message(&CODE_EXECUTION_RESULT)),
        ("toolCall", Type::Message(&TOOL_CALL)),
        ("toolResponse", Type::Message(&TOOL_RESPONSE)),
        ("thought", Type::Bool),
        ("thoughtSignature", Type::Bytes),
        ("partMetadata", Type::Struct),
        ("mediaResolution", Type::Any),
        ("videoMetadata", Type::Struct),
    ],
};

static BLOB: Message =
    Message { name: "Blob", fields: &[("mimeType", Type::Text), ("data", Type::Bytes), ("displayName", Type::Text)] };

static FILE_DATA: Message = Message {
    name: "FileData",
    fields: &[("mimeType", Type::Text), ("fileUri", Type::Text), ("displayName", Type::Text)],
};

static FUNCTION_CALL: Message =
    Message { name: "FunctionCall", fields: &[("id", Type::Text), ("name", Type::Text), ("args", Type::Struct)] };

static FUNCTION_RESPONSE: Message = Message {
    name: "FunctionResponse",
    fields: &[
        ("id", Type::Text),
        ("name", Type::Text),
        ("response", Type::Struct),
        ("parts", Type::List(&Type::Message(&FUNCTION_RESPONSE_PART))),
        ("willContinue", Type::Bool),
        ("scheduling", Type::Enum("Scheduling", &["SCHEDULING_UNSPECIFIED", "SILENT", "WHEN_IDLE", "INTERRUPT"])),
    ],
};

static FUNCTION_RESPONSE_PART: Message = Message {
    name: "FunctionResponsePart",
    fields: &[("inlineData", Type::Message(&BLOB)), ("fileData", Type::Message(&FILE_DATA))],
};

static EXECUTABLE_CODE: Message = Message {
    name: "ExecutableCode",
    fields: &[
        ("id", Type::Text),
        ("language", Type::Enum("Language", &["LANGUAGE_UNSPECIFIED", "PYTHON"])),
        ("code", Type::Text),
    ],
};

static CODE_EXECUTION_RESULT: Message = Message {
    name: "CodeExecutionResult",
    fields: &[("id", Type::Text), ("outcome", Type::Enum("Outcome", OUTCOMES)), ("output", Type::Text)],
};

static TOOL_CALL: Message =
    Message { name: "ToolCall", fields: &[("id", Type::Text), ("toolType", Type::Text), ("args", Type::Struct)] };

static TOOL_RESPONSE: Message = Message {
    name: "ToolResponse",
    fields: &[("id", Type::Text), ("toolType", Type::Text), ("response", Type::Struct)],
};

/// The vendor runs all but functions itself; what such a tool is told is the vendor's own to check.
static TOOL: Message = Message {
    name: "Tool",
    fields: &[
        ("functionDeclarations", Type::List(&Type::Message(&FUNCTION_DECLARATION))),
        ("googleSearch", Type::Struct),
        ("googleSearchRetrieval", Type::Struct),
        ("codeExecution", Type::Struct),
        ("urlContext", Type::Struct),
        ("computerUse", Type::Struct),
        ("fileSearch", Type::Struct),
        ("googleMaps", Type::Struct),
        ("retrieval", Type::Struct),
        ("enterpriseWebSearch", Type::Struct),
        ("mcpServers", Type::List(&Type::Struct)),
    ],
};

static FUNCTION_DECLARATION: Message = Message {
    name: "FunctionDeclaration",
    fields: &[
        ("name", Type::Text),
        ("description", Type::Text),
        ("behavior", Type::Enum("Behavior", &["UNSPECIFIED", "BLOCKING", "NON_BLOCKING"])),
        ("parameters", Type::Message(&SCHEMA)),
        ("parametersJsonSchema", Type::Any),
        ("response", Type::Message(&SCHEMA)),
        ("responseJsonSchema", Type::Any),
    ],
};

static TOOL_CONFIG: Message = Message {
    name: "ToolConfig",
    fields: &[
        ("functionCallingConfig", Type::Message(&FUNCTION_CALLING_CONFIG)),
        ("retrievalConfig", Type::Struct),
        ("includeServerSideToolInvocations", Type::Bool),
    ],
};

static FUNCTION_CALLING_CONFIG: Message = Message {
    name: "FunctionCallingConfig",
    fields: &[
        ("mode", Type::Enum("Mode", &["MODE_UNSPECIFIED", "AUTO", "ANY", "NONE", "VALIDATED"])),
        ("allowedFunctionNames", TEXTS),
        ("streamFunctionCallArguments", Type::Bool),
    ],
};

static SAFETY_SETTING: Message = Message {
    name: "SafetySetting",
    fields: &[
        ("category", Type::Enum("HarmCategory", HARM_CATEGORIES)),
        ("threshold", Type::Enum("HarmBlockThreshold", THRESHOLDS)),
        ("method", Type::Enum("HarmBlockMethod", &["HARM_BLOCK_METHOD_UNSPECIFIED", "SEVERITY", "PROBABILITY"])),
    ],
};

static GENERATION_CONFIG: Message = Message {
    name: "GenerationConfig",
    fields: &[
        ("stopSequences", TEXTS),
        ("responseMimeType", Type::Text),
        ("responseSchema", Type::Message(&SCHEMA)),
        ("responseJsonSchema", Type::Any),
        ("_responseJsonSchema", Type::Any),
        ("responseFormat", Type::Any),
        ("responseModalities", Type::List(&Type::Enum("Modality", MODALITIES))),
        ("candidateCount", Type::Integer("TYPE_INT32")),
        ("maxOutputTokens", Type::Integer("TYPE_INT32")),
        ("temperature", Type::Number),
        ("topP", Type::Number),
        ("topK", Type::Number),
        ("seed", Type::Integer("TYPE_INT32")),
        ("presencePenalty", Type::Number),
        ("frequencyPenalty", Type::Number),
        ("responseLogprobs", Type::Bool),
        ("logprobs", Type::Integer("TYPE_INT32")),
        ("enableEnhancedCivicAnswers", Type::Bool),
        ("speechConfig", Type::Struct),
        ("thinkingConfig", Type::Message(&THINKING_CONFIG)),
        ("imageConfig", Type::Struct),
        ("mediaResolution", Type::Enum("MediaResolution", MEDIA_RESOLUTIONS)),
        ("audioTimestamp", Type::Bool),
        ("routingConfig", Type::Struct),
        ("modelSelectionConfig", Type::Struct),
    ],
};

static THINKING_CONFIG: Message = Message {
    name: "ThinkingConfig",
    fields: &[
        ("includeThoughts", Type::Bool),
        ("thinkingBudget", Type::Integer("TYPE_INT32")),
        ("thinkingLevel", Type::Enum("ThinkingLevel", THINKING_LEVELS)),
    ],
};

/// The subset of `OpenAPI` that schemas may use. Source: <https://ai.google.dev/api/caching#Schema>
static SCHEMA: Message = Message {
    name: "Schema",
    fields: &[
        ("type", Type::Enum("Type", TYPES)),
        ("format", Type::Text),
        ("title", Type::Text),
        ("description", Type::Text),
        ("nullable", Type::Bool),
        ("enum", TEXTS),
        ("maxItems", Type::Integer("TYPE_INT64")),
        ("minItems", Type::Integer("TYPE_INT64")),
        ("properties", Type::Map(&Type::Message(&SCHEMA))),
        ("required", TEXTS),
        ("minProperties", Type::Integer("TYPE_INT64")),
        ("maxProperties", Type::Integer("TYPE_INT64")),
        ("minLength", Type::Integer("TYPE_INT64")),
        ("maxLength", Type::Integer("TYPE_INT64")),
        ("pattern", Type::Text),
        ("example", Type::Any),
        ("anyOf", Type::List(&Type::Message(&SCHEMA))),
        ("propertyOrdering", TEXTS),
        ("default", Type::Any),
        ("items", Type::Message(&SCHEMA)),
        ("minimum", Type::Number),
        ("maximum", Type::Number),
    ],
};

// In the order of their numbers, which a request may use as well.

const TYPES: &[&str] = &["TYPE_UNSPECIFIED", "STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL"];

const HARM_CATEGORIES: &[&str] = &[
    "HARM_CATEGORY_UNSPECIFIED",
    "HARM_CATEGORY_DEROGATORY",
    "HARM_CATEGORY_TOXICITY",
    "HARM_CATEGORY_VIOLENCE",
    "HARM_CATEGORY_SEXUAL",
    "HARM_CATEGORY_MEDICAL",
    "HARM_CATEGORY_DANGEROUS",
    "HARM_CATEGORY_HARASSMENT",
    "HARM_CATEGORY_HATE_SPEECH",
    "HARM_CATEGORY_SEXUALLY_EXPLICIT",
    "HARM_CATEGORY_DANGEROUS_CONTENT",
    "HARM_CATEGORY_CIVIC_INTEGRITY",
    "HARM_CATEGORY_IMAGE_HATE",
    "HARM_CATEGORY_IMAGE_DANGEROUS_CONTENT",
    "HARM_CATEGORY_IMAGE_HARASSMENT",
    "HARM_CATEGORY_IMAGE_SEXUALLY_EXPLICIT",
    "HARM_CATEGORY_JAILBREAK",
];

const THRESHOLDS: &[&str] = &[
    "HARM_BLOCK_THRESHOLD_UNSPECIFIED",
    "BLOCK_LOW_AND_ABOVE",
    "BLOCK_MEDIUM_AND_ABOVE",
    "BLOCK_ONLY_HIGH",
    "BLOCK_NONE",
    "OFF",
];

const MODALITIES: &[&str] = &["MODALITY_UNSPECIFIED", "TEXT", "IMAGE", "AUDIO", "VIDEO"];

const OUTCOMES: &[&str] = &["OUTCOME_UNSPECIFIED", "OUTCOME_OK", "OUTCOME_FAILED", "OUTCOME_DEADLINE_EXCEEDED"];

const MEDIA_RESOLUTIONS: &[&str] =
    &["MEDIA_RESOLUTION_UNSPECIFIED", "MEDIA_RESOLUTION_LOW", "MEDIA_RESOLUTION_MEDIUM", "MEDIA_RESOLUTION_HIGH"];

const THINKING_LEVELS: &[&str] = &["THINKING_LEVEL_UNSPECIFIED", "LOW", "MEDIUM", "HIGH", "MINIMAL"];

const TASK_TYPES: &[&str] = &[
    "TASK_TYPE_UNSPECIFIED",
    "RETRIEVAL_QUERY",
    "RETRIEVAL_DOCUMENT",
    "SEMANTIC_SIMILARITY",
    "CLASSIFICATION",
    "CLUSTERING",
    "QUESTION_ANSWERING",
    "FACT_VERIFICATION",
    "CODE_RETRIEVAL_QUERY",
];
