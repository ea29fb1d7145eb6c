//! Kept content for who has the master key.

use crate::error::VaultError;
use crate::folder::{TenantFolder, content_of};
use crate::item::{ItemError, Part, Stored};
use crate::master::MasterKey;
use std::fmt;
use std::path::Path;
use switchtower_ledger::record::RequestId;
use zeroize::Zeroizing;

/// A part that was kept, in the clear. It does not print, and is wiped when dropped.
pub struct Shown {
    /// Whose it is.
    pub tenant: String,
    /// What of the request it is.
    pub part: Part,
    /// The content.
    pub bytes: Zeroizing<Vec<u8>>,
    /// How many bytes more there were.
    pub left_out: u64,
    /// When it is destroyed, in seconds since 1970.
    pub until_s: u64,
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shown").field("tenant", &self.tenant).field("part", &self.part).finish_non_exhaustive()
    }
}

/// What is kept of a request, in the order in which it was. What is past its time is not there, also where nobody has
/// destroyed it yet. Whoever shows it records that before.
///
/// # Errors
/// [`VaultError`] where it cannot be read, the master key is not at hand, or it was changed.
pub fn show(data: &Path, masters: &[MasterKey], request: RequestId, now_s: u64) -> Result<Vec<Shown>, VaultError> {
    let mut found = Vec::new();
    for folder in TenantFolder::all(&content_of(data))? {
        for name in folder.keys()?.into_iter().filter(|name| name.until_s > now_s) {
            let file = folder.items(name)?;
            // What is being written just now is not there yet.
            let ours: Vec<_> =
                Stored::all(&file).map_while(Result::ok).filter(|stored| stored.request == request).collect();
            if ours.is_empty() {
                continue;
            }
            // It is being destroyed just now.
            let Some(key) = folder.key_file(name)? else { continue };
            let unwrapped = key.unwrap(masters, &folder.tenant, name);
            let key = unwrapped.map_err(VaultError::key(&folder.key_path(name)))?;
            for stored in ours {
                let changed = || VaultError::Item {
                    path: folder.items_path(name),
                    error: ItemError::Changed { record: stored.record },
                };
                let bytes = key.open(stored.head(), stored.sealed, &folder.tenant, name).ok_or_else(changed)?;
                let Stored { part, left_out, record, .. } = stored;
                let tenant = folder.tenant.clone();
                found.push((record, Shown { tenant, part, bytes, left_out, until_s: name.until_s }));
            }
        }
    }
    found.sort_by_key(|(record, _)| *record);
    Ok(found.into_iter().map(|(_, shown)| shown).collect())
}
