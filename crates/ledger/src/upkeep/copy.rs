//! The copy of a journal beside who writes to it and who prunes it meanwhile.
//!
//! Segments only grow and hashes stay as they are, so that what was copied before is gone on with. Where a file goes while
//! it is copied, all is looked at again: what is gone goes from the copy as well, and the record that says so, which is
//! written before it goes, is copied then.

use crate::journal::disk::{Disk, Folder};
use crate::journal::segment;
use std::collections::HashSet;
use std::fs;
use std::io::{self, Read as _};

/// How often all is looked at before it is given up.
const PASSES_MAX: usize = 8;
/// What the names of checkpoints begin with. They are replaced or grow.
const CHECKPOINT: &str = "checkpoint";

/// Copies a journal; `false` where it was pruned each time.
///
/// # Errors
/// Those of the disks.
pub(super) fn copy_journal(from: &dyn Disk, into: &Folder) -> io::Result<bool> {
    for _ in 0..PASSES_MAX {
        if pass(from, into)? {
            into.sync_names()?;
            return Ok(true);
        }
    }
    Ok(false)
}

/// Looks at all of it once; `false` where it has to be looked at again.
fn pass(from: &dyn Disk, into: &Folder) -> io::Result<bool> {
    let mut names = from.names()?;
    names.retain(|name| !name.starts_with('.'));
    // Checkpoints come before segments, so that they never vouch for more than is copied.
    names.sort_unstable_by(|one, other| {
        (!one.starts_with(CHECKPOINT), one).cmp(&(!other.starts_with(CHECKPOINT), other))
    });
    let there: HashSet<&String> = names.iter().collect();
    for name in into.names()?.iter().filter(|name| !there.contains(name)) {
        into.remove(name)?;
    }
    for name in &names {
        let grows = !name.starts_with(CHECKPOINT);
        let copied = if grows { length(into, name)? } else { 0 };
        let Some(mut file) = from.read(name, copied)? else { return Ok(false) };
        let mut rest = Vec::new();
        file.read_to_end(&mut rest)?;
        if !grows {
            into.replace(name, &rest)?;
        } else if !rest.is_empty() {
            let file = into.append(name)?;
            file.write(&rest)?;
            file.sync()?;
        }
    }
    // A list that is made while a segment is finished may have the next one, and not its hashes.
    let segments = segment::list(into)?;
    Ok(segments.iter().rev().skip(1).all(|found| found.hashes))
}

fn length(folder: &Folder, name: &str) -> io::Result<u64> {
    match fs::metadata(folder.path().join(name)) {
        Ok(metadata) => Ok(metadata.len()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::JournalSettings;
    use crate::journal::disk::Appended;
    use crate::record::Told;
    use crate::upkeep::prune;
    use crate::verify::{Known, verify};
    use crate::{Ledger, LedgerSettings, home};
    use std::io::Read;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// A journal that somebody prunes when a certain segment is read, and writes to all the while.
    #[derive(Debug)]
    struct Busy {
        journal: Folder,
        ledger: Ledger,
        reads: AtomicUsize,
        prune_at: usize,
    }

    impl Disk for Busy {
        fn names(&self) -> io::Result<Vec<String>> {
            self.journal.names()
        }

        fn read(&self, name: &str, offset: u64) -> io::Result<Option<Box<dyn Read + Send>>> {
            fill(&self.ledger, 3);
            if name.ends_with(".seg") && self.reads.fetch_add(1, Ordering::Relaxed) + 1 == self.prune_at {
                assert!(prune(&self.journal, &self.ledger, u64::MAX).unwrap().segments > 0);
            }
            self.journal.read(name, offset)
        }

        fn append(&self, name: &str) -> io::Result<Arc<dyn Appended>> {
            panic!("{name} is written to")
        }

        fn replace(&self, name: &str, _: &[u8]) -> io::Result<()> {
            panic!("{name} is replaced")
        }

        fn remove(&self, name: &str) -> io::Result<()> {
            panic!("{name} is removed")
        }

        fn sync_names(&self) -> io::Result<()> {
            Ok(())
        }
    }

    fn fill(ledger: &Ledger, records: usize) {
        (0..records).for_each(|_| drop(ledger.write(Told::default().into()).unwrap()));
    }

    #[test]
    fn what_is_pruned_while_it_is_copied_is_gone_from_the_copy_as_well_and_the_copy_holds() {
        let mut pruned = 0;
        for prune_at in 1..12 {
            let (data, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
            let journal = JournalSettings { segment_bytes: 2000, ..JournalSettings::new("") };
            let settings = LedgerSettings { journal, ..LedgerSettings::new(data.path()) };
            let (ledger, keeping, _) = Ledger::open(&settings, &|_, _| Default::default()).unwrap();
            fill(&ledger, 100);
            let (journal, into) = (home::journal_of(data.path()), Folder::existing(copy.path()));
            let busy = Busy { journal, ledger: ledger.clone(), reads: AtomicUsize::new(0), prune_at };
            assert!(copy_journal(&busy, &into).unwrap());
            let report = verify(&into, &Known::default()).unwrap();
            assert!(report.faults.is_empty() && report.records > 0, "{prune_at}: {:?}", report.faults);
            pruned += u64::from(report.pruned > 0);
            let mut records = segment::list(&into).unwrap().into_iter().skip_while(|found| !found.records);
            assert!(records.all(|found| found.records), "{prune_at}: something in the middle is gone");
            keeping.stop(&ledger, 0).unwrap();
        }
        assert!(pruned > 3, "{pruned} of the copies were pruned meanwhile");
    }
}
