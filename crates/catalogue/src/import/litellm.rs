//! `LiteLLM`'s table of models. A flag that it leaves out is a fact that nobody stated; a list of modalities states those
//! that it leaves out as well, except for documents, for which it has no word.

use super::Imported;
use crate::{Catalogue, Modalities, Modality, ModelFacts, Serves};
use serde_json::{Map, Value};

/// Its names for providers, and the kinds that they are here.
const KINDS: [(&str, &str); 24] = [
    ("anthropic", "anthropic"),
    ("azure", "azure_openai"),
    ("azure_ai", "azure_openai"),
    ("baseten", "baseten"),
    ("cerebras", "cerebras"),
    ("dashscope", "alibaba"),
    ("deepseek", "deepseek"),
    ("fireworks_ai", "fireworks"),
    ("fireworks_ai-embedding-models", "fireworks"),
    ("gemini", "google"),
    ("gradient_ai", "digitalocean"),
    ("groq", "groq"),
    ("huggingface", "huggingface"),
    ("mistral", "mistral"),
    ("moonshot", "moonshot"),
    ("openai", "openai"),
    ("openrouter", "openrouter"),
    ("perplexity", "perplexity"),
    ("text-completion-openai", "openai"),
    ("together_ai", "together"),
    ("voyage", "voyage"),
    ("wandb", "coreweave"),
    ("xai", "xai"),
    ("zai", "zai"),
];

pub(super) fn import(data: &Value, source: &str, date: &str) -> Result<Imported, String> {
    let table = data.as_object().ok_or("the data must be an object with an entry for each model")?;
    let mut imported = Imported { catalogue: Catalogue::default(), left: 0 };
    for (key, entry) in table.iter().filter(|(key, _)| *key != "sample_spec") {
        let known = entry.as_object().and_then(|entry| read(key, entry));
        let Some((kind, model, facts)) = known else {
            imported.left += 1;
            continue;
        };
        // Of two entries for one model the first one holds: the others are of regions.
        if imported.catalogue.find(kind, model).is_none() {
            let source = match entry.get("source").and_then(Value::as_str) {
                Some(told) if told.starts_with("https://") && !told.contains('$') => format!("{source}: {told}"),
                _ => source.to_owned(),
            };
            imported.catalogue.add(kind, model, ModelFacts { source, date: date.to_owned(), ..facts });
        }
    }
    Ok(imported)
}

/// The kind that one of its providers is here.
pub(crate) fn kind_of(provider: &str) -> Option<&'static str> {
    KINDS.iter().find(|(theirs, _)| *theirs == provider).map(|(_, kind)| *kind)
}

fn read<'a>(key: &'a str, entry: &Map<String, Value>) -> Option<(&'static str, &'a str, ModelFacts)> {
    let provider = entry.get("litellm_provider")?.as_str()?;
    let kind = kind_of(provider)?;
    let model = key.strip_prefix(provider).and_then(|rest| rest.strip_prefix('/')).unwrap_or(key);
    // What is left with a slash after the provider of a region (`azure/eu/gpt-5`) is no name of a model there.
    if kind == "azure_openai" && model.contains('/') {
        return None;
    }
    let serves = match entry.get("mode")?.as_str()? {
        "chat" | "responses" => Serves::Answers,
        "embedding" => Serves::Embeddings,
        "rerank" => Serves::Rerank,
        "completion" => Serves::Completions,
        _ => return None,
    };
    let flag = |name: &str| entry.get(name).and_then(Value::as_bool);
    let count = |name: &str| entry.get(name).and_then(Value::as_u64).filter(|count| *count > 0);
    let facts = ModelFacts {
        serves: Some(serves),
        input: input(entry),
        output: modalities(entry.get("supported_output_modalities")),
        tools: flag("supports_function_calling"),
        parallel_tools: flag("supports_parallel_function_calling"),
        structured_output: flag("supports_response_schema"),
        reasoning: flag("supports_reasoning"),
        context_tokens: count("max_input_tokens"),
        output_tokens_max: if serves == Serves::Answers { count("max_output_tokens") } else { None },
        ..ModelFacts::default()
    };
    Some((kind, model, facts))
}

/// What a model takes: its list of modalities, and over it what the flags say.
fn input(entry: &Map<String, Value>) -> Modalities {
    let flags = [
        (Modality::Image, "supports_vision"),
        (Modality::Audio, "supports_audio_input"),
        (Modality::Video, "supports_video_input"),
        (Modality::Document, "supports_pdf_input"),
    ];
    let stated = flags.into_iter().filter_map(|(modality, flag)| Some((modality, entry.get(flag)?.as_bool()?)));
    // Every model of these modes takes text.
    let text = std::iter::once((Modality::Text, true));
    text.chain(modalities(entry.get("supported_modalities"))).chain(stated).collect()
}

/// A list of modalities.
fn modalities(list: Option<&Value>) -> Modalities {
    let listed = [Modality::Text, Modality::Image, Modality::Audio, Modality::Video];
    let Some(words) = list.and_then(Value::as_array).filter(|words| !words.is_empty()) else {
        return Modalities::new();
    };
    listed.into_iter().map(|modality| (modality, words.iter().any(|word| word == modality.as_str()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_stated_becomes_a_fact_and_nothing_else_does() {
        let data = json!({
            "sample_spec": {"mode": "chat"},
            "groq/a": {"litellm_provider": "groq", "mode": "chat", "supports_function_calling": false, "max_input_tokens": 8, "source": "https://a.example"},
            "b": {"litellm_provider": "openai", "mode": "chat", "supported_modalities": ["text", "image"], "supports_pdf_input": false},
            "c": {"litellm_provider": "openai", "mode": "embedding", "max_input_tokens": 8},
            "d": {"litellm_provider": "nobody", "mode": "chat"},
            "e": {"litellm_provider": "openai", "mode": "image_generation"},
            "azure/eu/f": {"litellm_provider": "azure", "mode": "chat", "max_input_tokens": 8},
        });
        let Imported { catalogue, left } = import(&data, "theirs", "2026-11-21").unwrap();
        assert_eq!((catalogue.len(), left), (3, 3));
        let a = catalogue.find("groq", "a").unwrap();
        assert_eq!((a.tools, a.reasoning, a.context_tokens), (Some(false), None, Some(8)));
        assert_eq!(a.takes(Modality::Image), None);
        assert_eq!(a.source, "theirs: https://a.example");
        let b = catalogue.find("openai", "b").unwrap();
        let takes = Modality::ALL.map(|modality| b.takes(modality));
        assert_eq!(takes, [Some(true), Some(true), Some(false), Some(false), Some(false)]);
        assert_eq!(catalogue.find("openai", "c").unwrap().serves, Some(Serves::Embeddings));
        assert!(import(&json!([]), "theirs", "2026-11-21").is_err());
    }
}
