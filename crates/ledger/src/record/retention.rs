//! Entries about content that is kept: what of a prompt or an answer is kept apart from the records, and what became of it.

use super::scalar::{Digest, RequestId, Text};

record! {
    /// Content of a request is kept, apart from the records and sealed. It is written before the content is.
    Kept = 20 "kept" {
        /// The number of the record that opened the call.
        0 opened: u64,
        /// The id of the request.
        1 request: RequestId,
        /// Whose it is.
        2 tenant: Text,
        /// The rule of the configuration that says so.
        3 rule: Text,
        /// What it is: `request` (the body as it came) or `answer` (the body as the client got it).
        4 part: Text,
        /// The length of what is kept, in bytes.
        5 bytes: u64,
        /// How many bytes more there were, beyond the bound on what is kept.
        6 left_out: u64,
        /// The name of the key that it is sealed under. With that key it goes.
        7 key: Text,
        /// When it is destroyed, in microseconds since 1970.
        8 until_us: u64,
        /// The SHA-256 of the sealed content.
        9 sealed: Digest,
    }
}

record! {
    /// Content that was kept is destroyed, with the key that it was sealed under. It is written before that is done.
    Deleted = 21 "deleted" {
        /// Whose it was.
        0 tenant: Text,
        /// The name of the key; unsaid where nothing had been sealed.
        1 key: Option<Text>,
        /// Why: `expired`, `ordered` (by somebody, ahead of its time), or, for one part alone, `lost` (a crash came before it was written) or `failed` (it could not
        /// be written).
        2 reason: Text,
        /// How many parts are destroyed.
        3 items: u64,
        /// How many bytes the sealed parts have.
        4 bytes: u64,
        /// The number of the record that says that it is kept, where it is one part alone.
        5 kept: Option<u64>,
        /// The number of the record that opened its call, where it is one part alone that no record says to be kept.
        6 opened: Option<u64>,
    }
}

record! {
    /// All that was kept of a tenant is destroyed, with every key. It is written before that is done.
    Shredded = 22 "shredded" {
        /// Whose it was.
        0 tenant: Text,
        /// How many keys are destroyed.
        1 keys: u64,
        /// How many parts.
        2 items: u64,
        /// How many bytes the sealed parts have.
        3 bytes: u64,
        /// Whether the key of its pseudonyms is destroyed as well: whose the records before this one are nobody can tell from here on.
        4 pseudonyms: bool,
    }
}

record! {
    /// The keys of kept content are wrapped by another master key. The content is as it was.
    Rewrapped = 23 "rewrapped" {
        /// The id of the master key from here on.
        0 master: Text,
        /// How many keys were wrapped again.
        1 keys: u64,
    }
}

record! {
    /// Somebody read kept content. It is written before anything is shown.
    Shown = 24 "shown" {
        /// The id of the request.
        0 request: RequestId,
        /// Whose it is.
        1 tenant: Text,
        /// How many parts were shown.
        2 items: u64,
    }
}
