//! A text that matches a simple regular expression: literals, classes, groups, alternation and counts.
//!
//! Enough for the patterns that people write in schemas of tools (`^[A-Z]{3}$`, `\d{4}-\d{2}`). What it does not know,
//! such as look-around, is taken literally or skipped; it never fails and always ends.

use crate::random::Random;
use std::iter::Peekable;
use std::str::Chars;

/// Most repeats made for one count, and deepest nesting of groups.
const REPEATS_MAX: u64 = 64;
const DEPTH_MAX: usize = 16;
/// Longest text made.
const LENGTH_MAX: usize = 4_096;

/// A text that matches `pattern`.
pub(crate) fn sample(pattern: &str, random: &mut Random) -> String {
    let mut text = alternatives(&mut pattern.chars().peekable(), random, 0);
    if let Some((cut, _)) = text.char_indices().nth(LENGTH_MAX) {
        text.truncate(cut);
    }
    text
}

/// Reads up to the end of the group and gives one of its branches.
fn alternatives(left: &mut Peekable<Chars<'_>>, random: &mut Random, depth: usize) -> String {
    let mut branches = Vec::new();
    let mut current = String::new();
    while let Some(letter) = left.next() {
        let atom: Vec<String> = match letter {
            ')' => break,
            '|' => {
                branches.push(std::mem::take(&mut current));
                continue;
            }
            '^' | '$' => continue,
            '(' => {
                skip_group_flags(left);
                // The group is sampled once and repeated: a repeat of one match is a match again.
                if depth >= DEPTH_MAX { Vec::new() } else { vec![alternatives(left, random, depth + 1)] }
            }
            '[' => class(left),
            '.' => vec!["a".into(), "m".into(), "7".into()],
            '\\' => escape(left.next().unwrap_or('\\')),
            other => vec![other.to_string()],
        };
        let (fewest, most) = count(left);
        let repeats = fewest + random.below(most.saturating_sub(fewest) + 1);
        for _ in 0..repeats {
            if current.len() > LENGTH_MAX {
                break;
            }
            current.push_str(random.pick(&atom).map_or("", String::as_str));
        }
    }
    branches.push(current);
    random.pick(&branches).cloned().unwrap_or_default()
}

fn skip_group_flags(left: &mut Peekable<Chars<'_>>) {
    if left.next_if_eq(&'?').is_some() {
        if left.next_if_eq(&'<').is_some() || left.next_if_eq(&'P').is_some() {
            while left.next().is_some_and(|letter| letter != '>') {}
        } else {
            left.next();
        }
    }
}

fn class(left: &mut Peekable<Chars<'_>>) -> Vec<String> {
    let negated = left.next_if_eq(&'^').is_some();
    let mut members = String::new();
    while let Some(letter) = left.next() {
        match letter {
            ']' => break,
            '\\' => members.extend(escape(left.next().unwrap_or('\\'))),
            from => {
                members.push(from);
                if left.peek() == Some(&'-') {
                    left.next();
                    match left.next_if(|to| *to != ']') {
                        Some(to) => members.extend((from..=to).skip(1).take(128)),
                        None => members.push('-'),
                    }
                }
            }
        }
    }
    let allowed = |letter: &char| members.contains(*letter) != negated;
    let candidates: Vec<char> =
        if negated { ('a'..='z').chain('0'..='9').chain(" -_.".chars()).collect() } else { members.chars().collect() };
    candidates.into_iter().filter(allowed).map(String::from).collect()
}

fn escape(letter: char) -> Vec<String> {
    let of = |letters: &str| letters.chars().map(String::from).collect();
    match letter {
        'd' => of("0123456789"),
        'w' => of("abcdefghijklmnopqrstuvwxyz0123456789"),
        's' => of(" "),
        'D' | 'S' | 'W' => of(if letter == 'W' { "-. " } else { "abcxyz" }),
        'n' => of("\n"),
        't' => of("\t"),
        'b' | 'B' | 'A' | 'z' | 'Z' => Vec::new(),
        other => vec![other.to_string()],
    }
}

/// The count that follows an atom, as fewest and most repeats.
fn count(left: &mut Peekable<Chars<'_>>) -> (u64, u64) {
    let bounds = match left.peek() {
        Some('*') => (0, 3),
        Some('+') => (1, 4),
        Some('?') => (0, 1),
        Some('{') => {
            left.next();
            let inside: String = std::iter::from_fn(|| left.next_if(|letter| *letter != '}')).collect();
            let (fewest, most) = inside.split_once(',').unwrap_or((&inside, &inside));
            let fewest = fewest.trim().parse().unwrap_or(0).min(REPEATS_MAX);
            (fewest, most.trim().parse().unwrap_or(fewest + 2).clamp(fewest, REPEATS_MAX))
        }
        _ => return (1, 1),
    };
    left.next();
    // A lazy or possessive mark changes nothing about what matches.
    left.next_if(|letter| matches!(letter, '?' | '+'));
    bounds
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_pattern_ends(pattern in "[\\[\\](){}|*+?\\\\a-c^$,.0-9-]{0,40}", seed: u64) {
            let _ = sample(&pattern, &mut Random::new(seed));
        }
    }
}
