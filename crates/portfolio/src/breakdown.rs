//! What was spent, summed by who spent it or on what.

use crate::spent::{Spent, day_of};
use serde::Serialize;
use std::collections::BTreeMap;
use switchtower_domain::{Amount, Currency, Money, MoneyError, Totals};
use switchtower_ledger::record::RequestId;

/// What sums are told apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum By {
    /// The caller's key.
    Key,
    /// Whose the caller is.
    Tenant,
    /// The team of the key's holder.
    Team,
    /// What its holder uses models for.
    UseCase,
    /// The provider.
    Provider,
    /// The deployment.
    Deployment,
    /// The model, by its provider's name.
    Model,
    /// Where the provider is.
    Region,
    /// What was asked for.
    Operation,
    /// The name of the configuration that was asked for.
    Asked,
    /// The day on which the call ended, in UTC.
    Day,
    /// Its month.
    Month,
}

impl By {
    /// Every one.
    pub const ALL: [Self; 12] = [
        Self::Key,
        Self::Tenant,
        Self::Team,
        Self::UseCase,
        Self::Provider,
        Self::Deployment,
        Self::Model,
        Self::Region,
        Self::Operation,
        Self::Asked,
        Self::Day,
        Self::Month,
    ];

    /// The word on the command line and in what is told.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Tenant => "tenant",
            Self::Team => "team",
            Self::UseCase => "use-case",
            Self::Provider => "provider",
            Self::Deployment => "deployment",
            Self::Model => "model",
            Self::Region => "region",
            Self::Operation => "operation",
            Self::Asked => "asked",
            Self::Day => "day",
            Self::Month => "month",
        }
    }

    fn of(self, spent: &Spent) -> String {
        let or_none = |text: Option<&str>| text.unwrap_or_default().to_owned();
        match self {
            Self::Key => spent.caller.map(|caller| caller.to_string()).unwrap_or_default(),
            Self::Tenant => spent.tenant.to_string(),
            Self::Team => or_none(spent.team.as_deref()),
            Self::UseCase => or_none(spent.use_case.as_deref()),
            Self::Provider => spent.provider.to_string(),
            Self::Deployment => spent.deployment.to_string(),
            Self::Model => spent.model.to_string(),
            Self::Region => or_none(spent.region.as_deref()),
            Self::Operation => spent.operation.to_string(),
            Self::Asked => or_none(spent.asked.as_deref()),
            Self::Day => day_of(spent.ended_us).to_string(),
            Self::Month => day_of(spent.ended_us).strftime("%Y-%m").to_string(),
        }
    }
}

/// Sums of what has the same names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Group {
    /// How many attempts nothing was charged for.
    pub free: u64,
    /// What the others cost.
    pub cost: Totals,
    /// What it cost that bytes left a cloud.
    pub egress: Totals,
    /// What providers themselves say that it cost, where they do, by currency.
    pub reported: BTreeMap<Currency, Amount>,
    /// What was worked out here for the same attempts, where that is a whole.
    pub beside_reported: BTreeMap<Currency, Amount>,
    /// Tokens of prompts, and tokens that were generated.
    pub input_tokens: u64,
    /// See above.
    pub output_tokens: u64,
    /// Bytes of bodies to providers, and from them.
    pub bytes_sent: u64,
    /// See above.
    pub bytes_received: u64,
}

impl Group {
    fn add(&mut self, spent: &Spent) -> Result<(), MoneyError> {
        match &spent.cost {
            Some(cost) => self.cost.add(cost)?,
            None => self.free = self.free.saturating_add(1),
        }
        if let Some(egress) = &spent.egress {
            self.egress.add(egress)?;
        }
        if let Some(Money { amount, currency }) = spent.reported
            && let Some(ours) = spent.cost.as_ref().and_then(|cost| cost.whole(currency))
        {
            sum(&mut self.reported, currency, amount)?;
            sum(&mut self.beside_reported, currency, ours)?;
        }
        let usage = spent.usage.as_ref();
        let tokens = |count: Option<u64>| count.unwrap_or_default();
        // What is on record may be absurd; a sum stays at the most that it can be.
        for (sum, more) in [
            (&mut self.input_tokens, tokens(usage.and_then(|usage| usage.input))),
            (&mut self.output_tokens, tokens(usage.and_then(|usage| usage.output))),
            (&mut self.bytes_sent, spent.bytes_sent),
            (&mut self.bytes_received, spent.bytes_received),
        ] {
            *sum = sum.saturating_add(more);
        }
        Ok(())
    }
}

fn sum(sums: &mut BTreeMap<Currency, Amount>, currency: Currency, amount: Amount) -> Result<(), MoneyError> {
    let sum = sums.entry(currency).or_insert(Amount::ZERO);
    *sum = sum.checked_add(amount)?;
    Ok(())
}

/// A sum that cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the sum {sum} cannot be made from record {record}, which ends request {request}: {error}; leave its day out with \
     --from or --until"
)]
pub struct SumError {
    /// Which sum.
    sum: String,
    /// The record whose cost is one too many.
    record: u64,
    /// Its request.
    request: RequestId,
    /// What is wrong.
    error: MoneyError,
}

/// What was spent, by names, and all together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Breakdown {
    by: Vec<By>,
    groups: BTreeMap<Vec<String>, Group>,
    whole: Group,
}

impl Breakdown {
    /// An empty one.
    pub fn new(by: Vec<By>) -> Self {
        Self { by, ..Self::default() }
    }

    /// Adds what an attempt cost.
    ///
    /// # Errors
    /// [`SumError`] names the sum that is too large, and the record with which it is.
    pub fn add(&mut self, spent: &Spent) -> Result<(), SumError> {
        let names: Vec<String> = self.by.iter().map(|by| by.of(spent)).collect();
        let too_large = |sum: String| {
            let (record, request) = (spent.record, spent.request);
            move |error| SumError { sum, record, request, error }
        };
        let said = names.join(", ");
        self.groups.entry(names).or_default().add(spent).map_err(too_large(format!("of '{said}'")))?;
        self.whole.add(spent).map_err(too_large("of everything".to_owned()))
    }

    /// What sums are told apart by.
    pub fn by(&self) -> &[By] {
        &self.by
    }

    /// The sums, in the order of their names.
    pub fn groups(&self) -> impl Iterator<Item = (&[String], &Group)> {
        self.groups.iter().map(|(names, group)| (names.as_slice(), group))
    }

    /// The sums of everything.
    pub const fn whole(&self) -> &Group {
        &self.whole
    }
}
