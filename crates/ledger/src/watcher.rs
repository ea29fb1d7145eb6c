//! The port for who wants to know of every entry: figures and traces are made of the records themselves, so that they
//! cannot say anything else.

use crate::record::Entry;
use std::fmt;

/// Who is told of every entry once it is written.
pub trait Watcher: Send + Sync + fmt::Debug {
    /// An entry is written, and has its number. The writer calls it before anybody is told that the entry is there, in
    /// the order of the numbers: so it must be quick, and must not wait for anything.
    fn written(&self, record: u64, entry: Entry);
}
