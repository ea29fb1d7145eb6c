//! The table of genai-prices, which states context windows.

use super::Imported;
use crate::{Catalogue, ModelFacts};
use serde_json::Value;

/// Its names for providers that are called otherwise here.
const RENAMED: [(&str, &str); 4] =
    [("azure", "azure_openai"), ("x-ai", "xai"), ("moonshotai", "moonshot"), ("huggingface_together", "huggingface")];
/// Its names for providers that are called the same here.
const KINDS: [&str; 12] = [
    "anthropic",
    "cerebras",
    "deepseek",
    "fireworks",
    "google",
    "groq",
    "mistral",
    "openai",
    "openrouter",
    "perplexity",
    "together",
    "zai",
];

pub(super) fn import(data: &Value, source: &str, date: &str) -> Result<Imported, String> {
    let providers = data.as_array().ok_or("the data must be a list of providers")?;
    let mut imported = Imported { catalogue: Catalogue::default(), left: 0 };
    for provider in providers {
        let id = provider.get("id").and_then(Value::as_str).unwrap_or_default();
        let kind = kind_of(id);
        for model in provider.get("models").and_then(Value::as_array).into_iter().flatten() {
            let window = model.get("context_window").and_then(Value::as_u64);
            let (Some(kind), Some(name), Some(window)) = (kind, model.get("id").and_then(Value::as_str), window) else {
                imported.left += 1;
                continue;
            };
            let facts = ModelFacts {
                context_tokens: Some(window),
                source: source.to_owned(),
                date: date.to_owned(),
                ..ModelFacts::default()
            };
            imported.catalogue.add(kind, name, facts);
        }
    }
    Ok(imported)
}

/// The kind that one of its providers is here.
pub(crate) fn kind_of(id: &str) -> Option<&'static str> {
    let renamed = RENAMED.iter().find(|(theirs, _)| *theirs == id).map(|(_, ours)| *ours);
    renamed.or_else(|| KINDS.into_iter().find(|kind| *kind == id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn context_windows_become_facts() {
        let data = json!([
            {"id": "x-ai", "models": [{"id": "grok", "context_window": 8}, {"id": "other"}]},
            {"id": "nobody", "models": [{"id": "m", "context_window": 8}]},
        ]);
        let Imported { catalogue, left } = import(&data, "theirs", "2026-11-21").unwrap();
        assert_eq!((catalogue.find("xai", "grok").unwrap().context_tokens, catalogue.len(), left), (Some(8), 1, 2));
        assert!(import(&json!({}), "theirs", "2026-11-21").is_err());
    }
}
