//! Reasoning of one dialect on its way through a client of another, and back.
//!
//! A client gives reasoning back as it got it, in one opaque text: a signature, or a seal. What another dialect needs to
//! take its reasoning back (an id, a seal) is written into that text, with the dialect that it belongs to.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use switchtower_domain::{DialectId, Reasoning};

/// What such a text begins with.
pub const PREFIX: &str = "stw1.";

#[derive(Serialize, Deserialize)]
struct Carried {
    dialect: DialectId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signature: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sealed: Option<String>,
}

/// What the dialect of a reasoning needs to take it back, as one text. `None` where it needs nothing.
pub(crate) fn wrap(reasoning: &Reasoning, dialect: DialectId) -> Option<String> {
    let Reasoning { signature, sealed, id, .. } = reasoning;
    if [signature, sealed].into_iter().flatten().all(String::is_empty) {
        return None;
    }
    let carried = Carried { dialect, id: id.clone(), signature: signature.clone(), sealed: sealed.clone() };
    let json = serde_json::to_vec(&carried).ok()?;
    Some(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(json)))
}

/// The reasoning with what it carries of a dialect put back in its place; `None` where it carries nothing of it.
pub(crate) fn unwrap(reasoning: &Reasoning, dialect: DialectId) -> Option<Reasoning> {
    let text = [&reasoning.signature, &reasoning.sealed].into_iter().flatten().find(|text| is_carried(text))?;
    let json = URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX)?).ok()?;
    let carried: Carried = serde_json::from_slice(&json).ok()?;
    let words = reasoning.text.clone().or_else(|| reasoning.summary.clone());
    (carried.dialect == dialect).then(|| Reasoning {
        text: words,
        signature: carried.signature,
        sealed: carried.sealed,
        id: carried.id,
        ..Reasoning::default()
    })
}

/// Whether a signature or a seal is such a text.
pub(crate) fn is_carried(text: &str) -> bool {
    text.starts_with(PREFIX)
}

/// Whether a reasoning carries what belongs to another dialect.
pub(crate) fn carries(reasoning: &Reasoning) -> bool {
    [&reasoning.signature, &reasoning.sealed].into_iter().flatten().any(|text| is_carried(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn maybe() -> impl Strategy<Value = Option<String>> {
        prop::option::of("(?s).{0,9}")
    }

    proptest! {
        #[test]
        fn all_that_a_dialect_needs_comes_back_in_a_signature_and_in_a_seal(
            id in maybe(), signature in maybe(), sealed in maybe(), words in maybe(),
        ) {
            for own in crate::ALL {
                let given = Reasoning { id: id.clone(), signature: signature.clone(), sealed: sealed.clone(), ..Reasoning::default() };
                let needs = [&signature, &sealed].into_iter().flatten().any(|text| !text.is_empty());
                let text = wrap(&given, own.id());
                prop_assert_eq!(text.is_some(), needs);
                let Some(text) = text else { continue };
                let expected = Reasoning { text: words.clone(), ..given };
                for back in [
                    Reasoning { text: words.clone(), signature: Some(text.clone()), ..Reasoning::default() },
                    Reasoning { summary: words.clone(), sealed: Some(text), ..Reasoning::default() },
                ] {
                    prop_assert!(carries(&back));
                    for dialect in crate::ALL {
                        let own = dialect.id() == own.id();
                        prop_assert_eq!(unwrap(&back, dialect.id()), own.then(|| expected.clone()));
                    }
                }
            }
        }

        #[test]
        fn what_was_not_written_here_gives_nothing(text in prop_oneof!["(?s).{0,40}", "[A-Za-z0-9_-]{0,40}"]) {
            for signature in [text.clone(), format!("{PREFIX}{text}")] {
                let given = Reasoning { signature: Some(signature), ..Reasoning::default() };
                for dialect in crate::ALL {
                    prop_assert_eq!(unwrap(&given, dialect.id()), None);
                }
            }
        }
    }

    #[test]
    fn what_goes_out_comes_back_to_its_own_dialect_only() {
        let reasoning = Reasoning {
            id: Some("rs_1".into()),
            sealed: Some("gAAA".into()),
            summary: Some("so".into()),
            ..Reasoning::default()
        };
        let text = wrap(&reasoning, DialectId::OpenaiResponses).unwrap();
        let given = Reasoning { text: Some("so".into()), signature: Some(text), ..Reasoning::default() };
        assert!(carries(&given));
        let back = unwrap(&given, DialectId::OpenaiResponses).unwrap();
        assert_eq!(
            (back.id.as_deref(), back.sealed.as_deref(), back.text.as_deref()),
            (Some("rs_1"), Some("gAAA"), Some("so"))
        );
        assert_eq!(unwrap(&given, DialectId::AnthropicMessages), None);
        for broken in ["stw1.", "stw1.!!", "stw1.e30", "gAAA"] {
            let given = Reasoning { signature: Some(broken.into()), ..Reasoning::default() };
            assert_eq!(unwrap(&given, DialectId::OpenaiResponses), None, "{broken}");
        }
        assert_eq!(wrap(&Reasoning::default(), DialectId::OpenaiResponses), None);
    }
}
