//! Fuzz targets: each takes any bytes and checks that nothing panics and that the laws of its subject hold.
//!
//! With `cargo fuzz run TARGET` libFuzzer drives them. Built without it, each target is a small program that mutates
//! the fixtures of the dialects for a few seconds, from a seed: `cargo run --release --bin TARGET -- SECONDS SEED`.

use serde_json::Value;
use std::time::{Duration, Instant};
use switchtower_catalogue::Catalogue;
use switchtower_catalogue::prices::PriceList;
use switchtower_dialect::services::cohere_embed::CohereEmbed;
use switchtower_dialect::services::gemini_batch_embed::GeminiBatchEmbed;
use switchtower_dialect::services::gemini_embed::GeminiEmbed;
use switchtower_dialect::services::ollama_embed::OllamaEmbed;
use switchtower_dialect::services::ollama_embeddings::OllamaEmbeddings;
use switchtower_dialect::services::openai_completions::Completions;
use switchtower_dialect::services::openai_embeddings::{self, Elements, EmbeddingVariant, Embeddings};
use switchtower_dialect::services::openai_moderations::Moderations;
use switchtower_dialect::services::rerank::{self as reranking, Rerank};
use switchtower_dialect::services::vertex_predict::VertexPredict;
use switchtower_dialect::services::{EmbeddingForm, Service};
use switchtower_dialect::{
    ALL, Dialect, Form, ListingForm, Variant, WireEvent, chunks, dialect, event_stream as messages, json as trees,
    scan as scanning, schema as schemas, sse as events,
};
use switchtower_domain::{Amount, AnswerBuilder, DialectId, Secret, VectorEncoding, limits, mask_secrets};
use switchtower_ledger::checkpoint::{Checkpoint, Note, VerifyingKey};
use switchtower_ledger::journal::frame;
use switchtower_ledger::record::{Attempt, Closed, Counts, Entry, Lost, RequestId, Told};
use switchtower_portfolio::reconcile::{Bill, Columns, Reading, Reconciliation};
use switchtower_vault::{KeyFile, KeyName, Order, Part, Stored};

mod brief;

pub use brief::brief;

/// The reader accepts what the usual parser accepts, and reads the same.
pub fn json(data: &[u8]) {
    let own = trees::parse(data).ok().map(trees::Json::into_value);
    // The usual parser takes an object with a member of its own for a number or a text.
    if own.as_ref().is_some_and(|value| value.to_string().contains("$serde_json::private::")) {
        return;
    }
    let other = serde_json::from_slice::<Value>(data).ok();
    let texts = [&own, &other].map(|value| value.as_ref().map(Value::to_string));
    assert_eq!(texts[0], texts[1]);
}

/// The scan accepts only what the parser accepts, and its spans are the fields.
pub fn scan(data: &[u8]) {
    let Ok(found) = scanning::scan(data, 64) else { return };
    let Ok(Value::Object(parsed)) = serde_json::from_slice::<Value>(data) else {
        // Half of a surrogate pair is well-formed by the grammar and no text.
        assert!(data.windows(2).any(|pair| pair == b"\\u"), "the parser refuses what the scan accepts");
        return;
    };
    assert_eq!(found.fields.len(), parsed.len());
    for field in &found.fields {
        let key = String::from_utf8_lossy(&field.key);
        let value: Value = serde_json::from_slice(field.value).expect("a span is a value");
        assert_eq!(parsed.get(&*key), Some(&value));
    }
}

/// A splice changes what it names and nothing else.
pub fn splice(data: &[u8]) {
    let Ok(found) = scanning::scan(data, 64) else { return };
    let Ok(Value::Object(mut expected)) = serde_json::from_slice::<Value>(data) else { return };
    let mut splice = switchtower_dialect::splice::Splice::default();
    splice.set("model", "\"other\"");
    splice.remove("stream");
    expected.insert("model".to_owned(), Value::from("other"));
    expected.shift_remove("stream");
    let spliced = splice.apply(data, &found);
    assert_eq!(serde_json::from_slice::<Value>(&spliced).expect("still JSON"), Value::Object(expected));
}

/// Any cut gives the same events, and no byte is lost.
pub fn sse(data: &[u8]) {
    let read = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let mut reader = events::Reader::new(1 << 16);
        let mut raw = Vec::new();
        for piece in pieces {
            reader.push(piece);
            while let Ok(Some(event)) = reader.next_event() {
                raw.push(event);
            }
        }
        raw.extend(reader.rest());
        raw
    };
    let whole = read(&mut std::iter::once(data));
    let bytes: usize = whole.iter().map(|event| event.bytes.len()).sum();
    assert!(bytes <= data.len());
    let said = |raw: &[events::RawEvent]| -> Vec<_> {
        raw.iter().filter_map(|event| event.read().and_then(|parsed| parsed.to_wire())).collect()
    };
    assert_eq!(said(&whole), said(&read(&mut data.chunks(1))));
    assert!(whole.iter().filter(|event| event.is_foreign()).count() <= whole.len());
}

fn request(own: &dyn Dialect, data: &[u8]) {
    let Ok(message) = serde_json::from_slice::<Value>(data) else { return };
    let Ok(request) = own.decode_request(message.clone().into()) else { return };
    let same = own.encode_request(&request, &Variant::default());
    assert_eq!(same.body, message);
    assert!(same.notices.is_empty());
    for other in ALL {
        other.encode_request(&request, &Variant::default());
    }
}

fn answer(own: &dyn Dialect, data: &[u8]) {
    let Ok(message) = serde_json::from_slice::<Value>(data) else { return };
    let Ok(answer) = own.decode_answer(message.clone().into(), &Variant::default()) else { return };
    assert_eq!(own.encode_answer(&answer).body, message);
    for other in ALL {
        other.encode_answer(&answer);
    }
}

/// Whatever comes, an encoder that is given what the decoder read neither panics nor ends a stream twice.
fn stream(own: &dyn Dialect, data: &[u8]) {
    for other in ALL {
        let mut reader = events::Reader::new(limits::EVENT_BYTES_MAX);
        reader.push(data);
        let (mut decoder, mut encoder) = (own.stream_decoder(&Variant::default()), other.stream_encoder(true));
        let mut watch = own.stream_watch(&Variant::default());
        let mut builder = AnswerBuilder::new(own.id());
        let mut ends = 0;
        while let Ok(Some(raw)) = reader.next_event() {
            let Some(parsed) = raw.read() else { continue };
            drop(watch.look(parsed.name, parsed.data()));
            let Some(event) = parsed.to_wire() else { break };
            let Ok(frame) = decoder.decode(&event) else { break };
            for event in &frame.events {
                if builder.apply(event).is_err() {
                    return;
                }
            }
            let Ok(written) = encoder.encode(&frame) else { break };
            ends += written.iter().filter(|event| is_end(other.id(), event)).count();
        }
        assert!(ends <= 1);
        own.encode_answer(&builder.finish());
    }
}

/// Whether a client of a dialect takes an event for the end; events of others mean nothing to it.
fn is_end(client: DialectId, event: &WireEvent) -> bool {
    let body = serde_json::from_str::<Value>(&event.data).unwrap_or_default();
    let kind = body.get("type").and_then(Value::as_str);
    match client {
        DialectId::OpenaiChat => event.data == "[DONE]" && event.name.is_none(),
        DialectId::OpenaiResponses => matches!(kind, Some("response.completed" | "response.incomplete")),
        DialectId::AnthropicMessages => kind == Some("message_stop"),
        DialectId::CohereChat => event.data == "[DONE]",
        DialectId::OllamaChat => body.get("done") == Some(&Value::from(true)),
        // It has no event for the end.
        DialectId::GoogleGemini => false,
        DialectId::BedrockConverse => event.name.as_deref() == Some("messageStop"),
    }
}

/// Requests of Chat Completions.
pub fn openai_chat_request(data: &[u8]) {
    request(dialect(DialectId::OpenaiChat), data);
}

/// Answers of Chat Completions.
pub fn openai_chat_answer(data: &[u8]) {
    answer(dialect(DialectId::OpenaiChat), data);
}

/// Streams of Chat Completions.
pub fn openai_chat_stream(data: &[u8]) {
    stream(dialect(DialectId::OpenaiChat), data);
}

/// Requests of Messages.
pub fn anthropic_messages_request(data: &[u8]) {
    request(dialect(DialectId::AnthropicMessages), data);
}

/// Answers of Messages.
pub fn anthropic_messages_answer(data: &[u8]) {
    answer(dialect(DialectId::AnthropicMessages), data);
}

/// Streams of Messages.
pub fn anthropic_messages_stream(data: &[u8]) {
    stream(dialect(DialectId::AnthropicMessages), data);
}

/// Requests of Responses.
pub fn openai_responses_request(data: &[u8]) {
    request(dialect(DialectId::OpenaiResponses), data);
}

/// Answers of Responses.
pub fn openai_responses_answer(data: &[u8]) {
    answer(dialect(DialectId::OpenaiResponses), data);
}

/// Streams of Responses.
pub fn openai_responses_stream(data: &[u8]) {
    stream(dialect(DialectId::OpenaiResponses), data);
}

/// Requests of Gemini.
pub fn google_gemini_request(data: &[u8]) {
    request(dialect(DialectId::GoogleGemini), data);
}

/// Answers of Gemini.
pub fn google_gemini_answer(data: &[u8]) {
    answer(dialect(DialectId::GoogleGemini), data);
}

/// Streams of Gemini.
pub fn google_gemini_stream(data: &[u8]) {
    stream(dialect(DialectId::GoogleGemini), data);
}

/// Requests of Cohere.
pub fn cohere_chat_request(data: &[u8]) {
    request(dialect(DialectId::CohereChat), data);
}

/// Answers of Cohere.
pub fn cohere_chat_answer(data: &[u8]) {
    answer(dialect(DialectId::CohereChat), data);
}

/// Streams of Cohere.
pub fn cohere_chat_stream(data: &[u8]) {
    stream(dialect(DialectId::CohereChat), data);
}

/// Requests of Converse.
pub fn bedrock_converse_request(data: &[u8]) {
    request(dialect(DialectId::BedrockConverse), data);
}

/// Answers of Converse.
pub fn bedrock_converse_answer(data: &[u8]) {
    answer(dialect(DialectId::BedrockConverse), data);
}

/// Streams of Converse.
pub fn bedrock_converse_stream(data: &[u8]) {
    stream(dialect(DialectId::BedrockConverse), data);
}

/// Any cut of an AWS event stream gives the same messages, no byte of them is lost, and what is read is written again.
pub fn event_stream(data: &[u8]) {
    let read = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let mut reader = messages::Reader::new(limits::EVENT_BYTES_MAX);
        let mut found = Vec::new();
        for piece in pieces {
            reader.push(piece);
            loop {
                match reader.next_message() {
                    Ok(Some(message)) => found.push(message),
                    Ok(None) => break,
                    Err(_) => return found,
                }
            }
        }
        found
    };
    let whole = read(&mut std::iter::once(data));
    assert_eq!(read(&mut data.chunks(1)), whole);
    let bytes: Vec<u8> = whole.iter().flat_map(|message| message.bytes().to_vec()).collect();
    assert!(data.starts_with(&bytes));
    for message in &whole {
        let headers: Vec<_> = message.headers().iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        let mut written = Vec::new();
        messages::write(&headers, message.payload(), &mut written);
        assert_eq!(&written, message.bytes());
        let _ = (message.to_wire(), chunks::read(message));
    }
    // What is no message is one once it is framed.
    let mut framed = Vec::new();
    messages::write(&[], data, &mut framed);
    assert_eq!(read(&mut framed.chunks(7)).len(), 1);
}

/// Requests of Ollama.
pub fn ollama_chat_request(data: &[u8]) {
    request(dialect(DialectId::OllamaChat), data);
}

/// Answers of Ollama.
pub fn ollama_chat_answer(data: &[u8]) {
    answer(dialect(DialectId::OllamaChat), data);
}

/// Streams of Ollama.
pub fn ollama_chat_stream(data: &[u8]) {
    stream(dialect(DialectId::OllamaChat), data);
}

/// A catalogue that was read is written so that it reads as the same.
pub fn catalogue(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Ok(read) = Catalogue::parse(&text) else { return };
    let written = read.write();
    assert_eq!(Catalogue::parse(&written).unwrap_or_else(|error| panic!("{error}\n{written}")), read);
}

/// A list of prices that was read is written so that it reads as the same; what is wrong with another is told with its
/// place in it.
pub fn prices(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    match PriceList::parse(&text) {
        Ok(read) => {
            let written = read.write();
            assert_eq!(PriceList::parse(&written).unwrap_or_else(|errors| panic!("{errors:?}\n{written}")), read);
        }
        Err(mistakes) => {
            assert!(!mistakes.is_empty() && mistakes.iter().all(|one| one.at.is_none_or(|at| at <= text.len())))
        }
    }
}

/// A number that was read is told in digits that read as the same, wherever its point is moved.
pub fn amount(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for shift in [0, 6, -3] {
        if let Ok(amount) = Amount::parse_shifted(&text, shift) {
            assert_eq!(amount.to_string().parse(), Ok(amount));
        }
    }
}

/// A provider's bill that was read differs from an empty ledger by its rows alone, and each is told.
pub fn bill(data: &[u8]) {
    let named = Columns::named(&["cost=b".to_owned()]).unwrap_or_else(|error| panic!("{error}"));
    for columns in [Columns::default(), named] {
        let Ok(bill) = Bill::read(data, &Reading { columns, ..Reading::default() }) else { continue };
        let reconciliation = Reconciliation::new(bill);
        let differences = reconciliation.differences().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(differences.len(), reconciliation.rows());
        assert!(differences.iter().all(|difference| difference.field == "row" && difference.ledger.is_none()));
    }
}

/// An entry of the ledger that was read is written so that it reads as the same, and can be shown.
pub fn ledger_record(data: &[u8]) {
    let Ok(entry) = Entry::of_bytes(data) else { return };
    assert_eq!(Entry::of_bytes(&entry.to_bytes()).as_ref(), Ok(&entry));
    serde_json::to_string(&entry.to_json(0)).unwrap_or_else(|error| panic!("{error}: {entry:?}"));
}

/// Records that were read out of a journal's bytes are those bytes when they are written again.
pub fn ledger_frames(data: &[u8]) {
    let (mut rest, mut written) = (data, Vec::new());
    while let Ok(Some((record, after))) = frame::read(rest) {
        assert!(frame::write(record, &mut written));
        rest = after;
    }
    assert_eq!(written, data[..data.len() - rest.len()]);
    frame::found_later(rest);
}

/// Kept content that was read out of a file is those bytes when it is written again.
pub fn vault_items(data: &[u8]) {
    let mut written = Vec::new();
    for stored in Stored::all(data).map_while(Result::ok) {
        assert!(stored.write(&mut written));
    }
    assert_eq!(written, data[..written.len()]);
}

/// A file of a key, a name of one, and an order that were read are written as they were, or as what reads the same.
pub fn vault_keys(data: &[u8]) {
    if let Ok(file) = KeyFile::parse(data) {
        assert_eq!(KeyFile::parse(&file.to_bytes()).as_ref(), Ok(&file));
    }
    let text = String::from_utf8_lossy(data);
    if let Ok(name) = text.parse::<KeyName>() {
        assert_eq!(name.to_string(), text);
    }
    if let Some(order) = Order::parse(&text) {
        assert_eq!(order.text(), text);
    }
}

/// A signed note or a key that was read is written as it was, and a checkpoint stands at the beginning of its note.
pub fn ledger_note(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(note) = Note::parse(&text) {
        assert_eq!(note.to_string(), text);
        if let Ok(checkpoint) = Checkpoint::read(&note) {
            assert!(note.text.starts_with(&checkpoint.text()), "{note}");
        }
    }
    if let Ok(key) = VerifyingKey::parse(&text) {
        assert_eq!(key.to_string(), text.trim());
    }
}

/// What is read of a service's request or answer is written back as it was.
fn service<S: Service>(data: &[u8]) {
    let Ok(message) = serde_json::from_slice::<Value>(data) else { return };
    if let Ok(request) = S::decode_request(message.clone().into()) {
        assert_eq!(S::encode_request(&request, &S::Variant::default()).body, message);
    }
    if let Ok(answer) = S::decode_answer(message.clone().into()) {
        assert_eq!(S::encode_answer(&answer), message);
    }
}

/// Embeddings: also split, and joined in every encoding.
pub fn openai_embeddings(data: &[u8]) {
    service::<Embeddings>(data);
    let Ok(message) = serde_json::from_slice::<Value>(data) else { return };
    if let Ok(request) = Embeddings::decode_request(message.clone().into()) {
        let variant = EmbeddingVariant { inputs_max: Some(2), ..EmbeddingVariant::default() };
        let inputs = request.inputs.len();
        let pieces = openai_embeddings::split(request, &variant);
        assert_eq!(pieces.iter().map(|piece| piece.inputs.len()).sum::<usize>(), inputs);
    }
    if let Ok(answer) = Embeddings::decode_answer(message.into()) {
        let count = answer.embeddings.len();
        for elements in [Elements::Float32, Elements::Int8] {
            let variant = EmbeddingVariant { elements, ..EmbeddingVariant::default() };
            for wanted in [VectorEncoding::Float, VectorEncoding::Base64] {
                if let Ok((joined, _)) = openai_embeddings::join(vec![answer.clone()], &[count], &variant, &wanted) {
                    assert_eq!(joined.embeddings.len(), count);
                }
            }
        }
    }
}

/// Embeddings in the form of Cohere.
pub fn cohere_embed(data: &[u8]) {
    service::<CohereEmbed>(data);
}

/// Embeddings in every form: written back as they were, and told in each other form without a panic.
pub fn embedding_forms(data: &[u8]) {
    service::<GeminiEmbed>(data);
    service::<GeminiBatchEmbed>(data);
    service::<VertexPredict>(data);
    service::<OllamaEmbed>(data);
    service::<OllamaEmbeddings>(data);
    use EmbeddingForm::{Cohere, CohereFirst, Gemini, GeminiBatch, Ollama, OllamaFirst, Openai, Predict};
    let forms = [Openai, Cohere, CohereFirst, Gemini, GeminiBatch, Predict, Ollama, OllamaFirst];
    let Ok(message) = serde_json::from_slice::<Value>(data) else { return };
    for (from, to) in forms.into_iter().flat_map(|from| forms.into_iter().map(move |to| (from, to))) {
        let vendor = EmbeddingVariant { form: to, ..EmbeddingVariant::default() };
        if let Ok(request) = from.decode_request(message.clone().into())
            && let Ok((told, _)) = from.told_in(&vendor, request)
        {
            let _ = to.encode_request(&told, &vendor);
        }
        if let Ok(answer) = from.decode_answer(message.clone().into()) {
            let _ = to.encode_answer(&from.told_to(to, answer, "m", &mut Vec::new()));
        }
    }
}

/// Other forms of a dialect: whatever is read or told in one is taken without a panic.
pub fn forms(data: &[u8]) {
    let Ok(message) = serde_json::from_slice::<Value>(data) else { return };
    for form in [Form::Generate, Form::Nova] {
        let _ = form.request(message.clone());
        let _ = form.read(form.told(message.clone()));
    }
    let _ = switchtower_dialect::bedrock_converse::nova::is_spoken(&message);
}

/// Lists of models: written back as they were.
pub fn listings(data: &[u8]) {
    let Ok(message) = serde_json::from_slice::<Value>(data) else { return };
    for form in ListingForm::ALL {
        if let Ok(listing) = form.decode(message.clone().into()) {
            assert_eq!(form.encode(&listing), message);
        }
    }
}

/// Rankings: also held against a request.
pub fn rerank(data: &[u8]) {
    service::<Rerank>(data);
    let request = serde_json::json!({"model": "m", "query": "q", "documents": ["a", "b"], "return_documents": true});
    let Ok(request) = Rerank::decode_request(request.into()) else { return };
    let Ok(message) = serde_json::from_slice::<Value>(data) else { return };
    if let Ok(settled) = Rerank::decode_answer(message.into()).and_then(|answer| reranking::settle(answer, &request)) {
        assert_eq!(settled.results.len(), 2);
    }
}

/// Completions of bare text.
pub fn openai_completions(data: &[u8]) {
    service::<Completions>(data);
}

/// Moderations.
pub fn openai_moderations(data: &[u8]) {
    service::<Moderations>(data);
}

/// Errors of providers are always read, and written back as they were.
pub fn failures(data: &[u8]) {
    for own in ALL {
        let failure = own.decode_failure(500, data);
        if let Ok(body) = serde_json::from_slice::<Value>(data) {
            assert_eq!(own.encode_failure(&failure, own.id()), body);
        }
    }
}

/// A schema that was cut once needs no more cutting.
pub fn schema(data: &[u8]) {
    let Ok(schema) = serde_json::from_slice::<Value>(data) else { return };
    for target in [schemas::Target::openai(true), schemas::Target::anthropic(true)] {
        let cut = schemas::normalise(&schema, "s", &target, &mut Vec::new());
        let again = schemas::normalise(&cut, "s", &target, &mut Vec::new());
        assert_eq!(cut, again);
    }
}

/// A known secret is gone from any text.
pub fn secrets(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let secret = Secret::new("s3cr3t-value");
    let masked = mask_secrets(&format!("{text}s3cr3t-value{text}"), &[&secret]);
    assert!(!masked.contains("s3cr3t-value"));
}

/// Recorded exchanges.
pub fn recording(data: &[u8]) {
    drop(switchtower_sim::recording::Exchange::parse(&String::from_utf8_lossy(data)));
}

/// Faults and fault scripts, as people write them.
pub fn faults(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    drop(text.parse::<switchtower_sim::Faults>());
    drop(text.parse::<switchtower_sim::FaultScript>());
}

// The file itself, and not its crate: the roof would bring TLS into this workspace.
#[path = "../../crates/switchtower/src/server/proxy_protocol.rs"]
mod proxy_protocol;

/// A header of the PROXY protocol is within bounds, and what is decided stays decided however much follows.
pub fn proxy_header(data: &[u8]) {
    let begun = [b"\r\n\r\n\0\r\nQUIT\n".as_slice(), data].concat();
    for bytes in [data, &begun] {
        let first = proxy_protocol::parse(bytes);
        if let Ok(Some(header)) = first {
            assert!(header.length <= bytes.len() && header.length <= 16 + 2048);
            assert_eq!(proxy_protocol::parse(&bytes[..header.length]), first);
        }
        if first != Ok(None) {
            assert_eq!(proxy_protocol::parse(&[bytes, b"GET / HTTP/1.1\r\n"].concat()), first);
        }
    }
}
