//! Whether the key in a folder is the one that its records name: with another one the ledger would be signed as that of
//! somebody else, and never verify again.

use crate::checkpoint::{Checkpoint, Note, VerifyingKey};
use crate::record::KeyChanged;

/// What the last segment says of the key that signs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Signs {
    /// The name of the log.
    pub origin: String,
    /// The key of the gateway that started last.
    pub started: Option<String>,
    /// The changes of keys since then.
    pub changes: Vec<KeyChanged>,
}

impl Signs {
    /// The key that the records name, by what they say and by the newest checkpoint; nothing where neither names another
    /// than the one that is there.
    pub(crate) fn expected(&self, own: &VerifyingKey, newest: Option<&(Checkpoint, Note)>) -> Expected {
        let started = self.started.as_deref().and_then(|key| VerifyingKey::parse(key).ok());
        let said = started.is_some();
        let expected = self.follow(started.unwrap_or_else(|| own.clone()));
        if expected != *own {
            return Expected::Other(expected);
        }
        if own.name() != self.origin {
            return Expected::Named(self.origin.clone());
        }
        // The gateway started in a segment before; whoever signed since then still does.
        let unsigned = newest.filter(|(checkpoint, note)| checkpoint.origin == self.origin && !note.is_signed_by(own));
        match unsigned.and_then(|(_, note)| note.signatures.iter().find(|line| line.name == self.origin)) {
            Some(line) if !said => Expected::Named(format!("{}+{:08x}", line.name, u32::from_be_bytes(line.key_id))),
            _ => Expected::Own,
        }
    }

    /// The key that one handed over to, and that one, and so on.
    fn follow(&self, mut key: VerifyingKey) -> VerifyingKey {
        for change in &self.changes {
            if let (Ok(from), Ok(to)) = (VerifyingKey::parse(&change.from), VerifyingKey::parse(&change.to))
                && from == key
                && from.verifies(change.to.as_bytes(), &change.signature)
            {
                key = to;
            }
        }
        key
    }
}

/// Which key should be there.
#[derive(Debug)]
pub(crate) enum Expected {
    /// The one that is.
    Own,
    /// Another.
    Other(VerifyingKey),
    /// One of which only the name is known, or that and its id.
    Named(String),
}
