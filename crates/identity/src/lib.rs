//! Who the gateway is at a cloud that takes no key: tokens, asked for where the cloud gives them, kept while they are
//! good, and refreshed ahead of their expiry, once for all who wait.
//!
//! It builds requests and reads answers; they travel by the port to the network that it is given. It reads the files in
//! which a platform puts its own tokens, each time anew, and nothing else of its surroundings.
//!
//! ```text
//! google  service account, authorized user, workload identity federation, metadata server
//! azure   client secret, client certificate, workload identity, managed identity
//! aws     keys in place of a token: of a profile or its single sign-on, of a web identity, a container, an instance
//!    -> Identity   gives a token that is good now
//! ```

pub mod aws;
pub mod azure;
mod error;
mod exchange;
pub mod google;
mod identity;
mod jwt;
mod keeper;

pub use error::IdentityError;
pub use identity::{Identity, Source};
