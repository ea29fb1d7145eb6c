//! The oracle takes a usage apart into piles of single tokens, looks for each pile's price by reading down a plain list,
//! and multiplies and adds as one does on paper: digit by digit, in texts. It shares no type with the product but its
//! input, and knows no shortcut: what is a part of what is written out case by case.

use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use switchtower_catalogue::prices::{Asked, PriceList, Prices};
use switchtower_domain::{CostStatus, Currency, Usage};

/// A decimal on paper: its digits without a point, and how many of them are behind it.
#[derive(Debug, Clone)]
struct Paper {
    digits: Vec<u8>,
    behind: usize,
}

impl Paper {
    fn read(text: &str) -> Self {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        Self { digits: [whole, fraction].concat().bytes().map(|byte| byte - b'0').collect(), behind: fraction.len() }
    }

    /// Long multiplication: each digit times each digit, carried.
    fn times(&self, other: &Self) -> Self {
        let mut places = vec![0_u32; self.digits.len() + other.digits.len()];
        for (i, a) in self.digits.iter().rev().enumerate() {
            for (j, b) in other.digits.iter().rev().enumerate() {
                places[i + j] += u32::from(*a) * u32::from(*b);
                let mut at = i + j;
                while places[at] > 9 {
                    places[at + 1] += places[at] / 10;
                    places[at] %= 10;
                    at += 1;
                }
            }
        }
        let digits = places.iter().rev().map(|digit| u8::try_from(*digit).unwrap()).collect();
        Self { digits, behind: self.behind + other.behind }
    }

    /// Addition, column by column.
    fn plus(&self, other: &Self) -> Self {
        let behind = self.behind.max(other.behind);
        let column = |paper: &Self, place: usize| {
            // The place counts from the last column of the longer fraction.
            let missing = behind - paper.behind;
            let from_end = place.checked_sub(missing);
            from_end.and_then(|at| paper.digits.iter().rev().nth(at)).copied().unwrap_or(0)
        };
        let width = (self.digits.len() - self.behind).max(other.digits.len() - other.behind) + behind + 1;
        let mut digits = Vec::new();
        let mut carried = 0;
        for place in 0..width {
            let sum = column(self, place) + column(other, place) + carried;
            digits.push(sum % 10);
            carried = sum / 10;
        }
        digits.reverse();
        Self { digits, behind }
    }

    fn told(&self) -> String {
        let split = self.digits.len() - self.behind;
        let text = |digits: &[u8]| digits.iter().map(|digit| char::from(digit + b'0')).collect::<String>();
        let whole = text(&self.digits[..split]);
        let whole = whole.trim_start_matches('0');
        let fraction = text(&self.digits[split..]);
        let fraction = fraction.trim_end_matches('0');
        let whole = if whole.is_empty() { "0" } else { whole };
        if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
    }
}

/// What the oracle says of a usage.
#[derive(Debug, PartialEq, Eq)]
enum Says {
    Exact(String),
    Estimated(String),
    Unknown,
}

/// A price list on paper: from which length on, what for, how much for a million (for one of `request` and `web_search`).
type Sheet = Vec<(u64, &'static str, String)>;

fn oracle(sheet: &Sheet, usage: &Usage) -> Says {
    let input = usage.input.unwrap();
    let output = usage.output.unwrap();
    let find = |name: &str| {
        let mut found = None;
        for (above, of, price) in sheet {
            let holds = *above == 0 || input > *above;
            if holds && *of == name && found.as_ref().is_none_or(|(band, _)| above >= band) {
                found = Some((*above, price.clone()));
            }
        }
        found.map(|(_, price)| price)
    };
    let mut unsure = false;
    // The prompt as a row of piles, every token in exactly one: first what the tokens are, then which came from a cache.
    let own = |name: &str| find(name).is_some();
    let audio = usage.input_audio.unwrap_or(0);
    let image = if own("input_image") { usage.input_image.unwrap_or(0) } else { 0 };
    let video = if own("input_video") { usage.input_video.unwrap_or(0) } else { 0 };
    if audio + image + video > input {
        return Says::Unknown;
    }
    let text = input - audio - image - video;
    let read = usage.cache_read.unwrap_or(0);
    let (short, long) = (usage.cache_write_5m.unwrap_or(0), usage.cache_write_1h.unwrap_or(0));
    let written = usage.cache_write.unwrap_or(short + long);
    if short + long > written || read + written > input {
        return Says::Unknown;
    }
    let untold = written - short - long;
    if untold > 0 && own("cache_write_1h") && own("cache_write_5m") && find("cache_write_1h") != find("cache_write_5m")
    {
        unsure = true;
    }
    // One queue of all tokens, text first: those from the cache stand in front, the ones that were read before the
    // ones that were written come last to leave it.
    let kinds = [("input", text), ("input_audio", audio), ("input_image", image), ("input_video", video)];
    let cached = read + written;
    let mut piles: BTreeMap<&str, u64> = BTreeMap::new();
    let mut to_cover = cached;
    let mut beyond = Vec::new();
    for (kind, count) in kinds {
        let covered = count.min(to_cover);
        to_cover -= covered;
        *piles.entry(kind).or_default() += count - covered;
        if kind != "input" {
            beyond.push((kind, covered));
        }
    }
    let mut read_left = read;
    for (kind, covered) in beyond {
        let of_read = covered.min(read_left);
        let name = match kind {
            "input_audio" => "cache_read_audio",
            "input_image" => "cache_read_image",
            _ => "cache_read",
        };
        let name = if own(name) { name } else { "cache_read" };
        *piles.entry(name).or_default() += of_read;
        read_left -= of_read;
    }
    *piles.entry("cache_read").or_default() += read_left;
    *piles.entry("cache_write_5m").or_default() += short + untold;
    *piles.entry("cache_write_1h").or_default() += long;
    let others_differ = kinds[1..].iter().any(|(kind, count)| *count > 0 && find(kind) != find("input"));
    if cached > 0 && cached < input && text < input && others_differ {
        unsure = true;
    }
    for (kind, of_cache) in [("input_audio", "cache_read_audio"), ("input_image", "cache_read_image")] {
        let used = kinds.iter().any(|(of, count)| *of == kind && *count > 0);
        if used && own(of_cache) && find(of_cache) != find("cache_read") && read > 0 && read < input {
            unsure = true;
        }
    }
    let reasoning = usage.reasoning.unwrap_or(0);
    let apart = if own("reasoning") { reasoning } else { 0 };
    let (spoken, drawn) = (usage.output_audio.unwrap_or(0), usage.output_image.unwrap_or(0));
    if reasoning > output || apart + spoken + drawn > output {
        return Says::Unknown;
    }
    *piles.entry("output").or_default() += output - apart - spoken - drawn;
    *piles.entry("reasoning").or_default() += apart;
    *piles.entry("output_audio").or_default() += spoken;
    *piles.entry("output_image").or_default() += drawn;
    *piles.entry("web_search").or_default() += usage.web_searches.unwrap_or(0);
    *piles.entry("web_fetch").or_default() += usage.web_fetches.unwrap_or(0);
    if own("request") {
        *piles.entry("request").or_default() += 1;
    }
    let mut sum = Paper::read("0");
    for (name, count) in piles {
        if count == 0 {
            continue;
        }
        let Some(price) = find(name) else { return Says::Unknown };
        let mut part = Paper::read(&price).times(&Paper::read(&count.to_string()));
        if !matches!(name, "request" | "web_search" | "web_fetch") {
            // For a million: the point moves six places, over zeros that are written in front.
            part.digits = [vec![0; 6], part.digits].concat();
            part.behind += 6;
        }
        sum = sum.plus(&part);
    }
    if unsure { Says::Estimated(sum.told()) } else { Says::Exact(sum.told()) }
}

fn ours(sheet: &Sheet, usage: &Usage) -> Says {
    let mut bands: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    for (above, name, price) in sheet {
        bands.entry(*above).or_default().push(format!("{name} = {price}"));
    }
    let rows: Vec<String> =
        bands.iter().map(|(above, rates)| format!("{{ above_tokens = {above}, {} }}", rates.join(", "))).collect();
    let text = format!("currency = \"USD\"\nsource = \"s\"\ndate = 2026-11-21\n[prices.k]\nm = [{}]", rows.join(", "));
    let prices = Prices::default().with("l", Arc::new(PriceList::parse(&text).unwrap()));
    let asked = Asked { provider: None, kind: "k", model: "m", region: None, day: "2026-11-21".parse().unwrap() };
    let cost = prices.price(&asked, usage);
    let told = || cost.whole(Currency::USD).unwrap().to_string();
    match cost.status() {
        CostStatus::Exact => Says::Exact(told()),
        CostStatus::Estimated(_) => Says::Estimated(told()),
        CostStatus::Unknown(_) => Says::Unknown,
    }
}

const NAMES: [&str; 16] = [
    "input",
    "output",
    "cache_read",
    "cache_write_5m",
    "cache_write_1h",
    "input_audio",
    "cache_read_audio",
    "input_image",
    "cache_read_image",
    "input_video",
    "reasoning",
    "output_audio",
    "output_image",
    "request",
    "web_search",
    "web_fetch",
];

fn price() -> impl Strategy<Value = String> {
    // Up to twelve decimals, as a price for a million may have without a rest for one.
    (0_u32..2_000, proptest::option::of("[0-9]{1,12}")).prop_map(|(whole, fraction)| match fraction {
        Some(fraction) => format!("{whole}.{fraction}"),
        None => whole.to_string(),
    })
}

fn sheet() -> impl Strategy<Value = Sheet> {
    let base = proptest::collection::vec(proptest::option::weighted(0.8, price()), NAMES.len());
    let band = (1_u64..3_000, proptest::collection::vec(proptest::option::weighted(0.3, price()), NAMES.len()));
    // Now and then the same price twice, where it makes no difference which of them holds.
    (base, proptest::option::of(band), any::<bool>()).prop_map(|(base, band, alike)| {
        let mut sheet: Sheet = Vec::new();
        let mut state = |above: u64, prices: Vec<Option<String>>| {
            for (name, price) in NAMES.iter().zip(prices) {
                if let Some(price) = price {
                    sheet.push((above, name, price));
                }
            }
        };
        state(0, base);
        if let Some((above, prices)) = band {
            state(above, prices);
        }
        if !sheet.iter().any(|(above, name, _)| *above == 0 && *name == "input") {
            sheet.push((0, "input", "1.5".to_owned()));
        }
        if !sheet.iter().any(|(above, name, _)| *above == 0 && *name == "output") {
            sheet.push((0, "output", "2".to_owned()));
        }
        if alike {
            let input = sheet.iter().find(|(_, name, _)| *name == "input").unwrap().2.clone();
            sheet.iter_mut().filter(|(_, name, _)| *name == "input_audio").for_each(|row| row.2.clone_from(&input));
        }
        sheet
    })
}

fn usage() -> impl Strategy<Value = Usage> {
    let part = || proptest::option::weighted(0.4, prop_oneof![3 => 0_u64..400, 1 => 0_u64..3_000]);
    let prompt = (0_u64..5_000, part(), part(), part(), part(), part(), part(), part());
    let output = (0_u64..3_000, part(), part(), part(), proptest::option::of(0_u64..4), proptest::option::of(0_u64..2));
    // Large counts, to see that nothing is lost in them.
    (prompt, output, prop_oneof![4 => Just(1_u64), 1 => Just(1_000_003)]).prop_map(
        |(
            (input, cache_read, cache_write, short, long, audio, image, video),
            (output, reasoning, spoken, drawn, searches, fetches),
            by,
        )| {
            let many = |count: Option<u64>| count.map(|count| count * by);
            Usage {
                input: Some(input * by),
                cache_read: many(cache_read),
                cache_write: many(cache_write),
                cache_write_5m: many(short),
                cache_write_1h: many(long),
                input_audio: many(audio),
                input_image: many(image),
                input_video: many(video),
                output: Some(output * by),
                reasoning: many(reasoning),
                output_audio: many(spoken),
                output_image: many(drawn),
                web_searches: searches,
                web_fetches: fetches,
                ..Usage::default()
            }
        },
    )
}

/// The same with every part inside its whole, as well-behaved providers report it.
fn consistent(mut usage: Usage) -> Usage {
    let mut left = usage.input.unwrap();
    let mut of_kinds = left;
    for part in [&mut usage.cache_read, &mut usage.cache_write_5m, &mut usage.cache_write_1h] {
        *part = part.map(|count| count.min(left));
        left -= part.unwrap_or(0);
    }
    let told = usage.cache_write_5m.unwrap_or(0) + usage.cache_write_1h.unwrap_or(0);
    usage.cache_write = usage.cache_write.map(|count| told + count.min(left));
    for part in [&mut usage.input_audio, &mut usage.input_image, &mut usage.input_video] {
        *part = part.map(|count| count.min(of_kinds));
        of_kinds -= part.unwrap_or(0);
    }
    let mut left = usage.output.unwrap();
    for part in [&mut usage.reasoning, &mut usage.output_audio, &mut usage.output_image] {
        *part = part.map(|count| count.min(left));
        left -= part.unwrap_or(0);
    }
    usage
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_oracle_agrees_on_usages_of_every_shape(sheet in sheet(), usage in usage()) {
        prop_assert_eq!(ours(&sheet, &usage), oracle(&sheet, &usage));
        let usage = consistent(usage);
        prop_assert_eq!(ours(&sheet, &usage), oracle(&sheet, &usage));
    }

    #[test]
    fn a_usage_told_in_parts_costs_what_the_whole_does(one in 0_u64..1 << 30, other in 0_u64..1 << 30, cached in 0_u64..1 << 20) {
        // Without bands, which look at the whole prompt.
        let sheet: Sheet = vec![(0, "input", "3.000000000001".into()), (0, "cache_read", "0.3".into()), (0, "output", "15".into())];
        let prices = |input: u64, cached: u64, output: u64| {
            let usage = Usage { input: Some(input), cache_read: Some(cached), output: Some(output), ..Usage::default() };
            match ours(&sheet, &usage) {
                Says::Exact(told) => Paper::read(&told),
                other => panic!("{other:?}"),
            }
        };
        let whole = prices(one + other + cached, cached, one);
        let parts = prices(one + cached, cached, 0).plus(&prices(other, 0, one));
        prop_assert_eq!(whole.told(), parts.told());
    }
}

#[test]
fn the_oracle_can_reckon() {
    let product = Paper::read("0.000375").times(&Paper::read("1234567"));
    assert_eq!(product.told(), "462.962625");
    assert_eq!(product.plus(&Paper::read("0.037375")).told(), "463");
    assert_eq!(Paper::read("999.9").plus(&Paper::read("0.10")).told(), "1000");
}
