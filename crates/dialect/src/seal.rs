//! Signatures and seals where a dialect has bytes. On the wire they are in base64, and what another dialect needs to take its reasoning back is a
//! text of ours: it is written in base64 as well.

use crate::carried;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A signature as it stands on the wire.
pub(crate) fn written(signature: String) -> String {
    if carried::is_carried(&signature) { STANDARD.encode(signature) } else { signature }
}

/// A signature of the wire.
pub(crate) fn read(signature: String) -> String {
    // The beginning of ours in base64; no other text begins so.
    const BEGINNING: &str = "c3R3MS";
    if !signature.starts_with(BEGINNING) {
        return signature;
    }
    let text = STANDARD.decode(&signature).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    text.filter(|text| carried::is_carried(text)).unwrap_or(signature)
}

/// A seal that is a text in base64, as the text.
pub(crate) fn unwrapped(seal: &str) -> Option<String> {
    STANDARD.decode(seal).ok().and_then(|bytes| String::from_utf8(bytes).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ours_comes_back_and_what_is_googles_stays() {
        for text in ["stw1.", "stw1.abc", "stw1.eyJ4Ijox"] {
            let wire = written(text.to_owned());
            assert!(STANDARD.decode(&wire).is_ok());
            assert_eq!(read(wire), text);
        }
        for text in ["CiMBjz1rX25", "c3R3MS", ""] {
            assert_eq!(read(written(text.to_owned())), text);
        }
    }
}
