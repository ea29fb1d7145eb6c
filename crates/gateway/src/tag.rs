//! Owner tags: what only an account can read says whose it is while a client keeps it, so that any replica knows the
//! owner without a database.
//!
//! A tag stands before the value: `stwo`, the owner in 16 hexadecimal digits, and in 16 more a seal over the owner, which is an
//! HMAC (RFC 2104) with SHA-256, cut to 64 bits. Its 36 letters are base64 for 27 whole bytes: a client that reads the
//! value as bytes and writes them again, in either alphabet, gives the tag back as it was. The value itself is left to
//! the seal that its maker gave it.

use crate::owner::{Owner, SealKey};
use memchr::memmem::{self, Finder};
use switchtower_dialect::{Belongs, Owned};

/// What a tag begins with.
const MARK: &str = "stwo";
const DIGITS: usize = 16;
const TAG_BYTES: usize = MARK.len() + 2 * DIGITS;

/// What a value that begins with a tag looks like in JSON.
pub(crate) const QUOTED_MARK: &[u8] = b"\"stwo";

/// A value that says whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tagged<'a> {
    /// Whose it is; `None` where another key sealed that, which is as good as unsaid.
    pub(crate) owner: Option<Owner>,
    tag: &'a str,
    rest: &'a str,
}

impl<'a> Tagged<'a> {
    /// Reads a value; `None` where it has no tag.
    pub(crate) fn read(key: &SealKey, value: &'a str) -> Option<Self> {
        let (tag, rest) = value.split_at_checked(TAG_BYTES)?;
        let digits = tag.strip_prefix(MARK)?;
        // Digits can be read that are written otherwise.
        if !digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
            return None;
        }
        let (owner, _) = digits.split_at_checked(DIGITS)?;
        let owner = Owner::of_digits(owner)?;
        Some(Self { owner: Some(owner).filter(|owner| written(key, *owner) == tag), tag, rest })
    }

    /// The value as its maker wrote it. A client may have put pieces together of which each was tagged.
    pub(crate) fn value(&self) -> String {
        self.rest.replace(self.tag, "")
    }

    /// Whose it is, for one account.
    pub(crate) fn belongs(&self, here: Owner) -> Belongs {
        match self.owner {
            Some(owner) if owner != here => Belongs::Elsewhere,
            Some(_) | None => Belongs::Here(self.value()),
        }
    }
}

/// The tag of an owner.
fn written(key: &SealKey, owner: Owner) -> String {
    let mut text = String::with_capacity(TAG_BYTES);
    text.push_str(MARK);
    owner.write_digits(&mut text);
    key.seal_owner(owner, DIGITS, &mut text);
    text
}

/// Tags the values of one answer, on their way to a client.
#[derive(Debug, Clone)]
pub(crate) struct Tagging {
    owned: &'static Owned,
    key: SealKey,
    owner: Owner,
    /// What answers are searched for, once there was one.
    signs: Option<Vec<Finder<'static>>>,
    /// The tag, once it was needed.
    tag: Option<String>,
    /// The block whose value was tagged last: only its first piece is.
    block: Option<u64>,
}

impl Tagging {
    pub(crate) const fn new(owned: &'static Owned, key: SealKey, owner: Owner) -> Self {
        Self { owned, key, owner, signs: None, tag: None, block: None }
    }

    /// The same whole answer or data of an event with its values tagged; `None` where there are none.
    pub(crate) fn tagged(&mut self, data: &[u8]) -> Option<Vec<u8>> {
        let owned = self.owned;
        let found = owned.of_answer(data, self.signs.get_or_insert_with(|| owned.signs()));
        if found.is_empty() {
            return None;
        }
        if let Some(block) = self.owned.block_of(data, &found)
            && self.block.replace(block) == Some(block)
        {
            return None;
        }
        let (key, owner) = (&self.key, self.owner);
        let tag = self.tag.get_or_insert_with(|| written(key, owner));
        let mut out = Vec::with_capacity(data.len() + found.len() * TAG_BYTES);
        let mut from = 0;
        for value in found {
            out.extend_from_slice(data.get(from..value.place.start)?);
            out.extend_from_slice(tag.as_bytes());
            from = value.place.start;
        }
        out.extend_from_slice(data.get(from..)?);
        Some(out)
    }
}

/// The bytes of a field with the tags of an owner taken out; `None` where one is of somebody else, or stands where it
/// cannot be told what it is.
pub(crate) fn untagged(owned: &Owned, key: &SealKey, here: Owner, field: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(field.len());
    let mut from = 0;
    for at in memmem::find_iter(field, QUOTED_MARK) {
        if !is_value_of(owned, field.get(..at)?) {
            continue;
        }
        let start = at + 1;
        let rest = field.get(start..)?;
        let end = start + memchr::memchr(b'"', rest)?;
        let text = std::str::from_utf8(field.get(start..end)?).ok()?;
        let Some(tagged) = Tagged::read(key, text) else { continue };
        let Belongs::Here(value) = tagged.belongs(here) else { return None };
        out.extend_from_slice(field.get(from..start)?);
        out.extend_from_slice(value.as_bytes());
        from = end;
    }
    out.extend_from_slice(field.get(from..)?);
    Some(out)
}

/// Whether what stands before a text is a name of such values. Within a text the quote would be escaped.
fn is_value_of(owned: &Owned, before: &[u8]) -> bool {
    let name = || {
        let rest = before.trim_ascii_end().strip_suffix(b":")?.trim_ascii_end().strip_suffix(b"\"")?;
        let from = memchr::memrchr(b'"', rest)?;
        rest.get(from + 1..)
    };
    name().is_some_and(|name| owned.is_named(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};
    use proptest::prelude::*;
    use switchtower_dialect::dialect;
    use switchtower_domain::{DialectId, Secret};

    fn key(text: &str) -> SealKey {
        SealKey::new(&Secret::new(text))
    }

    fn owner(byte: u8) -> Owner {
        Owner::of_digits(&format!("{byte:02x}").repeat(8)).unwrap()
    }

    fn tagging(id: DialectId) -> Tagging {
        Tagging::new(dialect(id).owned(), key("k"), owner(1))
    }

    fn told(tagging: &mut Tagging, data: &str) -> String {
        tagging.tagged(data.as_bytes()).map_or_else(|| data.to_owned(), |data| String::from_utf8(data).unwrap())
    }

    #[test]
    fn what_is_tagged_says_whose_it_is_under_its_key_only() {
        let tag = written(&key("k"), owner(1));
        assert_eq!(tag.len(), TAG_BYTES);
        assert_eq!(TAG_BYTES % 4, 0, "base64 goes by four letters");
        let value = format!("{tag}c2ln");
        let read = |under: &str| Tagged::read(&key(under), &value).map(|tagged| (tagged.owner, tagged.value()));
        assert_eq!(read("k"), Some((Some(owner(1)), "c2ln".to_owned())));
        // Under another key nobody vouches for the owner, and the value is as its maker wrote it.
        assert_eq!(read("other"), Some((None, "c2ln".to_owned())));
        for plain in ["", "c2ln", "stwo", &value.to_uppercase(), value.split_at(TAG_BYTES - 1).0, &format!("x{value}")]
        {
            assert_eq!(Tagged::read(&key("k"), plain), None, "{plain}");
        }
        let forged = value.replace("0101", "0202");
        assert_eq!(Tagged::read(&key("k"), &forged).unwrap().owner, None);
        assert_eq!(Tagged::read(&key("k"), &value).unwrap().belongs(owner(2)), Belongs::Elsewhere);
    }

    #[test]
    fn a_callers_own_words_stay_as_they_are() {
        for data in [
            r#"{"content":[{"type":"tool_use","input":{"signature":"mine","data":"redacted"}}]}"#,
            r#"{"content":[{"type":"text","text":"{\"signature\":\"a\"}"}],"container":null}"#,
            r#"{"content_block":{"type":"thinking","thinking":"","signature":""},"index":0}"#,
        ] {
            assert_eq!(tagging(DialectId::AnthropicMessages).tagged(data.as_bytes()), None, "{data}");
        }
        let owned = dialect(DialectId::AnthropicMessages).owned();
        let tag = written(&key("k"), owner(1));
        let field = format!(r#"[{{"text":"{tag}"}},{{"text":"\"signature\":\"{tag}"}}]"#);
        assert_eq!(untagged(owned, &key("k"), owner(1), field.as_bytes()).unwrap(), field.as_bytes());
    }

    #[test]
    fn a_value_in_pieces_is_tagged_once() {
        let mut tagging = tagging(DialectId::AnthropicMessages);
        let piece = |block: u8, text: &str| format!(r#"{{"index":{block},"delta":{{"signature":"{text}"}}}}"#);
        let tags = [piece(0, "a"), piece(0, "b"), piece(1, "c")].map(|data| told(&mut tagging, &data).contains(MARK));
        assert_eq!(tags, [true, false, true]);
        let cited = r#"{"index":2,"delta":{"citation":{"encrypted_index":"a"}}}"#;
        assert!([0; 2].map(|_| told(&mut tagging, cited).contains(MARK)) == [true; 2], "each is a value of its own");
    }

    /// What a client makes of a value: nothing, bytes and text again, or one value of pieces that were all tagged.
    fn through_a_client(value: &str, how: usize) -> String {
        match how {
            0 => value.to_owned(),
            1 => STANDARD.encode(STANDARD.decode(value).unwrap()),
            _ => URL_SAFE.encode(STANDARD.decode(value).unwrap()),
        }
    }

    proptest! {
        #[test]
        fn every_value_comes_back(bytes in prop::collection::vec(any::<u8>(), 1..60), how in 0_usize..3, by in 1_usize..40) {
            let value = STANDARD.encode(&bytes);
            let expected = through_a_client(&value, how);
            let owned = dialect(DialectId::GoogleGemini).owned();
            let answer = format!(r#"{{"candidates":[{{"content":{{"parts":[{{"text":"a","thoughtSignature":"{value}"}}]}}}}]}}"#);
            let told: serde_json::Value = serde_json::from_str(&told(&mut tagging(DialectId::GoogleGemini), &answer)).unwrap();
            let tagged = told["candidates"][0]["content"]["parts"][0]["thoughtSignature"].as_str().unwrap().to_owned();
            prop_assert_ne!(&tagged, &value);
            let given = format!(r#"[{{"parts":[{{"thoughtSignature" : "{}"}}]}}]"#, through_a_client(&tagged, how));
            let back = untagged(owned, &key("k"), owner(1), given.as_bytes()).unwrap();
            prop_assert_eq!(String::from_utf8(back).unwrap(), format!(r#"[{{"parts":[{{"thoughtSignature" : "{expected}"}}]}}]"#));
            prop_assert_eq!(untagged(owned, &key("k"), owner(2), given.as_bytes()), None);
            // The same in pieces, which a client puts together.
            let mut whole = String::new();
            let tag = written(&key("k"), owner(1));
            for piece in value.as_bytes().chunks(by) {
                whole.push_str(&tag);
                whole.push_str(std::str::from_utf8(piece).unwrap());
            }
            prop_assert_eq!(Tagged::read(&key("k"), &whole).unwrap().value(), value);
        }

        #[test]
        fn nothing_else_has_a_tag(text in ".{0,80}") {
            prop_assert_eq!(Tagged::read(&key("k"), &text), None);
        }
    }
}
