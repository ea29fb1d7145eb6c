//! A bill beside the ledger: what is the same says nothing, every difference is told.

use crate::{cost, line, spent};
use switchtower_domain::Charge;
use switchtower_ledger::record::Counts;
use switchtower_portfolio::reconcile::{Bill, BillError, Columns, Difference, Reading, Reconciliation};
use switchtower_portfolio::{Breakdown, By, Span, Spent};

fn attempt(model: &'static str) -> Spent {
    let lines = vec![line(Charge::Input, 100, "3", None, "USD"), line(Charge::Output, 80, "15", None, "USD")];
    spent(model, Some(cost(lines, 0)))
}

fn reading(columns: &[&str]) -> Result<Reading, BillError> {
    let columns: Vec<String> = columns.iter().map(|text| (*text).to_owned()).collect();
    Ok(Reading { columns: Columns::named(&columns)?, ..Reading::default() })
}

fn compared(bill: &str, columns: &[&str], attempts: &[Spent]) -> Vec<Difference> {
    compared_as(bill, &reading(columns).unwrap(), attempts).unwrap()
}

fn compared_as(bill: &str, reading: &Reading, attempts: &[Spent]) -> Result<Vec<Difference>, BillError> {
    let bill = Bill::read(bill.as_bytes(), reading)?;
    let mut reconciliation = Reconciliation::new(bill);
    attempts.iter().for_each(|attempt| reconciliation.add(attempt).unwrap());
    reconciliation.differences()
}

fn told(difference: &Difference) -> String {
    let side = |side: &Option<String>| side.clone().unwrap_or_else(|| "-".to_owned());
    let Difference { what, field, bill, ledger, less } = difference;
    format!("{what} {field}: {} / {} ({})", side(bill), side(ledger), side(less))
}

#[test]
fn exports_of_vendors_are_read_by_the_names_of_their_columns() {
    let attempts = [attempt("gpt-x"), attempt("gpt-x")];
    for bill in [
        // As OpenAI's usage export names them.
        "start_time_iso,model,num_model_requests,input_tokens,input_cached_tokens,output_tokens\n2026-11-21T00:00:00+00:00,gpt-x,2,240,40,160\n",
        // As Anthropic's, with writes of two lifetimes.
        "usage_date_utc,model_version,usage_input_tokens_no_cache,usage_input_tokens_cache_write_5m,usage_input_tokens_cache_write_1h,usage_input_tokens_cache_read,usage_output_tokens\n2026-11-21,gpt-x,200,0,0,40,160\n",
        // Rows are summed, and spaces and signs passed over.
        "Date,Model,Requests,Cost\n2026-11-21,gpt-x,1, $0.0015\n2026-11-21,gpt-x,1.0,1.5e-3\n",
    ] {
        assert_eq!(compared(bill, &[], &attempts), [], "{bill}");
    }
    let own = "Tag,Modell,Betrag (USD)\n2026-11-21,gpt-x,0.003\n";
    assert_eq!(compared(own, &["day=Tag", "model=Modell", "cost=Betrag (USD)"], &attempts), []);
}

#[test]
fn every_difference_is_told_on_either_side() {
    let bill = "day,model,requests,input_tokens,output_tokens,cost\n2026-11-21,gpt-x,2,120,80,0.0016\n2026-11-22,gpt-x,1,5,5,1\n";
    let found: Vec<String> = compared(bill, &[], &[attempt("gpt-x"), attempt("gpt-y")]).iter().map(told).collect();
    assert_eq!(
        found,
        [
            "2026-11-21 gpt-x requests: 2 / 1 (1)",
            "2026-11-21 gpt-x cost: 0.0016 / 0.0015 (0.0001)",
            "2026-11-21 gpt-y row: - / there (-)",
            "2026-11-22 gpt-x row: there / - (-)",
        ]
    );
}

#[test]
fn a_request_is_found_by_the_providers_id_and_an_unknown_cost_is_a_difference() {
    let bill = "request_id,model,cost\nreq-1,any,0.0015\nreq-2,any,0.01\n";
    let unknown = Spent { provider_request_id: Some("req-2".into()), ..spent("gpt-x", Some(cost(Vec::new(), 2))) };
    let estimated = cost(vec![line(Charge::Input, 100, "3", None, "USD")], 1);
    let estimated = Spent { provider_request_id: Some("req-1".into()), ..spent("gpt-x", Some(estimated)) };
    assert_eq!(compared(bill, &[], &[attempt("gpt-x"), unknown.clone()]).len(), 1);
    let found: Vec<String> = compared(bill, &[], &[estimated, unknown]).iter().map(told).collect();
    assert_eq!(found, ["req-1 cost: 0.0015 / 0.0003, 1 estimated (0.0012)", "req-2 cost: 0.01 / 0 and 1 unknown (-)"]);
    // What was not charged for is on no bill.
    assert_eq!(compared("day,cost\n", &[], &[spent("gpt-x", None)]), []);
}

#[test]
fn what_cannot_be_read_is_named() {
    let read = |text: &str, columns: &[&str]| {
        reading(columns).and_then(|reading| Bill::read(text.as_bytes(), &reading)).unwrap_err()
    };
    assert!(matches!(read("model,day\n", &[]), BillError::Nothing));
    assert_eq!(read("a,b\n", &["cost=c"]).to_string(), "it has no column 'c'");
    assert!(read("a\n", &["price=a"]).to_string().contains("what can be said: request, day, model"));
    assert_eq!(
        read("day,cost\n2026-11-21,1\n21.11.2026,2\n", &[]).to_string(),
        "line 3, column 'day': '21.11.2026' is no day such as 2026-11-21"
    );
    assert!(read("cost\n1.2.3\n", &[]).to_string().contains("is no amount such as 12.5"));
    assert!(read("requests\n1.5\n", &[]).to_string().contains("is no whole number"));
    assert!(read("requests\n250.000\n", &[]).to_string().contains("'250.000' is no whole number that is clear"));
    assert!(read("day,cost\n2026-11-21,1,2\n", &[]).to_string().contains("line: 2"));
    assert!(read("cost,amount\n1,2\n", &[]).to_string().contains("(cost, amount): say which one with --columns"));
    assert!(read("cost,cost\n1,2\n", &[]).to_string().contains("--columns"));
    assert!(read("cost,cost\n1,2\n", &["cost=cost"]).to_string().contains("two columns are called 'cost'"));
    assert!(read("cost,currency\n1,XYZ\n", &[]).to_string().contains("is no code of a currency"));
    assert!(read("cost,currency\n€1,USD\n", &[]).to_string().contains("another currency than its row says"));
    let most = u64::MAX;
    assert_eq!(
        read(&format!("requests\n{most}\n1\n"), &[]).to_string(),
        "line 3: the sum of what column 'requests' counts is too large"
    );
}

#[test]
fn a_column_that_may_be_a_cost_is_read_or_refused() {
    let attempts = [attempt("gpt-x")];
    for name in ["cost_eur", "Amount (EUR)", "Cost (EUR)", "costs", "Cost (€)", "total cost in EUR", "Cost [eur]"] {
        let reading = Reading { currency: Some("EUR".parse().unwrap()), ..Reading::default() };
        let found = compared_as(&format!("requests,{name}\n1,0.0015\n"), &reading, &attempts).unwrap();
        let found: Vec<String> = found.iter().map(told).collect();
        assert_eq!(found, ["all cost: 0.0015 EUR / - (-)", "all cost: - / 0.0015 USD (-)"], "{name}");
    }
    let read = |name: &str, columns: &[&str]| {
        Bill::read(format!("requests,{name}\n1,5\n").as_bytes(), &reading(columns).unwrap())
    };
    for name in ["EUR cost", "NetCost", "Spend", "cost of tokens", "Charges", "Betrag"] {
        let refused = read(name, &[]).unwrap_err().to_string();
        assert!(refused.contains(&format!("'cost={name}', or that it does not with 'ignore={name}'")), "{refused}");
        assert!(read(name, &[&format!("ignore={name}")]).is_ok(), "{name}");
    }
    for name in ["cost_center", "charge_type", "model_group"] {
        assert_eq!(read(name, &[]).unwrap().unused(), [name]);
    }
    assert!(read("x", &["ignore=y"]).unwrap_err().to_string().contains("no column 'y'"));
}

#[test]
fn a_cost_that_a_row_does_not_state_is_not_nothing() {
    let found = compared("model,cost\ngpt-x,0.0015\ngpt-x,\n,\n", &[], &[attempt("gpt-x")]);
    assert_eq!(found.iter().map(told).collect::<Vec<_>>(), ["gpt-x cost: 0.0015 and 1 not stated / 0.0015 (-)"]);
    let found = compared("model,cost\ngpt-x,\n", &[], &[attempt("gpt-x")]);
    assert_eq!(found.iter().map(told).collect::<Vec<_>>(), ["gpt-x cost: 0 and 1 not stated / 0.0015 (-)"]);
}

#[test]
fn bytes_of_a_bill_do_not_reach_the_terminal_as_they_are() {
    let found = compared("model,cost,\"x\u{1b}[2J\"\n\"a\u{1b}[31m\nb\u{202e}\",1,\n", &[], &[]);
    assert_eq!(found[0].what, "a\\u{1b}[31m\\nb\\u{202e}");
    let bill = Bill::read("cost,\"x\u{1b}[2J\"\n1,2\n".as_bytes(), &Reading::default()).unwrap();
    assert_eq!(bill.unused(), ["x\\u{1b}[2J"]);
    for wrong in ["cost\n\"1\u{1b}\"\n", "\"\u{1b}cost\",cost\n1,2\n", "\"net\u{1b} cost\"\n1\n"] {
        let refused = Bill::read(wrong.as_bytes(), &Reading::default()).unwrap_err().to_string();
        assert!(!refused.contains('\u{1b}') && refused.contains("\\u{1b}"), "{refused}");
    }
}

#[test]
fn our_own_export_comes_out_even_with_what_moving_bytes_cost_left_out() {
    let egress = cost(vec![line(Charge::Egress, 100, "3", None, "USD")], 1);
    let attempts = [Spent { egress: Some(egress), ..attempt("gpt-x") }, attempt("gpt-y")];
    let mut export = switchtower_portfolio::focus::Export::default();
    attempts.iter().for_each(|attempt| export.add(attempt).unwrap());
    let mut focus = Vec::new();
    export.write(&mut focus).unwrap();
    let bill = Bill::read(focus.as_slice(), &Reading::default()).unwrap();
    assert_eq!(bill.apart(), 1);
    let used: Vec<String> = bill.used().iter().map(|(column, name)| format!("{}={name}", column.as_str())).collect();
    assert_eq!(
        used,
        [
            "day=ChargePeriodStart",
            "model=x_Model",
            "cost=BilledCost",
            "currency=BillingCurrency",
            "service=ServiceCategory"
        ]
    );
    let mut reconciliation = Reconciliation::new(bill);
    attempts.iter().for_each(|attempt| reconciliation.add(attempt).unwrap());
    assert_eq!((reconciliation.rows(), reconciliation.differences().unwrap()), (2, vec![]));
}

#[test]
fn a_cost_in_another_currency_is_a_difference() {
    let attempts = [attempt("gpt-x")];
    for same in ["cost\n$0.0015\n", "cost_usd\n0.0015\n", "Cost,Currency\n0.0015,usd\n", "cost\n0.0015 USD\n"] {
        assert_eq!(compared(same, &[], &attempts), [], "{same}");
    }
    for other in ["cost\n€0.0015\n", "Cost,Billing Currency\n0.0015,EUR\n", "cost_eur\n0.0015\n"] {
        let found: Vec<String> = compared(other, &[], &attempts).iter().map(told).collect();
        assert_eq!(found, ["all cost: 0.0015 EUR / - (-)", "all cost: - / 0.0015 USD (-)"], "{other}");
    }
    let stated = Reading { currency: Some("EUR".parse().unwrap()), ..Reading::default() };
    assert_eq!(compared_as("cost\n0.0015\n", &stated, &attempts).unwrap().len(), 2);
}

#[test]
fn several_currencies_want_the_bills() {
    let euros = spent("gpt-y", Some(cost(vec![line(Charge::Input, 100, "3", None, "EUR")], 0)));
    let attempts = [attempt("gpt-x"), euros];
    let refused = compared_as("cost\n0.0018\n", &Reading::default(), &attempts).unwrap_err();
    assert!(refused.to_string().contains("give --currency"), "{refused}");
    assert_eq!(compared("model,cost\ngpt-x,0.0015\ngpt-y,0.0003\n", &[], &attempts), [], "a currency a row");
    assert_eq!(compared("cost,currency\n0.0015,USD\n0.0003,EUR\n", &[], &attempts), []);
    let dollars = Reading { currency: Some("USD".parse().unwrap()), ..Reading::default() };
    let found = compared_as("cost\n0.0015\n", &dollars, &attempts).unwrap();
    assert_eq!(found.iter().map(told).collect::<Vec<_>>(), ["all cost: - / 0.0003 EUR (-)"]);
}

#[test]
fn days_that_do_not_count_are_passed_over_and_files_of_spreadsheets_are_read() {
    let attempts = [attempt("gpt-x")];
    let span = Span { from: Some("2026-11-21".parse().unwrap()), until: Some("2026-11-22".parse().unwrap()) };
    let reading = Reading { span, ..Reading::default() };
    let bill = "day,cost\n2026-11-20,1\n20261121,0.0015\n2026-11-22,1\n";
    assert_eq!(compared_as(bill, &reading, &attempts).unwrap(), []);
    assert_eq!(compared("\u{feff}Day;Cost;Model\n2026-11-20T23:00:00-05:00;0.0015;gpt-x\n", &[], &attempts), []);
    let refund = "cost\n0.002\n(0.0004)\n-$0.0001\n0.00000000000000000049\n";
    assert_eq!(compared(refund, &[], &attempts), []);
    assert_eq!(Bill::read(refund.as_bytes(), &Reading::default()).unwrap().rounded(), 1);
}

#[test]
fn absurd_counts_of_the_ledger_are_differences() {
    let counts = || Counts {
        input: Some(u64::MAX),
        cache_write_5m: Some(u64::MAX),
        cache_write_1h: Some(u64::MAX),
        ..Counts::default()
    };
    let absurd = || Spent { usage: Some(counts()), ..attempt("gpt-x") };
    let found: Vec<String> = compared("input_tokens\n1\n", &[], &[absurd(), absurd()]).iter().map(told).collect();
    assert_eq!(found, ["all input: 1 / 18446744073709551615 (-18446744073709551614)"]);
    let mut breakdown = Breakdown::new(vec![By::Model]);
    breakdown.add(&absurd()).unwrap();
    breakdown.add(&absurd()).unwrap();
    assert_eq!(breakdown.whole().input_tokens, u64::MAX);
}
