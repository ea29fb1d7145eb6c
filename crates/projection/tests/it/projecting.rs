//! From a journal into each engine.

use crate::Journal;
use crate::engine::{Engine, Faulty, OfSqlite};
use std::time::{Duration, Instant};
use switchtower_projection::{Projector, ProjectorError, Store as _, StoreError};
use switchtower_testkit::{PostgresServer, fail_at};

const LOG: &str = "memory/ledger";

/// A server; nothing where PostgreSQL is not installed, which is said.
fn server() -> Option<PostgresServer> {
    let server = PostgresServer::start().unwrap();
    if server.is_none() {
        assert!(std::env::var_os("CI").is_none(), "PostgreSQL is not installed");
        eprintln!("skipped: PostgreSQL is not installed");
    }
    server
}

fn projector<E: Engine>(journal: &Journal, store: E::Store) -> Projector<E::Store> {
    Projector::new(journal.disk(), LOG, store)
}

async fn count<E: Engine>(engine: &E, what: &str) -> u64 {
    engine.asked(&format!("SELECT CAST(count(*) AS TEXT) FROM {what}")).await[0].parse().unwrap()
}

/// Every number of calls from 0 on is there once, with all that belongs to it.
async fn check<E: Engine>(engine: &E, calls: u64) {
    for table in ["opens", "ends", "attempts", "charges", "calls"] {
        assert_eq!(count(engine, table).await, calls, "{table}");
    }
    assert_eq!(count(engine, "refusals").await, calls / 10);
    assert_eq!(count(engine, "calls WHERE closed IS NULL").await, 0);
    let sum = engine.asked("SELECT CAST(sum(input) AS TEXT) FROM calls").await;
    assert_eq!(sum, [(0..calls).sum::<u64>().to_string()]);
}

async fn whole<E: Engine>(engine: E) {
    let journal = Journal::new();
    journal.calls(0..40).await;
    let projector = projector::<E>(&journal, engine.store().await);
    assert_eq!(projector.catch_up().await.unwrap(), journal.records());
    check(&engine, 40).await;
    // Once more, and with more: nothing is there twice.
    assert_eq!(projector.catch_up().await.unwrap(), 0);
    journal.calls(40..60).await;
    assert_eq!(projector.catch_up().await.unwrap(), 42);
    check(&engine, 60).await;
    // 1000000.000000000000000NNN01 for each: sixty million, and the sum of the tails, to the last digit.
    let sum = engine.asked(&format!("SELECT {} FROM charges", E::sum("amount"))).await;
    let tails: u64 = (0..60).map(|number| number * 100 + 1).sum();
    let expected = [format!("60000000 0 {tails}"), format!("60000000.{tails:018}")];
    assert!(expected.contains(&sum[0]), "{sum:?} {expected:?}");
    // Texts come as they are; a list price that nobody states is none.
    let stop = engine.asked("SELECT stop FROM ends ORDER BY record LIMIT 1").await;
    assert!(stop[0].ends_with("'quoted'; DROP TABLE ends; --"), "{stop:?}");
    assert_eq!(count(&engine, "charges WHERE list IS NULL").await, 60);
    assert_eq!(engine.asked("SELECT CAST(max(bytes_in) AS TEXT) FROM opens").await, [i64::MAX.to_string()]);
    // Made again from nothing, it is the same.
    projector.clear().await.unwrap();
    assert_eq!(count(&engine, "ends").await, 0);
    assert_eq!(projector.catch_up().await.unwrap(), journal.records());
    check(&engine, 60).await;
}

#[tokio::test]
async fn everything_is_there_once_in_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    whole(OfSqlite::in_folder(folder.path())).await;
    // Nobody else on the machine reads who asked for what.
    #[cfg(unix)]
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let mode = std::os::unix::fs::PermissionsExt::mode(&file.unwrap().metadata().unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[tokio::test]
async fn everything_is_there_once_in_postgresql() {
    let Some(server) = server() else { return };
    whole(server).await;
}

/// The first step of the store fails, then the second, until all of it passes.
async fn every_step_fails<E: Engine>(engine: E) {
    let journal = Journal::new();
    journal.calls(0..30).await;
    for number in 1.. {
        let store = engine.store().await;
        let whole = projector::<E>(&journal, store.clone());
        whole.clear().await.unwrap();
        let faults = fail_at(number);
        let faulty = Projector::new(journal.disk(), LOG, Faulty { store, faults: faults.clone() });
        let outcome = faulty.catch_up().await;
        if !faults.reached() {
            outcome.unwrap();
            assert!(number > 4, "{number} steps were all");
            break;
        }
        assert!(matches!(outcome, Err(ProjectorError::Store(_))), "step {number}");
        // The next time goes on, also where a step was done and nobody heard of it.
        faulty.catch_up().await.unwrap();
        check(&engine, 30).await;
    }
}

#[tokio::test]
async fn any_step_may_fail_in_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    every_step_fails(OfSqlite::in_folder(folder.path())).await;
}

#[tokio::test]
async fn any_step_may_fail_in_postgresql() {
    let Some(server) = server() else { return };
    every_step_fails(server).await;
}

/// Who began before the tables were emptied and filled again does not go on where it thought that it was.
#[tokio::test]
async fn tables_that_are_made_again_beside_a_gateway_lack_nothing() {
    let folder = tempfile::tempdir().unwrap();
    made_again_beside(OfSqlite::in_folder(folder.path())).await;
    if let Some(server) = server() {
        made_again_beside(server).await;
    }
}

async fn made_again_beside<E: Engine>(engine: E) {
    let journal = Journal::new();
    journal.calls(0..20).await;
    let store = engine.store().await;
    let keeping = projector::<E>(&journal, store.clone());
    keeping.catch_up().await.unwrap();
    let place = store.place(LOG).await.unwrap().unwrap();
    let moved = |outcome| matches!(outcome, Err(StoreError::Moved));
    // Emptied: who thinks that there is something is told.
    let other = projector::<E>(&journal, engine.store().await);
    other.clear().await.unwrap();
    assert!(moved(store.write(LOG, &[], place.next, &place).await));
    // Filled as far as before, and a little more.
    other.catch_up().await.unwrap();
    journal.calls(20..30).await;
    other.catch_up().await.unwrap();
    assert!(moved(store.write(LOG, &[], place.next, &place).await));
    assert_eq!(keeping.catch_up().await.unwrap(), 0);
    check(&engine, 30).await;
}

/// A journal that was restored, or is another one, is not laid over what is there.
#[tokio::test]
async fn another_journal_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let engine = OfSqlite::in_folder(folder.path());
    let journal = Journal::new();
    journal.calls(0..5).await;
    projector::<OfSqlite>(&journal, engine.store().await).catch_up().await.unwrap();
    let shorter = Journal::new();
    shorter.calls(0..2).await;
    let other = Journal::new();
    other.calls(5..30).await;
    for wrong in [shorter, other] {
        let projector = projector::<OfSqlite>(&wrong, engine.store().await);
        let error = projector.catch_up().await.unwrap_err();
        assert!(matches!(error, ProjectorError::Other { record: 9 }), "{error}");
        assert!(error.to_string().contains("--rebuild"));
    }
    check(&engine, 5).await;
}

/// A database that is away loses nothing and holds nobody up; how far behind it is, is told.
#[test]
fn a_server_that_is_away_for_long_loses_nothing() {
    let Some(mut server) = server() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let journal = Journal::new();
    runtime.block_on(journal.calls(0..20));
    let store = runtime.block_on(server.store());
    let projecting = projector::<PostgresServer>(&journal, store).start().unwrap();
    let gauges = projecting.gauges();
    let wait_for = |what: &str, reached: &dyn Fn() -> bool| {
        let begun = Instant::now();
        while !reached() {
            assert!(begun.elapsed() < Duration::from_secs(60), "{what}: {:?}", gauges.standing());
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    wait_for("the first rows", &|| gauges.standing().next == journal.records());
    server.stop();
    runtime.block_on(journal.calls(20..50));
    wait_for("trouble", &|| gauges.standing().trouble.is_some());
    assert!(gauges.standing().next < journal.records() && gauges.standing().behind_since_us > 0);
    server.run().unwrap();
    wait_for("the rest", &|| gauges.standing().next == journal.records());
    assert_eq!(gauges.standing().trouble, None);
    runtime.block_on(journal.calls(50..60));
    projecting.stop();
    runtime.block_on(check(&server, 60));
}
