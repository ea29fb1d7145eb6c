//! What was spent, out of a journal.

use switchtower_domain::{Currency, Money};
use switchtower_ledger::record::{Attempt, Closed, CostLine, Costs, Counts, Opened, Pseudonym, RequestId, Sum};
use switchtower_ledger::{Entries, Ledger};
use switchtower_portfolio::{Breakdown, By, Span, SpendError, Spending, Spent};

fn costs(amount: &'static str) -> Costs {
    let line = CostLine {
        charge: "input".into(),
        quantity: 100,
        rate: "3".into(),
        per: "million_tokens".into(),
        amount: amount.into(),
        currency: "USD".into(),
        row: "own k/m".into(),
        list: None,
    };
    let totals = vec![Sum { amount: amount.into(), currency: "USD".into() }];
    Costs { status: "exact".into(), totals, lines: vec![line], ..Costs::default() }
}

fn opened(number: u8) -> Opened {
    Opened {
        request: RequestId([number; 16]),
        caller: Some(Pseudonym([number; 16])),
        tenant: "default".into(),
        operation: "answers".into(),
        deployment: "first".into(),
        provider: "openai".into(),
        model: "gpt-x".into(),
        ..Opened::default()
    }
}

fn attempt(deployment: &'static str, cost: Option<Costs>) -> Attempt {
    Attempt { deployment: deployment.into(), provider: "openai".into(), cost, ..Attempt::default() }
}

async fn call(ledger: &Ledger, number: u8, closed: Closed) {
    drop(ledger.begin(opened(number)).await.unwrap().close(closed).await.unwrap());
}

fn read(disk: &switchtower_ledger::journal::disk::Memory, span: Span) -> Result<Vec<Spent>, SpendError> {
    Spending::new(Entries::from(disk, 0), span).collect()
}

#[tokio::test]
async fn each_attempt_is_told_with_what_its_call_says() {
    let (ledger, disk) = Ledger::in_memory().unwrap();
    let attempts = vec![attempt("first", None), attempt("second", Some(costs("0.0003")))];
    call(&ledger, 1, Closed { outcome: "answered".into(), attempts, ..Closed::default() }).await;
    let crashed = Closed { outcome: "crashed".into(), cost: Some(costs("0.0003")), ..Closed::default() };
    call(&ledger, 2, Closed { usage: Some(Counts { input: Some(100), ..Counts::default() }), ..crashed }).await;
    let spent = read(&disk, Span::default()).unwrap();
    let told: Vec<(&str, bool)> = spent.iter().map(|spent| (&*spent.deployment, spent.cost.is_some())).collect();
    assert_eq!(told, [("first", false), ("second", true), ("first", true)]);
    assert_eq!(spent[1].cost.as_ref().unwrap().totals(), [Money::new("0.0003".parse().unwrap(), Currency::USD)]);
    assert!(spent.iter().all(|spent| spent.model == "gpt-x" && spent.began_us <= spent.ended_us));
    let mut breakdown = Breakdown::new(vec![By::Key, By::Deployment]);
    spent.iter().for_each(|spent| breakdown.add(spent).unwrap());
    let groups: Vec<(String, u64, u64)> =
        breakdown.groups().map(|(names, group)| (names.join(" "), group.cost.exact, group.free)).collect();
    let key = |number: &str| number.repeat(16);
    let expected = [
        (format!("{} first", key("01")), 0, 1),
        (format!("{} second", key("01")), 1, 0),
        (format!("{} first", key("02")), 1, 0),
    ];
    assert_eq!(groups, expected);
    assert_eq!(breakdown.whole().cost.sums[&Currency::USD].exact.to_string(), "0.0006");
}

#[tokio::test]
async fn days_bound_what_is_told() {
    let (ledger, disk) = Ledger::in_memory().unwrap();
    call(&ledger, 1, Closed { cost: Some(costs("0.0003")), ..Closed::default() }).await;
    let day = |text: &str| Some(text.parse().unwrap());
    assert_eq!(read(&disk, Span { from: day("2020-01-01"), until: day("9000-01-01") }).unwrap().len(), 1);
    assert_eq!(read(&disk, Span { from: None, until: day("2020-01-01") }).unwrap(), []);
    assert_eq!(read(&disk, Span { from: day("9000-01-01"), until: None }).unwrap(), []);
}

#[tokio::test]
async fn a_call_whose_beginning_was_pruned_is_in_no_sum_and_counted() {
    let (ledger, disk) = Ledger::in_memory().unwrap();
    let cut = ledger.begin(opened(1)).await.unwrap();
    let whole = ledger.begin(opened(2)).await.unwrap();
    let closed = || Closed { cost: Some(costs("0.0003")), ..Closed::default() };
    drop(cut.close(closed()).await.unwrap());
    drop(whole.close(closed()).await.unwrap());
    let told = |mut spending: Spending<'_>| {
        let spent: Vec<Spent> = spending.by_ref().collect::<Result<_, _>>().unwrap();
        (spent.iter().map(|spent| spent.request.0[0]).collect::<Vec<u8>>(), spending.beginless())
    };
    // As a reader finds it whose first record is the second.
    assert_eq!(told(Spending::new(Entries::from(&disk, 1), Span::default())), (vec![2], 1));
    let never = Span { from: None, until: Some("2020-01-01".parse().unwrap()) };
    assert_eq!(told(Spending::new(Entries::from(&disk, 1), never)), (vec![], 0));
    // Who wants only later ends has their beginnings all the same.
    let later = Spending::new(Entries::from(&disk, 0), Span::default()).since(3);
    assert_eq!(told(later), (vec![2], 0));
}

#[tokio::test]
async fn the_first_record_and_every_provider_are_known_also_of_days_that_do_not_count() {
    let (ledger, disk) = Ledger::in_memory().unwrap();
    call(&ledger, 1, Closed { cost: Some(costs("0.0003")), ..Closed::default() }).await;
    let never = Span { from: None, until: Some("2020-01-01".parse().unwrap()) };
    for first in [0, 1] {
        let mut spending = Spending::new(Entries::from(&disk, first), never);
        assert_eq!(spending.first_record(), None);
        assert!(spending.read().unwrap().is_none());
        assert_eq!(spending.first_record(), Some(first));
        assert_eq!(spending.providers().contains("openai"), first == 0);
    }
}

#[tokio::test]
async fn a_cost_whose_sums_are_not_those_of_its_lines_is_an_error() {
    let (ledger, disk) = Ledger::in_memory().unwrap();
    call(&ledger, 1, Closed { cost: Some(costs("0.0004")), ..Closed::default() }).await;
    let error = read(&disk, Span::default()).unwrap_err().to_string();
    assert_eq!(error, "record 1: the cost on record cannot be read: 100 of input is not 0.0004");
    let (ledger, disk) = Ledger::in_memory().unwrap();
    let wrong = Costs { status: "estimated".into(), ..costs("0.0003") };
    call(&ledger, 1, Closed { cost: Some(wrong), ..Closed::default() }).await;
    assert!(read(&disk, Span::default()).unwrap_err().to_string().contains("its sums or its status"));
}
