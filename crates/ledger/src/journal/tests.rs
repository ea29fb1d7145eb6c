//! A journal on disks that work, fail, fill up and are slow.

mod at_desk;

use super::disk::{Appended, Disk, Folder};
use super::segment::Reader;
use super::*;
use crate::merkle::Hash;
use crate::record::{Closed, Opened, Stopped};
use std::io::{self, Read};
use std::sync::atomic::AtomicUsize;
use switchtower_testkit::{FaultPoints, fail_at};

/// A folder of which each step can be made to fail, and whose files can be full or slow.
#[derive(Debug, Clone)]
struct Faulty {
    folder: Folder,
    faults: FaultPoints,
    /// How many bytes more it takes.
    room: Arc<AtomicUsize>,
    /// Writing waits as long as this is shut.
    shut: Arc<AtomicBool>,
}

#[derive(Debug)]
struct FaultyFile {
    file: Arc<dyn Appended>,
    disk: Faulty,
}

impl Faulty {
    fn new(folder: &std::path::Path, faults: FaultPoints) -> Self {
        let folder = Folder::new(folder).unwrap();
        Self { folder, faults, room: Arc::new(AtomicUsize::new(usize::MAX)), shut: Arc::default() }
    }
}

impl Disk for Faulty {
    fn names(&self) -> io::Result<Vec<String>> {
        self.faults.step()?;
        self.folder.names()
    }

    fn append(&self, name: &str) -> io::Result<Arc<dyn Appended>> {
        self.faults.step()?;
        Ok(Arc::new(FaultyFile { file: self.folder.append(name)?, disk: self.clone() }))
    }

    fn read(&self, name: &str, offset: u64) -> io::Result<Option<Box<dyn Read + Send>>> {
        self.faults.step()?;
        self.folder.read(name, offset)
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.faults.step()?;
        // Without the machine crashing nobody sees a sync.
        std::fs::write(self.folder.path().join(name), bytes)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.faults.step()?;
        self.folder.remove(name)
    }

    fn sync_names(&self) -> io::Result<()> {
        self.faults.step()
    }
}

impl Appended for FaultyFile {
    fn length(&self) -> io::Result<u64> {
        self.disk.faults.step()?;
        self.file.length()
    }

    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        while self.disk.shut.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        let room = self.disk.room.load(Ordering::SeqCst);
        if bytes.len() > room {
            self.file.write(&bytes[..room])?;
            self.disk.room.store(0, Ordering::SeqCst);
            return Err(io::ErrorKind::StorageFull.into());
        }
        if let Err(error) = self.disk.faults.step() {
            // What fails may have written a part.
            self.file.write(&bytes[..bytes.len() / 2])?;
            return Err(error);
        }
        self.disk.room.store(room.saturating_sub(bytes.len()), Ordering::SeqCst);
        self.file.write(bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.faults.step()
    }

    fn cut(&self, length: u64) -> io::Result<()> {
        self.disk.faults.step()?;
        self.file.cut(length)
    }
}

fn settings() -> JournalSettings {
    JournalSettings { fsync: Fsync::Always, segment_bytes: 600, ..JournalSettings::new("test/log") }
}

fn entry(number: u64) -> (Vec<u8>, Mark) {
    let request = RequestId([u8::try_from(number % 250).unwrap(); 16]);
    let body: Body = Opened { request, deployment: format!("d{number}").into(), ..Opened::default() }.into();
    let entry = Entry { at_us: number, body };
    (entry.to_bytes(), Mark::of(&entry))
}

fn closing(opened: u64) -> (Vec<u8>, Mark) {
    let entry = Entry { at_us: 1, body: Closed { opened, ..Closed::default() }.into() };
    (entry.to_bytes(), Mark::of(&entry))
}

/// Every record, and whether the segments fit together.
fn records(folder: &std::path::Path) -> Vec<Vec<u8>> {
    let disk = Folder::existing(folder);
    let mut all = Vec::new();
    let mut tree = Frontier::new();
    for found in segment::list(&disk).unwrap() {
        let mut reader = Reader::open(&disk, found.first).unwrap();
        assert_eq!(reader.head().tree(), Some(tree.clone()));
        while let Some((number, record)) = reader.read().unwrap() {
            assert_eq!(number, all.len() as u64);
            tree.push(Hash::of_leaf(record));
            all.push(record.to_vec());
        }
        if found.hashes {
            let hashes = segment::hashes(&disk, found.first).unwrap();
            let first = usize::try_from(found.first).unwrap();
            assert!(all[first..].iter().map(|record| Hash::of_leaf(record)).eq(hashes));
        }
    }
    all
}

fn is_carried(record: &[u8]) -> bool {
    matches!(Entry::of_bytes(record).unwrap().body, Body::Carried(_))
}

#[test]
fn records_come_back_in_their_order_over_segments_and_openings() {
    let folder = tempfile::tempdir().unwrap();
    let mut written = Vec::new();
    for opening in 0..3 {
        let disk: Arc<dyn Disk> = Arc::new(Folder::new(folder.path()).unwrap());
        let (journal, writing, recovery) = Journal::open(disk, &settings(), None).unwrap();
        assert_eq!(recovery.records, records(folder.path()).len() as u64);
        assert_eq!(recovery.open.len(), written.len());
        for number in 0..20 {
            let (record, mark) = entry(opening * 20 + number);
            journal.append_now(record.clone(), mark).unwrap();
            written.push(record);
        }
        drop(journal);
        writing.join();
    }
    let all = records(folder.path());
    let (carried, told): (Vec<_>, Vec<_>) = all.into_iter().partition(|record| is_carried(record));
    assert!(told == written && carried.len() > 3, "{} segments", carried.len());
}

#[test]
fn a_crash_leaves_open_what_was_open_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let disk: Arc<dyn Disk> = Arc::new(Folder::new(folder.path()).unwrap());
    let (journal, writing, _) = Journal::open(Arc::clone(&disk), &settings(), None).unwrap();
    let mut open = Vec::new();
    for number in 0..40 {
        let (record, mark) = entry(number);
        let opened = journal.append_now(record, mark).unwrap();
        if number % 7 == 0 {
            open.push(opened);
        } else {
            let (record, mark) = closing(opened);
            journal.append_now(record, mark).unwrap();
        }
    }
    drop(journal);
    writing.join();
    let (journal, writing, recovery) = Journal::open(disk, &settings(), None).unwrap();
    assert_eq!(recovery.open.iter().map(|call| call.opened).collect::<Vec<_>>(), open);
    assert!(!recovery.stopped);
    let stopped = Entry { at_us: 1, body: Stopped::default().into() };
    journal.append_now(stopped.to_bytes(), Mark::None).unwrap();
    drop(journal);
    writing.join();
    let disk: Arc<dyn Disk> = Arc::new(Folder::new(folder.path()).unwrap());
    assert!(Journal::open(disk, &settings(), None).unwrap().2.stopped);
}

#[test]
fn a_torn_end_is_cut_and_a_damaged_middle_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let big = JournalSettings { segment_bytes: 1 << 20, ..settings() };
    let open = || Journal::open(Arc::new(Folder::new(folder.path()).unwrap()), &big, None);
    let (journal, writing, _) = open().unwrap();
    for number in 0..10 {
        journal.append_now(entry(number).0, Mark::None).unwrap();
    }
    drop(journal);
    writing.join();
    let file = folder.path().join(segment::name(0));
    let whole = std::fs::read(&file).unwrap();
    for cut in 1..entry(9).0.len() + frame::HEAD_BYTES {
        std::fs::write(&file, &whole[..whole.len() - cut]).unwrap();
        let (journal, writing, recovery) = open().unwrap();
        assert_eq!(recovery.records, 9);
        assert_eq!(recovery.cut_bytes, (entry(9).0.len() + frame::HEAD_BYTES - cut) as u64);
        assert_eq!(journal.append_now(entry(9).0, Mark::None), Ok(9));
        drop(journal);
        writing.join();
        assert_eq!(std::fs::read(&file).unwrap(), whole);
    }
    let mut damaged = whole.clone();
    let third = whole.len() - 7 * (entry(9).0.len() + frame::HEAD_BYTES);
    damaged[third + 12] ^= 1;
    std::fs::write(&file, &damaged).unwrap();
    let error = open().unwrap_err();
    assert!(matches!(error, OpenError::Damaged { record: 3, .. }), "{error}");
    assert_eq!(std::fs::read(&file).unwrap(), damaged);
    // Zeroes, as a file system may leave them.
    std::fs::write(&file, [&whole[..], &[0; 4096]].concat()).unwrap();
    assert_eq!(open().unwrap().2.cut_bytes, 4096);
    std::fs::write(&file, &whole[..whole.len() - 1]).unwrap();
    let disk: Arc<dyn Disk> = Arc::new(Folder::new(folder.path()).unwrap());
    let error = Journal::open(disk, &big, Some(10)).unwrap_err();
    assert!(matches!(error, OpenError::Shortened { found: 9, known: 10 }), "{error}");
}

#[test]
fn a_full_disk_refuses_clearly_and_goes_on_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Faulty::new(folder.path(), fail_at(0));
    let (journal, writing, _) = Journal::open(Arc::new(disk.clone()), &settings(), None).unwrap();
    journal.append_now(entry(0).0, Mark::None).unwrap();
    disk.room.store(10, Ordering::SeqCst);
    for _ in 0..3 {
        assert_eq!(journal.append_now(entry(1).0, Mark::None), Err(AppendError::Full));
    }
    let failing = || journal.gauges().failing.load(Ordering::Relaxed);
    journal.try_again(entry(1).0);
    assert!(failing() && journal.gauges().refused.load(Ordering::Relaxed) == 3);
    disk.room.store(1 << 20, Ordering::SeqCst);
    // Also where nobody appends, it is found out that there is room again.
    journal.try_again(entry(1).0);
    assert!(!failing());
    assert_eq!(journal.append_now(entry(2).0, Mark::None), Ok(2));
    drop(journal);
    writing.join();
    assert_eq!(records(folder.path()), [entry(0).0, entry(1).0, entry(2).0]);
}

#[tokio::test]
async fn a_slow_disk_holds_callers_back_up_to_a_bound() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Faulty::new(folder.path(), fail_at(0));
    let slow = JournalSettings { queue_max: 4, wait_max: Duration::from_millis(100), ..settings() };
    let (journal, writing, _) = Journal::open(Arc::new(disk.clone()), &slow, None).unwrap();
    disk.shut.store(true, Ordering::SeqCst);
    let appends = (0..20).map(|number| {
        let journal = journal.clone();
        tokio::spawn(async move { journal.append(entry(number).0, Mark::None).await })
    });
    let appends: Vec<_> = appends.collect();
    let mut outcomes = Vec::new();
    for append in appends {
        outcomes.push(append.await.unwrap());
    }
    assert!(outcomes.iter().all(|outcome| *outcome == Err(AppendError::Slow { waited_ms: 100 })), "{outcomes:?}");
    assert!(journal.waiting() <= 4);
    journal.leave(entry(99).0, Mark::None);
    disk.shut.store(false, Ordering::SeqCst);
    // Those that had a place are written all the same; none is written twice, and new ones are taken again.
    journal.append(entry(50).0, Mark::None).await.unwrap();
    assert!(!records(folder.path()).contains(&entry(99).0));
    // What had no place is not lost.
    let bringing = journal.clone();
    tokio::task::spawn_blocking(move || bringing.bring_orphans()).await.unwrap();
    drop(journal);
    writing.join();
    let all = records(folder.path());
    assert!(all.len() <= 10 && all.last() == Some(&entry(99).0), "{}", all.len());
}

#[tokio::test]
async fn many_who_append_at_once_are_written_in_groups() {
    let folder = tempfile::tempdir().unwrap();
    let disk: Arc<dyn Disk> = Arc::new(Folder::new(folder.path()).unwrap());
    let gathering = JournalSettings { commit_wait: Duration::from_millis(5), segment_bytes: 1 << 20, ..settings() };
    let (journal, writing, _) = Journal::open(disk, &gathering, None).unwrap();
    let appends: Vec<_> = (0..500)
        .map(|number| {
            let journal = journal.clone();
            tokio::spawn(async move { journal.append(entry(number).0, Mark::None).await.unwrap() })
        })
        .collect();
    let mut numbers = Vec::new();
    for append in appends {
        numbers.push(append.await.unwrap());
    }
    numbers.sort_unstable();
    assert!(numbers.iter().copied().eq(0..500));
    assert!(journal.gauges().commits.load(Ordering::Relaxed) < 100);
    drop(journal);
    writing.join();
    assert_eq!(records(folder.path()).len(), 500);
}

#[test]
fn a_record_that_is_too_large_is_refused_alone() {
    let folder = tempfile::tempdir().unwrap();
    let disk: Arc<dyn Disk> = Arc::new(Folder::new(folder.path()).unwrap());
    let (journal, writing, _) = Journal::open(disk, &settings(), None).unwrap();
    let bytes = frame::RECORD_BYTES_MAX + 1;
    assert_eq!(journal.append_now(vec![1; bytes], Mark::None), Err(AppendError::TooLarge { bytes }));
    assert_eq!(journal.waiting(), 0, "its place is free again");
    assert_eq!(journal.append_now(entry(0).0, Mark::None), Ok(0));
    drop(journal);
    writing.join();
}

/// Each step of the disk fails once, then all steps from it on: what was acknowledged is there afterwards, once, and
/// nothing else is but what was never answered.
#[test]
fn whatever_step_fails_nothing_acknowledged_is_lost_or_doubled() {
    for lasting in [false, true] {
        for n in 1.. {
            let folder = tempfile::tempdir().unwrap();
            let faults = if lasting { fail_at(n).lasting() } else { fail_at(n) };
            let disk = Faulty::new(folder.path(), faults.clone());
            let mut acknowledged = Vec::new();
            let mut uncertain = Vec::new();
            let mut number = 0;
            for _ in 0..3 {
                let Ok((journal, writing, _)) = Journal::open(Arc::new(disk.clone()), &settings(), None) else {
                    continue;
                };
                for _ in 0..9 {
                    let (record, mark) = entry(number);
                    match journal.append_now(record.clone(), mark) {
                        Ok(_) => acknowledged.push(record),
                        // A sync that failed leaves open what the disk has.
                        Err(_) => uncertain.push(record),
                    }
                    number += 1;
                }
                drop(journal);
                writing.join();
            }
            let disk: Arc<dyn Disk> = Arc::new(Folder::new(folder.path()).unwrap());
            let (journal, writing, _) =
                Journal::open(disk, &settings(), None).expect("a journal opens after any fault");
            drop(journal);
            writing.join();
            let told: Vec<_> = records(folder.path()).into_iter().filter(|record| !is_carried(record)).collect();
            let kept: Vec<_> = told.iter().filter(|record| acknowledged.contains(record)).cloned().collect();
            assert_eq!(kept, acknowledged, "step {n}, lasting {lasting}");
            assert!(told.iter().all(|record| acknowledged.contains(record) || uncertain.contains(record)));
            if !faults.reached() {
                assert!(n > 30, "the walk has {n} steps only");
                break;
            }
        }
    }
}
