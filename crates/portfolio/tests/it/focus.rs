//! The sums of the export are those of the ledger, for each status and currency.

use crate::{cost, line, spent};
use proptest::prelude::*;
use std::collections::BTreeMap;
use switchtower_domain::{Amount, Charge};
use switchtower_portfolio::focus::{COLUMNS, Export};
use switchtower_portfolio::{Breakdown, By, Spent};

/// Rows by the names of their columns.
fn rows(export: &Export) -> (Vec<BTreeMap<String, String>>, u64) {
    let mut written = Vec::new();
    let unknown = export.write(&mut written).unwrap().unknown;
    let mut csv = csv::Reader::from_reader(written.as_slice());
    let head = csv.headers().unwrap().clone();
    assert_eq!(head.iter().collect::<Vec<_>>(), COLUMNS);
    let named = |row: csv::StringRecord| head.iter().map(str::to_owned).zip(row.iter().map(str::to_owned)).collect();
    (csv.records().map(|row| named(row.unwrap())).collect(), unknown)
}

fn amount(row: &BTreeMap<String, String>, column: &str) -> Amount {
    row[column].parse().unwrap()
}

#[test]
fn a_row_says_what_was_charged_when_and_at_which_price() {
    let mut export = Export::default();
    let lines = vec![line(Charge::Input, 100, "2", Some("3"), "USD"), line(Charge::Output, 80, "15", None, "USD")];
    for _ in 0..3 {
        export.add(&spent("gpt-x", Some(cost(lines.clone(), 0)))).unwrap();
    }
    let (rows, unknown) = rows(&export);
    assert_eq!((rows.len(), unknown), (2, 0));
    let told = |row: usize, columns: &[&str]| columns.iter().map(|name| rows[row][*name].clone()).collect::<Vec<_>>();
    assert_eq!(
        told(0, &["BilledCost", "ListCost", "ContractedUnitPrice", "ListUnitPrice", "PricingQuantity", "PricingUnit"]),
        ["0.0006", "0.0009", "2", "3", "0.0003", "1000000 Tokens"]
    );
    assert_eq!(told(0, &["ConsumedQuantity", "x_Requests", "x_ListPriceStated"]), ["300", "3", "true"]);
    assert_eq!(
        told(0, &["ChargePeriodStart", "ChargePeriodEnd", "BillingPeriodStart", "BillingPeriodEnd"]),
        ["2026-11-21T10:00:00Z", "2026-11-21T11:00:00Z", "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"]
    );
    // Where no list states a price, it is that of the contract, and said so.
    assert_eq!(told(1, &["ListUnitPrice", "x_ListPriceStated", "SkuMeter"]), ["15", "false", "Output tokens"]);
}

/// No caller chooses a text of the export, and tools join its columns with others: nothing stands before a value.
#[test]
fn a_name_is_told_as_it_is() {
    let mut export = Export::default();
    let lines = vec![line(Charge::Input, 100, "2", None, "USD")];
    export.add(&spent("@cf/meta/llama", Some(cost(lines, 0)))).unwrap();
    let (rows, _) = rows(&export);
    assert_eq!([&*rows[0]["x_Model"], &*rows[0]["ResourceId"]], ["@cf/meta/llama"; 2]);
}

#[test]
fn a_row_that_overflows_is_left_out_and_named() {
    let absurd = |record| {
        let line = line(Charge::Input, u64::MAX, "3", Some("170141183460469231731"), "USD");
        Spent { record, ..spent("absurd", Some(cost(vec![line], 0))) }
    };
    let mut export = Export::default();
    export.add(&spent("m", Some(cost(vec![line(Charge::Input, 1_000, "3", None, "USD")], 0)))).unwrap();
    export.add(&absurd(7)).unwrap();
    assert!(export.add(&absurd(9)).is_err());
    let mut written = Vec::new();
    assert_eq!(export.write(&mut written).unwrap().overflowed, [7]);
    let (rows, _) = rows(&export);
    assert_eq!((rows.len(), rows[0]["x_Model"].as_str()), (1, "m"));
}

/// A report has no row to leave out, and says which sum it is and with which record.
#[test]
fn a_sum_that_overflows_is_named_with_its_record() {
    let absurd = |record| {
        let line = line(Charge::Input, u64::MAX, "9000000", None, "USD");
        Spent { record, ..spent("absurd", Some(cost(vec![line], 0))) }
    };
    let mut breakdown = Breakdown::new(vec![By::Provider, By::Model]);
    breakdown.add(&absurd(7)).unwrap();
    let error = breakdown.add(&absurd(9)).unwrap_err().to_string();
    assert!(error.contains("the sum of 'openai, absurd' cannot be made from record 9,"), "{error}");
    let mut breakdown = Breakdown::new(vec![By::Day]);
    breakdown.add(&absurd(7)).unwrap();
    let another_day = Spent { ended_us: 0, ..absurd(11) };
    let error = breakdown.add(&another_day).unwrap_err().to_string();
    assert!(error.contains("the sum of everything cannot be made from record 11,"), "{error}");
}

#[test]
fn what_is_unknown_is_in_no_row_but_its_known_part() {
    let mut export = Export::default();
    export.add(&spent("m", Some(cost(vec![line(Charge::Input, 1_000, "3", None, "USD")], 2)))).unwrap();
    export.add(&spent("m", Some(cost(Vec::new(), 2)))).unwrap();
    let (rows, unknown) = rows(&export);
    assert_eq!((rows.len(), unknown), (1, 2));
    assert_eq!((rows[0]["x_CostStatus"].as_str(), rows[0]["x_CostReasons"].as_str()), ("unknown", "no_price_for"));
}

proptest! {
    #[test]
    fn sums_are_those_of_the_ledger(
        attempts in prop::collection::vec(
            (
                0..3_usize,
                prop::collection::vec((0..9_usize, 1..5_000_000_u64, 1..900_000_u32, any::<bool>(), 0..2_usize), 0..5),
            ),
            0..30,
        )
    ) {
        let mut export = Export::default();
        let mut breakdown = Breakdown::new(vec![By::Provider]);
        for (sure, lines) in attempts {
            let lines = lines.into_iter().map(|(charge, quantity, rate, listed, currency)| {
                let rate = format!("{}.{:04}", rate / 10_000, rate % 10_000);
                line(Charge::ALL[charge], quantity, &rate, listed.then_some("7.5"), ["USD", "EUR"][currency])
            });
            let spent = spent("m", Some(cost(lines.collect(), sure)));
            export.add(&spent).unwrap();
            breakdown.add(&spent).unwrap();
        }
        let (rows, unknown) = rows(&export);
        let totals = &breakdown.whole().cost;
        prop_assert_eq!(unknown, totals.unknown);
        let mut sums: BTreeMap<(String, String), Amount> = BTreeMap::new();
        for row in &rows {
            let sum = sums.entry((row["x_CostStatus"].clone(), row["BillingCurrency"].clone())).or_insert(Amount::ZERO);
            *sum = sum.checked_add(amount(row, "BilledCost")).unwrap();
            for (whole, each) in [("ListCost", "ListUnitPrice"), ("ContractedCost", "ContractedUnitPrice")] {
                // The price for a million, times the tokens, is a million times the cost.
                let product = amount(row, each).checked_mul(row["ConsumedQuantity"].parse().unwrap()).unwrap();
                prop_assert_eq!(amount(row, whole).checked_mul(1_000_000).unwrap(), product);
            }
        }
        for (currency, of) in &totals.sums {
            for (status, expected) in [("exact", of.exact), ("estimated", of.estimated), ("unknown", of.known_part)] {
                let found = sums.get(&(status.to_owned(), currency.to_string())).copied().unwrap_or_default();
                prop_assert_eq!(found, expected, "{} {}", status, currency);
            }
        }
    }
}
