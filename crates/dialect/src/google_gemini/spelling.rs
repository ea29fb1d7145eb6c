//! Names of fields. Google's servers take each in two spellings, `inlineData` and `inline_data`, and its clients write
//! both, also within one request. Source: <https://protobuf.dev/programming-guides/json/>

use crate::Json;
use std::borrow::Cow;

/// Fields of more than one word. Source: <https://ai.google.dev/api/generate-content>
const KNOWN: [&str; 67] = [
    "systemInstruction",
    "generationConfig",
    "safetySettings",
    "toolConfig",
    "cachedContent",
    "serviceTier",
    "modelArmorConfig",
    "promptTemplateName",
    "responseTemplateName",
    "inlineData",
    "fileData",
    "mimeType",
    "fileUri",
    "displayName",
    "functionCall",
    "functionResponse",
    "partialArgs",
    "willContinue",
    "executableCode",
    "codeExecutionResult",
    "toolCall",
    "toolResponse",
    "toolType",
    "thoughtSignature",
    "videoMetadata",
    "startOffset",
    "endOffset",
    "mediaResolution",
    "partMetadata",
    "functionDeclarations",
    "parametersJsonSchema",
    "responseJsonSchema",
    "googleSearch",
    "googleSearchRetrieval",
    "dynamicRetrievalConfig",
    "googleMaps",
    "enterpriseWebSearch",
    "codeExecution",
    "computerUse",
    "urlContext",
    "fileSearch",
    "fileSearchStoreNames",
    "mcpServers",
    "functionCallingConfig",
    "allowedFunctionNames",
    "streamFunctionCallArguments",
    "retrievalConfig",
    "includeServerSideToolInvocations",
    "stopSequences",
    "responseMimeType",
    "responseSchema",
    "responseModalities",
    "candidateCount",
    "maxOutputTokens",
    "topP",
    "topK",
    "presencePenalty",
    "frequencyPenalty",
    "responseLogprobs",
    "speechConfig",
    "voiceConfig",
    "prebuiltVoiceConfig",
    "imageConfig",
    "thinkingConfig",
    "includeThoughts",
    "thinkingBudget",
    "thinkingLevel",
];

/// Fields whose value is the caller's own, names included.
const OWN: [&str; 12] = [
    "args",
    "response",
    "parameters",
    "parametersJsonSchema",
    "responseSchema",
    "responseJsonSchema",
    "labels",
    "metadata",
    "customMetadata",
    "partialArgs",
    "output",
    "code",
];

/// The same message with its fields spelt as Google's reference does.
pub fn usual(value: Json<'_>) -> Json<'_> {
    match value {
        Json::Object(members) => Json::Object(members.into_iter().map(field).collect()),
        Json::Array(items) => Json::Array(items.into_iter().map(usual).collect()),
        other => other,
    }
}

fn field<'a>((name, value): (Cow<'a, str>, Json<'a>)) -> (Cow<'a, str>, Json<'a>) {
    let spelt =
        if name.contains('_') { Some(camel(&name)).filter(|spelt| KNOWN.contains(&spelt.as_str())) } else { None };
    let name = spelt.map_or(name, Cow::Owned);
    let value = if OWN.contains(&&*name) { value } else { usual(value) };
    (name, value)
}

fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_are_spelt_alike_and_what_is_the_callers_stays() {
        let written = json!({"system_instruction": {"parts": [{"thought_signature": "a", "function_call": {"name": "f_g", "args": {"a_b": 1}}}]},
            "tools": [{"function_declarations": [{"parameters_json_schema": {"a_b": {}}}]}], "un_heard": 1});
        let spelt = json!({"systemInstruction": {"parts": [{"thoughtSignature": "a", "functionCall": {"name": "f_g", "args": {"a_b": 1}}}]},
            "tools": [{"functionDeclarations": [{"parametersJsonSchema": {"a_b": {}}}]}], "un_heard": 1});
        assert_eq!(usual(written.into()).into_value(), spelt);
    }
}
