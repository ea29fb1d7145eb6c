//! What was promised to a provider, beside what was spent there: two numbers that are never added up.

use crate::spent::{Span, Spent};
use jiff::civil::Date;
use std::collections::BTreeSet;
use switchtower_domain::{Money, MoneyError, Totals};

/// What is paid for a time whether it is used or not, and what was spent against it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commitment {
    /// To which kind of provider, or to which provider.
    pub to: String,
    /// How much, for all of its time.
    pub money: Money,
    /// Its time.
    pub span: Span,
    /// The file that says so, and the source that it names.
    pub by: String,
    /// See above.
    pub source: String,
    /// The names of the providers whose costs count.
    pub providers: BTreeSet<String>,
    /// What they cost in its time.
    pub spent: Totals,
}

impl Commitment {
    /// Whether a day of these is in its time.
    pub fn meets(&self, span: Span) -> bool {
        let before = |until: Option<Date>, from: Option<Date>| matches!((until, from), (Some(u), Some(f)) if u <= f);
        !before(self.span.until, span.from) && !before(span.until, self.span.from)
    }

    /// Adds what an attempt cost, where it is of its providers and of its time. What moving bytes cost does not count.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn add(&mut self, spent: &Spent) -> Result<(), MoneyError> {
        let counts = self.span.has(spent.ended_us) && self.providers.contains(&*spent.provider);
        spent.cost.iter().filter(|_| counts).try_for_each(|cost| self.spent.add(cost))
    }
}
