//! Seeded English-like sentences, with a word of another script now and then.

use crate::random::Random;
use crate::tokens;

const SUBJECTS: &[&str] = &[
    "the station master",
    "a quiet engineer",
    "the night train",
    "our small team",
    "the old lighthouse",
    "a careful reader",
    "the northern line",
    "the river",
    "a young gardener",
    "the signal lamp",
    "the harbour town",
    "every timetable",
    "the second carriage",
    "a patient teacher",
    "the morning fog",
    "the café on the corner",
    "Señora Núñez",
    "the 東京 office",
];
const VERBS: &[&str] = &[
    "follows",
    "measures",
    "remembers",
    "opens",
    "compares",
    "carries",
    "repairs",
    "watches",
    "describes",
    "collects",
    "crosses",
    "answers",
    "balances",
    "records",
    "explains",
    "waits for",
];
const ADJECTIVES: &[&str] = &[
    "long", "bright", "narrow", "familiar", "distant", "careful", "simple", "wooden", "green", "early", "steady",
    "naïve",
];
const OBJECTS: &[&str] = &[
    "road to the valley",
    "list of arrivals",
    "window",
    "map of the coast",
    "letter from Zürich",
    "bridge",
    "clock in the hall",
    "garden",
    "question",
    "plan for the winter",
    "set of switches",
    "basket of apples",
    "row of lanterns",
    "story",
    "notebook",
    "crème brûlée",
    "melody",
    "evening signal",
];
const TAILS: &[&str] = &[
    "before the rain",
    "without a word",
    "in the first light",
    "as usual",
    "with great care",
    "once more",
    "on the far side",
    "for a little while",
    "near the water",
    "at half past seven",
    "– and smiles",
    "after the last stop",
    "🚂",
];
const OPENERS: &[&str] = &["Today", "In short", "As far as we can tell", "Usually", "By then", "Later on", "Of course"];

/// Sentences of at least `tokens` tokens, then cut to exactly that many; the last piece is a full stop.
pub(crate) fn exactly(random: &mut Random, tokens: u64) -> String {
    let Some(body) = tokens.checked_sub(1) else {
        return String::new();
    };
    let mut text = String::new();
    let mut made = 0;
    while made < body {
        let mut sentence = sentence(random);
        if !text.is_empty() {
            sentence.insert(0, ' ');
        }
        for piece in tokens::pieces(&sentence) {
            if made == body {
                break;
            }
            text.push_str(piece);
            made += 1;
        }
    }
    text.push('.');
    text
}

/// One sentence with its full stop.
pub(crate) fn sentence(random: &mut Random) -> String {
    let mut line = String::new();
    if random.chance(0.25) {
        line.push_str(choose(random, OPENERS));
        line.push_str(", ");
    }
    line.push_str(choose(random, SUBJECTS));
    line.push(' ');
    line.push_str(choose(random, VERBS));
    line.push_str(" the ");
    if random.chance(0.6) {
        line.push_str(choose(random, ADJECTIVES));
        line.push(' ');
    }
    line.push_str(choose(random, OBJECTS));
    if random.chance(0.5) {
        line.push(' ');
        line.push_str(choose(random, TAILS));
    }
    line.push('.');
    capitalised(&line)
}

/// One plain lower-case word.
pub(crate) fn word(random: &mut Random) -> &'static str {
    const WORDS: &[&str] = &[
        "amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "harbor", "indigo", "juniper", "kestrel",
        "lantern", "meadow", "north", "orchard", "pebble", "quartz", "river", "signal", "tower", "umber", "violet",
        "willow", "yarrow",
    ];
    choose(random, WORDS)
}

fn choose(random: &mut Random, from: &'static [&'static str]) -> &'static str {
    random.pick(from).copied().unwrap_or_default()
}

fn capitalised(line: &str) -> String {
    let mut letters = line.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_length_is_what_was_asked_for(seed: u64, wanted in 0_u64..400) {
            let text = exactly(&mut Random::new(seed), wanted);
            prop_assert_eq!(tokens::count(&text), wanted);
            prop_assert_eq!(text, exactly(&mut Random::new(seed), wanted));
        }
    }

    #[test]
    fn other_scripts_appear_now_and_then() {
        let text = exactly(&mut Random::new(1), 2_000);
        assert!(!text.is_ascii());
        assert!(text.split_whitespace().filter(|word| !word.is_ascii()).count() < 300);
    }
}
