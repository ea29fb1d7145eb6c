//! Calls, crashes, keys and witnesses.

use crate::*;
use switchtower_ledger::checkpoint::{Checkpoint, Note, VerifyingKey};
use switchtower_ledger::home;
use switchtower_ledger::journal::segment::{self, Reader};
use switchtower_ledger::merkle::{Hash, proof};
use switchtower_ledger::record::{Body, Entry};
use switchtower_ledger::{Found, LedgerError, prove};

fn entries(data: &Path) -> Vec<Body> {
    let disk = home::journal_of(data);
    let mut all = Vec::new();
    for found in segment::list(&disk).unwrap() {
        let mut reader = Reader::open(&disk, found.first).unwrap();
        while let Some((_, record)) = reader.read().unwrap() {
            all.push(Entry::of_bytes(record).unwrap().body);
        }
    }
    all
}

#[tokio::test]
async fn a_call_leaves_two_entries_and_a_dropped_one_as_well() {
    let data = tempfile::tempdir().unwrap();
    let (ledger, keeping) = open(data.path());
    call(&ledger, 1).await;
    let open = ledger.begin(Opened { request: RequestId([2; 16]), ..Opened::default() }).await.unwrap();
    drop(open);
    stop(ledger, keeping).await;
    let all = entries(data.path());
    let words: Vec<&str> = all.iter().map(Body::word).collect();
    assert_eq!(words, ["opened", "closed", "opened", "closed", "stopped"]);
    let Body::Closed(closed) = &all[3] else { panic!() };
    assert_eq!((closed.opened, closed.outcome.as_ref(), closed.request), (2, "abandoned", RequestId([2; 16])));
}

#[tokio::test]
async fn what_a_crash_left_open_is_closed_and_marked() {
    let data = tempfile::tempdir().unwrap();
    let copy = tempfile::tempdir().unwrap();
    let (ledger, keeping) = open(data.path());
    call(&ledger, 1).await;
    let open = ledger.begin(Opened { request: RequestId([2; 16]), ..Opened::default() }).await.unwrap();
    // The folder as a crash would leave it at this moment.
    for folder in ["ledger", "keys", "tenants"] {
        std::fs::create_dir(copy.path().join(folder)).unwrap();
        for file in std::fs::read_dir(data.path().join(folder)).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), copy.path().join(folder).join(file.file_name())).unwrap();
        }
    }
    drop(open);
    stop(ledger, keeping).await;
    let copied = copy.path().to_owned();
    let found = tokio::task::spawn_blocking(move || {
        let reckon = |opened: &Opened, _| {
            assert_eq!(opened.request, RequestId([2; 16]));
            let counts = Counts { input: Some(5), ..Counts::default() };
            (counts, Some(Costs { status: "estimated".into(), ..Costs::default() }))
        };
        let (ledger, keeping, found) = Ledger::open(&settings(&copied), &reckon).unwrap();
        keeping.stop(&ledger, 0).unwrap();
        found
    });
    assert_eq!(found.await.unwrap(), Found { records: 3, cut_bytes: 0, open: 1, begun: false, stopped: false });
    let all = entries(copy.path());
    let Body::Closed(closed) = &all[4] else { panic!("{all:?}") };
    assert_eq!((closed.opened, closed.outcome.as_ref()), (2, "crashed"));
    let usage = closed.usage.as_ref().unwrap();
    assert_eq!((usage.input, usage.estimated.as_deref()), (Some(5), Some("crashed")));
    assert_eq!(closed.cost.as_ref().unwrap().status, "estimated");
    assert_eq!((all[3].word(), all[5].word()), ("recovered", "stopped"));
}

#[tokio::test]
async fn a_folder_is_held_by_one_gateway() {
    let data = tempfile::tempdir().unwrap();
    let (ledger, keeping) = open(data.path());
    let error = Ledger::open(&settings(data.path()), &unreckoned).unwrap_err();
    assert!(matches!(error, LedgerError::Home(home::HomeError::Held { .. })), "{error}");
    assert!(error.to_string().contains("--data"), "{error}");
    stop(ledger, keeping).await;
    let (ledger, keeping) = open(data.path());
    stop(ledger, keeping).await;
}

#[cfg(unix)]
#[tokio::test]
async fn others_of_the_machine_cannot_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let data = tempfile::tempdir().unwrap();
    let data = data.path().join("state");
    filled(&data, 1).await;
    let mode = |path: &str| std::fs::metadata(data.join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("."), mode("ledger"), mode("keys")), (0o700, 0o700, 0o700));
    assert_eq!((mode("keys/ledger"), mode("keys/digests"), mode("tenants/default.key")), (0o600, 0o600, 0o600));
    assert_eq!(mode("ledger/00000000000000000000.seg"), 0o600);
}

#[tokio::test]
async fn every_record_is_proved_to_who_has_the_checkpoint_only() {
    let data = tempfile::tempdir().unwrap();
    filled(data.path(), 50).await;
    let disk = home::journal_of(data.path());
    let key = VerifyingKey::parse(&home::key_of(data.path()).unwrap()).unwrap();
    let size = entries(data.path()).len() as u64;
    for index in 0..size {
        let proved = prove(&disk, index).unwrap();
        assert!(proved.checkpoint.is_signed_by(&key));
        let Checkpoint { size, root, origin } = Checkpoint::read(&proved.checkpoint).unwrap();
        assert_eq!(origin, "test.example/log");
        let leaf = Hash::of_leaf(&proved.record);
        assert_eq!(proof::check_inclusion(leaf, index, size, root, &proved.path), Ok(()));
        assert!(proved.to_string().starts_with(&format!("c2sp.org/tlog-proof@v1\nindex {index}\n")));
    }
    assert!(prove(&disk, size).is_err());
}

#[tokio::test]
async fn replicas_register_each_others_checkpoints() {
    let (one, other, witness) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let with = |data: &Path, origin: &str| LedgerSettings {
        origin: Some(origin.to_owned()),
        witnesses: vec![witness.path().to_owned()],
        checkpoint_interval: Duration::from_millis(50),
        ..settings(data)
    };
    let (first, first_keeping, _) = Ledger::open(&with(one.path(), "a/1"), &unreckoned).unwrap();
    call(&first, 1).await;
    stop(first, first_keeping).await;
    let (second, second_keeping, _) = Ledger::open(&with(other.path(), "a/2"), &unreckoned).unwrap();
    call(&second, 1).await;
    for _ in 0..200 {
        if second.gauges().records.load(std::sync::atomic::Ordering::Relaxed) > 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stop(second, second_keeping).await;
    let all = entries(other.path());
    let Some(Body::Seen(seen)) = all.iter().find(|body| body.word() == "seen") else { panic!("{all:?}") };
    assert_eq!((seen.origin.as_ref(), seen.size), ("a/1", 3));
    let note = Note::parse(&seen.note).unwrap();
    assert!(note.is_signed_by(&VerifyingKey::parse(&home::key_of(one.path()).unwrap()).unwrap()));
}

#[derive(Debug, Default)]
struct Noting(std::sync::Mutex<Vec<(u64, Body)>>);

impl switchtower_ledger::Watcher for Noting {
    fn written(&self, record: u64, entry: Entry) {
        self.0.lock().unwrap().push((record, entry.body));
        // A defect of who watches costs nothing but what it would have done.
        assert!(record != 1, "a defect");
    }
}

#[tokio::test]
async fn who_watches_is_told_of_what_is_written_and_of_nothing_else() {
    let data = tempfile::tempdir().unwrap();
    let noting = std::sync::Arc::new(Noting::default());
    let watched = LedgerSettings { watcher: Some(noting.clone()), ..settings(data.path()) };
    let (ledger, keeping, _) = Ledger::open(&watched, &unreckoned).unwrap();
    call(&ledger, 1).await;
    // Nobody waits for this one.
    drop(ledger.begin(Opened { request: RequestId([2; 16]), ..Opened::default() }).await.unwrap());
    // What is too large is not written.
    let large = Opened { asked: Some("x".repeat(33 << 20).into()), ..Opened::default() };
    assert!(ledger.begin(large).await.is_err());
    stop(ledger, keeping).await;
    let told = noting.0.lock().unwrap();
    let on_disk = entries(data.path());
    assert_eq!(told.iter().map(|(record, _)| *record).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    assert_eq!(told.iter().map(|(_, body)| body.clone()).collect::<Vec<_>>(), on_disk);
}

/// A gateway that stops while calls are open says so, and the next one closes them.
#[tokio::test]
async fn what_was_open_when_a_gateway_stopped_is_closed_by_the_next() {
    let data = tempfile::tempdir().unwrap();
    let (ledger, keeping) = open(data.path());
    let left = ledger.begin(Opened { request: RequestId([7; 16]), ..Opened::default() }).await.unwrap();
    stop(ledger, keeping).await;
    // Nobody can be told of it any more.
    drop(left);
    let (ledger, keeping) = open(data.path());
    stop(ledger, keeping).await;
    let all = entries(data.path());
    let crashed =
        |body: &Body| matches!(body, Body::Closed(closed) if closed.opened == 0 && closed.outcome == "crashed");
    assert_eq!(all.iter().filter(|body| crashed(body)).count(), 1, "{all:?}");
}

#[tokio::test]
async fn records_without_their_key_are_nobody_elses() {
    let data = tempfile::tempdir().unwrap();
    filled(data.path(), 2).await;
    std::fs::remove_file(data.path().join("keys/ledger")).unwrap();
    let error = Ledger::open(&settings(data.path()), &unreckoned).unwrap_err();
    assert!(error.to_string().contains("put the folder of keys back"), "{error}");
}

#[tokio::test]
async fn content_is_recorded_once_over_starts() {
    let data = tempfile::tempdir().unwrap();
    for _ in 0..3 {
        let (ledger, keeping) = open(data.path());
        let keeper = ledger.clone();
        let keep =
            move || keeper.keep_content(switchtower_ledger::record::Digest([3; 32]), "prices", vec![1; 9]).unwrap();
        tokio::task::spawn_blocking(keep).await.unwrap();
        stop(ledger, keeping).await;
    }
    let contents = entries(data.path()).into_iter().filter(|body| matches!(body, Body::Content(_)));
    assert_eq!(contents.count(), 1);
}

#[tokio::test]
async fn a_key_of_pseudonyms_is_written_over_and_its_successor_stays() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("tenants/default.key");
    let (ledger, keeping) = open(data.path());
    let (former, caller) = (std::fs::read(&file).unwrap(), ledger.pseudonyms().of_caller("somebody"));
    ledger.shred_pseudonyms().unwrap();
    let key = std::fs::read(&file).unwrap();
    assert!(key.len() == 32 && key != former);
    let after = ledger.pseudonyms().of_caller("somebody");
    assert_ne!(after, caller);
    assert_eq!(home::pseudonyms_of(data.path()).unwrap().of_caller("somebody"), after);
    stop(ledger, keeping).await;
    let (ledger, keeping) = open(data.path());
    assert_eq!(ledger.pseudonyms().of_caller("somebody"), after);
    // Also where somebody has removed the file before.
    std::fs::remove_file(&file).unwrap();
    ledger.shred_pseudonyms().unwrap();
    assert_ne!(ledger.pseudonyms().of_caller("somebody"), after);
    assert_eq!(std::fs::read(&file).unwrap().len(), 32);
    stop(ledger, keeping).await;
}
