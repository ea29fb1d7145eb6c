//! What lies beside the segments: the newest checkpoint, and all of them.

use crate::checkpoint::{Checkpoint, Note};
use crate::journal::disk::Disk;
use std::collections::HashMap;
use std::io::{self, Read as _};

/// The newest checkpoint.
pub(crate) const NEWEST: &str = "checkpoint";
/// All of them, one after the other, each with an empty line at its end.
const ALL: &str = "checkpoints";

/// The checkpoints of a journal, in the order in which they were made. What a crash left of one is passed over.
pub(crate) fn checkpoints(disk: &dyn Disk) -> io::Result<Vec<(Checkpoint, Note)>> {
    let mut text = read(disk, ALL)?;
    text.push_str(&read(disk, NEWEST)?);
    let mut found: Vec<(Checkpoint, Note)> = Vec::new();
    let mut places = HashMap::new();
    // A note has one empty line within it, and here one at its end.
    let parts: Vec<&str> = text.split("\n\n").collect();
    for pair in parts.windows(2) {
        let [body, signatures] = pair else { continue };
        let note = Note::parse(&format!("{body}\n\n{}\n", signatures.trim_end_matches('\n')));
        if let Ok(note) = note
            && let Ok(checkpoint) = Checkpoint::read(&note)
        {
            let place = *places.entry((checkpoint.size, checkpoint.root)).or_insert(found.len());
            match found.get_mut(place) {
                // A witness may have signed it since.
                Some((_, kept)) if kept.signatures.len() < note.signatures.len() => *kept = note,
                Some(_) => {}
                None => found.push((checkpoint, note)),
            }
        }
    }
    Ok(found)
}

/// The newest checkpoint, as it was signed; nothing before the first one.
pub(crate) fn newest(disk: &dyn Disk) -> io::Result<Option<(Checkpoint, Note)>> {
    let note = Note::parse(&read(disk, NEWEST)?).ok();
    Ok(note.and_then(|note| Some((Checkpoint::read(&note).ok()?, note))))
}

/// Keeps a checkpoint.
pub(crate) fn keep(disk: &dyn Disk, note: &Note) -> io::Result<()> {
    let all = disk.append(ALL)?;
    all.write(format!("{note}\n").as_bytes())?;
    all.sync()?;
    disk.replace(NEWEST, note.to_string().as_bytes())
}

/// Keeps a checkpoint that a witness signed, beside the newest one, which may be another by now.
pub(crate) fn keep_cosigned(disk: &dyn Disk, note: &Note) -> io::Result<()> {
    let all = disk.append(ALL)?;
    all.write(format!("{note}\n").as_bytes())?;
    all.sync()
}

fn read(disk: &dyn Disk, name: &str) -> io::Result<String> {
    let mut bytes = Vec::new();
    if let Some(mut file) = disk.read(name, 0)? {
        file.read_to_end(&mut bytes)?;
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
