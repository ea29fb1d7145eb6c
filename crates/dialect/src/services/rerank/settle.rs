//! An answer, held against its request and written as the caller asked.

use crate::DecodeError;
use std::cmp::Ordering;
use switchtower_domain::{Extras, RankedText, RankingAnswer, RankingForm, RankingRequest};

/// The best documents first, no more of them than were asked for, with their texts where they were asked for, by the
/// names of the caller's vendor.
///
/// # Errors
/// [`DecodeError`] where a result names no document of the request, two name the same, or some that were asked for are
/// not there.
pub fn settle(mut answer: RankingAnswer, request: &RankingRequest) -> Result<RankingAnswer, DecodeError> {
    let wrong = |expected| DecodeError::Value { path: "results".to_owned(), expected };
    let mut seen = vec![false; request.documents.len()];
    for result in &mut answer.results {
        let place = usize::try_from(result.index).unwrap_or(usize::MAX);
        let (Some(seen), Some(document)) = (seen.get_mut(place), request.documents.get(place)) else {
            return Err(wrong("results that name documents of the request"));
        };
        if std::mem::replace(seen, true) {
            return Err(wrong("results that name a document once"));
        }
        result.document = match (request.return_documents, request.form) {
            (Some(true), RankingForm::Data) => Some(RankedText::Plain(document.text().to_owned())),
            (Some(true), RankingForm::Results) => Some(as_object(document)),
            (Some(false), _) => None,
            (None, _) => result.document.take(),
        };
    }
    let all = request.documents.len();
    let wanted = request.top.and_then(|top| usize::try_from(top).ok()).map_or(all, |top| top.min(all));
    if answer.results.len() < wanted {
        return Err(wrong("a result for each document that was asked for"));
    }
    answer.results.sort_by(|one, other| by_score(&other.score, &one.score));
    answer.results.truncate(wanted);
    if let Some(usage) = &mut answer.usage {
        // All tokens of a ranking are input, so where one of the two counts is missing the other is it.
        usage.input = usage.input.or(usage.total);
        usage.total = usage.total.or(usage.input);
    }
    if answer.form != request.form {
        let names: Vec<String> = answer.extras.fields().map(|(name, _)| name.to_owned()).collect();
        let kept = names.into_iter().filter_map(|name| answer.extras.take(&name).map(|value| (name, value))).collect();
        let lacks = if request.form == RankingForm::Results { vec!["object".to_owned()] } else { Vec::new() };
        answer.extras = Extras::new(kept, lacks);
        answer.form = request.form;
    }
    Ok(answer)
}

fn as_object(document: &RankedText) -> RankedText {
    match document {
        RankedText::Plain(text) => RankedText::Object { text: text.clone(), fields: serde_json::Map::new() },
        object @ RankedText::Object { .. } => object.clone(),
    }
}

fn by_score(one: &serde_json::Number, other: &serde_json::Number) -> Ordering {
    one.as_f64().partial_cmp(&other.as_f64()).unwrap_or(Ordering::Equal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::Service as _;
    use crate::services::rerank::{RankingVariant, Rerank};
    use serde_json::{Value, json};

    fn settled(request: Value, answer: Value) -> Result<Value, DecodeError> {
        let request = Rerank::decode_request(request.into()).unwrap();
        settle(Rerank::decode_answer(answer.into()).unwrap(), &request).map(|answer| Rerank::encode_answer(&answer))
    }

    fn request() -> Value {
        json!({"model": "m", "query": "q", "documents": ["a", {"text": "b", "id": 7}], "top_n": 1, "return_documents": true})
    }

    #[test]
    fn the_best_come_first_by_the_names_of_the_caller() {
        let answer = json!({"object": "list", "data": [{"relevance_score": -2, "index": 0}, {"relevance_score": 0.5, "index": 1}],
            "model": "x", "usage": {"total_tokens": 4}});
        let told = json!({"model": "x", "results": [{"index": 1, "relevance_score": 0.5, "document": {"text": "b", "id": 7}}],
            "usage": {"prompt_tokens": 4, "total_tokens": 4}});
        assert_eq!(settled(request(), answer).unwrap(), told);
    }

    #[test]
    fn a_request_goes_out_by_the_names_of_the_vendor() {
        let variant =
            RankingVariant { form: Some(RankingForm::Data), document_objects: false, ..RankingVariant::default() };
        let sent = Rerank::encode_request(&Rerank::decode_request(request().into()).unwrap(), &variant);
        let body = json!({"model": "m", "query": "q", "documents": ["a", "b"], "top_k": 1, "return_documents": true});
        assert_eq!(sent.body, body);
        let paths: Vec<&str> = sent.notices.iter().map(|notice| notice.path.as_str()).collect();
        assert_eq!(paths, ["documents[1].id"]);
    }

    #[test]
    fn results_that_fit_no_document_are_malformed() {
        let result = |index: u64| json!({"index": index, "relevance_score": 1});
        for results in [json!([result(2)]), json!([result(0), result(0)]), json!([])] {
            assert!(settled(request(), json!({"results": results})).is_err(), "{results}");
        }
    }
}
