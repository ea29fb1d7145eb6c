//! A ledger goes on with its own keys, and with no others.

use crate::*;
use switchtower_ledger::checkpoint::{Checkpoint, Note, VerifyingKey};
use switchtower_ledger::home::{self, HomeError};
use switchtower_ledger::record::Digest;
use switchtower_ledger::upkeep::{BackupError, backup, restore};
use switchtower_ledger::verify::{Fault, Known, verify};
use switchtower_ledger::{Found, LedgerError};

fn named(data: &Path, origin: &str) -> LedgerSettings {
    LedgerSettings { origin: Some(origin.to_owned()), ..settings(data) }
}

/// A ledger with a gateway's start on record where that is wanted, and a checkpoint.
async fn begun(settings: &LedgerSettings, started: bool) -> String {
    let (ledger, keeping, _) = Ledger::open(settings, &unreckoned).unwrap();
    let writer = ledger.clone();
    if started {
        tokio::task::spawn_blocking(move || writer.started("1", [Digest([1; 32]); 3].into()).unwrap()).await.unwrap();
    }
    call(&ledger, 1).await;
    stop(ledger, keeping).await;
    home::key_of(&settings.data).unwrap()
}

async fn opened(settings: &LedgerSettings) -> Result<Found, LedgerError> {
    let settings = settings.clone();
    let open = move || {
        let (ledger, keeping, found) = Ledger::open(&settings, &unreckoned)?;
        keeping.stop(&ledger, 0)?;
        Ok(found)
    };
    tokio::task::spawn_blocking(open).await.unwrap()
}

fn put(from: &Path, names: &[&str], into: &Path) {
    for name in names {
        std::fs::copy(from.join("keys").join(name), into.join("keys").join(name)).unwrap();
    }
}

fn faults(data: &Path, key: &str, vouched: bool) -> Vec<Fault> {
    let known = Known { keys: vec![VerifyingKey::parse(key).unwrap()], vouched, ..Known::default() };
    verify(&home::journal_of(data), &known).unwrap().faults
}

#[tokio::test]
async fn the_keys_of_another_ledger_are_refused_and_nothing_is_written() {
    // What the gateway said when it started tells it, and where no segment has that the newest checkpoint does; also where
    // both logs have one name.
    for (started, name) in [(true, "b/log"), (false, "b/log"), (true, "a/log"), (false, "a/log")] {
        let folder = tempfile::tempdir().unwrap();
        let [data, other, kept] = ["data", "other", "kept"].map(|name| folder.path().join(name));
        let settings = named(&data, "a/log");
        let own = begun(&settings, started).await;
        let theirs = begun(&named(&other, name), true).await;
        std::fs::create_dir_all(kept.join("keys")).unwrap();
        put(&data, &["ledger", "ledger.pub"], &kept);
        put(&other, &["ledger"], &data);
        let error = opened(&settings).await.unwrap_err();
        assert!(matches!(error, LedgerError::Home(HomeError::OtherKey { .. })), "{error}");
        let said = error.to_string();
        let id = &own.splitn(3, '+').take(2).collect::<Vec<_>>().join("+");
        for part in [
            theirs.as_str(),
            if started {
                &own
            } else if name == "a/log" {
                id
            } else {
                "a/log"
            },
            "keys/ledger",
            "--data",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
        assert_eq!(home::key_of(&data).unwrap(), own);
        // Who verifies by a key of another log is told, with or without a wish to be shown what it signed.
        put(&other, &["ledger.pub"], &data);
        let found = [false, true].map(|vouched| faults(&data, &theirs, vouched));
        for found in found {
            match &found[..] {
                [Fault::OtherKey { expected, .. }] => assert!(name == "b/log" && expected == "a/log"),
                [Fault::Unvouched] => assert_eq!(name, "a/log"),
                _ => assert_eq!(found, []),
            }
            assert_eq!(found.len(), 1);
        }
        put(&kept, &["ledger", "ledger.pub"], &data);
        assert_eq!(opened(&settings).await.unwrap().open, 0);
        assert_eq!(faults(&data, &own, true), []);
    }
}

#[tokio::test]
async fn a_key_that_was_handed_over_from_is_refused_and_a_change_that_broke_off_is_done_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let [data, before] = ["data", "before"].map(|name| folder.path().join(name));
    let settings = named(&data, "a/log");
    let first = begun(&settings, true).await;
    std::fs::create_dir_all(before.join("keys")).unwrap();
    put(&data, &["ledger"], &before);
    let (ledger, keeping, _) = Ledger::open(&settings, &unreckoned).unwrap();
    let next = tokio::task::spawn_blocking(move || keeping.hand_over(&ledger)).await.unwrap().unwrap().to_string();
    let keys = data.join("keys");
    std::fs::copy(keys.join("ledger"), folder.path().join("next")).unwrap();
    put(&before, &["ledger"], &data);
    let error = opened(&settings).await.unwrap_err().to_string();
    assert!(error.contains(&first) && error.contains(&next), "{error}");
    // The same as a crash leaves it between the record and the key.
    std::fs::copy(folder.path().join("next"), keys.join("ledger.next")).unwrap();
    opened(&settings).await.unwrap();
    assert_eq!(home::key_of(&data).unwrap(), next);
    assert!(!keys.join("ledger.next").exists());
    assert_eq!((faults(&data, &next, true), faults(&data, &first, true)), (vec![], vec![]));
}

#[tokio::test]
async fn the_key_of_digests_is_not_made_anew_beside_records() {
    let folder = tempfile::tempdir().unwrap();
    let settings = named(&folder.path().join("data"), "a/log");
    begun(&settings, true).await;
    let file = settings.data.join("keys/digests");
    let key = std::fs::read(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    let error = opened(&settings).await.unwrap_err();
    assert!(matches!(error, LedgerError::Home(HomeError::NoDigests { .. })), "{error}");
    assert!(!file.exists() && error.to_string().contains("keys/digests"), "{error}");
    std::fs::write(&file, key).unwrap();
    opened(&settings).await.unwrap();
}

#[tokio::test]
async fn a_restore_takes_checkpoints_of_all_keys_of_the_log_and_of_none_else() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let settings = named(&at("data"), "a/log");
    let newest = |data: &Path| std::fs::read_to_string(data.join("ledger/checkpoint")).unwrap();
    let hand_over = || async {
        let (ledger, keeping, _) = Ledger::open(&settings, &unreckoned).unwrap();
        tokio::task::spawn_blocking(move || keeping.hand_over(&ledger)).await.unwrap().unwrap()
    };
    begun(&settings, true).await;
    let first = newest(&settings.data);
    backup(&settings.data, &at("copy")).unwrap();
    hand_over().await;
    backup(&settings.data, &at("rotated")).unwrap();
    let later = hand_over().await;
    begun(&settings, true).await;
    let last = newest(&settings.data);
    begun(&named(&at("stranger"), "a/log"), true).await;
    begun(&named(&at("foreign"), "b/log"), true).await;
    let stranger = VerifyingKey::parse(&home::key_of(&at("stranger")).unwrap()).unwrap();
    let restored = |from: &str, shown: &str, keys: &[VerifyingKey]| {
        let (from, into, shown, keys) = (at(from), at("new"), shown.to_owned(), keys.to_vec());
        tokio::task::spawn_blocking(move || {
            let note = Note::parse(&shown).unwrap();
            let made = restore(&from, &into, Some((&Checkpoint::read(&note).unwrap(), &note)), &keys, &unreckoned);
            assert_eq!(into.exists(), made.is_ok());
            let _ = std::fs::remove_dir_all(&into);
            made
        })
    };
    // A copy after the change, and a checkpoint before it; a later key, by itself and as it is named.
    restored("rotated", &first, &[]).await.unwrap().unwrap();
    for copy in ["copy", "rotated"] {
        let error = restored(copy, &last, std::slice::from_ref(&stranger)).await.unwrap().unwrap_err();
        assert!(matches!(error, BackupError::Unsigned) && error.to_string().contains("--key"), "{error}");
        restored(copy, &last, std::slice::from_ref(&later)).await.unwrap().unwrap();
    }
    let error = restored("copy", &newest(&at("stranger")), &[]).await.unwrap().unwrap_err();
    assert!(matches!(error, BackupError::Unsigned), "{error}");
    let error = restored("copy", &newest(&at("foreign")), &[]).await.unwrap().unwrap_err();
    assert!(matches!(error, BackupError::Foreign { .. }), "{error}");
}
