//! An estimate of tokens that is the same for what comes in and what goes out.
//!
//! A piece is an optional run of white space followed by up to six letters or digits, by one mark, or by up to two
//! letters of a script other than ASCII. Concatenated, the pieces are the text again, so a stream sends pieces and the
//! usage counts them: both agree by construction.

/// Longest run of ASCII letters and digits in one piece; gives about four characters for each token in English.
const ASCII_RUN: usize = 6;
/// Longest run of other letters in one piece.
const OTHER_RUN: usize = 2;

/// What one image is counted as, whatever its size.
pub(crate) const IMAGE_TOKENS: u64 = 258;
/// What one audio clip or document without readable text is counted as.
pub(crate) const FILE_TOKENS: u64 = 640;
/// What the frame around one message is counted as.
pub(crate) const MESSAGE_TOKENS: u64 = 4;

/// The pieces of `text`, in order.
pub(crate) fn pieces(text: &str) -> Pieces<'_> {
    Pieces { left: text }
}

/// How many tokens `text` is estimated at.
pub(crate) fn count(text: &str) -> u64 {
    pieces(text).count() as u64
}

/// Iterator over the pieces of a text.
#[derive(Debug, Clone)]
pub(crate) struct Pieces<'a> {
    left: &'a str,
}

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        if self.left.is_empty() {
            return None;
        }
        let (piece, left) = self.left.split_at_checked(first_piece(self.left)).unwrap_or((self.left, ""));
        self.left = left;
        Some(piece)
    }
}

/// The length in bytes of the first piece of a text that is not empty.
fn first_piece(text: &str) -> usize {
    let mut run = 0;
    let mut ascii = true;
    for (at, letter) in text.char_indices() {
        if run == 0 {
            if letter.is_whitespace() {
                continue;
            }
            if !letter.is_alphanumeric() {
                return at + letter.len_utf8();
            }
            ascii = letter.is_ascii();
            run = 1;
            continue;
        }
        let longest = if ascii { ASCII_RUN } else { OTHER_RUN };
        if run == longest || !letter.is_alphanumeric() || letter.is_ascii() != ascii {
            return at;
        }
        run += 1;
    }
    text.len()
}

/// How long to reason for an effort. The lengths grow with the effort as real ones do, only much shorter.
pub(crate) fn of_effort(effort: &str) -> Option<u64> {
    match effort {
        "none" => None,
        "minimal" => Some(8),
        "low" => Some(16),
        "high" => Some(64),
        "xhigh" => Some(128),
        _ => Some(32),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn english_is_about_four_characters_a_token() {
        let text = "The station master opened the second window and listened to the quiet morning.";
        let ratio = text.len() as f64 / count(text) as f64;
        assert!((3.5..6.0).contains(&ratio), "{ratio}");
        assert_eq!(
            pieces("a  naïve café, 東京都").collect::<Vec<_>>(),
            ["a", "  na", "ï", "ve", " caf", "é", ",", " 東京", "都"]
        );
        assert_eq!(count(""), 0);
    }

    proptest! {
        #[test]
        fn pieces_are_the_text_again(text in "\\PC{0,60}[ \n]{0,3}") {
            prop_assert_eq!(pieces(&text).collect::<String>(), text);
        }
    }
}
