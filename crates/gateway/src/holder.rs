//! Who holds a key, as far as reports and rules tell holders apart.

use switchtower_domain::{TeamName, UseCaseName};

/// Who has a key, and what for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// What the operator calls the key.
    pub name: String,
    /// Whose spending it is.
    pub team: Option<TeamName>,
    /// What its holder uses models for.
    pub use_case: Option<UseCaseName>,
}
