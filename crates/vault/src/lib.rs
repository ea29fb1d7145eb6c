//! Content that an operator wants kept: sealed, apart from records, and gone when its time is over.
//!
//! Each part of a request is AES-256-GCM under a key of its tenant and of the moment at which it is destroyed. That key
//! lies beside it, wrapped by a master key that lies elsewhere. So a tenant, or a day, is destroyed with a small file,
//! also where a copy of the content is somewhere. The ledger has each keep and each destruction before it happens.
//!
//! It decides about nothing: who keeps what for how long is told by the gateway. Nothing that is sealed is ever logged.
//!
//! ```text
//! master     the master key; wraps keys of content
//! key        the key of a tenant and a moment: its name, its file, sealing and opening
//! item       a part of a request, and how it lies in a file
//! folder     DATA/content/TENANT/KEY.key and KEY.items; orders/ from who does not hold the folder
//! Vault      keeps and destroys      Keeper   the same on a thread of its own, behind a queue with a bound
//! show       opens for who has the master key      report   holds files against the ledger
//! ```

mod error;
mod folder;
mod item;
mod keeper;
mod key;
mod master;
mod order;
mod report;
mod show;
mod vault;

pub use error::VaultError;
pub use item::{Item, ItemError, Part, Stored};
pub use keeper::{Confirmation, Full, Keeper, KeeperSettings, Keeping};
pub use key::{KeyFile, KeyFileError, KeyName};
pub use master::{MasterKey, MasterKeyError};
pub use order::Order;
pub use report::{Finding, KeptRow, Report, report};
pub use show::{Shown, show};
pub use vault::{Vault, is_there, tenants, until_s};
