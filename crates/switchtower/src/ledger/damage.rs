//! What who reads a ledger is told where that is not as it was written.

use anyhow::Error;
use std::path::Path;
use switchtower_ledger::journal::segment::SegmentError;
use switchtower_ledger::upkeep::PruneError;
use switchtower_ledger::{ProveError, ReadError};
use switchtower_portfolio::SpendError;
use switchtower_projection::ProjectorError;
use switchtower_vault::VaultError;

/// An error of a command over a folder; where it is of a record or a segment, with where that is and what to do next.
pub(crate) fn told(data: &Path, error: Error) -> Error {
    if !is_of_records(&error) {
        return error;
    }
    error.context(format!(
        "the ledger in {} is damaged: `switchtower ledger verify` says where, and `switchtower ledger restore` makes a \
         ledger of a backup",
        data.display()
    ))
}

/// Whether a record or a segment is not as it was written. Who passes such an error on says it in its own words, so that
/// each is asked.
fn is_of_records(error: &Error) -> bool {
    error.chain().any(|cause| {
        let segment = match cause.downcast_ref() {
            Some(ProveError::Segment(error)) => Some(error),
            _ => None,
        };
        let read = match (cause.downcast_ref(), cause.downcast_ref(), cause.downcast_ref()) {
            (Some(SpendError::Read(error)), ..)
            | (_, Some(ProjectorError::Read(error)), _)
            | (_, _, Some(VaultError::Read(error))) => Some(error),
            _ => None,
        };
        let (segment, read) = match cause.downcast_ref() {
            Some(PruneError::Segment(error)) => (Some(error), None),
            Some(PruneError::Read(error)) => (None, Some(error)),
            _ => (segment, read),
        };
        match (segment.or_else(|| cause.downcast_ref()), read.or_else(|| cause.downcast_ref())) {
            (Some(error), _) | (_, Some(ReadError::Segment(error))) => {
                !matches!(error, SegmentError::Disk(_) | SegmentError::Version { .. })
            }
            (None, Some(ReadError::Entry { .. })) => true,
            (None, None) => false,
        }
    })
}
