//! One request as several, and their answers as one.

use super::{EmbeddingVariant, rewritten};
use crate::DecodeError;
use crate::services::embedding_form::LISTS;
use serde_json::Value;
use switchtower_domain::{
    Embedding, EmbeddingAnswer, EmbeddingRequest, Extras, ModelInput, Notice, Usage, Vector, VectorEncoding,
};

/// The request in pieces that the vendor takes, in order. There is always at least one.
pub fn split(request: EmbeddingRequest, variant: &EmbeddingVariant) -> Vec<EmbeddingRequest> {
    match variant.inputs_max {
        Some(max) if max > 0 && request.inputs.len() > max => {
            let pieces = request.inputs.chunks(max).enumerate();
            let piece = |(place, inputs): (usize, &[ModelInput])| {
                let extras = of_piece(&request.extras, place * max, inputs.len());
                EmbeddingRequest { inputs: inputs.to_vec(), single: false, extras, ..request.clone() }
            };
            pieces.map(piece).collect()
        }
        _ => vec![request],
    }
}

/// What is left of a request for some of its inputs: of what is said of single ones, that which is said of these.
fn of_piece(extras: &Extras, from: usize, count: usize) -> Extras {
    if !LISTS.iter().any(|list| extras.get(list).is_some()) {
        return extras.clone();
    }
    let cut = |(name, value): (&str, &Value)| match value {
        Value::Array(items) if LISTS.contains(&name) => {
            (name.to_owned(), items.iter().skip(from).take(count).cloned().collect())
        }
        value => (name.to_owned(), value.clone()),
    };
    Extras::new(extras.fields().map(cut).collect(), Vec::new())
}

/// The answers to the pieces as the answer to the whole: in order, numbered from 0, with the counts of tokens added up,
/// and every vector written as the caller wants it. `counts` says how many inputs each piece had.
///
/// # Errors
/// [`DecodeError`] where an answer has another number of vectors than its request had inputs, numbers two of them alike,
/// holds vectors of different lengths, or one that cannot be read.
pub fn join(
    answers: Vec<EmbeddingAnswer>,
    counts: &[usize],
    variant: &EmbeddingVariant,
    wanted: &VectorEncoding,
) -> Result<(EmbeddingAnswer, Vec<Notice>), DecodeError> {
    let mut notices = Vec::new();
    let alone = answers.len() == 1;
    let mut whole =
        EmbeddingAnswer { id: None, model: None, embeddings: Vec::new(), usage: None, extras: Extras::none() };
    for (answer, count) in answers.into_iter().zip(counts) {
        let first = whole.embeddings.is_empty();
        for (place, embedding) in in_order(answer.embeddings, *count)?.into_iter().enumerate() {
            let number = whole.embeddings.len() as u64;
            let vector = rewritten(embedding.vector, variant.elements, wanted, &format!("data[{place}].embedding"))?;
            let extras = constants_back(embedding.extras, &format!("data[{number}]"), alone, &mut notices);
            whole.embeddings.push(Embedding { index: Some(number), vector, extras });
        }
        if first {
            whole.id = answer.id;
            whole.model = answer.model;
            whole.extras = constants_back(answer.extras, "", alone, &mut notices);
        }
        add(&mut whole.usage, answer.usage);
    }
    let mut lengths = whole.embeddings.iter().map(|embedding| length(&embedding.vector));
    if let Some(first) = lengths.next()
        && lengths.any(|length| length != first)
    {
        return Err(wrong("vectors of one length"));
    }
    if let Some(usage) = &mut whole.usage {
        // All tokens of an embedding are input, so where one of the two counts is missing the other is it.
        usage.input = usage.input.or(usage.total);
        usage.total = usage.total.or(usage.input);
    }
    Ok((whole, notices))
}

/// The vectors by their numbers, which must be those of the inputs. Where none is numbered, the order counts.
fn in_order(embeddings: Vec<Embedding>, count: usize) -> Result<Vec<Embedding>, DecodeError> {
    if embeddings.len() != count {
        return Err(wrong("one vector for each input"));
    }
    if embeddings.iter().all(|embedding| embedding.index.is_none()) {
        return Ok(embeddings);
    }
    let mut sorted = embeddings;
    sorted.sort_by_key(|embedding| embedding.index);
    let numbered = sorted.iter().enumerate().all(|(place, embedding)| embedding.index == Some(place as u64));
    if numbered { Ok(sorted) } else { Err(wrong("vectors that are numbered as the inputs are")) }
}

fn wrong(expected: &'static str) -> DecodeError {
    DecodeError::Value { path: "data".to_owned(), expected }
}

/// How long a vector is; all are written alike by now.
const fn length(vector: &Vector) -> usize {
    match vector {
        Vector::Floats(numbers) => numbers.len(),
        Vector::Base64(text) => text.len(),
    }
}

/// What only the vendor says stays where there was one answer; of several there is no one place for it.
fn constants_back(mut extras: Extras, path: &str, alone: bool, notices: &mut Vec<Notice>) -> Extras {
    let names: Vec<String> = extras.meaningful().map(|(name, _)| name.to_owned()).collect();
    if !alone {
        let paths = names.iter().map(|name| if path.is_empty() { name.clone() } else { format!("{path}.{name}") });
        notices.extend(paths.map(|path| Notice::hint(path, "the answer was put together from several")));
        return Extras::none();
    }
    let kept = names.into_iter().filter_map(|name| extras.take(&name).map(|value| (name, value))).collect();
    Extras::new(kept, Vec::new())
}

fn add(sum: &mut Option<Usage>, usage: Option<Usage>) {
    let (Some(sum), Some(usage)) = (sum.as_mut(), usage.as_ref()) else {
        if sum.is_none() {
            *sum = usage;
        }
        return;
    };
    let plus = |one: Option<u64>, other: Option<u64>| match (one, other) {
        (Some(one), Some(other)) => Some(one.saturating_add(other)),
        (one, other) => one.or(other),
    };
    sum.input = plus(sum.input, usage.input);
    sum.output = plus(sum.output, usage.output);
    sum.total = plus(sum.total, usage.total);
    // What a vendor counts beyond tokens, such as cost, is not added up by somebody who does not know what it is.
    sum.extras = Extras::none();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::Service as _;
    use crate::services::openai_embeddings::Embeddings;
    use serde_json::json;

    fn request(inputs: usize) -> EmbeddingRequest {
        let texts: Vec<String> = (0..inputs).map(|number| format!("text {number}")).collect();
        Embeddings::decode_request(json!({"model": "m", "input": texts}).into()).unwrap()
    }

    fn answer(indices: &[u64], tokens: u64) -> EmbeddingAnswer {
        let data: Vec<Value> =
            indices.iter().map(|index| json!({"object": "embedding", "index": index, "embedding": [index]})).collect();
        let usage = json!({"total_tokens": tokens});
        Embeddings::decode_answer(json!({"object": "list", "data": data, "model": "m", "usage": usage}).into()).unwrap()
    }

    #[test]
    fn a_long_list_is_split_and_joined_in_order() {
        let variant = EmbeddingVariant { inputs_max: Some(2), ..EmbeddingVariant::default() };
        let pieces = split(request(5), &variant);
        let counts: Vec<usize> = pieces.iter().map(|piece| piece.inputs.len()).collect();
        assert_eq!(counts, [2, 2, 1]);
        let answers = vec![answer(&[1, 0], 3), answer(&[0, 1], 4), answer(&[0], 5)];
        let (whole, notices) = join(answers, &counts, &variant, &VectorEncoding::Float).unwrap();
        assert!(notices.is_empty());
        let written = Embeddings::encode_answer(&whole);
        let numbers: Vec<&Value> = written["data"].as_array().unwrap().iter().map(|one| &one["index"]).collect();
        assert_eq!(numbers, [0, 1, 2, 3, 4]);
        assert_eq!(written["data"][1]["embedding"], json!([1]));
        assert_eq!(written["usage"], json!({"prompt_tokens": 12, "total_tokens": 12}));
    }

    #[test]
    fn vectors_of_different_lengths_are_malformed() {
        let mut uneven = answer(&[0, 1], 1);
        uneven.embeddings[1].vector = Vector::Floats(Vec::new());
        assert!(join(vec![uneven], &[2], &EmbeddingVariant::default(), &VectorEncoding::Float).is_err());
    }

    #[test]
    fn a_wrong_count_and_a_wrong_number_are_malformed() {
        let variant = EmbeddingVariant::default();
        for indices in [&[0, 1, 2][..], &[0], &[0, 0], &[1, 2]] {
            assert!(join(vec![answer(indices, 1)], &[2], &variant, &VectorEncoding::Float).is_err(), "{indices:?}");
        }
    }
}
