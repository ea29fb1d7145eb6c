//! What was spent, read from the ledger: who spent how much on what, for finance and for procurement.
//!
//! It reads records and makes no price: what a call cost was worked out when it ended, and stands there with its lines.
//! Sums are exact, by currency, and what is exact, estimated or unknown is never made one number.
//!
//! ```text
//! spent       what each attempt cost, out of the journal
//! breakdown   sums by provider, model, key, day …
//! commitment  what was promised, beside what was spent
//! focus       the same in the columns of FOCUS, for tools of finance
//! reconcile   a provider's own bill beside it
//! ```

mod breakdown;
mod commitment;
pub mod focus;
mod money;
pub mod reconcile;
mod spent;

pub use breakdown::{Breakdown, By, Group, SumError};
pub use commitment::Commitment;
pub use money::MoneyRecordError;
pub use spent::{Span, SpendError, Spending, Spent};
