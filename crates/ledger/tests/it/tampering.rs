//! Whatever is changed, removed, added, moved, cut off or rolled back is found, and told where.

use crate::*;
use std::collections::BTreeMap;
use switchtower_ledger::checkpoint::{Checkpoint, Note, SigningKey, VerifyingKey};
use switchtower_ledger::home;
use switchtower_ledger::journal::segment::{self, Head, Reader};
use switchtower_ledger::journal::{disk::Folder, frame};
use switchtower_ledger::merkle::{Frontier, Hash};
use switchtower_ledger::verify::{Fault, Known, Report, verify};

/// Everything in the folder of the journal.
type Files = BTreeMap<String, Vec<u8>>;

fn files(data: &Path) -> Files {
    let read =
        |entry: std::fs::DirEntry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap());
    std::fs::read_dir(data.join("ledger")).unwrap().map(|entry| read(entry.unwrap())).collect()
}

/// What verification says of such files.
fn verified(files: &Files, known: &Known) -> Report {
    let folder = tempfile::tempdir().unwrap();
    files.iter().for_each(|(name, bytes)| std::fs::write(folder.path().join(name), bytes).unwrap());
    verify(&Folder::existing(folder.path()), known).unwrap()
}

struct Ledgered {
    files: Files,
    known: Known,
    records: Vec<Vec<u8>>,
}

async fn ledgered(calls: u8) -> Ledgered {
    let data = tempfile::tempdir().unwrap();
    filled(data.path(), calls).await;
    let checkpoint = std::fs::read_to_string(data.path().join("ledger/checkpoint")).unwrap();
    let key = VerifyingKey::parse(&home::key_of(data.path()).unwrap()).unwrap();
    let known = Known { checkpoints: vec![Note::parse(&checkpoint).unwrap()], keys: vec![key], vouched: false };
    let disk = home::journal_of(data.path());
    let mut records = Vec::new();
    for found in segment::list(&disk).unwrap() {
        let mut reader = Reader::open(&disk, found.first).unwrap();
        while let Some((_, record)) = reader.read().unwrap() {
            records.push(record.to_vec());
        }
    }
    Ledgered { files: files(data.path()), known, records }
}

/// The files of a careful forger, who makes new checksums, hashes and heads, but has no key.
fn forged(original: &Files, records: &[Vec<u8>]) -> Files {
    let firsts: Vec<u64> = original.keys().filter_map(|name| name.strip_suffix(".seg")?.parse().ok()).collect();
    let firsts: Vec<u64> = firsts.into_iter().filter(|first| *first < records.len() as u64).collect();
    let mut files: Files = original
        .iter()
        .filter(|(name, _)| name.starts_with("checkpoint"))
        .map(|(name, bytes)| (name.clone(), bytes.clone()))
        .collect();
    let mut tree = Frontier::new();
    for (place, first) in firsts.iter().enumerate() {
        let last = place + 1 == firsts.len();
        let until = firsts.get(place + 1).map_or(records.len(), |next| usize::try_from(*next).unwrap());
        let of_segment = &records[(usize::try_from(*first).unwrap()).min(records.len())..until.min(records.len())];
        let mut bytes = Head::new("test.example/log", &tree).written();
        let mut hashes = Vec::new();
        for record in of_segment {
            assert!(frame::write(record, &mut bytes));
            hashes.extend(Hash::of_leaf(record).0);
            tree.push(Hash::of_leaf(record));
        }
        files.insert(segment::name(*first), bytes);
        if !last {
            files.insert(segment::name_of_hashes(*first), hashes);
        }
    }
    files
}

#[tokio::test]
async fn what_was_not_touched_holds() {
    let Ledgered { files, known, records } = ledgered(70).await;
    let report = verified(&files, &known);
    assert_eq!(report.faults, []);
    assert_eq!((report.records, report.vouched), (records.len() as u64, records.len() as u64));
    assert!(report.checkpoints >= 4, "{report:?}");
    assert!(files.len() > 6, "{:?}", files.keys());
    assert_eq!(verified(&forged(&files, &records), &known).faults, [], "the forger of this test forges well");
}

#[tokio::test]
async fn every_changed_byte_is_found_and_the_record_named() {
    let Ledgered { files, known, .. } = ledgered(7).await;
    for (name, bytes) in files.iter().filter(|(name, _)| name.ends_with(".seg") || name.ends_with(".tree")) {
        for at in 0..bytes.len() {
            let mut changed = files.clone();
            changed.get_mut(name).unwrap()[at] ^= 1 << (at % 8);
            let report = verified(&changed, &known);
            assert!(!report.faults.is_empty(), "byte {at} of {name}");
        }
    }
}

#[tokio::test]
async fn a_careful_forger_is_found_by_a_checkpoint() {
    let Ledgered { files, known, records } = ledgered(70).await;
    let size = records.len();
    let own = Known { checkpoints: Vec::new(), keys: known.keys.clone(), vouched: false };
    let mut forgeries: Vec<(&str, usize, Vec<Vec<u8>>)> = Vec::new();
    for at in (0..size - 1).step_by(11) {
        let mut changed = records.clone();
        let last = changed[at].len() - 1;
        changed[at][last] ^= 1;
        let mut removed = records.clone();
        removed.remove(at);
        let mut added = records.clone();
        added.insert(at, records[at + 1].clone());
        let mut moved = records.clone();
        moved.swap(at, at + 1);
        forgeries.extend([
            ("changed", at, changed),
            ("removed", at, removed),
            ("added", at, added),
            ("moved", at, moved),
        ]);
    }
    for (what, at, forgery) in forgeries {
        let forged = forged(&files, &forgery);
        // By a checkpoint that was kept elsewhere, and by those that the forger could not sign again.
        for known in [&known, &own] {
            let report = verified(&forged, known);
            match report.faults.first() {
                Some(Fault::Rewritten { from, size }) => {
                    assert!(*from <= at as u64 && (at as u64) < *size, "{what} at {at}: from {from} to {size}");
                }
                // Behind the last checkpoint but one, where one is missing at the end.
                Some(Fault::Shortened { .. }) if what == "removed" => {
                    assert!(report.vouched <= at as u64, "{what} at {at}: {report:?}");
                }
                _ => panic!("{what} at {at}: {report:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_tail_that_is_cut_and_a_rollback_are_found_by_a_checkpoint_from_elsewhere() {
    let Ledgered { files, known, records } = ledgered(70).await;
    for left in [records.len() - 1, records.len() / 2, 1] {
        let mut shortened = forged(&files, &records[..left]);
        let report = verified(&shortened, &known);
        let Some(Fault::Shortened { found, known: size }) = report.faults.first() else { panic!("{report:?}") };
        assert_eq!((*found, *size), (left as u64, records.len() as u64));
        // A rollback takes its own checkpoints along; only the one from elsewhere knows better.
        shortened.retain(|name, _| !name.starts_with("checkpoint"));
        let report = verified(&shortened, &known);
        assert!(matches!(report.faults[..], [Fault::Shortened { .. }]), "{report:?}");
    }
}

#[tokio::test]
async fn a_missing_segment_is_named() {
    let Ledgered { files, known, .. } = ledgered(70).await;
    let firsts: Vec<u64> = files.keys().filter_map(|name| name.strip_suffix(".seg")?.parse().ok()).collect();
    let mut gone = files.clone();
    gone.remove(&segment::name(firsts[1]));
    gone.remove(&segment::name_of_hashes(firsts[1]));
    let report = verified(&gone, &known);
    assert_eq!(report.faults[0], Fault::Missing { from: firsts[1], until: firsts[2] - 1 });
    // The hashes are left and the tree holds, and no record says that the others were pruned.
    let mut pruned = files;
    pruned.remove(&segment::name(firsts[0]));
    let report = verified(&pruned, &known);
    assert_eq!(report.faults, [Fault::Removed { from: 0, until: firsts[1] - 1 }]);
    assert_eq!(report.pruned, firsts[1]);
}

#[tokio::test]
async fn checkpoints_of_strangers_and_of_other_logs_vouch_for_nothing() {
    let Ledgered { files, known, .. } = ledgered(12).await;
    let honest = Checkpoint::read(&known.checkpoints[0]).unwrap();
    let stranger = SigningKey::generate("test.example/log").unwrap();
    let signed = |checkpoint: &Checkpoint| Known {
        checkpoints: vec![checkpoint.signed(&[&stranger])],
        keys: known.keys.clone(),
        vouched: false,
    };
    let report = verified(&files, &signed(&honest));
    assert_eq!(report.faults, [Fault::Unsigned { size: honest.size }]);
    let split = Checkpoint { origin: honest.origin.clone(), size: honest.size, root: Hash([1; 32]) };
    let elsewhere = Checkpoint { origin: "other/log".to_owned(), ..honest };
    let report = verified(&files, &signed(&elsewhere));
    assert!(matches!(report.faults[..], [Fault::Foreign { .. }]), "{report:?}");
    let report = verified(&files, &Known { keys: Vec::new(), ..signed(&split) });
    assert!(report.faults.contains(&Fault::Split { size: split.size }), "{report:?}");
}

/// Who reads entries for a report is told of damage and of gaps, and does not take them for the end.
#[tokio::test]
async fn a_reader_does_not_take_damage_for_the_end() {
    let Ledgered { files, records, .. } = ledgered(70).await;
    let read = |files: &Files| {
        let folder = tempfile::tempdir().unwrap();
        files.iter().for_each(|(name, bytes)| std::fs::write(folder.path().join(name), bytes).unwrap());
        let disk = Folder::existing(folder.path());
        let mut entries = switchtower_ledger::Entries::from(&disk, 0);
        loop {
            match entries.read() {
                Ok(Some(_)) => {}
                Ok(None) => return Ok(entries.next_record()),
                Err(error) => return Err(error.to_string()),
            }
        }
    };
    assert_eq!(read(&files), Ok(records.len() as u64));
    let segments: Vec<String> = files.keys().filter(|name| name.ends_with(".seg")).cloned().collect();
    let last = segments.last().unwrap();
    for (at, of) in [(files[last].len() / 2, last), (files[&segments[1]].len() / 2, &segments[1])] {
        let mut damaged = files.clone();
        damaged.get_mut(of).unwrap()[at] ^= 1;
        assert!(read(&damaged).is_err(), "{of}");
    }
    let mut gap = files.clone();
    gap.remove(&segments[1]);
    assert!(read(&gap).unwrap_err().contains("is missing"));
    // The last record of all may be on its way.
    let mut cut = files;
    let whole = cut[last].len();
    cut.get_mut(last).unwrap().truncate(whole - 3);
    assert_eq!(read(&cut), Ok(records.len() as u64 - 1));
}
