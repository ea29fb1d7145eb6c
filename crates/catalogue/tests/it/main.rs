//! Prices against a second, slow and obvious way to reckon.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod oracle;
