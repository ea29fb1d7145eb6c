//! How many records a second are appended and verified, beside the least that any journal does: writing the same bytes
//! to a file, and hashing them.
//!
//! `cargo bench -p switchtower-ledger` prints ratios, and what a record costs the thread that brings it, alone and at a
//! desk; nothing is asserted. With `SWITCHTOWER_RECORDS=10000000` it writes so
//! many instead, each made when it is written, and prints how much memory that takes on the way.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench that cannot go on has failed")]

use rustix::time::{ClockId, clock_gettime};
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use switchtower_ledger::journal::disk::Folder;
use switchtower_ledger::journal::{Fsync, Journal, JournalSettings, Mark};
use switchtower_ledger::merkle::Hash;
use switchtower_ledger::record::{Attempt, Closed, Counts, Entry, RequestId};
use switchtower_ledger::verify::{Known, verify};

const RECORDS: u64 = 600_000;
const WRITERS: u64 = 256;

fn record(number: u64) -> Vec<u8> {
    let attempt = Attempt {
        deployment: "openai-eu/gpt-5-mini".into(),
        provider: "openai-eu".into(),
        status: Some(200),
        head_us: Some(412_000),
        ended_us: 1_300_000,
        usage: Some(Counts { input: Some(512), output: Some(number % 900), ..Counts::default() }),
        ..Attempt::default()
    };
    let closed = Closed {
        opened: number,
        request: RequestId(u128::from(number).to_be_bytes()),
        outcome: "answered".into(),
        status: 200,
        usage: attempt.usage.clone(),
        attempts: vec![attempt],
        model: Some("gpt-5-mini-2026-08-01".into()),
        stop: Some("end".into()),
        total_us: 1_300_100,
        ..Closed::default()
    };
    Entry { at_us: number, body: closed.into() }.to_bytes()
}

fn told(what: &str, took: Duration, reference: Option<Duration>) {
    #[expect(clippy::cast_precision_loss, reason = "a figure to look at")]
    let rate = RECORDS as f64 / took.as_secs_f64();
    let ratio = reference.map_or_else(String::new, |of| format!("{:6.2}x", took.as_secs_f64() / of.as_secs_f64()));
    println!("{what:<44} {rate:>12.0} records a second {ratio}");
}

fn told_of_cpu(cpu: Duration) {
    #[expect(clippy::cast_precision_loss, reason = "a figure to look at")]
    let each = cpu.as_secs_f64() * 1e6 / RECORDS as f64;
    println!("  of it on the thread that brings them       {each:>12.2} µs a record");
}

/// The time for which this thread was at work.
fn at_work() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap())
}

/// Appends all of them; how long that took, and how much of it this thread was at work.
fn append(data: &Path, records: &Arc<Vec<Vec<u8>>>, at_desk: bool) -> (Duration, Duration) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let settings =
        JournalSettings { fsync: Fsync::Interval(Duration::from_secs(1)), ..JournalSettings::new("bench/log") };
    let (journal, writing, _) = Journal::open(Arc::new(Folder::new(data).unwrap()), &settings, None).unwrap();
    let (journal, clerk) = if at_desk {
        let (at_desk, clerk) = journal.at_desk();
        drop(journal);
        (at_desk, Some(clerk))
    } else {
        (journal, None)
    };
    clerk.into_iter().for_each(|clerk| drop(runtime.spawn(clerk.run())));
    let (began, worked) = (Instant::now(), at_work());
    runtime.block_on(async {
        let mut writers = tokio::task::JoinSet::new();
        for writer in 0..WRITERS {
            let (journal, records) = (journal.clone(), Arc::clone(records));
            writers.spawn(async move {
                let step = usize::try_from(WRITERS).unwrap();
                for record in records.iter().skip(usize::try_from(writer).unwrap()).step_by(step) {
                    journal.append(record.clone(), Mark::None).await.unwrap();
                }
            });
        }
        while writers.join_next().await.is_some() {}
    });
    let times = (began.elapsed(), at_work() - worked);
    drop((runtime, journal));
    writing.join();
    times
}

/// The memory of this process that is there, in kibibytes.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// Writes so many records, and verifies them.
fn long(records: u64) {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let settings =
        JournalSettings { fsync: Fsync::Interval(Duration::from_secs(1)), ..JournalSettings::new("bench/log") };
    let disk = Arc::new(Folder::new(folder.path()).unwrap());
    let (journal, writing, _) = Journal::open(disk, &settings, None).unwrap();
    let (at_desk, clerk) = journal.at_desk();
    drop(journal);
    let (journal, clerk) = (at_desk, runtime.spawn(clerk.run()));
    println!("before: {} KiB of memory", resident_kib());
    let began = Instant::now();
    for tenth in 0..10 {
        let (from, until) = (records / 10 * tenth, records / 10 * (tenth + 1));
        runtime.block_on(async {
            let mut writers = tokio::task::JoinSet::new();
            for writer in 0..WRITERS {
                let journal = journal.clone();
                writers.spawn(async move {
                    for number in (from + writer..until).step_by(usize::try_from(WRITERS).unwrap()) {
                        journal.append(record(number), Mark::None).await.unwrap();
                    }
                });
            }
            while writers.join_next().await.is_some() {}
        });
        println!("{until} records after {:.1} s: {} KiB of memory", began.elapsed().as_secs_f64(), resident_kib());
    }
    drop(journal);
    clerk.abort();
    drop(runtime);
    writing.join();
    let began = Instant::now();
    let report = verify(&Folder::existing(folder.path()), &Known::default()).unwrap();
    assert!(report.faults.is_empty(), "{report:?}");
    let (read, seconds) = (report.records, began.elapsed().as_secs_f64());
    println!("{read} records verified in {seconds:.1} s: {} KiB of memory", resident_kib());
}

fn main() {
    if let Some(records) = std::env::var("SWITCHTOWER_RECORDS").ok().and_then(|number| number.parse().ok()) {
        return long(records);
    }
    let began = Instant::now();
    let records: Vec<Vec<u8>> = (0..RECORDS).map(record).collect();
    let bytes: usize = records.iter().map(Vec::len).sum();
    println!("{RECORDS} records of {} bytes", bytes / usize::try_from(RECORDS).unwrap());
    told("encoding", began.elapsed(), None);

    let folder = tempfile::tempdir().unwrap();
    let began = Instant::now();
    let mut file = std::fs::File::create(folder.path().join("plain")).unwrap();
    for group in records.chunks(usize::try_from(WRITERS).unwrap()) {
        file.write_all(&group.concat()).unwrap();
    }
    let plain = began.elapsed();
    told("a plain file, the same bytes in groups", plain, None);
    let began = Instant::now();
    for record in &records {
        std::hint::black_box(Hash::of_leaf(record));
    }
    let hashing = began.elapsed();
    told("hashing alone", hashing, None);

    let records = Arc::new(records);
    let data = folder.path().join("ledger");
    let (took, cpu) = append(&folder.path().join("alone"), &records, false);
    told("appending, 256 at once, each for itself", took, Some(plain));
    told_of_cpu(cpu);
    let (took, cpu) = append(&data, &records, true);
    told("appending, 256 at once, at a desk", took, Some(plain));
    told_of_cpu(cpu);

    let began = Instant::now();
    let report = verify(&Folder::existing(&data), &Known::default()).unwrap();
    assert!(report.faults.is_empty() && report.records == RECORDS, "{report:?}");
    told("verifying", began.elapsed(), Some(hashing));
}
