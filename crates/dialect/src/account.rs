//! What is on record of an answer that is passed on as it came, read on the side: usage, the model that answered, why it
//! stopped.
//!
//! A piece is searched for the names of these fields before it is read, so that most pieces of a stream cost a search.

use crate::fields::Fields;
use crate::scan::{Field, Scan, scan};
use crate::{DecodeError, Variant, json};
use memchr::memmem::Finder;
use switchtower_domain::{Account, StopReason, Usage};

/// Deeper than this no provider's answer nests.
const DEPTH_MAX: usize = 128;
/// How many objects stand around what is looked for.
const AROUND_MAX: usize = 2;
/// Longer names of models and marks of configurations are cut.
const NAME_CHARS_MAX: usize = 200;

/// Reads usage from an object that has its fields.
pub(crate) type ReadUsage = fn(&mut Fields<'_>, &Variant) -> Result<Option<Usage>, DecodeError>;

/// Where a dialect says what is on record of an answer: the same in whole answers and in events.
#[derive(Debug, Clone, Copy)]
pub struct Places {
    /// Objects around the others, in events.
    pub(crate) around: &'static [&'static str],
    /// The fields that usage is read from.
    pub(crate) usage: &'static [&'static str],
    /// How it is read.
    pub(crate) read_usage: ReadUsage,
    /// The model that answered.
    pub(crate) model: &'static str,
    /// The mark of the configuration that served it.
    pub(crate) fingerprint: &'static str,
    /// The class of service that it was served at, beside usage: a word, or an object with its `type`.
    pub(crate) tier: &'static str,
    /// The list of choices that the reason for stopping stands in, if it stands in one.
    pub(crate) choices: Option<&'static str>,
    /// The reason for stopping.
    pub(crate) stop: &'static str,
    /// What its words mean.
    pub(crate) stop_reason: fn(&str) -> Option<StopReason>,
    /// The fields of events that hold what a model generated.
    pub(crate) said: &'static [&'static str],
}

/// What a model said beyond this is not held for counting it, in bytes.
pub const SAID_BYTES_MAX: usize = 4 << 20;

/// Reads the account of one answer from its pieces.
#[derive(Debug)]
pub struct AccountReader {
    places: &'static Places,
    account: Account,
    /// What was said, for a provider that does not count it. It is held in memory until the answer has ended.
    said: String,
    /// What pieces are searched for, once there was one.
    searches: Option<Box<Searches>>,
}

/// Searches for the names of fields: making one costs more than searching a piece.
#[derive(Debug)]
struct Searches {
    told: Vec<Finder<'static>>,
    said: Vec<Finder<'static>>,
}

impl Searches {
    fn of(places: &'static Places) -> Self {
        let finder = |name: &&'static str| Finder::new(*name);
        let told = places.usage.iter().chain([&places.stop]).map(finder).collect();
        Self { told, said: places.said.iter().map(finder).collect() }
    }
}

impl AccountReader {
    /// A reader for a dialect.
    pub fn new(places: &'static Places) -> Self {
        Self { places, account: Account::default(), said: String::new(), searches: None }
    }

    /// Looks at a whole answer, or at the data of an event, as a vendor's variant of the dialect has it. What cannot be
    /// read says nothing.
    pub fn look(&mut self, data: &[u8], variant: &Variant) {
        self.hear(data);
        self.look_on(data, variant);
    }

    /// Looks at a whole answer. What was said is heard only where nobody counted it.
    pub fn look_at_whole(&mut self, data: &[u8], variant: &Variant) {
        self.look_on(data, variant);
        if self.account.usage.as_ref().is_none_or(|usage| usage.output.is_none()) {
            self.hear(data);
        }
    }

    /// The same of one that was scanned already.
    pub fn look_at_scanned(&mut self, data: &[u8], scan: &Scan<'_>, variant: &Variant) {
        self.read_scanned(scan, variant, AROUND_MAX);
        if self.account.usage.as_ref().is_none_or(|usage| usage.output.is_none()) {
            self.hear(data);
        }
    }

    fn hear(&mut self, data: &[u8]) {
        let places = self.places;
        let searches = self.searches.get_or_insert_with(|| Box::new(Searches::of(places)));
        for name in &searches.said {
            for text in texts_within(data, name) {
                if self.said.len() < SAID_BYTES_MAX {
                    self.said.push_str(&text);
                }
            }
        }
    }

    fn look_on(&mut self, data: &[u8], variant: &Variant) {
        let begins = self.account.model.is_none() && !self.places.model.is_empty();
        let says = |name: &Finder<'_>| {
            name.find_iter(data).any(|at| {
                let rest = data.get(at + name.needle().len()..).unwrap_or_default();
                // Most vendors repeat the names in every piece, with nothing to say.
                let value =
                    rest.strip_prefix(b"\"").map(<[u8]>::trim_ascii_start).and_then(|rest| rest.strip_prefix(b":"));
                value.is_some_and(|value| !value.trim_ascii_start().starts_with(b"null"))
            })
        };
        let places = self.places;
        let searches = self.searches.get_or_insert_with(|| Box::new(Searches::of(places)));
        if begins || searches.told.iter().any(says) {
            self.read(data, variant, AROUND_MAX);
        }
    }

    fn read(&mut self, data: &[u8], variant: &Variant, around: usize) {
        if let Ok(found) = scan(data.trim_ascii(), DEPTH_MAX) {
            self.read_scanned(&found, variant, around);
        }
    }

    fn read_scanned(&mut self, found: &Scan<'_>, variant: &Variant, around: usize) {
        let places = self.places;
        let usage: Vec<&Field<'_>> =
            found.fields.iter().filter(|field| is_one_of(field, places.usage) && field.value != b"null").collect();
        if !usage.is_empty() {
            self.used(&usage, variant);
        }
        for field in &found.fields {
            if is_one_of(field, places.around) && around > 0 {
                self.read(field.value, variant, around - 1);
            } else if *field.key == *places.model.as_bytes() && self.account.model.is_none() {
                self.account.model = text(field);
            } else if *field.key == *places.fingerprint.as_bytes() && field.value != b"null" {
                self.account.fingerprint = text(field);
            } else if *field.key == *places.tier.as_bytes() && field.value != b"null" {
                let tier = text(field).or_else(|| texts_within(field.value, &Finder::new("type")).next());
                self.account.tier(tier.map(|tier| cut(&tier)).as_deref());
            } else if self.account.stop.is_none() {
                self.stopped(field, variant);
            }
        }
    }

    fn used<'a>(&mut self, fields: &[&Field<'a>], variant: &Variant) {
        let member = |field: &&Field<'a>| Some((field.name()?.to_owned().into(), json::parse(field.value).ok()?));
        let members: Option<json::Members<'a>> = fields.iter().map(member).collect();
        let read = || {
            let mut fields = Fields::tolerant(json::Json::Object(members?), "").ok()?;
            (self.places.read_usage)(&mut fields, variant).ok()?
        };
        if let Some(usage) = read() {
            self.account.used(&usage);
        }
    }

    fn stopped(&mut self, field: &Field<'_>, variant: &Variant) {
        let places = self.places;
        let word = match places.choices {
            None if *field.key == *places.stop.as_bytes() => text(field),
            Some(choices) if *field.key == *choices.as_bytes() => word_within(field.value, places.stop),
            _ => None,
        };
        let own = word.as_ref().and_then(|word| variant.finish_reasons.get(word)).cloned();
        self.account.stop = own.or_else(|| (places.stop_reason)(word.as_deref()?));
    }

    /// What was said so far, as far as it is in events.
    pub fn take_said(&mut self) -> String {
        std::mem::take(&mut self.said)
    }

    /// What has been read, in the end.
    pub fn into_account(self) -> Account {
        self.account
    }

    /// What has been read.
    pub const fn account(&self) -> &Account {
        &self.account
    }
}

fn is_one_of(field: &Field<'_>, names: &[&str]) -> bool {
    names.iter().any(|name| *field.key == *name.as_bytes())
}

fn text(field: &Field<'_>) -> Option<String> {
    match field.as_plain() {
        Some(text) => Some(cut(text)),
        None => field.as_string().map(|text| cut(&text)),
    }
    .filter(|text| !text.is_empty())
}

fn cut(text: &str) -> String {
    // Nearly all of them are as they should be.
    if text.len() <= NAME_CHARS_MAX && text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return text.to_owned();
    }
    text.chars().filter(|letter| !letter.is_control()).take(NAME_CHARS_MAX).collect()
}

/// The texts under a name, unescaped. Within texts the name stands between escaped quotes only.
fn texts_within<'a>(data: &'a [u8], name: &'a Finder<'_>) -> impl Iterator<Item = String> + 'a {
    let behind = name.needle().len();
    let quoted_end =
        move |at: usize| data.get(at + behind..)?.strip_prefix(b"\"")?.trim_ascii_start().strip_prefix(b":");
    name.find_iter(data).filter_map(move |at| {
        let before = at.checked_sub(1).and_then(|at| data.get(at));
        let value = quoted_end(at).filter(|_| before == Some(&b'"'))?.trim_ascii_start();
        let mut texts = serde_json::Deserializer::from_slice(value).into_iter::<String>();
        texts.next()?.ok()
    })
}

/// The first text under a name within a list. Within texts the name stands between escaped quotes only.
fn word_within(list: &[u8], name: &str) -> Option<String> {
    memchr::memchr_iter(b'"', list).find_map(|quote| {
        let rest = list.get(quote + 1..)?.strip_prefix(name.as_bytes())?.strip_prefix(b"\"")?.trim_ascii_start();
        let word = rest.strip_prefix(b":")?.trim_ascii_start().strip_prefix(b"\"")?;
        let end = memchr::memchr(b'"', word)?;
        Some(cut(&String::from_utf8_lossy(word.get(..end)?)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ALL, dialect};
    use switchtower_domain::DialectId;

    fn told(id: DialectId, pieces: &[&str]) -> (Option<u64>, Option<u64>, Option<String>, Option<StopReason>) {
        let mut reader = AccountReader::new(dialect(id).account_places());
        pieces.iter().for_each(|piece| reader.look(piece.as_bytes(), &Variant::default()));
        let Account { usage, model, stop, .. } = reader.account().clone();
        let usage = usage.unwrap_or_default();
        (usage.input, usage.output, model, stop)
    }

    /// A dialect, a whole answer, the same in pieces, and the model and the reason that they tell of.
    type Case = (DialectId, &'static str, &'static [&'static str], Option<&'static str>, StopReason);

    #[test]
    fn each_dialect_is_read_whole_and_in_pieces() {
        let expected = |model: Option<&str>, stop: StopReason| (Some(7), Some(5), model.map(str::to_owned), Some(stop));
        let cases: [Case; 7] = [
            (
                DialectId::OpenaiChat,
                r#"{"model":"m","choices":[{"message":{"content":"\"finish_reason\":\"length\""},"finish_reason":"stop"}],"usage":{"prompt_tokens":7,"completion_tokens":5}}"#,
                &[
                    r#"{"model":"m","choices":[{"delta":{"content":"a"},"finish_reason":null}],"usage":null}"#,
                    r#"{"model":"m","choices":[{"delta":{},"finish_reason": "stop"}]}"#,
                    r#"{"model":"m","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":5}}"#,
                    "[DONE]",
                ],
                Some("m"),
                StopReason::EndTurn,
            ),
            (
                DialectId::OpenaiResponses,
                r#"{"model":"m","status":"completed","output":[],"usage":{"input_tokens":7,"output_tokens":5}}"#,
                &[
                    r#"{"type":"response.created","response":{"model":"m","status":"in_progress","usage":null}}"#,
                    r#"{"type":"response.completed","response":{"model":"m","status":"completed","usage":{"input_tokens":7,"output_tokens":5}}}"#,
                ],
                Some("m"),
                StopReason::EndTurn,
            ),
            (
                DialectId::AnthropicMessages,
                r#"{"model":"m","stop_reason":"tool_use","usage":{"input_tokens":4,"cache_read_input_tokens":3,"output_tokens":5}}"#,
                &[
                    r#"{"type":"message_start","message":{"model":"m","stop_reason":null,"usage":{"input_tokens":4,"cache_read_input_tokens":3,"output_tokens":1}}}"#,
                    r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"\"usage\":{}"}}"#,
                    r#"{"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":5}}"#,
                ],
                Some("m"),
                StopReason::ToolUse,
            ),
            (
                DialectId::GoogleGemini,
                r#"{"modelVersion":"m","candidates":[{"finishReason":"MAX_TOKENS"}],"usageMetadata":{"promptTokenCount":7,"candidatesTokenCount":2,"thoughtsTokenCount":3}}"#,
                &[
                    r#"{"modelVersion":"m","candidates":[{"content":{}}],"usageMetadata":{"promptTokenCount":7}}"#,
                    r#"{"modelVersion":"m","candidates":[{"finishReason":"MAX_TOKENS"}],"usageMetadata":{"promptTokenCount":7,"candidatesTokenCount":2,"thoughtsTokenCount":3}}"#,
                ],
                Some("m"),
                StopReason::MaxTokens,
            ),
            (
                DialectId::CohereChat,
                r#"{"finish_reason":"COMPLETE","usage":{"tokens":{"input_tokens":7,"output_tokens":5}}}"#,
                &[
                    r#"{"type":"message-end","delta":{"finish_reason":"COMPLETE","usage":{"tokens":{"input_tokens":7,"output_tokens":5}}}}"#,
                ],
                None,
                StopReason::EndTurn,
            ),
            (
                DialectId::BedrockConverse,
                r#"{"stopReason":"end_turn","usage":{"inputTokens":7,"outputTokens":5}}"#,
                &[r#"{"stopReason":"end_turn"}"#, r#"{"usage":{"inputTokens":7,"outputTokens":5}}"#],
                None,
                StopReason::EndTurn,
            ),
            (
                DialectId::OllamaChat,
                r#"{"model":"m","message":{},"done":true,"done_reason":"stop","prompt_eval_count":7,"eval_count":5}"#,
                &[
                    r#"{"model":"m","message":{"content":"a"},"done":false}"#,
                    r#"{"model":"m","message":{},"done":true,"done_reason":"stop","prompt_eval_count":7,"eval_count":5}"#,
                ],
                Some("m"),
                StopReason::EndTurn,
            ),
        ];
        assert_eq!(cases.len(), ALL.len());
        for (id, whole, pieces, model, stop) in cases {
            assert_eq!(told(id, &[whole]), expected(model, stop.clone()), "{id:?} whole");
            assert_eq!(told(id, pieces), expected(model, stop), "{id:?} in pieces");
        }
    }

    #[test]
    fn what_a_ranking_is_billed_is_read() {
        let mut reader = AccountReader::new(dialect(DialectId::CohereChat).account_places());
        let answer =
            r#"{"id":"r","results":[],"meta":{"api_version":{"version":"2"},"billed_units":{"search_units":2}}}"#;
        reader.look_at_whole(answer.as_bytes(), &Variant::default());
        let usage = reader.account().usage.clone().unwrap();
        assert_eq!(usage.extras.get("billed_units").unwrap().get("search_units").unwrap(), 2);
    }

    #[test]
    fn what_cannot_be_read_says_nothing() {
        for piece in ["", "usage", r#"{"usage":7}"#, r#"{"usage":{"prompt_tokens":-1}}"#, r#"["usage":{}"#] {
            assert_eq!(told(DialectId::OpenaiChat, &[piece]), (None, None, None, None), "{piece}");
        }
    }
}
