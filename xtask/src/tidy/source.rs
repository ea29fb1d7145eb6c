//! Just enough of Rust's grammar to know which module mentions which.

/// A word, `::` or a single mark, outside of comments and literals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) text: String,
    pub(super) line: usize,
}

impl Token {
    fn is(&self, text: &str) -> bool {
        self.text == text
    }

    fn is_word(&self) -> bool {
        self.text.starts_with(|first: char| first.is_alphabetic() || first == '_')
    }
}

/// A path as written, with groups taken apart: `a::{b, c as d}` gives `a::b` and `a::c`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mention {
    pub(super) path: Vec<String>,
    /// The name after `as`.
    pub(super) alias: Option<String>,
    pub(super) line: usize,
}

/// The tokens of a file without what is compiled for tests only.
pub(super) fn product_tokens(text: &str) -> Vec<Token> {
    without_tests(&tokens(text))
}

/// Paths that begin with `crate` or `super`, wherever they stand.
pub(super) fn mentions(tokens: &[Token]) -> Vec<Mention> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let starts = (token.is("crate") || token.is("super")) && next_is(tokens, at + 1, "::");
        if starts {
            at = leaves(tokens, at, &[], &mut found);
        } else {
            at += 1;
        }
    }
    found
}

/// Paths that `use` items name.
pub(super) fn uses(tokens: &[Token]) -> Vec<Mention> {
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        if token.is("use") {
            leaves(tokens, at + 1, &[], &mut found);
        }
    }
    found
}

fn next_is(tokens: &[Token], at: usize, text: &str) -> bool {
    tokens.get(at).is_some_and(|token| token.is(text))
}

/// Collects the paths of the tree that starts at `at`; gives the position after it.
fn leaves(tokens: &[Token], mut at: usize, prefix: &[String], found: &mut Vec<Mention>) -> usize {
    let mut path = prefix.to_vec();
    let mut line = 0;
    while let Some(token) = tokens.get(at) {
        if token.is("{") {
            at += 1;
            while tokens.get(at).is_some_and(|token| !token.is("}")) {
                let after = leaves(tokens, at, &path, found);
                // A mark that no path begins with is stepped over.
                at = if after == at { at + 1 } else { after };
            }
            return at + 1;
        }
        if !token.is_word() && !token.is("*") {
            break;
        }
        path.push(token.text.clone());
        line = token.line;
        at += 1;
        if !next_is(tokens, at, "::") {
            break;
        }
        at += 1;
    }
    if path.len() > prefix.len() {
        let alias = if next_is(tokens, at, "as") {
            at += 2;
            tokens.get(at - 1).map(|token| token.text.clone())
        } else {
            None
        };
        found.push(Mention { path, alias, line });
    }
    at
}

/// Drops every item that stands under `#[cfg(test)]`.
fn without_tests(tokens: &[Token]) -> Vec<Token> {
    let mut kept = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        if token.is("#") {
            let inner = next_is(tokens, at + 1, "!");
            let bracket = if inner { at + 2 } else { at + 1 };
            let end = after_group(tokens, bracket);
            if is_test_condition(tokens.get(bracket..end).unwrap_or_default()) {
                if inner {
                    return kept;
                }
                at = after_item(tokens, end);
                continue;
            }
        }
        kept.push(token.clone());
        at += 1;
    }
    kept
}

fn is_test_condition(attribute: &[Token]) -> bool {
    next_is(attribute, 1, "cfg")
        && attribute.iter().any(|token| token.is("test"))
        && !attribute.iter().any(|token| token.is("not"))
}

/// The position after the group that opens at `at`; the same position if none does.
fn after_group(tokens: &[Token], at: usize) -> usize {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate().skip(at) {
        match token.text.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return if index == at { at } else { index + 1 };
        }
    }
    tokens.len()
}

/// The position after the item that begins at `at`: after its body, or after its semicolon.
fn after_item(tokens: &[Token], mut at: usize) -> usize {
    while let Some(token) = tokens.get(at) {
        match token.text.as_str() {
            ";" => return at + 1,
            "{" => {
                let end = after_group(tokens, at);
                return if next_is(tokens, end, ";") { end + 1 } else { end };
            }
            "(" | "[" => at = after_group(tokens, at),
            // The item was the last one of its block.
            "}" => return at,
            _ => at += 1,
        }
    }
    at
}

fn tokens(text: &str) -> Vec<Token> {
    let mut scanner = Scanner { rest: text, line: 1 };
    let mut found = Vec::new();
    while !scanner.rest.is_empty() {
        let line = scanner.line;
        if let Some(text) = scanner.step() {
            found.push(Token { text, line });
        }
    }
    found
}

struct Scanner<'a> {
    rest: &'a str,
    line: usize,
}

impl Scanner<'_> {
    /// Takes one token, comment, literal or space off the front.
    fn step(&mut self) -> Option<String> {
        let rest = self.rest;
        if rest.starts_with("//") {
            self.take(rest.find('\n').unwrap_or(rest.len()));
            return None;
        }
        if rest.starts_with("/*") {
            self.take(block_comment(rest));
            return None;
        }
        if let Some(length) = raw_string(rest).or_else(|| quoted(rest)).or_else(|| character(rest)) {
            self.take(length);
            return None;
        }
        if rest.starts_with("::") {
            self.take(2);
            return Some("::".to_owned());
        }
        let length = rest.find(|next: char| !next.is_alphanumeric() && next != '_').unwrap_or(rest.len());
        if length > 0 {
            return Some(self.take(length));
        }
        let mark = self.take(rest.chars().next().map_or(0, char::len_utf8));
        (!mark.trim().is_empty()).then_some(mark)
    }

    fn take(&mut self, length: usize) -> String {
        let (taken, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        self.line += taken.matches('\n').count();
        self.rest = rest;
        taken.to_owned()
    }
}

fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// Length of `r"…"`, `r#"…"#` and their byte and C forms.
fn raw_string(text: &str) -> Option<usize> {
    let after = text.strip_prefix("br").or_else(|| text.strip_prefix("cr")).or_else(|| text.strip_prefix('r'))?;
    let opened = after.trim_start_matches('#');
    let hashes = after.len() - opened.len();
    let body = opened.strip_prefix('"')?;
    let closing = format!("\"{}", "#".repeat(hashes));
    let end = body.find(&closing).map_or(body.len(), |end| end + closing.len());
    Some(text.len() - body.len() + end)
}

/// Length of `"…"` and its byte and C forms.
fn quoted(text: &str) -> Option<usize> {
    let body = text.strip_prefix('"').or_else(|| text.strip_prefix("b\"")).or_else(|| text.strip_prefix("c\""))?;
    let start = text.len() - body.len();
    let mut escaped = false;
    for (index, next) in body.char_indices() {
        match next {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(start + index + 1),
            _ => {}
        }
    }
    Some(text.len())
}

/// Length of `'x'` or `'\x'`; a lifetime has none.
fn character(text: &str) -> Option<usize> {
    let body = text.strip_prefix('\'').or_else(|| text.strip_prefix("b'"))?;
    let start = text.len() - body.len();
    let first = body.chars().next()?;
    if first == '\\' {
        let escape = body.chars().nth(1)?;
        let after = 1 + escape.len_utf8();
        return Some(start + after + body.get(after..)?.find('\'')? + 1);
    }
    body.get(first.len_utf8()..)?.starts_with('\'').then(|| start + first.len_utf8() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(text: &str) -> Vec<String> {
        mentions(&product_tokens(text)).iter().map(|mention| mention.path.join("::")).collect()
    }

    #[test]
    fn groups_are_taken_apart() {
        assert_eq!(
            paths("use crate::{a, b::{self, C as D}, d::*};\nfn f() { super::e::g::<u8>() }"),
            ["crate::a", "crate::b::self", "crate::b::C", "crate::d::*", "super::e::g"]
        );
    }

    #[test]
    fn comments_and_literals_say_nothing() {
        let text = "// crate::a\n/* crate::b /* crate::c */ */\nlet x = \"crate::d \\\" crate::e\";\n\
                    let y = r#\"crate::f\"#; let z = '\"'; fn g<'a>(x: &'a crate::h::I) {}";
        assert_eq!(paths(text), ["crate::h::I"]);
    }

    #[test]
    fn what_is_for_tests_is_left_out() {
        let text = "#[cfg(test)]\nuse crate::a::{B};\n#[cfg(test)]\n#[path = \"x\"]\nmod tests { fn f(x: [u8; 2]) { crate::c::d } }\n\
                    #[cfg(not(test))]\nuse crate::e::F;\n#[cfg(test)]\nconst X: [u8; 3] = [crate::g::h(); 3];\nuse crate::i::J;";
        assert_eq!(paths(text), ["crate::e::F", "crate::i::J"]);
        assert_eq!(paths("#![cfg(test)]\nuse crate::a::B;"), Vec::<String>::new());
    }

    #[test]
    fn lines_are_counted_through_everything() {
        let found = mentions(&product_tokens("/*\n\n*/ let s = \"\n\";\nuse crate::a::B;"));
        assert_eq!(found.first().map(|mention| mention.line), Some(5));
    }
}
