//! A bill beside the ledger: what is the same says nothing, every difference is told.

use crate::{cost, line, spent};
use switchtower_domain::Charge;
use switchtower_portfolio::Spent;
use switchtower_portfolio::reconcile::{Bill, BillError, Columns, Difference, Reconciliation};

fn attempt(model: &'static str) -> Spent {
    let lines = vec![line(Charge::Input, 100, "3", None, "USD"), line(Charge::Output, 80, "15", None, "USD")];
    spent(model, Some(cost(lines, 0)))
}

fn compared(bill: &str, columns: &[&str], attempts: &[Spent]) -> Vec<Difference> {
    let columns: Vec<String> = columns.iter().map(|text| (*text).to_owned()).collect();
    let bill = Bill::read(bill.as_bytes(), &Columns::named(&columns).unwrap()).unwrap();
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
    let own = "Tag,Modell,Betrag (EUR)\n2026-11-21,gpt-x,0.003\n";
    assert_eq!(compared(own, &["day=Tag", "model=Modell", "cost=Betrag (EUR)"], &attempts), []);
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
        let columns: Vec<String> = columns.iter().map(|text| (*text).to_owned()).collect();
        Columns::named(&columns).and_then(|columns| Bill::read(text.as_bytes(), &columns)).unwrap_err()
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
}
