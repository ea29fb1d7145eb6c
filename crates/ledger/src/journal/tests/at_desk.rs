//! Records that the tasks of one thread hand in together.

use super::*;

/// A journal with its desk, and a clerk at work.
fn open(disk: &Faulty, settings: &JournalSettings) -> (Journal, tokio::task::JoinHandle<()>, Writing) {
    let (journal, writing, _) = Journal::open(Arc::new(disk.clone()), settings, None).unwrap();
    let (journal, clerk) = journal.at_desk();
    (journal, tokio::spawn(clerk.run()), writing)
}

async fn close(journal: Journal, clerk: tokio::task::JoinHandle<()>, writing: Writing) {
    drop(journal);
    clerk.abort();
    drop(clerk.await);
    writing.join();
}

async fn bring_again(journal: &Journal) {
    let bringing = journal.clone();
    tokio::task::spawn_blocking(move || bringing.bring_orphans()).await.unwrap();
}

/// The end of a call, handed in where there is no room for it.
async fn end_on_a_full_disk(journal: &Journal, disk: &Faulty) -> (Vec<u8>, Waiting) {
    disk.room.store(0, Ordering::SeqCst);
    let (record, mark) = closing(0);
    journal.place().await.unwrap();
    let waiting = journal.bring(mark, bytes(record.clone())).unwrap();
    (record, waiting)
}

fn large() -> JournalSettings {
    JournalSettings { segment_bytes: 1 << 20, ..settings() }
}

#[tokio::test]
async fn tasks_of_one_thread_are_told_their_own_numbers_and_wait_together() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, clerk, writing) = open(&Faulty::new(folder.path(), fail_at(0)), &large());
    let appends: Vec<_> = (0..200)
        .map(|number| {
            let journal = journal.clone();
            tokio::spawn(async move {
                let mut numbers = Vec::new();
                for turn in 0..5 {
                    let at = journal.append(entry(number * 5 + turn).0, Mark::None).await.unwrap();
                    numbers.push((at, number * 5 + turn));
                }
                numbers
            })
        })
        .collect();
    let mut told = Vec::new();
    for append in appends {
        told.extend(append.await.unwrap());
    }
    let commits = journal.gauges().commits.load(Ordering::Relaxed);
    assert!(commits < 100, "{commits} groups for 1000 records of 200 tasks");
    assert_eq!(journal.waiting(), 0);
    close(journal, clerk, writing).await;
    let all = records(folder.path());
    assert_eq!(all.len(), 1000);
    for (at, number) in told {
        assert_eq!(all[usize::try_from(at).unwrap()], entry(number).0);
    }
}

#[tokio::test]
async fn a_disk_that_is_slow_holds_nobody_for_longer_than_the_bound_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Faulty::new(folder.path(), fail_at(0));
    let slow = JournalSettings { queue_max: 4, wait_max: Duration::from_millis(100), ..large() };
    let (journal, clerk, writing) = open(&disk, &slow);
    disk.shut.store(true, Ordering::SeqCst);
    let began = std::time::Instant::now();
    let appends: Vec<_> = (0..20)
        .map(|number| {
            let journal = journal.clone();
            tokio::spawn(async move { journal.append(entry(number).0, Mark::None).await })
        })
        .collect();
    for append in appends {
        assert_eq!(append.await.unwrap(), Err(AppendError::Slow { waited_ms: 100 }));
    }
    assert!(began.elapsed() < Duration::from_secs(5));
    assert_eq!(journal.waiting(), 4);
    disk.shut.store(false, Ordering::SeqCst);
    journal.append(entry(50).0, Mark::None).await.unwrap();
    close(journal, clerk, writing).await;
    // Those that had a place are written all the same, once.
    assert_eq!(records(folder.path()), [0, 1, 2, 3, 50].map(|number| entry(number).0));
}

#[tokio::test]
async fn a_full_disk_refuses_each_and_the_ends_that_nobody_waits_for_are_brought_again() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Faulty::new(folder.path(), fail_at(0));
    let (journal, clerk, writing) = open(&disk, &large());
    let opened = journal.append(entry(0).0, Mark::of(&Entry::of_bytes(&entry(0).0).unwrap())).await.unwrap();
    disk.room.store(0, Ordering::SeqCst);
    let (record, mark) = closing(opened);
    // One waits, one never did, and one goes away while it waits.
    let waits = journal.append(entry(1).0, Mark::None);
    journal.leave(record, mark);
    journal.place().await.unwrap();
    let (record, mark) = closing(opened + 7);
    let goes = journal.bring(mark, bytes(record)).unwrap();
    let goes_too = journal.append(entry(2).0, Mark::None);
    let (waited, went) = tokio::join!(waits, async {
        drop(goes);
        goes_too.await
    });
    assert_eq!((waited, went), (Err(AppendError::Full), Err(AppendError::Full)));
    disk.room.store(1 << 20, Ordering::SeqCst);
    bring_again(&journal).await;
    close(journal, clerk, writing).await;
    assert_eq!(records(folder.path()), [entry(0).0, closing(opened).0, closing(opened + 7).0]);
}

#[tokio::test]
async fn what_was_not_written_is_given_back_and_not_brought_again_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Faulty::new(folder.path(), fail_at(0));
    let (journal, clerk, writing) = open(&disk, &large());
    let (record, waiting) = end_on_a_full_disk(&journal, &disk).await;
    let (outcome, waiting) = journal.written(waiting).await;
    assert_eq!((outcome, waiting.take_back()), (Err(AppendError::Full), Some(record)));
    drop(waiting);
    disk.room.store(1 << 20, Ordering::SeqCst);
    bring_again(&journal).await;
    close(journal, clerk, writing).await;
    assert!(records(folder.path()).is_empty());
}

#[tokio::test]
async fn without_its_clerk_a_desk_hands_over_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Faulty::new(folder.path(), fail_at(0));
    let (journal, clerk, writing) = open(&disk, &large());
    disk.shut.store(true, Ordering::SeqCst);
    let before = {
        let journal = journal.clone();
        tokio::spawn(async move { journal.append(entry(0).0, Mark::None).await })
    };
    let between = {
        let journal = journal.clone();
        tokio::spawn(async move {
            while journal.waiting() == 0 {
                tokio::task::yield_now().await;
            }
            journal.append(entry(1).0, Mark::None).await
        })
    };
    while journal.waiting() < 2 {
        tokio::task::yield_now().await;
    }
    // One group is with the writer and one is at the desk when the clerk goes.
    clerk.abort();
    let gone = tokio::spawn(async { drop(clerk.await) });
    gone.await.unwrap();
    disk.shut.store(false, Ordering::SeqCst);
    assert_eq!((before.await.unwrap(), between.await.unwrap()), (Ok(0), Ok(1)));
    assert_eq!(journal.append(entry(2).0, Mark::None).await, Ok(2));
    drop(journal);
    writing.join();
    assert_eq!(records(folder.path()), [0, 1, 2].map(|number| entry(number).0));
}

#[tokio::test]
async fn a_journal_that_has_ended_tells_all_who_come() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, clerk, writing) = open(&Faulty::new(folder.path(), fail_at(0)), &large());
    journal.append(entry(0).0, Mark::None).await.unwrap();
    // What is at the desk when the end is asked for comes with it or too late, and is told either.
    journal.place().await.unwrap();
    let waiting = journal.bring(Mark::None, bytes(entry(1).0)).unwrap();
    journal.end();
    let last = journal.written(waiting).await.0;
    assert!(matches!(last, Ok(1) | Err(AppendError::Closed)), "{last:?}");
    writing.join();
    assert_eq!(journal.append(entry(2).0, Mark::None).await, Err(AppendError::Closed));
    clerk.abort();
    assert_eq!(records(folder.path()).len(), if last.is_ok() { 2 } else { 1 });
}

#[tokio::test]
async fn each_waits_as_long_as_the_bound_whoever_came_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Faulty::new(folder.path(), fail_at(0));
    let slow = JournalSettings { wait_max: Duration::from_millis(200), ..large() };
    let (journal, clerk, writing) = open(&disk, &slow);
    disk.shut.store(true, Ordering::SeqCst);
    // One with the writer, one at the desk, and then one more there each time that the others are nearly late.
    let appends: Vec<_> = [0, 10, 150, 190]
        .into_iter()
        .zip(0..)
        .map(|(after_ms, number)| {
            let journal = journal.clone();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(after_ms)).await;
                let began = std::time::Instant::now();
                (journal.append(entry(number).0, Mark::None).await, began.elapsed())
            })
        })
        .collect();
    for append in appends {
        let (outcome, waited) = append.await.unwrap();
        assert_eq!(outcome, Err(AppendError::Slow { waited_ms: 200 }));
        assert!(waited >= Duration::from_millis(200), "{waited:?}");
    }
    disk.shut.store(false, Ordering::SeqCst);
    close(journal, clerk, writing).await;
    assert_eq!(records(folder.path()).len(), 4);
}

#[tokio::test]
async fn an_end_that_was_refused_before_its_waiter_went_is_brought_again() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Faulty::new(folder.path(), fail_at(0));
    let (journal, clerk, writing) = open(&disk, &large());
    let (record, waiting) = end_on_a_full_disk(&journal, &disk).await;
    while journal.waiting() > 0 || !journal.gauges().failing.load(Ordering::SeqCst) {
        tokio::task::yield_now().await;
    }
    // The writer is done with it, or is about to be; nobody has asked yet.
    drop(waiting);
    disk.room.store(1 << 20, Ordering::SeqCst);
    for _ in 0..200 {
        bring_again(&journal).await;
        if journal.gauges().records.load(Ordering::SeqCst) > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    close(journal, clerk, writing).await;
    assert_eq!(records(folder.path()), [record]);
}
