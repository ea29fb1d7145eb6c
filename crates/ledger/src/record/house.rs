//! Entries about the gateway and the journal themselves.

use super::scalar::{Digest, RequestId, Text};

record! {
    /// What a digest in other entries stands for.
    Content = 5 "content" {
        /// The SHA-256 of the content.
        0 digest: Digest,
        /// What it is: `configuration`, `catalogue` or `prices`.
        1 of: Text,
        /// How it is packed: `deflate`, as zlib has it (RFC 1950).
        2 packed: Text,
        /// The packed content.
        #[with("minicbor::bytes")]
        3 bytes: Vec<u8>,
    }
}

record! {
    /// The gateway has started.
    Started = 6 "started" {
        /// The version of the gateway.
        0 version: Text,
        /// The name of the log.
        1 origin: Text,
        /// The key that signs its checkpoints, as a verifier takes it.
        2 key: Text,
        /// The digest of the configuration in force.
        3 configuration: Digest,
        /// The digest of the catalogue in force.
        4 catalogue: Digest,
        /// The digest of the prices in force.
        5 prices: Digest,
    }
}

record! {
    /// The gateway has stopped, with nothing open.
    Stopped = 7 "stopped" {
        /// How many calls were still open when it did.
        0 open: u64,
    }
}

record! {
    /// Calls that were open when a segment began, so that one segment tells what is open.
    Carried = 8 "carried" {
        /// The calls.
        0 calls: Vec<CarriedCall>,
    }
}

record! {
    /// A call that was open.
    CarriedCall = 0 "carried_call" {
        /// The number of the record that opened it.
        0 opened: u64,
        /// The id of its request.
        1 request: RequestId,
    }
}

record! {
    /// The journal was mended after a crash.
    Recovered = 9 "recovered" {
        /// How many bytes of a record that was not whole were cut off.
        0 cut_bytes: u64,
        /// How many calls were open, and are closed by the entries that follow.
        1 open: u64,
    }
}

record! {
    /// Another key signs from here on.
    KeyChanged = 10 "key_changed" {
        /// The key that signed before, as a verifier takes it.
        0 from: Text,
        /// The key that signs from here on, as a verifier takes it.
        1 to: Text,
        /// The signature of the former key over the text of the latter.
        #[with("minicbor::bytes")]
        2 signature: Vec<u8>,
    }
}

record! {
    /// A checkpoint of another log was seen, so that neither can be rolled back without the other.
    Seen = 11 "seen" {
        /// The name of that log.
        0 origin: Text,
        /// Its size.
        1 size: u64,
        /// The root of its tree.
        2 root: Digest,
        /// The checkpoint as it was signed.
        3 note: Text,
        /// The size that was seen of it before, where this one does not continue that: it is smaller, or as large and of
        /// another root.
        4 known_size: Option<u64>,
        /// The key that signed it and by which that log is known, as a verifier takes it.
        5 key: Option<Text>,
    }
}

record! {
    /// Old records were removed; their hashes stay.
    Pruned = 12 "pruned" {
        /// The number of the first record that is left.
        0 first: u64,
        /// How many were removed now.
        1 records: u64,
        /// How many calls began in them and had not ended there: their ends are left, and say which record opened them.
        2 cut_calls: u64,
    }
}

record! {
    /// The journal was restored from a backup, and what was written after that is gone.
    Restored = 13 "restored" {
        /// The size of the journal in the backup.
        0 size: u64,
        /// The root of its tree.
        1 root: Digest,
        /// The size that is known to have been reached, by the newest checkpoint that was shown.
        2 known_size: Option<u64>,
    }
}
