//! Texts that the simulator is asked to repeat, of which it is known how many tokens it counts.

use super::random::Random;

/// Begins every text, so that a text that got into a log is found there.
pub(super) const MARK: &str = "quzzix";

/// Pieces with the tokens that the simulator counts for them: an optional run of white space with up to six ASCII
/// letters, up to two other letters, or one mark.
const PIECES: [(&str, u64); 12] = [
    (" north", 1),
    (" signal", 1),
    (" naïve", 3),
    (" 東京", 1),
    (" 🚂", 1),
    (" \"", 1),
    (" \\", 1),
    ("\n", 0),
    (" <", 1),
    ("\u{1}", 1),
    (" {}", 2),
    (".", 1),
];

/// What `echo: ` is counted as.
const ECHO_TOKENS: u64 = 2;
/// What the frame around a message is counted as.
const MESSAGE_TOKENS: u64 = 4;

/// A text and its length in tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Words {
    pub(super) text: String,
    pub(super) tokens: u64,
}

impl Words {
    /// So many pieces after the mark.
    pub(super) fn draw(random: &mut Random, pieces: u64) -> Self {
        let mut words = Self { text: MARK.to_owned(), tokens: 1 };
        for _ in 0..pieces {
            let (piece, tokens) = random.pick(PIECES);
            words.text.push_str(piece);
            words.tokens += tokens;
        }
        // White space alone is no token; before a word it belongs to it.
        words.text.push_str(" end");
        words.tokens += 1;
        words
    }

    /// What is asked, for this text to be the answer.
    pub(super) fn prompt(&self) -> String {
        format!("echo: {}", self.text)
    }

    /// What a prompt of only this is counted as.
    pub(super) fn prompt_tokens(&self) -> u64 {
        MESSAGE_TOKENS + ECHO_TOKENS + self.tokens
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_begins_with_its_mark_and_ends_with_a_word() {
        let words = Words::draw(&mut Random::of(1, 1), 20);
        assert!(words.text.starts_with(MARK) && words.text.ends_with(" end"));
        assert!(words.tokens >= 2);
        assert_eq!(words.prompt(), format!("echo: {}", words.text));
        assert_eq!(words.prompt_tokens(), words.tokens + 6);
    }
}
