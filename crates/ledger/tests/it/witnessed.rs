//! Folders of witnesses: what was shown once is not taken back in silence.

use crate::*;
use std::sync::atomic::Ordering;
use switchtower_ledger::checkpoint::{Checkpoint, Note};
use switchtower_ledger::journal::segment::{self, Reader};
use switchtower_ledger::record::{Body, Entry, Seen};
use switchtower_ledger::{home, upkeep};

const INTERVAL: Duration = Duration::from_millis(30);

fn with(data: &Path, origin: &str, witness: &Path) -> LedgerSettings {
    LedgerSettings {
        origin: Some(origin.to_owned()),
        witnesses: vec![witness.to_owned()],
        checkpoint_interval: INTERVAL,
        ..settings(data)
    }
}

fn begin(settings: &LedgerSettings) -> (Ledger, Keeping) {
    let (ledger, keeping, _) = Ledger::open(settings, &unreckoned).unwrap();
    (ledger, keeping)
}

/// A ledger that is opened, written to, and stopped.
async fn grown(settings: &LedgerSettings, calls: u8) {
    let (ledger, keeping) = begin(settings);
    for number in 0..calls {
        call(&ledger, number).await;
    }
    stop(ledger, keeping).await;
}

fn copied(from: &Path, into: &Path) {
    std::fs::create_dir_all(into).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = into.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copied(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn seen(data: &Path) -> Vec<Seen> {
    let disk = home::journal_of(data);
    let mut all = Vec::new();
    for found in segment::list(&disk).unwrap().into_iter().filter(|found| found.records) {
        let mut reader = Reader::open(&disk, found.first).unwrap();
        while let Some((_, record)) = reader.read().unwrap() {
            if let Body::Seen(seen) = Entry::of_bytes(record).unwrap().body {
                all.push(seen);
            }
        }
    }
    all
}

fn size(file: &Path) -> u64 {
    Checkpoint::read(&Note::parse(&std::fs::read_to_string(file).unwrap()).unwrap()).unwrap().size
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..300 {
        if holds() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(holds(), "{what} did not come");
}

#[tokio::test]
async fn a_checkpoint_in_a_folder_is_replaced_only_by_one_that_continues_it() {
    let folder = tempfile::tempdir().unwrap();
    let [data, older, witness] = ["data", "older", "w"].map(|name| folder.path().join(name));
    let file = witness.join("a_1.checkpoint");
    let settings = with(&data, "a/1", &witness);
    grown(&settings, 3).await;
    copied(&data, &older);
    grown(&settings, 5).await;
    let (newest, known) = (std::fs::read(&file).unwrap(), size(&file));
    // The older copy: it has fewer records, and then as many and more, but others.
    let rolled_back = with(&older, "a/1", &witness);
    let (ledger, keeping) = begin(&rolled_back);
    let conflicts = || ledger.gauges().witnesses_in_conflict.load(Ordering::Relaxed);
    until("the conflict", || conflicts() == 1).await;
    for number in 0..10 {
        call(&ledger, number).await;
    }
    assert!(ledger.gauges().records.load(Ordering::Relaxed) > known);
    tokio::time::sleep(INTERVAL * 25).await;
    assert_eq!((std::fs::read(&file).unwrap(), conflicts()), (newest, 1));
    // Who has seen that moves it away, and then it is shown again.
    std::fs::rename(&file, folder.path().join("kept")).unwrap();
    call(&ledger, 11).await;
    until("a checkpoint", || file.exists() && conflicts() == 0).await;
    stop(ledger, keeping).await;
    // One that nothing is wrong with goes on, also with what it never signed a checkpoint of here.
    std::fs::remove_file(older.join("ledger/checkpoints")).unwrap();
    let before = size(&file);
    grown(&rolled_back, 1).await;
    assert!(size(&file) > before);
}

#[tokio::test]
async fn two_names_that_make_one_name_of_a_file_do_not_take_each_others_place() {
    let folder = tempfile::tempdir().unwrap();
    let [one, other, witness] = ["one", "other", "w"].map(|name| folder.path().join(name));
    grown(&with(&one, "a/1", &witness), 1).await;
    let file = witness.join("a_1.checkpoint");
    let first = std::fs::read(&file).unwrap();
    grown(&with(&other, "a_1", &witness), 9).await;
    assert_eq!(std::fs::read(&file).unwrap(), first);
}

#[tokio::test]
async fn who_sees_that_another_log_went_back_says_so_once_and_follows_it() {
    let folder = tempfile::tempdir().unwrap();
    let [data, other, older, witness] = ["data", "other", "older", "w"].map(|name| folder.path().join(name));
    let settings = with(&other, "a/2", &witness);
    let file = witness.join("a_2.checkpoint");
    grown(&settings, 3).await;
    copied(&other, &older);
    let (ledger, keeping) = begin(&with(&data, "a/1", &witness));
    let records = || ledger.gauges().records.load(Ordering::Relaxed);
    until("the first", || records() > 0).await;
    grown(&settings, 5).await;
    let known = size(&file);
    until("the second", || records() > 1).await;
    // Somebody takes the checkpoint away, and the log goes on from an older copy.
    std::fs::remove_file(&file).unwrap();
    let (rolled_back, rolled_back_keeping) = begin(&with(&older, "a/2", &witness));
    until("the older one", || file.exists()).await;
    let contradicted = || ledger.gauges().others_contradicted.load(Ordering::Relaxed);
    until("the contradiction", || contradicted() == 1).await;
    call(&rolled_back, 1).await;
    stop(rolled_back, rolled_back_keeping).await;
    let last = size(&file);
    assert!(last < known);
    until("the next", || records() > 3).await;
    stop(ledger, keeping).await;
    let told: Vec<_> = seen(&data).iter().map(|seen| seen.known_size).collect();
    assert_eq!(told.iter().flatten().collect::<Vec<_>>(), [&known], "{told:?}");
    assert_eq!(seen(&data).last().unwrap().size, last);
}

fn key(data: &Path) -> String {
    home::key_of(data).unwrap()
}

#[tokio::test]
async fn a_checkpoint_of_another_log_is_believed_by_the_key_that_was_seen_first_and_those_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let [data, other, stranger, elsewhere, witness] =
        ["data", "other", "stranger", "x", "w"].map(|name| folder.path().join(name));
    let (own, others) = (with(&data, "a/1", &witness), with(&other, "a/2", &witness));
    let file = witness.join("a_2.checkpoint");
    // Junk that came first, under its name and under another.
    std::fs::create_dir(&witness).unwrap();
    let junk = format!("a/2\n18446744073709551000\n{}=\n\n\u{2014} a/2 {}\n", "A".repeat(43), "A".repeat(88));
    std::fs::write(witness.join("zz.checkpoint"), &junk).unwrap();
    grown(&own, 1).await;
    let looked = |from: u8| {
        let own = &own;
        async move {
            let (ledger, keeping) = begin(own);
            call(&ledger, from).await;
            tokio::time::sleep(INTERVAL * 25).await;
            stop(ledger, keeping).await;
        }
    };
    looked(1).await;
    assert_eq!(seen(&data), []);
    grown(&others, 2).await;
    looked(2).await;
    let first = seen(&data);
    assert_eq!((first.len(), first[0].size, first[0].key.as_deref()), (1, 5, Some(key(&other).as_str())));
    // It is remembered over a start, and what is there already is no news.
    looked(3).await;
    assert_eq!(seen(&data).len(), 1);
    // Another log of the same name, with a key of its own beside it: it is not believed.
    let (kept, kept_keys) = (std::fs::read(&file).unwrap(), std::fs::read(witness.join("a_2.keys")).unwrap());
    grown(&with(&stranger, "a/2", &elsewhere), 20).await;
    for name in ["a_2.checkpoint", "a_2.keys"] {
        std::fs::copy(elsewhere.join(name), witness.join(name)).unwrap();
    }
    looked(4).await;
    assert_eq!(seen(&data).len(), 1);
    // And one whose change of keys can be followed is, twice at once as well.
    std::fs::write(&file, kept).unwrap();
    std::fs::write(witness.join("a_2.keys"), kept_keys).unwrap();
    for _ in 0..2 {
        let (ledger, keeping) = begin(&LedgerSettings { witnesses: Vec::new(), ..others.clone() });
        tokio::task::spawn_blocking(move || keeping.hand_over(&ledger)).await.unwrap().unwrap();
    }
    grown(&others, 2).await;
    looked(5).await;
    let last = seen(&data);
    assert_eq!((last.len(), last[1].known_size, last[1].key.as_deref()), (2, None, Some(key(&other).as_str())));
    assert_ne!(last[1].key, first[0].key);
}

#[tokio::test]
async fn what_another_log_took_back_stays_on_record_where_old_records_go() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, keeping) = begin(&settings(folder.path()));
    let writer = ledger.clone();
    let shown = move || {
        for (size, known_size) in [(3, None), (27, None), (13, Some(27)), (14, None), (15, None)] {
            drop(writer.write(Seen { origin: "a/2".into(), size, known_size, ..Seen::default() }.into()).unwrap());
        }
    };
    tokio::task::spawn_blocking(shown).await.unwrap();
    for number in 0..40 {
        call(&ledger, number).await;
    }
    let (disk, pruner) = (home::journal_of(folder.path()), ledger.clone());
    tokio::task::spawn_blocking(move || upkeep::prune(&disk, &pruner, u64::MAX).unwrap()).await.unwrap();
    stop(ledger, keeping).await;
    let left: Vec<_> = seen(folder.path()).iter().map(|seen| (seen.size, seen.known_size)).collect();
    assert_eq!(left, [(27, None), (13, Some(27)), (15, None)]);
}
