//! Prices against a second, slow and obvious way to reckon.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod oracle;
