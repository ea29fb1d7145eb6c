//! Lists of models, as providers answer to the call that asks for theirs.
//!
//! - `OpenAI`, and who took over its form: <https://platform.openai.com/docs/api-reference/models/list>
//! - Anthropic: <https://platform.claude.com/docs/en/api/models/list>
//! - Google: <https://ai.google.dev/api/models#method:-models.list>
//! - Cohere: <https://docs.cohere.com/reference/list-models>
//! - Ollama: <https://github.com/ollama/ollama/blob/main/docs/api.md#list-local-models>

use crate::fields::{Fields, wrong_kind};
use crate::render::Object;
use crate::{DecodeError, Json};
use serde_json::Value;
use switchtower_domain::{DialectId, ListedModel, ModelListing};

/// Whose wire format a list has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListingForm {
    /// That of `OpenAI`.
    Openai,
    /// That of Anthropic.
    Anthropic,
    /// That of Google.
    Gemini,
    /// That of Cohere.
    Cohere,
    /// That of Ollama.
    Ollama,
}

/// The names that a form has; empty where it has none.
struct Names {
    list: &'static str,
    id: &'static str,
    name: &'static str,
    owner: &'static str,
    created: &'static str,
    context: &'static str,
    output: &'static str,
    /// What each model says that it is.
    kind: Option<(&'static str, &'static str)>,
}

/// What the names of Google's models begin with in lists.
const MODELS: &str = "models/";

impl ListingForm {
    /// Every form.
    pub const ALL: [Self; 5] = [Self::Openai, Self::Anthropic, Self::Gemini, Self::Cohere, Self::Ollama];

    /// The dialect of the errors that stand beside it.
    pub const fn dialect(self) -> DialectId {
        match self {
            Self::Openai => DialectId::OpenaiChat,
            Self::Anthropic => DialectId::AnthropicMessages,
            Self::Gemini => DialectId::GoogleGemini,
            Self::Cohere => DialectId::CohereChat,
            Self::Ollama => DialectId::OllamaChat,
        }
    }

    const fn names(self) -> Names {
        let openai = Names {
            list: "data",
            id: "id",
            name: "name",
            owner: "owned_by",
            created: "created",
            context: "context_length",
            output: "",
            kind: Some(("object", "model")),
        };
        match self {
            Self::Openai => openai,
            Self::Anthropic => Names {
                name: "display_name",
                owner: "",
                created: "",
                context: "max_input_tokens",
                output: "max_tokens",
                kind: Some(("type", "model")),
                ..openai
            },
            Self::Gemini => Names {
                list: "models",
                id: "name",
                name: "displayName",
                owner: "",
                created: "",
                context: "inputTokenLimit",
                output: "outputTokenLimit",
                kind: None,
            },
            Self::Cohere => Names {
                list: "models",
                id: "name",
                name: "",
                owner: "",
                created: "",
                context: "context_length",
                output: "",
                kind: None,
            },
            Self::Ollama => Names {
                list: "models",
                id: "model",
                name: "name",
                owner: "",
                created: "",
                context: "",
                output: "",
                kind: None,
            },
        }
    }

    /// Reads a list.
    ///
    /// # Errors
    /// [`DecodeError`] names the path, what was expected there and what stood there.
    pub fn decode(self, body: Json<'_>) -> Result<ModelListing, DecodeError> {
        let names = self.names();
        let mut fields = Fields::tolerant(body, "")?;
        if self == Self::Openai {
            fields.constant("object", "list");
        }
        let items = match fields.take(names.list) {
            Some(Json::Array(items)) => items,
            Some(other) => return Err(wrong_kind(names.list, "a list of models", &other)),
            None => return Err(DecodeError::Missing { path: names.list.to_owned() }),
        };
        let read = |(place, item)| self.model(&names, fields.beneath(item, &format!("{}[{place}]", names.list))?);
        let models = items.into_iter().enumerate().map(read).collect::<Result<_, _>>()?;
        let next = match self {
            Self::Anthropic if fields.peek("has_more").and_then(Json::as_bool) == Some(true) => {
                fields.string("last_id")?
            }
            Self::Gemini => fields.text("nextPageToken")?,
            Self::Cohere => fields.text("next_page_token")?,
            Self::Openai | Self::Anthropic | Self::Ollama => None,
        };
        Ok(ModelListing { models, next, extras: fields.rest() })
    }

    fn model(self, names: &Names, mut fields: Fields) -> Result<ListedModel, DecodeError> {
        if let Some((key, value)) = names.kind {
            fields.constant(key, value);
        }
        let mut id = fields.required_string(names.id)?;
        if self == Self::Gemini {
            match id.strip_prefix(MODELS).map(str::to_owned) {
                Some(bare) => id = bare,
                None => fields.lack(MODELS),
            }
        }
        let text = |fields: &mut Fields, key: &str| if key.is_empty() { Ok(None) } else { fields.string(key) };
        let count = |fields: &mut Fields, key: &str| if key.is_empty() { Ok(None) } else { fields.u64(key) };
        Ok(ListedModel {
            id,
            name: text(&mut fields, names.name)?,
            owner: text(&mut fields, names.owner)?,
            created: count(&mut fields, names.created)?,
            context_tokens: count(&mut fields, names.context)?,
            output_tokens_max: count(&mut fields, names.output)?,
            extras: fields.rest(),
        })
    }

    /// Writes a list.
    pub fn encode(self, listing: &ModelListing) -> Value {
        let names = self.names();
        let mut body = Object::new();
        if self == Self::Openai {
            body.constant("object", "list", &listing.extras);
        }
        let models = listing.models.iter().map(|model| self.written(&names, model));
        body.set(names.list, models.collect::<Vec<_>>());
        let next = listing.next.clone();
        match self {
            Self::Anthropic => body.maybe("last_id", next),
            Self::Gemini => body.maybe("nextPageToken", next),
            Self::Cohere => body.maybe("next_page_token", next),
            Self::Openai | Self::Ollama => {}
        }
        listing.extras.overlay(body.map_mut());
        body.into()
    }

    fn written(self, names: &Names, model: &ListedModel) -> Value {
        let mut object = Object::new();
        if let Some((key, value)) = names.kind {
            object.constant(key, value, &model.extras);
        }
        let prefix = if self == Self::Gemini && !model.extras.lacks(MODELS) { MODELS } else { "" };
        object.set(names.id, format!("{prefix}{}", model.id));
        let texts = [(names.name, model.name.clone()), (names.owner, model.owner.clone())];
        for (key, text) in texts.into_iter().filter(|(key, _)| !key.is_empty()) {
            object.maybe(key, text);
        }
        let counts = [
            (names.created, model.created),
            (names.context, model.context_tokens),
            (names.output, model.output_tokens_max),
        ];
        for (key, count) in counts.into_iter().filter(|(key, _)| !key.is_empty()) {
            object.maybe(key, count);
        }
        model.extras.overlay(object.map_mut());
        object.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use switchtower_domain::Extras;

    #[test]
    fn a_list_of_every_form_comes_back_and_says_where_it_goes_on() {
        let lists = [
            (
                ListingForm::Openai,
                json!({"object": "list", "data": [{"id": "m", "object": "model", "created": 7, "owned_by": "o", "x": null}]}),
                None,
            ),
            (
                ListingForm::Anthropic,
                json!({"data": [{"type": "model", "id": "m", "display_name": "M", "created_at": "t", "max_tokens": 9}], "has_more": true, "first_id": "m", "last_id": "m"}),
                Some("m"),
            ),
            (
                ListingForm::Anthropic,
                json!({"data": [{"type": "model", "id": "m"}], "has_more": false, "last_id": "m"}),
                None,
            ),
            (
                ListingForm::Gemini,
                json!({"models": [{"name": "models/m", "displayName": "M", "inputTokenLimit": 8}], "nextPageToken": "t"}),
                Some("t"),
            ),
            (
                ListingForm::Cohere,
                json!({"models": [{"name": "m", "context_length": 8, "endpoints": ["chat"]}], "next_page_token": ""}),
                None,
            ),
            (
                ListingForm::Ollama,
                json!({"models": [{"name": "m:latest", "model": "m", "size": 1, "details": {"family": "f"}}]}),
                None,
            ),
        ];
        for (form, body, next) in lists {
            let listing = form.decode(body.clone().into()).unwrap();
            assert_eq!((listing.models[0].id.as_str(), listing.next.as_deref()), ("m", next), "{form:?}");
            assert_eq!(form.encode(&listing), body, "{form:?}");
        }
    }

    #[test]
    fn what_is_no_list_is_refused_by_its_path() {
        for form in ListingForm::ALL {
            assert!(form.decode(json!({"error": "no"}).into()).is_err(), "{form:?}");
        }
        let nameless = ListingForm::Openai.decode(json!({"data": [{"object": "model"}]}).into()).unwrap_err();
        assert_eq!(nameless.path(), Some("data[0].id"));
    }

    #[test]
    fn names_are_told_in_every_form() {
        let model = ListedModel {
            id: "m".to_owned(),
            name: None,
            owner: None,
            created: None,
            context_tokens: Some(8),
            output_tokens_max: None,
            extras: Extras::none(),
        };
        let listing = ModelListing { models: vec![model], next: None, extras: Extras::none() };
        for form in ListingForm::ALL {
            let told = form.decode(form.encode(&listing).into()).unwrap();
            assert_eq!(told.models[0].id, "m", "{form:?}");
        }
    }
}
