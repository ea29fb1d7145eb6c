//! The prices of one file.

use super::alike::Alike;
use super::{Period, PriceRow};
use jiff::civil::Date;
use std::collections::BTreeMap;
use std::sync::Arc;
use switchtower_domain::{Amount, Discount, Money, Rate};

/// The prices and terms of one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PriceList {
    /// Whether these are what a contract says: then they hold before all others.
    pub contract: bool,
    pub(crate) prices: BTreeMap<String, BTreeMap<String, Arc<Vec<PriceRow>>>>,
    /// The names with a `*`, by kind, so that a model that has no row of its own is looked for among these alone.
    pub(crate) alike: BTreeMap<String, Alike>,
    /// Shares that are taken off prices that are not of a contract.
    pub discounts: Vec<DiscountTerm>,
    /// What is paid whether it is used or not.
    pub commitments: Vec<Commitment>,
    /// What it costs when bytes leave a cloud.
    pub egress: Vec<Egress>,
}

/// A share that a contract takes off list prices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiscountTerm {
    /// Of which kind of provider, or of which provider by its own name.
    pub kind: String,
    /// Of which model, or of those that a name with `*` stands for; of all where nobody says.
    pub model: Option<String>,
    /// How much.
    pub percent: Discount,
    /// When.
    pub period: Period,
    /// Who says so.
    pub source: String,
    /// When that was read.
    pub date: Date,
}

/// What is paid to a kind of provider for a time, whether it is used or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commitment {
    /// To which kind of provider, or to which provider by its own name.
    pub kind: String,
    /// How much, for the whole period.
    pub money: Money,
    /// When: both ends are stated.
    pub period: Period,
    /// Who says so.
    pub source: String,
    /// When that was read.
    pub date: Date,
}

/// Which bytes a cloud charges for when they leave it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Leaving {
    /// Those of answers, which leave the provider's cloud.
    #[default]
    Answers,
    /// Those of requests, which leave your own on their way there.
    Requests,
}

impl Leaving {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Answers, Self::Requests];

    /// The word in files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answers => "answers",
            Self::Requests => "requests",
        }
    }
}

/// What it costs when bytes leave a cloud.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Egress {
    /// Of which kind of provider, or of which provider by its own name.
    pub kind: String,
    /// From which region; from every other where nobody says.
    pub region: Option<String>,
    /// Which bytes.
    pub bytes: Leaving,
    /// For a gigabyte of 10⁹ bytes.
    pub rate: Rate,
    /// In which currency.
    pub currency: switchtower_domain::Currency,
    /// When.
    pub period: Period,
    /// Who says so.
    pub source: String,
    /// When that was read.
    pub date: Date,
}

impl PriceList {
    /// Adds the rows of a model, in place of those that it has.
    pub fn add(&mut self, kind: &str, model: &str, rows: Vec<PriceRow>) {
        let before = self.prices.entry(kind.to_owned()).or_default().insert(model.to_owned(), Arc::new(rows));
        if before.is_none() && model.contains('*') {
            self.alike.entry(kind.to_owned()).or_default().add(model);
        }
    }

    /// The rows of a model by its whole name in the list, which may have a `*`.
    pub fn rows(&self, kind: &str, model: &str) -> Option<&[PriceRow]> {
        self.prices.get(kind)?.get(model).map(|rows| rows.as_slice())
    }

    /// Every model, by kind of provider.
    pub fn models(&self) -> impl Iterator<Item = (&str, &str, &[PriceRow])> {
        self.prices.iter().flat_map(|(kind, models)| {
            models.iter().map(move |(model, rows)| (kind.as_str(), model.as_str(), rows.as_slice()))
        })
    }

    /// How many models have a price.
    pub fn len(&self) -> usize {
        self.prices.values().map(BTreeMap::len).sum()
    }

    /// Whether nothing is stated at all.
    pub fn is_empty(&self) -> bool {
        self.prices.is_empty() && self.discounts.is_empty() && self.commitments.is_empty() && self.egress.is_empty()
    }

    /// The kind and the name in the list that stands for a model: its own, or the one with a `*` that says most.
    pub(crate) fn name_of(&self, kind: &str, model: &str) -> Option<(&str, &str, &[PriceRow])> {
        let (kind, models) = self.prices.get_key_value(kind)?;
        let found =
            models.get_key_value(model).or_else(|| models.get_key_value(&*self.alike.get(kind)?.name_of(model)?));
        found.map(|(name, rows)| (kind.as_str(), name.as_str(), rows.as_slice()))
    }
}

impl Egress {
    /// What so many bytes cost.
    ///
    /// # Errors
    /// Those of [`Rate::times`].
    pub fn of(&self, bytes: u64) -> Result<Amount, switchtower_domain::MoneyError> {
        self.rate.times(bytes)
    }
}
