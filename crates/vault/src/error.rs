//! Why content is not kept, shown or destroyed.

use crate::item::ItemError;
use crate::key::KeyFileError;
use std::io;
use std::path::{Path, PathBuf};
use switchtower_ledger::journal::AppendError;

/// Why content is not kept, shown or destroyed.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// A file or folder cannot be read or written.
    #[error("{}: {error}", path.display())]
    Disk {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// A file of a key is none, or is wrapped by a master key that is not at hand.
    #[error("{}: {error}", path.display())]
    Key {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        error: KeyFileError,
    },
    /// Kept content cannot be read.
    #[error("{}: {error}", path.display())]
    Item {
        /// Where it lies.
        path: PathBuf,
        /// What is wrong.
        error: ItemError,
    },
    /// It could not be recorded, and so was not done.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The key of a tenant's pseudonyms is still there.
    #[error(
        "the key of the tenant's pseudonyms is on record as destroyed, and could not be: {error}; give the order again"
    )]
    Pseudonyms {
        /// What the system says.
        error: io::Error,
    },
    /// The ledger cannot be read.
    #[error(transparent)]
    Read(#[from] switchtower_ledger::ReadError),
    /// There is no master key.
    #[error("there is no master key; name one in retention.key")]
    NoMaster,
    /// There is no randomness, or the cipher refuses.
    #[error("the cryptographic library refuses")]
    Cipher,
    /// A tenant's name is none that a folder can have.
    #[error("'{name}' is no name of a tenant: it has a-z, 0-9, '-', '_' and '.', and begins with a letter or a digit")]
    Tenant {
        /// The name.
        name: String,
    },
}

impl VaultError {
    pub(crate) fn disk(path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |error| Self::Disk { path, error }
    }

    pub(crate) fn key(path: &Path) -> impl FnOnce(KeyFileError) -> Self + use<> {
        let path = path.to_owned();
        move |error| Self::Key { path, error }
    }
}
