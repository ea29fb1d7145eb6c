//! What an attempt cost, as it goes on record.

use crate::Directory;
use crate::clock::{day_of, today};
use crate::tokens::BYTES_OF_TOKEN;
use switchtower_catalogue::prices::{Asked, Leaving, Prices, reported_cost};
use switchtower_domain::{Charge, Cost, CostLine, CostStatus, EstimateReason, Money, UnknownReason, Usage};
use switchtower_ledger::record::{CostLine as LineOnRecord, Costs, Counts, Opened, Sum, Text};
use switchtower_providers::Deployment;

/// How an operation is charged for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Charging {
    /// By tokens, so that a missing report has to be estimated.
    Tokens,
    /// By what the provider reports.
    Report,
    /// Not at all.
    Free,
}

impl Charging {
    /// That of an operation, by its word on record.
    pub(crate) fn of(operation: &str) -> Self {
        match operation {
            "count_tokens" => Self::Free,
            "rerank" | "moderations" => Self::Report,
            _ => Self::Tokens,
        }
    }
}

/// Prices for what is asked of one deployment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Priced<'a> {
    prices: &'a Prices,
    asked: Asked<'a>,
}

impl<'a> Priced<'a> {
    /// The prices of today. Those that are stated under a provider's own name hold before those of its kind.
    pub(crate) fn today(prices: &'a Prices, deployment: &'a Deployment) -> Self {
        let provider = &*deployment.provider;
        let (name, kind) = provider.priced_as();
        let model = priced_name(kind, deployment.model.as_str());
        Self { prices, asked: Asked { provider: name, kind, model, region: provider.place(), day: today() } }
    }

    /// What a usage costs, which is an estimate for the reason that is given.
    pub(crate) fn usage(&self, usage: &Usage, estimated: Option<EstimateReason>) -> Cost {
        let cost = self.prices.price(&self.asked, usage);
        estimated.into_iter().fold(cost, Cost::estimated)
    }

    /// What it costs that bytes left a cloud. Heads of messages and the layers beneath are not counted, so that it is an
    /// estimate. `None` where nobody states a price.
    pub(crate) fn egress(&self, sent: u64, received: u64) -> Option<Cost> {
        let both = [(Leaving::Requests, sent), (Leaving::Answers, received)];
        let lines: Option<Vec<CostLine>> = both
            .into_iter()
            .filter_map(|(direction, bytes)| Some((bytes, self.prices.egress(&self.asked, direction)?)))
            .map(|(quantity, (list, term))| {
                let region = term.region.as_deref().map(|region| format!(" {region}")).unwrap_or_default();
                let row = format!("{list} egress of {}: {}{region}", term.bytes.as_str(), term.kind);
                let amount = term.of(quantity).ok()?;
                Some(CostLine {
                    charge: Charge::Egress,
                    quantity,
                    rate: term.rate,
                    list: Some(term.rate),
                    amount,
                    currency: term.currency,
                    row,
                })
            })
            .collect();
        let made =
            lines.map(|lines| (!lines.is_empty()).then(|| Cost::new(lines, vec![EstimateReason::CountedHere], vec![])));
        match made {
            Some(None) => None,
            Some(Some(Ok(cost))) => Some(cost),
            None | Some(Some(Err(_))) => Some(Cost::unknown(UnknownReason::Overflow)),
        }
    }
}

/// The kind of the built-in simulator.
const SIM: &str = "sim";

/// What lists of prices call a model. The simulator's has directives behind a question mark, which cost nothing.
fn priced_name<'m>(kind: &str, model: &'m str) -> &'m str {
    match model.split_once('?') {
        Some((name, _)) if kind == SIM => name,
        _ => model,
    }
}

/// What a call may use at most: its prompt by its length, and as much as it is bounded to. Nothing where it costs nothing.
fn bounded(operation: &str, bytes_in: u64, output_max: Option<u64>) -> Option<Usage> {
    let charging = Charging::of(operation);
    let input = (charging == Charging::Tokens).then(|| bytes_in.div_ceil(BYTES_OF_TOKEN));
    (charging != Charging::Free).then(|| Usage { input, output: output_max, ..Usage::default() })
}

/// What a call may cost at most, for one whose record does not say which model it asks for.
pub(crate) fn reserved(
    prices: &Prices,
    deployment: &Deployment,
    operation: &str,
    (bytes_in, output_max): (u64, Option<u64>),
) -> Option<Costs> {
    let usage = bounded(operation, bytes_in, output_max)?;
    Some(with_lines(&Priced::today(prices, deployment).usage(&usage, Some(EstimateReason::Reserved))))
}

/// What a call that a crash left open may have used and cost. Where nothing bounded it, its cost is unknown.
pub fn reckon(directory: &Directory, prices: &Prices, opened: &Opened, at_us: u64) -> (Counts, Option<Costs>) {
    let Some(usage) = bounded(&opened.operation, opened.bytes_in, opened.output_max) else {
        return Default::default();
    };
    let provider = directory.providers().find(|provider| provider.name.as_str() == opened.provider);
    let place = opened.region.as_deref().or_else(|| provider.and_then(|provider| provider.place()));
    let (name, kind) = provider.map_or((None, &*opened.provider), |provider| provider.priced_as());
    let model = priced_name(kind, &opened.model);
    let asked = Asked { provider: name, kind, model, region: place, day: day_of(at_us) };
    let computed = || with_lines(&Priced { prices, asked }.usage(&usage, Some(EstimateReason::Reserved)));
    let cost = opened.reserved.clone().unwrap_or_else(computed);
    (Counts { input: usage.input, output: usage.output, ..Counts::default() }, Some(cost))
}

/// What the provider itself says that it cost.
pub(crate) fn reported(usage: &Usage) -> Option<Sum> {
    reported_cost(usage).map(|money| sum(&money))
}

/// A cost with its lines.
pub(crate) fn with_lines(cost: &Cost) -> Costs {
    Costs { lines: cost.lines().iter().map(line).collect(), ..without_lines(cost) }
}

/// A cost without its lines, which stand elsewhere.
pub(crate) fn without_lines(cost: &Cost) -> Costs {
    let reasons = match cost.status() {
        CostStatus::Exact => Vec::new(),
        CostStatus::Estimated(reasons) => reasons.iter().map(|reason| reason.as_str().into()).collect(),
        CostStatus::Unknown(reasons) => reasons.iter().map(|reason| unknown(*reason)).collect(),
    };
    let totals = cost.totals().iter().map(sum).collect();
    Costs { status: cost.status().as_str().into(), reasons, totals, lines: Vec::new() }
}

fn unknown(reason: UnknownReason) -> Text {
    match reason.charge() {
        None => reason.as_str().into(),
        Some(charge) => format!("{} {charge}", reason.as_str()).into(),
    }
}

fn sum(money: &Money) -> Sum {
    Sum { amount: money.amount.to_string().into(), currency: money.currency.as_str().into() }
}

fn line(line: &CostLine) -> LineOnRecord {
    LineOnRecord {
        charge: line.charge.as_str().into(),
        quantity: line.quantity,
        rate: line.rate.amount.to_string().into(),
        per: line.rate.per.as_str().into(),
        amount: line.amount.to_string().into(),
        currency: line.currency.as_str().into(),
        row: line.row.clone().into(),
        list: match line.list {
            None => Some("unknown".into()),
            Some(list) => (list != line.rate).then(|| list.amount.to_string().into()),
        },
    }
}
