//! Embeddings in one of several forms, and what is lost on the way from one to another.
//!
//! Most vendors took over the form of `OpenAI`; Cohere, Google and Ollama have their own, two or three each. A request is
//! told in another form by way of what all of them know: texts, a length, a use, and whether long texts are cut.

use super::cohere_embed::{CohereEmbed, as_bare_lists};
use super::gemini_batch_embed::GeminiBatchEmbed;
use super::gemini_embed::GeminiEmbed;
use super::ollama_embed::OllamaEmbed;
use super::ollama_embeddings::OllamaEmbeddings;
use super::openai_embeddings::{EmbeddingVariant, Embeddings};
use super::vertex_predict::VertexPredict;
use super::{NO_PLACE, Service as _};
use crate::{DecodeError, Encoded, Json};
use serde_json::{Map, Value};
use switchtower_domain::{DimensionsField, EmbeddingAnswer, EmbeddingRequest, Extras, Notice, VectorEncoding};

/// Whose wire format embeddings have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum EmbeddingForm {
    /// That of `OpenAI`, which most vendors took over.
    #[default]
    Openai,
    /// That of Cohere.
    Cohere,
    /// That of Cohere's first version, in which vectors need not be told by the types of their numbers.
    CohereFirst,
    /// That of Gemini for one text.
    Gemini,
    /// That of Gemini for several.
    GeminiBatch,
    /// That of Vertex AI.
    Predict,
    /// That of Ollama.
    Ollama,
    /// That of Ollama for one text, which came first.
    OllamaFirst,
}

/// A field of a request without which the answer would be another one than was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{path}' asks for embeddings that the provider's form cannot say: {expected}")]
pub struct Unsayable {
    /// The field.
    pub path: String,
    /// What can be said.
    pub expected: &'static str,
}

impl Unsayable {
    fn new(path: impl Into<String>, expected: &'static str) -> Self {
        Self { path: path.into(), expected }
    }
}

/// What vectors are for, as those say it who have a word for it.
struct Purpose {
    openai: Option<&'static str>,
    cohere: Option<&'static str>,
    google: &'static str,
}

/// Sources: <https://docs.voyageai.com/reference/embeddings-api> for those who took over the form of `OpenAI`,
/// <https://docs.cohere.com/reference/embed>, <https://ai.google.dev/api/embeddings#v1beta.TaskType>
const PURPOSES: [Purpose; 4] = [
    Purpose { openai: Some("query"), cohere: Some("search_query"), google: "RETRIEVAL_QUERY" },
    Purpose { openai: Some("document"), cohere: Some("search_document"), google: "RETRIEVAL_DOCUMENT" },
    Purpose { openai: None, cohere: Some("classification"), google: "CLASSIFICATION" },
    Purpose { openai: None, cohere: Some("clustering"), google: "CLUSTERING" },
];

impl Purpose {
    const fn word(&self, form: EmbeddingForm) -> Option<&'static str> {
        match form {
            EmbeddingForm::Openai => self.openai,
            EmbeddingForm::Cohere | EmbeddingForm::CohereFirst => self.cohere,
            EmbeddingForm::Gemini | EmbeddingForm::GeminiBatch | EmbeddingForm::Predict => Some(self.google),
            EmbeddingForm::Ollama | EmbeddingForm::OllamaFirst => None,
        }
    }
}

impl EmbeddingForm {
    /// Reads a request.
    ///
    /// # Errors
    /// [`DecodeError`] names the path, what was expected there and what stood there.
    pub fn decode_request(self, body: Json<'_>) -> Result<EmbeddingRequest, DecodeError> {
        match self {
            Self::Openai => Embeddings::decode_request(body),
            Self::Cohere | Self::CohereFirst => CohereEmbed::decode_request(body),
            Self::Gemini => GeminiEmbed::decode_request(body),
            Self::GeminiBatch => GeminiBatchEmbed::decode_request(body),
            Self::Predict => VertexPredict::decode_request(body),
            Self::Ollama => OllamaEmbed::decode_request(body),
            Self::OllamaFirst => OllamaEmbeddings::decode_request(body),
        }
    }

    /// Writes a request for a vendor.
    pub fn encode_request(self, request: &EmbeddingRequest, variant: &EmbeddingVariant) -> Encoded {
        match self {
            Self::Openai => Embeddings::encode_request(request, variant),
            Self::Cohere | Self::CohereFirst => CohereEmbed::encode_request(request, &()),
            Self::Gemini => GeminiEmbed::encode_request(request, &()),
            Self::GeminiBatch => GeminiBatchEmbed::encode_request(request, &()),
            Self::Predict => VertexPredict::encode_request(request, &()),
            Self::Ollama => OllamaEmbed::encode_request(request, &()),
            Self::OllamaFirst => OllamaEmbeddings::encode_request(request, &()),
        }
    }

    /// Reads an answer.
    ///
    /// # Errors
    /// [`DecodeError`] names the path, what was expected there and what stood there.
    pub fn decode_answer(self, body: Json<'_>) -> Result<EmbeddingAnswer, DecodeError> {
        match self {
            Self::Openai => Embeddings::decode_answer(body),
            Self::Cohere | Self::CohereFirst => CohereEmbed::decode_answer(body),
            Self::Gemini => GeminiEmbed::decode_answer(body),
            Self::GeminiBatch => GeminiBatchEmbed::decode_answer(body),
            Self::Predict => VertexPredict::decode_answer(body),
            Self::Ollama => OllamaEmbed::decode_answer(body),
            Self::OllamaFirst => OllamaEmbeddings::decode_answer(body),
        }
    }

    /// Writes an answer.
    pub fn encode_answer(self, answer: &EmbeddingAnswer) -> Value {
        match self {
            Self::Openai => Embeddings::encode_answer(answer),
            Self::Cohere | Self::CohereFirst => CohereEmbed::encode_answer(answer),
            Self::Gemini => GeminiEmbed::encode_answer(answer),
            Self::GeminiBatch => GeminiBatchEmbed::encode_answer(answer),
            Self::Predict => VertexPredict::encode_answer(answer),
            Self::Ollama => OllamaEmbed::encode_answer(answer),
            Self::OllamaFirst => OllamaEmbeddings::encode_answer(answer),
        }
    }

    /// Whether the address of a request names the model, so that a request that is written anew need not.
    pub const fn is_addressed(self) -> bool {
        matches!(self, Self::Gemini | Self::Predict)
    }

    /// Whether a request can hold one text only.
    pub const fn is_of_one(self) -> bool {
        matches!(self, Self::Gemini | Self::OllamaFirst)
    }

    /// Whether vectors are numbers and nothing else.
    const fn tells_numbers_only(self) -> bool {
        !matches!(self, Self::Openai | Self::Cohere | Self::CohereFirst)
    }

    const fn is_coheres(self) -> bool {
        matches!(self, Self::Cohere | Self::CohereFirst)
    }

    /// The request as it is said in the form of a vendor, with what is lost.
    ///
    /// # Errors
    /// [`Unsayable`] where the answer would be another one than was asked for.
    pub fn told_in(
        self,
        vendor: &EmbeddingVariant,
        mut request: EmbeddingRequest,
    ) -> Result<(EmbeddingRequest, Vec<Notice>), Unsayable> {
        let mut notices = Vec::new();
        let form = vendor.form;
        if self == form || self.is_coheres() && form.is_coheres() {
            return Ok((request, notices));
        }
        self.check_sayable(&request, form)?;
        request.single = request.single && request.inputs.len() == 1;
        request.dimensions_field =
            if form.is_coheres() { DimensionsField::OutputDimension } else { DimensionsField::Dimensions };
        let known = form != Self::Openai || vendor.input_type;
        self.tell_purpose(&mut request, form, known, &mut notices);
        if form != Self::Openai && request.user.take().is_some() {
            notices.push(Notice::hint("user", NO_PLACE));
        }
        if matches!(form, Self::Gemini | Self::GeminiBatch) && request.truncation.take() == Some(false) {
            notices.push(Notice::meaning(self.truncation_path(), NO_PLACE));
        }
        if form.is_coheres() {
            request.encoding.get_or_insert(VectorEncoding::Float);
        } else if form.tells_numbers_only() {
            request.encoding = None;
        }
        notices.extend(self.left(&request.extras));
        request.extras = Extras::none();
        Ok((request, notices))
    }

    /// What asks for other vectors than the form of the vendor can ask for.
    fn check_sayable(self, request: &EmbeddingRequest, form: Self) -> Result<(), Unsayable> {
        let says = |name: &str| request.extras.meaningful().any(|(said, _)| said == name);
        match self {
            Self::Cohere | Self::CohereFirst => {
                if let Some(path) = ["images", "inputs"].into_iter().find(|path| says(path)) {
                    return Err(Unsayable::new(path, "texts"));
                }
                if says("embedding_types") {
                    return Err(Unsayable::new("embedding_types", "one type, 'float' or 'base64'"));
                }
            }
            Self::Openai if matches!(request.encoding, Some(VectorEncoding::Other(_))) => {
                return Err(Unsayable::new("encoding_format", "'float' or 'base64'"));
            }
            Self::GeminiBatch | Self::Predict => {
                for (path, name, _) in each_for_itself(&request.extras) {
                    if EACH_ALIKE.contains(&name.as_str()) {
                        return Err(Unsayable::new(path, "the same for all texts"));
                    }
                }
            }
            Self::Openai | Self::Gemini | Self::Ollama | Self::OllamaFirst => {}
        }
        if form == Self::OllamaFirst && request.dimensions.is_some() {
            return Err(Unsayable::new(self.dimensions_path(), "vectors as long as the model makes them"));
        }
        Ok(())
    }

    /// Says what the vectors are for in the word that the vendor has. `known` says whether it has any.
    fn tell_purpose(self, request: &mut EmbeddingRequest, form: Self, known: bool, notices: &mut Vec<Notice>) {
        let Some(word) = request.input_type.take() else {
            if form.is_coheres() {
                let reason = "is needed; the texts are taken for documents to be found";
                notices.push(Notice::meaning(self.purpose_path(), reason));
                request.input_type = Some("search_document".to_owned());
            }
            return;
        };
        if word == "TASK_TYPE_UNSPECIFIED" {
            return self.tell_purpose(request, form, known, notices);
        }
        let purpose = PURPOSES.iter().find(|purpose| purpose.word(self) == Some(word.as_str()));
        let told = purpose.and_then(|purpose| purpose.word(form)).filter(|_| known);
        // Words of one form that a caller of another uses all the same are the vendor's to understand.
        let own = PURPOSES.iter().any(|purpose| purpose.word(form) == Some(word.as_str()));
        request.input_type = match told {
            Some(told) => Some(told.to_owned()),
            None if known && (own || self == Self::Openai && form.is_coheres()) => Some(word),
            None => {
                let has_word = known && !matches!(form, Self::Ollama | Self::OllamaFirst);
                let reason =
                    if has_word { "a use by the name of one vendor means nothing to another" } else { NO_PLACE };
                notices.push(Notice::meaning(self.purpose_path(), reason));
                form.is_coheres().then(|| "search_document".to_owned())
            }
        };
    }

    const fn purpose_path(self) -> &'static str {
        match self {
            Self::Gemini => "taskType",
            Self::GeminiBatch => "requests[0].taskType",
            Self::Predict => "instances[0].task_type",
            Self::Openai | Self::Cohere | Self::CohereFirst | Self::Ollama | Self::OllamaFirst => "input_type",
        }
    }

    const fn truncation_path(self) -> &'static str {
        match self {
            Self::Predict => "parameters.autoTruncate",
            Self::Openai => "truncation",
            _ => "truncate",
        }
    }

    const fn dimensions_path(self) -> &'static str {
        match self {
            Self::Gemini => "outputDimensionality",
            Self::GeminiBatch => "requests[0].outputDimensionality",
            Self::Predict => "parameters.outputDimensionality",
            Self::Cohere | Self::CohereFirst => "output_dimension",
            Self::Openai | Self::Ollama | Self::OllamaFirst => "dimensions",
        }
    }

    /// The path of a text of a request.
    pub fn input_path(self, place: usize) -> String {
        match self {
            Self::Openai | Self::Ollama => format!("input[{place}]"),
            Self::Cohere | Self::CohereFirst => format!("texts[{place}]"),
            Self::Gemini => "content".to_owned(),
            Self::GeminiBatch => format!("requests[{place}].content"),
            Self::Predict => format!("instances[{place}].content"),
            Self::OllamaFirst => "prompt".to_owned(),
        }
    }

    /// What another form has no place for.
    fn left(self, extras: &Extras) -> Vec<Notice> {
        let notice = |name: &str, path: String| match name {
            // How long a server keeps a model changes no vector.
            "keep_alive" => Notice::hint(path, NO_PLACE),
            _ => Notice::meaning(path, NO_PLACE),
        };
        let apart = each_for_itself(extras).map(|(path, name, _)| notice(&name, path));
        let whole = extras.meaningful().filter(|(name, value)| {
            let listed = LISTS.contains(name) && value.is_array();
            // Ollama's clients always send settings, and often none.
            let empty = *name == "options" && value.as_object().is_some_and(Map::is_empty);
            !(listed || empty || *name == "content" && is_role_only(value))
        });
        let whole: Vec<Notice> = whole.map(|(name, _)| notice(name, name.to_owned())).collect();
        apart.chain(whole).collect()
    }

    /// The answer as a client of another form gets it, with what is lost.
    pub fn told_to(
        self,
        form: Self,
        mut answer: EmbeddingAnswer,
        model: &str,
        notices: &mut Vec<Notice>,
    ) -> EmbeddingAnswer {
        if self == form || self.is_coheres() && form == Self::Cohere {
            return answer;
        }
        let reason = "has no place in the form that the client expects";
        notices.extend(answer.extras.meaningful().map(|(name, _)| Notice::hint(name, reason)));
        answer.extras = Extras::none();
        for embedding in &mut answer.embeddings {
            embedding.extras = Extras::none();
        }
        let counted = answer.usage.as_ref().is_some_and(|usage| usage.input.or(usage.total).is_some());
        match form {
            Self::Openai | Self::Ollama => answer.model = answer.model.or_else(|| Some(model.to_owned())),
            Self::Cohere => answer.id = answer.id.or_else(|| Some(String::new())),
            Self::CohereFirst => {
                answer.id = answer.id.or_else(|| Some(String::new()));
                answer.extras = as_bare_lists();
            }
            Self::Gemini | Self::GeminiBatch => {}
            // Of several texts nobody knows which had how many tokens.
            Self::Predict if answer.embeddings.len() == 1 => {}
            Self::Predict | Self::OllamaFirst if counted => notices.push(Notice::hint("usage", reason)),
            Self::Predict | Self::OllamaFirst => {}
        }
        answer
    }
}

/// The lists of requests in which each text stands with what is said of it.
pub(super) const LISTS: [&str; 2] = ["requests", "instances"];
/// What is said of each text, and must be the same for all where it is said once.
const EACH_ALIKE: [&str; 4] = ["model", "taskType", "task_type", "outputDimensionality"];

/// What is said of single texts and of no other: path, name and value.
fn each_for_itself(extras: &Extras) -> impl Iterator<Item = (String, String, &Value)> {
    let lists = extras.meaningful().filter(|(name, _)| LISTS.contains(name));
    let elements = lists.flat_map(|(list, value)| {
        let items = value.as_array().into_iter().flatten().enumerate();
        items.filter_map(move |(place, item)| Some((format!("{list}[{place}]"), item.as_object()?)))
    });
    elements.flat_map(|(at, item)| {
        let said = item.iter().filter(|(name, value)| !(value.is_null() || *name == "content" && is_role_only(value)));
        said.map(move |(name, value)| (format!("{at}.{name}"), name.clone(), value))
    })
}

/// Whether nothing is left of a content but whose it is.
fn is_role_only(content: &Value) -> bool {
    content.as_object().is_some_and(|content| content.keys().all(|key| key == "role"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(from: EmbeddingForm, to: EmbeddingForm, body: Value) -> Result<(Value, Vec<String>), Unsayable> {
        let vendor = EmbeddingVariant { form: to, input_type: true, ..EmbeddingVariant::default() };
        let (request, notices) = from.told_in(&vendor, from.decode_request(body.into()).unwrap())?;
        let sent = to.encode_request(&request, &vendor);
        Ok((sent.body, notices.iter().map(ToString::to_string).collect()))
    }

    #[test]
    fn requests_are_told_in_the_other_form() {
        let asked = json!({"model": "m", "input": "a", "dimensions": 8, "input_type": "query", "truncation": false});
        let (sent, notices) = told(EmbeddingForm::Openai, EmbeddingForm::Cohere, asked).unwrap();
        let expected = json!({"model": "m", "texts": ["a"], "input_type": "search_query", "embedding_types": ["float"],
            "output_dimension": 8, "truncate": "NONE"});
        assert_eq!((sent.clone(), notices.len()), (expected, 0));
        let (back, notices) = told(EmbeddingForm::Cohere, EmbeddingForm::Openai, sent).unwrap();
        let expected = json!({"model": "m", "input": ["a"], "dimensions": 8, "encoding_format": "float",
            "input_type": "query", "truncation": false});
        assert_eq!((back, notices.len()), (expected, 0));
    }

    #[test]
    fn what_vectors_are_for_is_said_to_vendors_that_know_the_word() {
        let asked = json!({"model": "m", "texts": ["a"], "input_type": "search_query", "embedding_types": ["float"]});
        let request = EmbeddingForm::Cohere.decode_request(asked.into()).unwrap();
        let vendor = EmbeddingVariant::default();
        let (request, notices) = EmbeddingForm::Cohere.told_in(&vendor, request).unwrap();
        assert_eq!((request.input_type, notices.len()), (None, 1), "{notices:?}");
    }

    #[test]
    fn what_is_missing_and_what_is_lost_is_named() {
        let asked = json!({"model": "m", "input": ["a"], "user": "u", "x": 1});
        let (_, notices) = told(EmbeddingForm::Openai, EmbeddingForm::Cohere, asked).unwrap();
        assert_eq!(notices.len(), 3, "{notices:?}");
        for (asked, path) in [
            (json!({"model": "m", "images": ["data:image/png;base64,iVBO"], "input_type": "image"}), "images"),
            (json!({"model": "m", "texts": ["a"], "embedding_types": ["int8", "float"]}), "embedding_types"),
        ] {
            assert_eq!(told(EmbeddingForm::Cohere, EmbeddingForm::Openai, asked).unwrap_err().path.as_str(), path);
        }
    }

    #[test]
    fn a_text_reaches_every_form_and_comes_back() {
        use EmbeddingForm::{Cohere, Gemini, GeminiBatch, Ollama, Openai, Predict};
        let asked = [
            (Openai, json!({"model": "m", "input": ["a"], "dimensions": 8, "input_type": "query"})),
            (
                Cohere,
                json!({"model": "m", "texts": ["a"], "output_dimension": 8, "input_type": "search_query", "embedding_types": ["float"]}),
            ),
            (
                Gemini,
                json!({"model": "models/m", "content": {"parts": [{"text": "a"}]}, "taskType": "RETRIEVAL_QUERY", "outputDimensionality": 8}),
            ),
            (
                GeminiBatch,
                json!({"requests": [{"model": "models/m", "content": {"parts": [{"text": "a"}]}, "taskType": "RETRIEVAL_QUERY", "outputDimensionality": 8}]}),
            ),
            (
                Predict,
                json!({"instances": [{"content": "a", "task_type": "RETRIEVAL_QUERY"}], "parameters": {"outputDimensionality": 8}}),
            ),
            (Ollama, json!({"model": "m", "input": ["a"], "dimensions": 8})),
        ];
        for (from, body) in &asked {
            for (to, expected) in &asked {
                let (mut sent, notices) = told(*from, *to, body.clone()).unwrap();
                let mut expected = expected.clone();
                let purposeless = *from == Ollama && *to != Ollama || *to == Ollama && *from != Ollama;
                assert_eq!(
                    !notices.is_empty(),
                    purposeless && (*to == Ollama || *to == Cohere),
                    "{from:?} to {to:?}: {notices:?}"
                );
                // Nobody says what vectors are for to Ollama, so nobody else hears it from there.
                for body in [&mut sent, &mut expected] {
                    strip(body, purposeless);
                }
                assert_eq!(sent, expected, "{from:?} to {to:?}");
            }
        }
    }

    /// Leaves out what the address says, whether one text stood in a list, and, where nobody could say it, what for.
    fn strip(value: &mut Value, purposeless: bool) {
        match value {
            Value::Object(map) => {
                map.remove("model");
                map.remove("encoding_format");
                if purposeless {
                    for key in ["taskType", "task_type", "input_type"] {
                        map.remove(key);
                    }
                }
                if let Some(Value::String(text)) = map.get("input").cloned() {
                    map.insert("input".to_owned(), json!([text]));
                }
                map.values_mut().for_each(|value| strip(value, purposeless));
            }
            Value::Array(items) => items.iter_mut().for_each(|item| strip(item, purposeless)),
            _ => {}
        }
    }

    #[test]
    fn what_is_said_of_single_texts_is_named_or_refused() {
        let titled = json!({"requests": [
            {"model": "models/m", "content": {"parts": [{"text": "a"}], "role": "user"}, "title": "t"},
            {"model": "models/m", "content": {"parts": [{"text": "b"}]}}]});
        let (sent, notices) = told(EmbeddingForm::GeminiBatch, EmbeddingForm::Openai, titled).unwrap();
        assert_eq!(sent, json!({"model": "m", "input": ["a", "b"]}));
        assert_eq!(notices.len(), 1, "{notices:?}");
        assert!(notices[0].contains("requests[0].title"), "{notices:?}");
        let uneven = json!({"requests": [
            {"content": {"parts": [{"text": "a"}]}, "taskType": "CLUSTERING"}, {"content": {"parts": [{"text": "b"}]}}]});
        let refused = told(EmbeddingForm::GeminiBatch, EmbeddingForm::Cohere, uneven).unwrap_err();
        assert_eq!(refused.path, "requests[0].taskType");
        let similar = json!({"instances": [{"content": "a", "task_type": "FACT_VERIFICATION"}], "parameters": {"autoTruncate": false}});
        let (sent, notices) = told(EmbeddingForm::Predict, EmbeddingForm::Openai, similar).unwrap();
        assert_eq!((sent["truncation"].clone(), notices.len()), (json!(false), 1), "{notices:?}");
        let long = json!({"model": "m", "input": "a", "dimensions": 8});
        assert_eq!(told(EmbeddingForm::Openai, EmbeddingForm::OllamaFirst, long).unwrap_err().path, "dimensions");
    }

    #[test]
    fn an_answer_reaches_clients_of_every_form() {
        let answer = json!({"embeddings": [{"values": [0.5, 1e-3]}], "usageMetadata": {"promptTokenCount": 3}});
        let told = |form: EmbeddingForm| {
            let answer = EmbeddingForm::GeminiBatch.decode_answer(answer.clone().into()).unwrap();
            let mut notices = Vec::new();
            let told = EmbeddingForm::GeminiBatch.told_to(form, answer, "m", &mut notices);
            (form.encode_answer(&told), notices.len())
        };
        let vector = json!([0.5, 1e-3]);
        let expected = [
            (
                EmbeddingForm::Openai,
                json!({"object": "list", "data": [{"object": "embedding", "embedding": vector}], "model": "m", "usage": {"prompt_tokens": 3}}),
                0,
            ),
            (
                EmbeddingForm::Cohere,
                json!({"response_type": "embeddings_by_type", "id": "", "embeddings": {"float": [vector]}, "meta": {"billed_units": {"input_tokens": 3}}}),
                0,
            ),
            (
                EmbeddingForm::CohereFirst,
                json!({"response_type": "embeddings_floats", "id": "", "embeddings": [vector], "meta": {"billed_units": {"input_tokens": 3}}}),
                0,
            ),
            (
                EmbeddingForm::Gemini,
                json!({"embedding": {"values": vector}, "usageMetadata": {"promptTokenCount": 3}}),
                0,
            ),
            (
                EmbeddingForm::Predict,
                json!({"predictions": [{"embeddings": {"values": vector, "statistics": {"token_count": 3}}}]}),
                0,
            ),
            (EmbeddingForm::Ollama, json!({"model": "m", "embeddings": [vector], "prompt_eval_count": 3}), 0),
            (EmbeddingForm::OllamaFirst, json!({"embedding": vector}), 1),
        ];
        for (form, body, notices) in expected {
            assert_eq!(told(form), (body, notices), "{form:?}");
        }
    }
}
