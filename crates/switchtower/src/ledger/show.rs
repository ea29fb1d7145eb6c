//! Entries, for people and programs.

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use std::io::Write;
use std::time::Duration;
use switchtower_ledger::Entries;
use switchtower_ledger::journal::disk::Disk;
use switchtower_ledger::journal::segment;
use switchtower_ledger::record::{Body, Closed, Entry, RequestId};

/// How often a file is looked at that may grow.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);

/// Shows what is on record of a request; false where nothing is.
pub(super) fn request(disk: &dyn Disk, request: &str, out: &mut dyn Write) -> Result<bool> {
    let id = RequestId::parse(request).with_context(|| format!("'{request}' is no id of a request"))?;
    let mut entries = Entries::from(disk, 0);
    let mut found = false;
    while let Some((record, entry)) = entries.read()? {
        if of_request(&entry.body) == Some(id) {
            if let Body::Closed(closed) = &entry.body
                && !found
            {
                tell_beginless(closed);
            }
            found = true;
            writeln!(out, "{}", serde_json::to_string_pretty(&entry.to_json(record))?)?;
            if !matches!(entry.body, Body::Opened(_)) {
                break;
            }
        }
    }
    if !found {
        writeln!(out, "nothing is on record of {request}{}", beginning(disk)?)?;
    }
    Ok(found)
}

/// Where the ledger begins, for who does not find something in it; nothing where it has all that was ever written.
pub(super) fn beginning(disk: &dyn Disk) -> Result<String> {
    Ok(match Entries::from(disk, 0).read()? {
        Some((first, entry)) if first > 0 => {
            let at = i64::try_from(entry.at_us).ok().and_then(|at| Timestamp::from_microsecond(at).ok());
            let at = at.map(|at| format!(", of {at:.0}")).unwrap_or_default();
            format!("; the ledger begins with record {first}{at}: what came before was pruned")
        }
        _ => String::new(),
    })
}

/// Says why of a call only its end is shown.
pub(super) fn tell_beginless(closed: &Closed) {
    tracing::warn!(
        "record {} opened the call and was pruned: whose it was and what it asked for is not on record any more",
        closed.opened
    );
}

const fn of_request(body: &Body) -> Option<RequestId> {
    match body {
        Body::Opened(entry) => Some(entry.request),
        Body::Closed(entry) => Some(entry.request),
        Body::Refused(entry) => Some(entry.request),
        Body::Told(entry) => Some(entry.request),
        _ => None,
    }
}

/// Shows the last entries, and those to come where they are wanted.
pub(super) fn tail(disk: &dyn Disk, lines: u64, follow: bool, out: &mut dyn Write) -> Result<()> {
    // Only the last segments are read, as many as have enough.
    let segments = segment::list(disk)?;
    let mut from = segments.iter().filter(|segment| segment.records).map(|segment| segment.first).next_back();
    let mut last = Vec::new();
    loop {
        let first = from.unwrap_or_default();
        let mut entries = Entries::from(disk, first);
        last.clear();
        while let Some(entry) = entries.read()? {
            last.push(entry);
        }
        let before = segments.iter().filter(|segment| segment.records && segment.first < first);
        from = before.map(|segment| segment.first).next_back();
        if last.len() as u64 >= lines || from.is_none() {
            let skip = last.len().saturating_sub(usize::try_from(lines).unwrap_or(usize::MAX));
            last.iter().skip(skip).try_for_each(|(record, entry)| line(*record, entry, out))?;
            out.flush()?;
            if !follow {
                return Ok(());
            }
            loop {
                while let Some((record, entry)) = entries.read()? {
                    line(record, &entry, out)?;
                }
                out.flush()?;
                std::thread::sleep(LOOK_INTERVAL);
            }
        }
    }
}

fn line(record: u64, entry: &Entry, out: &mut dyn Write) -> Result<()> {
    Ok(writeln!(out, "{}", serde_json::to_string(&entry.to_json(record))?)?)
}
