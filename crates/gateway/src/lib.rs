//! The life of one request, from the client's bytes to the client's bytes.
//!
//! Give a [`Gateway`] its [`Settings`], a [`Directory`] of what can be asked for and a transport, and hand it requests.
//! It listens to no socket, opens no connection, reads no file and keeps nothing of what passes through.
//!
//! ```text
//! request ─► accept ─► authenticate ─► decode ─► resolve ─► plan ─► call ─► encode ─► answer
//!                 └────────────┴─ a Refusal from any room ─┴─────────┴──────► encode ─► answer
//! ```
//!
//! `pipeline.rs` names the rooms in their order and says why each stands where it does; begin there.

mod clock;
mod collecting;
mod cost;
mod directory;
mod failure;
mod gateway;
mod holder;
mod meter;
mod notices;
mod owner;
mod pipeline;
mod recorded;
mod recording;
mod reply;
mod request_id;
mod retention;
mod settings;
mod shared;
mod signature;
mod stream;
mod tag;
mod timeline;
mod tokens;
mod trace;
mod turned_away;

pub use cost::reckon;
pub use directory::{Directory, DirectoryError};
pub use gateway::Gateway;
pub use holder::Holder;
pub use owner::SealKey;
pub use pipeline::is_local_authority;
pub use reply::GatewayBody;
pub use retention::{Keeps, Rule, RuleName, Rules, Share};
pub use settings::{Access, AccessError, CallerKey, Digests, Limits, Settings, SettingsError};
pub use trace::SampleRate;
