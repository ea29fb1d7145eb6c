//! What is read from a ledger comes out as it was written, to the last digit.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod focus;
mod reconcile;
mod spending;

use switchtower_domain::{Charge, Cost, CostLine, EstimateReason, Rate, Unit, UnknownReason};
use switchtower_ledger::record::{Counts, RequestId};
use switchtower_portfolio::Spent;

/// 2026-11-21T10:30:00Z.
pub(crate) const NOON_US: u64 = 1_795_257_000_000_000;

/// What an attempt of two hundred tokens cost.
pub(crate) fn spent(model: &'static str, cost: Option<Cost>) -> Spent {
    Spent {
        record: 1,
        request: RequestId([7; 16]),
        began_us: NOON_US - 1_000_000,
        ended_us: NOON_US,
        caller: None,
        tenant: "default".into(),
        team: None,
        use_case: None,
        operation: "answers".into(),
        asked: None,
        deployment: model.into(),
        provider: "openai".into(),
        region: None,
        model: model.into(),
        outcome: "answered".into(),
        failure: None,
        provider_request_id: Some("req-1".into()),
        usage: Some(Counts { input: Some(120), cache_read: Some(20), output: Some(80), ..Counts::default() }),
        bytes_sent: 10,
        bytes_received: 20,
        cost,
        egress: None,
        reported: None,
    }
}

/// A line of millions of tokens.
pub(crate) fn line(charge: Charge, quantity: u64, rate: &str, list: Option<&str>, currency: &str) -> CostLine {
    let of = |amount: &str| Rate::new(amount.parse().unwrap(), Unit::MillionTokens);
    CostLine {
        charge,
        quantity,
        rate: of(rate),
        list: list.map(of),
        amount: of(rate).times(quantity).unwrap(),
        currency: currency.parse().unwrap(),
        row: "own k/m".into(),
    }
}

/// A cost of lines that is exact (0), estimated (1) or unknown (2).
pub(crate) fn cost(lines: Vec<CostLine>, sure: usize) -> Cost {
    let estimated = if sure == 1 { vec![EstimateReason::CountedHere] } else { Vec::new() };
    let unknown = if sure == 2 { vec![UnknownReason::NoPriceFor(Charge::InputAudio)] } else { Vec::new() };
    Cost::new(lines, estimated, unknown).unwrap()
}
