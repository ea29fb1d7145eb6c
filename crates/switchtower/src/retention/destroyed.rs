//! What became of an order to destroy, as the ledger says it: the order may have been followed by somebody else.

use anyhow::Result;
use std::path::Path;
use switchtower_ledger::Entries;
use switchtower_ledger::home::journal_of;
use switchtower_ledger::record::Body;

/// What was destroyed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Destroyed {
    /// How many parts.
    pub(super) items: u64,
    /// How many keys.
    pub(super) keys: u64,
}

impl Destroyed {
    /// The number of the record that will be written next.
    pub(super) fn next_record(data: &Path) -> Result<u64> {
        let journal = journal_of(data);
        let mut entries = Entries::from(&journal, 0);
        while entries.read()?.is_some() {}
        Ok(entries.next_record())
    }

    /// What the records from a number on say to be destroyed.
    pub(super) fn since(data: &Path, record: u64) -> Result<Self> {
        let journal = journal_of(data);
        let (mut entries, mut destroyed) = (Entries::from(&journal, record), Self::default());
        while let Some((_, entry)) = entries.read()? {
            match entry.body {
                Body::Deleted(deleted) if deleted.key.is_some() && deleted.kept.is_none() => {
                    destroyed.items += deleted.items;
                    destroyed.keys += 1;
                }
                Body::Shredded(shredded) => {
                    destroyed.items += shredded.items;
                    destroyed.keys += shredded.keys;
                }
                _ => {}
            }
        }
        Ok(destroyed)
    }
}
