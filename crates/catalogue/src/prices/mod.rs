//! What models cost: rows of prices, each with its source and the day on which it was read, and the cost of a usage.
//!
//! ```text
//! litellm.toml, genai_prices.toml   what ships ┐
//! a user's files                    own prices ├─► PriceList ─┐
//!   … with contract = true          contracts  ┘              ▼
//! Asked (kind, model, region, day) + Usage ──────────────► Prices ─► Cost: lines, sum, how sure
//! import   what other projects collected ─► a PriceList
//! ```
//!
//! Of two lists that state a price the contract holds before the user's own, and that before what ships. What nobody
//! states is unknown: a price is never made up, and never zero because it is missing.

mod alike;
mod diff;
pub mod import;
mod list;
mod lookup;
mod parse;
mod price;
mod reported;
mod row;
mod write;

pub use diff::{Difference, differences};
pub use list::{Commitment, DiscountTerm, Egress, Leaving, PriceList};
pub use lookup::{Asked, Layer, Prices, Sheet, Stated, names_of};
pub use reported::reported_cost;
pub use row::{Period, PriceRow, Tier};
