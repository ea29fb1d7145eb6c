//! `POST …/models/MODEL:embedContent` and `:batchEmbedContents`, <https://ai.google.dev/api/embeddings>.

use super::Given;
use crate::check::{Object, items, text};
use crate::dialects::google_gemini;
use crate::embed;
use crate::failure::{Complaint, Failure, Place};
use serde_json::{Value, json};

const REQUESTS_MAX: usize = 100;
/// The most dimensions of a vector, and how many it has where nobody says.
const DIMENSIONS_MAX: u64 = 3_072;

pub(super) fn one(body: &Object, given: &Given<'_>) -> Result<Value, Failure> {
    let request = google_gemini::read_embed(body, given.strictness)?;
    Ok(json!({"embedding": embedded(&Place::root(), &request, given)?}))
}

pub(super) fn batch(body: &Object, given: &Given<'_>) -> Result<Value, Failure> {
    let body = google_gemini::read_batch_embed(body, given.strictness)?;
    let at = Place::root().key("requests");
    let requests = items(&body, "requests");
    if requests.len() > REQUESTS_MAX {
        let message =
            format!("* BatchEmbedContentsRequest.requests: at most {REQUESTS_MAX} requests can be in one batch\n");
        return Err(at.says(message).into());
    }
    let mut vectors = Vec::with_capacity(requests.len());
    for (index, request) in requests.iter().enumerate() {
        let at = at.index(index);
        let request = crate::check::object(&at, request)?;
        // Each repeats the model of the address.
        let bare = given.model.split('?').next();
        let named = text(request, "model").and_then(|model| model.strip_prefix("models/"));
        if named != Some(given.model) && named != bare {
            let message =
                format!("* BatchEmbedContentsRequest.{}.model: unexpected model name format\n", at.bracketed());
            return Err(at.key("model").says(message).into());
        }
        vectors.push(embedded(&at, request, given)?);
    }
    Ok(json!({"embeddings": vectors}))
}

fn embedded(at: &Place, request: &Object, given: &Given<'_>) -> Result<Value, Complaint> {
    let content = request.get("content").and_then(Value::as_object);
    let parts = content.map_or(&[][..], |content| items(content, "parts"));
    if parts.is_empty() {
        return Err(at.key("content").says("* EmbedContentRequest.content: contents is not specified\n"));
    }
    let dimensions = request.get("outputDimensionality").and_then(Value::as_i64);
    let dimensions = match dimensions.map(u64::try_from) {
        None => DIMENSIONS_MAX,
        Some(Ok(dimensions @ 1..=DIMENSIONS_MAX)) => dimensions,
        Some(_) => {
            let message =
                format!("* EmbedContentRequest.output_dimensionality: must be in the range [1, {DIMENSIONS_MAX}].\n");
            return Err(at.key("output_dimensionality").says(message));
        }
    };
    // What is no text counts as it is written.
    let words: Vec<String> = parts
        .iter()
        .map(|part| part.get("text").and_then(Value::as_str).map_or_else(|| part.to_string(), str::to_owned))
        .collect();
    let model = given.model.split('?').next().unwrap_or_default();
    let vector = embed::vector(given.seed, model, &words.join(" "), usize::try_from(dimensions).unwrap_or(1));
    Ok(json!({"values": vector}))
}
