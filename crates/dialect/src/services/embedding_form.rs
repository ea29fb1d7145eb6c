//! Embeddings in one of two forms, and what is lost on the way from one to the other.
//!
//! Most vendors took over the form of `OpenAI`; Cohere has one of its own.

use super::cohere_embed::CohereEmbed;
use super::openai_embeddings::{EmbeddingVariant, Embeddings};
use super::{NO_PLACE, Service as _};
use crate::{DecodeError, Encoded, Json};
use serde_json::Value;
use switchtower_domain::{DimensionsField, EmbeddingAnswer, EmbeddingRequest, Extras, Notice, VectorEncoding};

/// Whose wire format embeddings have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum EmbeddingForm {
    /// That of `OpenAI`, which most vendors took over.
    #[default]
    Openai,
    /// That of Cohere.
    Cohere,
}

/// A field of a request without which the answer would be another one than was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{path}' asks for embeddings that the provider's form cannot say: {expected}")]
pub struct Unsayable {
    /// The field.
    pub path: &'static str,
    /// What can be said.
    pub expected: &'static str,
}

/// What Cohere calls what vectors are for, and what others do.
const INPUT_TYPES: [(&str, &str); 2] = [("search_query", "query"), ("search_document", "document")];

impl EmbeddingForm {
    /// Reads a request.
    ///
    /// # Errors
    /// [`DecodeError`] names the path, what was expected there and what stood there.
    pub fn decode_request(self, body: Json<'_>) -> Result<EmbeddingRequest, DecodeError> {
        match self {
            Self::Openai => Embeddings::decode_request(body),
            Self::Cohere => CohereEmbed::decode_request(body),
        }
    }

    /// Writes a request for a vendor.
    pub fn encode_request(self, request: &EmbeddingRequest, variant: &EmbeddingVariant) -> Encoded {
        match self {
            Self::Openai => Embeddings::encode_request(request, variant),
            Self::Cohere => CohereEmbed::encode_request(request, &()),
        }
    }

    /// Reads an answer.
    ///
    /// # Errors
    /// [`DecodeError`] names the path, what was expected there and what stood there.
    pub fn decode_answer(self, body: Json<'_>) -> Result<EmbeddingAnswer, DecodeError> {
        match self {
            Self::Openai => Embeddings::decode_answer(body),
            Self::Cohere => CohereEmbed::decode_answer(body),
        }
    }

    /// Writes an answer.
    pub fn encode_answer(self, answer: &EmbeddingAnswer) -> Value {
        match self {
            Self::Openai => Embeddings::encode_answer(answer),
            Self::Cohere => CohereEmbed::encode_answer(answer),
        }
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
        if self == vendor.form {
            return Ok((request, notices));
        }
        match vendor.form {
            Self::Openai => to_openai(&mut request, vendor, &mut notices)?,
            Self::Cohere => to_cohere(&mut request, &mut notices)?,
        }
        let lost = request.extras.meaningful().map(|(name, _)| Notice::meaning(name, NO_PLACE));
        notices.extend(lost);
        request.extras = Extras::none();
        Ok((request, notices))
    }

    /// The answer as a client of another form gets it, with what is lost.
    pub fn told_to(
        self,
        form: Self,
        mut answer: EmbeddingAnswer,
        model: &str,
        notices: &mut Vec<Notice>,
    ) -> EmbeddingAnswer {
        if self == form {
            return answer;
        }
        let reason = "has no place in the form that the client expects";
        notices.extend(answer.extras.meaningful().map(|(name, _)| Notice::hint(name, reason)));
        answer.extras = Extras::none();
        for embedding in &mut answer.embeddings {
            embedding.extras = Extras::none();
        }
        match form {
            Self::Openai => answer.model = answer.model.or_else(|| Some(model.to_owned())),
            Self::Cohere => answer.id = answer.id.or_else(|| Some(String::new())),
        }
        answer
    }
}

fn to_openai(
    request: &mut EmbeddingRequest,
    vendor: &EmbeddingVariant,
    notices: &mut Vec<Notice>,
) -> Result<(), Unsayable> {
    let says = |name: &'static str| request.extras.meaningful().any(|(said, _)| said == name).then_some(name);
    if let Some(path) = says("images").or_else(|| says("inputs")) {
        return Err(Unsayable { path, expected: "texts" });
    }
    if let Some(path) = says("embedding_types") {
        return Err(Unsayable { path, expected: "one type, 'float' or 'base64'" });
    }
    request.dimensions_field = DimensionsField::Dimensions;
    let known = |word: &str| INPUT_TYPES.iter().find(|(own, _)| *own == word).map(|(_, other)| (*other).to_owned());
    let word = request.input_type.take();
    request.input_type = word.as_deref().filter(|_| vendor.input_type).and_then(known);
    if word.is_some() && !vendor.input_type {
        // Cohere's callers must say it, and vendors that do not know the word refuse it.
        notices.push(Notice::meaning("input_type", NO_PLACE));
    } else if word.is_some() && request.input_type.is_none() {
        notices.push(Notice::meaning("input_type", "a use by the name of one vendor means nothing to another"));
    }
    Ok(())
}

fn to_cohere(request: &mut EmbeddingRequest, notices: &mut Vec<Notice>) -> Result<(), Unsayable> {
    if matches!(request.encoding, Some(VectorEncoding::Other(_))) {
        return Err(Unsayable { path: "encoding_format", expected: "'float' or 'base64'" });
    }
    request.encoding.get_or_insert(VectorEncoding::Float);
    let known = |word: &str| INPUT_TYPES.iter().find(|(_, other)| *other == word).map(|(own, _)| (*own).to_owned());
    request.input_type = match request.input_type.take() {
        Some(word) => known(&word).or(Some(word)),
        None => {
            notices.push(Notice::meaning("input_type", "is needed; the texts are taken for documents to be found"));
            Some("search_document".to_owned())
        }
    };
    if request.user.take().is_some() {
        notices.push(Notice::hint("user", NO_PLACE));
    }
    Ok(())
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
            assert_eq!(told(EmbeddingForm::Cohere, EmbeddingForm::Openai, asked).unwrap_err().path, path);
        }
    }
}
