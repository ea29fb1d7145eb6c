//! Another key, fewer records, a copy and back: everything that is left is verified and proved as before.

use crate::*;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::SystemTime;
use switchtower_ledger::checkpoint::{Checkpoint, Note, VerifyingKey};
use switchtower_ledger::journal::disk::{Appended, Disk, Folder};
use switchtower_ledger::journal::segment;
use switchtower_ledger::record::{Body, Digest};
use switchtower_ledger::upkeep::{BackupError, Pruning, backup, prune, restore};
use switchtower_ledger::verify::{Fault, Known, Report, verify};
use switchtower_ledger::{Entries, home, prove};

fn key(data: &Path) -> VerifyingKey {
    VerifyingKey::parse(&home::key_of(data).unwrap()).unwrap()
}

fn newest(data: &Path) -> Note {
    Note::parse(&std::fs::read_to_string(data.join("ledger/checkpoint")).unwrap()).unwrap()
}

fn verified(data: &Path, checkpoints: Vec<Note>, keys: Vec<VerifyingKey>) -> Report {
    verify(&home::journal_of(data), &Known { checkpoints, keys, vouched: false }).unwrap()
}

fn bodies(data: &Path) -> Vec<(u64, Body)> {
    let disk = home::journal_of(data);
    let mut entries = Entries::from(&disk, 0);
    let mut all = Vec::new();
    while let Some((record, entry)) = entries.read().unwrap() {
        all.push((record, entry.body));
    }
    all
}

#[tokio::test]
async fn another_key_signs_and_who_trusts_the_first_trusts_it() {
    let data = tempfile::tempdir().unwrap();
    filled(data.path(), 5).await;
    let (first, before) = (key(data.path()), newest(data.path()));
    let mut keys = vec![first.clone()];
    for _ in 0..2 {
        let (ledger, keeping) = open(data.path());
        let handed = tokio::task::spawn_blocking(move || keeping.hand_over(&ledger).unwrap()).await.unwrap();
        assert_eq!(key(data.path()), handed);
        keys.push(handed);
        let both = newest(data.path());
        assert!(keys[keys.len() - 2..].iter().all(|key| both.is_signed_by(key)));
        filled(data.path(), 3).await;
    }
    assert!(!newest(data.path()).is_signed_by(&first) && newest(data.path()).is_signed_by(&keys[2]));
    assert!(!data.path().join("keys/ledger.next").exists());
    // The key of the first day is enough, and one that nobody handed over to is not.
    let report = verified(data.path(), vec![before, newest(data.path())], vec![first]);
    assert_eq!((report.faults.as_slice(), report.vouched), (&[][..], report.records));
    let stranger = switchtower_ledger::checkpoint::SigningKey::generate("test.example/log").unwrap().verifying();
    let report = verified(data.path(), vec![newest(data.path())], vec![stranger]);
    assert!(matches!(report.faults[..], [Fault::Unsigned { .. }]), "{:?}", report.faults);
}

/// What was pruned, by a thread that may wait.
async fn pruned(data: &Path, ledger: &Ledger, before_us: u64) -> Pruning {
    let (disk, ledger) = (home::journal_of(data), ledger.clone());
    tokio::task::spawn_blocking(move || prune(&disk, &ledger, before_us).unwrap()).await.unwrap()
}

/// Each key hands over to the next, and the record of the first change alone is pruned: it is recorded again behind the
/// second.
#[tokio::test]
async fn changes_of_keys_are_followed_whatever_was_pruned_first() {
    let data = tempfile::tempdir().unwrap();
    filled(data.path(), 3).await;
    let first = key(data.path());
    hand_over(data.path()).await;
    filled(data.path(), 60).await;
    let between = u64::try_from(SystemTime::UNIX_EPOCH.elapsed().unwrap().as_micros()).unwrap();
    hand_over(data.path()).await;
    filled(data.path(), 60).await;
    let (ledger, keeping) = open(data.path());
    assert!(pruned(data.path(), &ledger, between).await.records > 0);
    stop(ledger, keeping).await;
    let changed = |(record, body): &(u64, Body)| match body {
        Body::KeyChanged(change) => Some((*record, change.from == first.to_string())),
        _ => None,
    };
    let changes: Vec<bool> = bodies(data.path()).iter().filter_map(changed).map(|(_, of_first)| of_first).collect();
    assert_eq!(changes, [false, true], "the first change stands behind the second");
    let report = verified(data.path(), vec![newest(data.path())], vec![first]);
    assert_eq!(report.faults, []);
}

async fn hand_over(data: &Path) {
    let (ledger, keeping) = open(data);
    drop(tokio::task::spawn_blocking(move || keeping.hand_over(&ledger).unwrap()).await.unwrap());
}

/// What a restore lost is told as that also where the record of it was pruned since.
#[tokio::test]
async fn a_restore_is_known_of_after_it_is_pruned() {
    let (data, copies) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    filled(data.path(), 10).await;
    let (copied, restored) = (copies.path().join("copy"), copies.path().join("restored"));
    backup(data.path(), &copied).unwrap();
    filled(data.path(), 30).await;
    let (known, key) = (newest(data.path()), key(data.path()));
    let (kept, into) = (Checkpoint::read(&known).unwrap(), restored.clone());
    let made = move || restore(&copied, &into, Some((&kept, &known)), &[], &unreckoned).map(|_| known).unwrap();
    let known = tokio::task::spawn_blocking(made).await.unwrap();
    filled(&restored, 60).await;
    let (ledger, keeping) = open(&restored);
    assert!(pruned(&restored, &ledger, u64::MAX).await.records > 0);
    stop(ledger, keeping).await;
    let faults = verified(&restored, vec![known], vec![key]).faults;
    assert!(matches!(faults[..], [Fault::Restored { .. }]), "{faults:?}");
}

#[tokio::test]
async fn old_records_go_and_their_hashes_stay() {
    let data = tempfile::tempdir().unwrap();
    let digest = Digest([9; 32]);
    let (ledger, keeping) = open(data.path());
    ledger.keep_content(digest, "configuration", vec![1, 2, 3]).unwrap();
    ledger.started("1", (digest, Digest::default(), Digest::default())).unwrap();
    stop(ledger, keeping).await;
    let (ledger, keeping) = open(data.path());
    let handed = tokio::task::spawn_blocking(move || keeping.hand_over(&ledger).unwrap()).await.unwrap();
    filled(data.path(), 60).await;
    let before = newest(data.path());
    let (ledger, keeping) = open(data.path());
    // What was written last refers to what was written first.
    let refers = Opened { configuration: digest, ..Opened::default() };
    drop(ledger.begin(refers).await.unwrap().close(Closed::default()).await.unwrap());
    let disk = home::journal_of(data.path());
    let files = segment::list(&disk).unwrap().len();
    assert_eq!(pruned(data.path(), &ledger, 0).await.records, 0);
    let pruning = pruned(data.path(), &ledger, u64::MAX).await;
    assert!(files > 5 && pruning.segments == files - 1, "{pruning:?} of {files}");
    // There is nothing more to remove than what was written since.
    assert!(pruned(data.path(), &ledger, 0).await.records == 0);
    stop(ledger, keeping).await;
    let left = bodies(data.path());
    assert_eq!(left[0].0, pruning.first);
    assert!(left.iter().any(
        |(_, body)| matches!(body, Body::Content(content) if content.digest == digest && content.bytes == [1, 2, 3])
    ));
    assert!(left.iter().any(|(_, body)| matches!(body, Body::Pruned(pruned) if (pruned.first, pruned.records) == (pruning.first, pruning.records))));
    let report = verified(data.path(), vec![before], vec![handed]);
    assert_eq!(
        (report.faults.as_slice(), report.pruned, report.vouched),
        (&[][..], pruning.first, report.records + report.pruned)
    );
    // The change of keys is there again, so that the key of the first day goes on to be enough.
    assert!(left.iter().any(|(_, body)| matches!(body, Body::KeyChanged(_))));
    let last = left.last().unwrap().0;
    assert_eq!(prove(&disk, last).unwrap().index, last);
    assert!(prove(&disk, 0).is_err());
    // Hashes vouch for what is gone: without them the tree is another one.
    let hashes = data.path().join("ledger").join(segment::name_of_hashes(0));
    let mut changed = std::fs::read(&hashes).unwrap();
    changed[3] ^= 1;
    std::fs::write(&hashes, changed).unwrap();
    assert!(!verified(data.path(), Vec::new(), vec![key(data.path())]).faults.is_empty());
}

/// What began in what is removed and ended later is counted, on record, and closed without a guess by who finds it open.
#[tokio::test]
async fn a_call_may_be_cut_where_old_records_go() {
    let data = tempfile::tempdir().unwrap();
    let (ledger, keeping) = open(data.path());
    let opened = |number| Opened { request: RequestId([number; 16]), ..Opened::default() };
    let ended = ledger.begin(opened(101)).await.unwrap();
    let never_ended = ledger.begin(opened(102)).await.unwrap();
    let record = never_ended.opened();
    for number in 0..40 {
        call(&ledger, number).await;
    }
    let cut = pruned(data.path(), &ledger, u64::MAX).await;
    assert!(cut.first > record && cut.cut_calls >= 2, "{cut:?}");
    drop(ended.close(Closed::default()).await.unwrap());
    for number in 40..80 {
        call(&ledger, number).await;
    }
    // The end of the first is removed now, its beginning was before; one of the others may lie across the edge.
    assert!(pruned(data.path(), &ledger, u64::MAX).await.cut_calls <= 1);
    stop(ledger, keeping).await;
    drop(never_ended);
    // Who asked and for what is gone, and nobody takes the first call that is left for it.
    let guess = |_: &Opened, _| -> (Counts, Option<Costs>) { panic!("it is another call's beginning") };
    let path = data.path().to_owned();
    let again = move || Ledger::open(&settings(&path), &guess).map(|(ledger, keeping, _)| keeping.stop(&ledger, 0));
    tokio::task::spawn_blocking(again).await.unwrap().unwrap().unwrap();
    let left = bodies(data.path());
    let crashed = left.iter().find_map(|(_, body)| match body {
        Body::Closed(closed) if closed.opened == record => Some((closed.outcome.to_string(), closed.cost.clone())),
        _ => None,
    });
    let (outcome, cost) = crashed.unwrap();
    assert_eq!((outcome.as_str(), cost.unwrap().status.as_ref()), ("crashed", "unknown"));
    assert_eq!(verified(data.path(), vec![newest(data.path())], vec![key(data.path())]).faults, []);
}

/// The journal as it is met while its writer is in the middle of a record.
#[derive(Debug)]
struct HalfWritten {
    journal: Folder,
    /// The last segment.
    last: String,
}

impl Disk for HalfWritten {
    fn read(&self, name: &str, offset: u64) -> io::Result<Option<Box<dyn Read + Send>>> {
        let Some(file) = self.journal.read(name, offset)? else { return Ok(None) };
        // A length, and nothing of what it is of.
        let half: &[u8] = if name == self.last { &[200, 0, 0, 0, 7] } else { &[] };
        Ok(Some(Box::new(file.chain(half))))
    }

    fn names(&self) -> io::Result<Vec<String>> {
        self.journal.names()
    }

    fn append(&self, name: &str) -> io::Result<Arc<dyn Appended>> {
        self.journal.append(name)
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.journal.replace(name, bytes)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.journal.remove(name)
    }

    fn sync_names(&self) -> io::Result<()> {
        self.journal.sync_names()
    }
}

#[tokio::test]
async fn old_records_go_while_a_record_is_being_written() {
    let data = tempfile::tempdir().unwrap();
    let (ledger, keeping) = open(data.path());
    for number in 0..40 {
        call(&ledger, number).await;
    }
    let journal = home::journal_of(data.path());
    let last = segment::name(segment::list(&journal).unwrap().last().unwrap().first);
    let (disk, pruner) = (HalfWritten { journal, last }, ledger.clone());
    let pruned = tokio::task::spawn_blocking(move || prune(&disk, &pruner, u64::MAX)).await.unwrap();
    assert!(pruned.unwrap().records > 0);
    stop(ledger, keeping).await;
    assert_eq!(verified(data.path(), vec![newest(data.path())], vec![key(data.path())]).faults, []);
}

#[tokio::test]
async fn a_copy_is_made_beside_who_writes_and_a_restore_says_that_it_is_one() {
    let (data, copies) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (copied, restored) = (copies.path().join("copy"), copies.path().join("restored"));
    let (ledger, keeping) = open(data.path());
    for number in 0..30 {
        call(&ledger, number).await;
    }
    let left_open = ledger.begin(Opened { request: RequestId([99; 16]), ..Opened::default() }).await.unwrap();
    let made = backup(data.path(), &copied).unwrap();
    let opened = left_open.opened();
    assert_eq!(made.records, opened + 1);
    assert!(matches!(backup(data.path(), &copied), Err(BackupError::NotEmpty { .. })));
    drop(left_open);
    for number in 30..50 {
        call(&ledger, number).await;
    }
    stop(ledger, keeping).await;
    // The machine burns down; what is left is the copy, and a checkpoint that somebody else kept.
    let (known, key) = (newest(data.path()), key(data.path()));
    let checkpoint = Checkpoint::read(&known).unwrap();
    let (from, into, kept, shown) = (copied.clone(), restored.clone(), checkpoint.clone(), known.clone());
    let made =
        tokio::task::spawn_blocking(move || restore(&from, &into, Some((&kept, &shown)), &[], &unreckoned).unwrap());
    assert_eq!(made.await.unwrap().records, opened + 1);
    filled(&restored, 60).await;
    let found = bodies(&restored);
    let says = found.iter().find_map(|(record, body)| match body {
        Body::Restored(restored) => Some((*record, restored.size, restored.known_size)),
        _ => None,
    });
    let (record, size, known_size) = says.unwrap();
    assert_eq!((size, known_size), (opened + 1, Some(checkpoint.size)));
    let crashed =
        |body: &Body| matches!(body, Body::Closed(closed) if closed.outcome == "crashed" && closed.opened == opened);
    assert!(found.iter().any(|(_, body)| crashed(body)));
    // By itself it holds; against the checkpoint it has lost something, and says why. A rollback does not.
    assert_eq!(verified(&restored, Vec::new(), vec![key.clone()]).faults, []);
    let faults = verified(&restored, vec![known.clone()], vec![key.clone()]).faults;
    assert_eq!(faults, [Fault::Restored { record, size, known: checkpoint.size }]);
    let rolled_back = verified(&copied, vec![known], vec![key]).faults;
    assert!(matches!(rolled_back[..], [Fault::Shortened { .. }]), "{rolled_back:?}");
    // What was changed in a copy does not become a ledger.
    let segment = copied.join("ledger").join(segment::name(0));
    let mut bytes = std::fs::read(&segment).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    let outcome = restore(&copied, &copies.path().join("other"), None, &[], &unreckoned);
    assert!(matches!(outcome, Err(BackupError::Fault(_))), "{outcome:?}");
    assert!(matches!(backup(&copies.path().join("nothing"), &copied), Err(BackupError::Nothing { .. })));
}
