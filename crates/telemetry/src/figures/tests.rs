//! Figures are what records say, bounded.

use super::*;
use proptest::prelude::*;
use switchtower_ledger::record::{Attempt, Costs, Counts, Sum, TurnedAwayCount};

fn opened(deployment: &str, model: &str) -> Opened {
    let (deployment, model) = (deployment.to_owned().into(), model.to_owned().into());
    Opened {
        deployment,
        model,
        provider: "openai".into(),
        client: "openai_chat".into(),
        operation: "answers".into(),
        bytes_in: 10,
        streamed: true,
        ..Opened::default()
    }
}

fn closed(of: u64) -> Closed {
    let counts = Counts { input: Some(7), output: Some(3), ..Counts::default() };
    let attempt = Attempt { began_us: 100, head_us: Some(400), bytes_sent: 5, bytes_received: 6, ..Attempt::default() };
    Closed {
        opened: of,
        outcome: "answered".into(),
        usage: Some(counts),
        first_us: Some(1000),
        total_us: 5000,
        bytes_out: 20,
        attempts: vec![attempt],
        ..Closed::default()
    }
}

#[test]
fn a_call_is_counted_once_under_its_names() {
    let mut figures = Figures::new(10);
    figures.opened(0, opened("fast", "gpt"), false);
    assert_eq!(figures.snapshot().open, 1);
    figures.closed(9, &closed(0));
    let snapshot = figures.snapshot();
    let [series] = &snapshot.series[..] else { panic!("{snapshot:?}") };
    assert_eq!((series.labels.deployment.as_ref(), series.labels.model.as_ref(), snapshot.open), ("fast", "gpt", 0));
    assert_eq!((series.tokens[0], series.tokens[1], series.bytes), ([7, 0], [3, 0], [10, 5, 6, 20]));
    assert_eq!((series.per_token.count(), series.per_token.sum()), (1, 2000));
    assert_eq!((series.head.sum(), series.attempts[0].1), (300, 1));
}

#[test]
fn absurd_counts_stay_at_the_most_that_a_counter_can_be() {
    let mut figures = Figures::new(10);
    for number in 0..2 {
        figures.opened(number, Opened { bytes_in: u64::MAX, ..opened("fast", "gpt") }, false);
        let counts = Counts { input: Some(u64::MAX), output: Some(u64::MAX), ..Counts::default() };
        let attempt = Attempt { bytes_sent: u64::MAX, bytes_received: u64::MAX, ..Attempt::default() };
        let closed = Closed { usage: Some(counts), attempts: vec![attempt; 2], bytes_out: u64::MAX, ..closed(number) };
        figures.closed(1, &closed);
    }
    let snapshot = figures.snapshot();
    let series = &snapshot.series[0];
    assert_eq!((series.tokens[0][0], series.bytes), (u64::MAX, [u64::MAX; 4]));
}

#[test]
fn costs_of_different_status_and_currency_are_never_added_up() {
    let mut figures = Figures::new(10);
    let costs = [
        ("exact", "0.1", "USD"),
        ("exact", "0.2", "USD"),
        ("estimated", "0.4", "USD"),
        ("exact", "7", "EUR"),
        ("unknown", "", ""),
    ];
    for (number, (status, amount, currency)) in (0_u64..).zip(costs) {
        figures.opened(number, opened("fast", "gpt"), false);
        let totals =
            if amount.is_empty() { Vec::new() } else { vec![Sum { amount: amount.into(), currency: currency.into() }] };
        let cost = Some(Costs { status: status.into(), totals, ..Costs::default() });
        figures.closed(1, &Closed { cost, ..closed(number) });
    }
    let snapshot = figures.snapshot();
    let told: Vec<(&str, u64, Vec<String>)> = snapshot.series[0]
        .costs
        .iter()
        .map(|spent| {
            let sums = spent.sums.iter().map(|(currency, sum)| format!("{sum} {currency}")).collect();
            (spent.status.as_ref(), spent.calls, sums)
        })
        .collect();
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    assert_eq!(
        told,
        [("exact", 3, texts(&["0.3 USD", "7 EUR"])), ("estimated", 1, texts(&["0.4 USD"])), ("unknown", 1, texts(&[]))]
    );
}

#[test]
fn what_providers_report_is_compared_where_both_know_the_whole() {
    let mut figures = Figures::new(10);
    let sum = |amount: &'static str, currency: &'static str| Sum { amount: amount.into(), currency: currency.into() };
    let cases = [
        ("exact", "0.2", "USD", Some("0.25")),
        ("estimated", "0.1", "USD", Some("0.05")),
        ("unknown", "9", "USD", Some("9")),
        ("exact", "9", "EUR", Some("9")),
        ("exact", "9", "USD", None),
    ];
    for (number, (status, ours, currency, theirs)) in (0_u64..).zip(cases) {
        figures.opened(number, opened("fast", "gpt"), false);
        let cost = Some(Costs { status: status.into(), totals: vec![sum(ours, currency)], ..Costs::default() });
        let attempt = Attempt { cost, reported: theirs.map(|theirs| sum(theirs, "USD")), ..Attempt::default() };
        figures.closed(1, &Closed { attempts: vec![attempt], ..closed(number) });
    }
    let snapshot = figures.snapshot();
    let told: Vec<String> = snapshot.series[0]
        .reported
        .iter()
        .map(|one| format!("{} by them, {} here {}", one.by_provider, one.here, one.currency))
        .collect();
    assert_eq!(told, ["0.3 by them, 0.3 here USD"]);
}

#[test]
fn names_that_only_callers_know_are_one() {
    let mut figures = Figures::new(10);
    for number in 0..100_u64 {
        figures.opened(number, opened(&format!("vllm/#{number:016x}"), &format!("#{number:016x}")), false);
    }
    let snapshot = figures.snapshot();
    let [series] = &snapshot.series[..] else { panic!("{} series", snapshot.series.len()) };
    assert_eq!((series.labels.deployment.as_ref(), series.labels.model.as_ref()), ("vllm/#", "#"));
}

#[test]
fn beyond_the_bound_all_are_one_and_counted() {
    let mut figures = Figures::new(3);
    for number in 0..10_u64 {
        figures.opened(number, opened(&format!("d{number}"), "m"), false);
        figures.refused(&Refused { deployment: Some(format!("r{number}").into()), ..Refused::default() });
    }
    let snapshot = figures.snapshot();
    let names: Vec<&str> = snapshot.series.iter().map(|series| series.labels.deployment.as_ref()).collect();
    assert_eq!(names, ["d0", "d1", "other"]);
    assert_eq!((snapshot.overflowed, snapshot.others.len()), (8, 2));
    assert_eq!(snapshot.series[2].bytes[0], 80);
}

#[test]
fn what_never_became_a_call_is_counted_too() {
    let mut figures = Figures::new(3);
    let turned_away = TurnedAwayCount { code: "unauthenticated".into(), count: 5 };
    figures.turned_away(&TurnedAway { counts: vec![turned_away], ..TurnedAway::default() });
    figures.told(&Told { operation: "models".into(), ..Told::default() });
    // A crash of another life.
    figures.closed(1, &Closed { opened: 77, outcome: "crashed".into(), ..Closed::default() });
    let snapshot = figures.snapshot();
    assert_eq!(snapshot.others.values().sum::<u64>(), 6);
    assert_eq!(snapshot.series[0].ends[0].outcome, "crashed");
}

proptest! {
    #[test]
    fn any_calls_add_up_and_stay_bounded(calls in prop::collection::vec((0..40_u8, 0..3_u8), 0..80)) {
        let mut figures = Figures::new(5);
        for (number, (deployment, model)) in calls.iter().enumerate() {
            figures.opened(number as u64, opened(&format!("d{deployment}"), &format!("m{model}")), true);
        }
        for number in 0..calls.len() {
            figures.closed(0, &closed(number as u64));
        }
        let snapshot = figures.snapshot();
        prop_assert!(snapshot.series.len() <= 6 && snapshot.open == 0);
        let ended: u64 = snapshot.series.iter().flat_map(|series| &series.ends).map(|end| end.duration.count()).sum();
        prop_assert_eq!(ended, calls.len() as u64);
    }
}
