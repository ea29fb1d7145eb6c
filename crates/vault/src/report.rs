//! What is kept, for whom and until when; and the proof: the ledger and the files say the same.
//!
//! It needs no master key: a record has the digest of what was sealed.

use crate::error::VaultError;
use crate::folder::{TenantFolder, content_of, strangers};
use crate::item::Stored;
use crate::key::KeyName;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;
use switchtower_ledger::Entries;
use switchtower_ledger::journal::disk::Disk;
use switchtower_ledger::record::{Body, Deleted, Digest, Kept, RequestId};

/// What is kept by one rule for one tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptRow {
    /// Whose it is.
    pub tenant: String,
    /// The rule.
    pub rule: String,
    /// How many parts.
    pub items: u64,
    /// How many bytes they have in the clear.
    pub bytes: u64,
    /// When the oldest was kept, in microseconds since 1970.
    pub oldest_us: u64,
    /// When the first of them is destroyed, likewise.
    pub first_until_us: u64,
    /// When the last of them is, likewise.
    pub last_until_us: u64,
}

/// Where the files and the ledger do not say the same.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Finding {
    /// It is kept by the ledger, and there is no file that has it.
    #[error("record {record} says that the {part} of request {request} is kept, and it is not there")]
    Missing {
        /// The number of the record.
        record: u64,
        /// What of the request.
        part: String,
        /// The request.
        request: RequestId,
    },
    /// There is content of which the ledger knows nothing.
    #[error("{file}: what refers to record {record} is not kept by any record")]
    Unknown {
        /// The file.
        file: String,
        /// The record that it refers to.
        record: u64,
    },
    /// It is another than the one that was recorded.
    #[error("{file}: what record {record} says to be kept was changed")]
    Changed {
        /// The file.
        file: String,
        /// The record.
        record: u64,
    },
    /// A file cannot be read to its end.
    #[error("{file}: {reason}")]
    Unreadable {
        /// The file.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// Content is there, and the key that opens it is not.
    #[error("{file}: its key is missing, so that nobody can read it")]
    NoKey {
        /// The file.
        file: String,
    },
    /// The ledger says that it was destroyed, and it is there.
    #[error("{file}: it is destroyed by the ledger, and still there")]
    NotDestroyed {
        /// The file.
        file: String,
    },
    /// Its time is over, and it is there.
    #[error(
        "{file}: its time was over {late_s} s ago, and it is still there; 'switchtower retention expire' destroys it"
    )]
    Overdue {
        /// The file.
        file: String,
        /// For how long, in seconds.
        late_s: u64,
    },
    /// Nobody kept it here, and nobody would destroy it.
    #[error("{file}: it is no part of what is kept, and goes with nothing; look at it, and take it away")]
    Stranger {
        /// The file.
        file: String,
    },
    /// Fewer or more was destroyed than was kept.
    #[error("record {record} says that {said} parts were destroyed with key {key}, and the ledger has {known}")]
    Count {
        /// The record.
        record: u64,
        /// The name of the key.
        key: String,
        /// What it says.
        said: u64,
        /// What is on record.
        known: u64,
    },
}

/// What is kept, and whether the files and the ledger say the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// What is kept.
    pub kept: Vec<KeptRow>,
    /// How many parts the ledger says that were ever kept, as far as its records reach back.
    pub ever: u64,
    /// How many of them it says to be destroyed, by why.
    pub destroyed: BTreeMap<String, u64>,
    /// How often kept content was read.
    pub shown: u64,
    /// How many parts were to be kept and could not be, by why.
    pub unkept: BTreeMap<String, u64>,
    /// How many records there are.
    pub records: u64,
    /// Every mismatch.
    pub findings: Vec<Finding>,
}

/// Holds the files of kept content against the ledger.
///
/// # Errors
/// [`VaultError`] where either cannot be read.
pub fn report(data: &Path, journal: &dyn Disk, now_s: u64) -> Result<Report, VaultError> {
    let mut on_record = OnRecord::default();
    let mut entries = Entries::from(journal, 0);
    while let Some((record, entry)) = entries.read()? {
        on_record.take(record, entry.at_us, entry.body);
    }
    let mut report = std::mem::take(&mut on_record.report);
    report.records = entries.next_record();
    let content = content_of(data);
    report.findings.extend(strangers(&content)?.into_iter().map(|file| Finding::Stranger { file }));
    for folder in TenantFolder::all(&content)? {
        let of_tenant = |file: String| Finding::Stranger { file: format!("{}/{file}", folder.tenant) };
        report.findings.extend(folder.strangers()?.into_iter().map(of_tenant));
        for name in folder.keys()? {
            on_record.hold(&folder, name, now_s, &mut report.findings)?;
        }
    }
    let mut rows: BTreeMap<(String, String), KeptRow> = BTreeMap::new();
    for live in on_record.live.values() {
        let Kept { tenant, rule, bytes, until_us, .. } = &live.kept;
        let row = rows.entry((tenant.to_string(), rule.to_string())).or_insert_with(|| KeptRow {
            tenant: tenant.to_string(),
            rule: rule.to_string(),
            items: 0,
            bytes: 0,
            oldest_us: live.at_us,
            first_until_us: *until_us,
            last_until_us: *until_us,
        });
        row.items += 1;
        row.bytes += bytes;
        row.oldest_us = row.oldest_us.min(live.at_us);
        row.first_until_us = row.first_until_us.min(*until_us);
        row.last_until_us = row.last_until_us.max(*until_us);
    }
    report.kept = rows.into_values().collect();
    let mut missing: Vec<_> = on_record.live.iter().filter(|(_, live)| !live.seen).collect();
    missing.sort_unstable_by_key(|(record, _)| **record);
    report.findings.extend(missing.into_iter().map(|(record, live)| Finding::Missing {
        record: *record,
        part: live.kept.part.to_string(),
        request: live.kept.request,
    }));
    Ok(report)
}

/// What the ledger says, as far as it was read.
#[derive(Default)]
struct OnRecord {
    /// What is kept, by the number of its record.
    live: HashMap<u64, Live>,
    /// The records of each key.
    by_key: HashMap<(String, String), BTreeSet<u64>>,
    /// The keys that were destroyed.
    destroyed: HashSet<(String, String)>,
    report: Report,
}

struct Live {
    at_us: u64,
    kept: Kept,
    seen: bool,
}

impl OnRecord {
    fn take(&mut self, record: u64, at_us: u64, body: Body) {
        match body {
            Body::Kept(kept) => {
                let key = (kept.tenant.to_string(), kept.key.to_string());
                self.by_key.entry(key).or_default().insert(record);
                self.live.insert(record, Live { at_us, kept, seen: false });
                self.report.ever += 1;
            }
            Body::Deleted(deleted) => self.delete(record, &deleted),
            Body::Shredded(shredded) => {
                let of_tenant: Vec<_> =
                    self.by_key.keys().filter(|(tenant, _)| *tenant == *shredded.tenant).cloned().collect();
                for key in of_tenant {
                    self.drop_key(key, "shredded");
                }
            }
            Body::Closed(closed) => {
                for _ in &closed.unkept {
                    *self.report.unkept.entry("queue_full".to_owned()).or_default() += 1;
                }
            }
            Body::Shown(_) => self.report.shown += 1,
            _ => {}
        }
    }

    fn delete(&mut self, record: u64, deleted: &Deleted) {
        let reason = deleted.reason.as_ref();
        if let Some(kept) = deleted.kept {
            if let Some(live) = self.live.remove(&kept) {
                let key = (live.kept.tenant.to_string(), live.kept.key.to_string());
                self.by_key.entry(key).or_default().remove(&kept);
                *self.report.destroyed.entry(reason.to_owned()).or_default() += 1;
            }
            return;
        }
        let Some(key) = &deleted.key else {
            *self.report.unkept.entry(reason.to_owned()).or_default() += deleted.items;
            return;
        };
        let place = (deleted.tenant.to_string(), key.to_string());
        // What a crash interrupted is recorded again, and nothing is left to count then.
        let again = self.destroyed.contains(&place);
        let known = self.drop_key(place, reason);
        if known != deleted.items && !again {
            let (key, said) = (key.to_string(), deleted.items);
            self.report.findings.push(Finding::Count { record, key, said, known });
        }
    }

    fn drop_key(&mut self, place: (String, String), reason: &str) -> u64 {
        let records = self.by_key.remove(&place).unwrap_or_default();
        for record in &records {
            self.live.remove(record);
        }
        self.destroyed.insert(place);
        let known = records.len() as u64;
        *self.report.destroyed.entry(reason.to_owned()).or_default() += known;
        known
    }

    /// Holds the files of one key against what is on record.
    fn hold(
        &mut self,
        folder: &TenantFolder,
        name: KeyName,
        now_s: u64,
        findings: &mut Vec<Finding>,
    ) -> Result<(), VaultError> {
        let file = format!("{}/{name}", folder.tenant);
        if self.destroyed.contains(&(folder.tenant.clone(), name.to_string())) {
            findings.push(Finding::NotDestroyed { file });
            return Ok(());
        }
        if name.until_s <= now_s {
            findings.push(Finding::Overdue { file: file.clone(), late_s: now_s - name.until_s });
        }
        let bytes = folder.items(name)?;
        let has_key = match folder.key_file(name) {
            Ok(key) => key.is_some(),
            Err(error) => {
                findings.push(Finding::Unreadable { file: file.clone(), reason: error.to_string() });
                true
            }
        };
        if !has_key && !bytes.is_empty() {
            findings.push(Finding::NoKey { file: file.clone() });
        }
        for stored in Stored::all(&bytes) {
            let stored = match stored {
                Ok(stored) => stored,
                Err(error) => {
                    findings.push(Finding::Unreadable { file, reason: error.to_string() });
                    break;
                }
            };
            let record = stored.record;
            match self.live.get_mut(&record) {
                None => findings.push(Finding::Unknown { file: file.clone(), record }),
                Some(live) if live.seen || !is_same(&live.kept, &stored, stored.digest(), name, folder) => {
                    findings.push(Finding::Changed { file: file.clone(), record });
                }
                Some(live) => live.seen = true,
            }
        }
        Ok(())
    }
}

fn is_same(kept: &Kept, stored: &Stored<'_>, sealed: Digest, name: KeyName, folder: &TenantFolder) -> bool {
    kept.request == stored.request
        && kept.part == stored.part.as_str()
        && kept.left_out == stored.left_out
        && kept.sealed == sealed
        && kept.key == name.to_string()
        && kept.tenant == folder.tenant
}
