//! Our own ids of requests: UUIDs of version 7.

use http::HeaderValue;
use std::time::SystemTime;
use switchtower_ledger::record::TraceId;
use uuid::Builder;

/// The id of one request, with that of the trace it belongs to.
#[derive(Debug, Clone)]
pub(crate) struct RequestId {
    text: String,
    bytes: [u8; 16],
    trace: Option<TraceId>,
}

impl RequestId {
    /// A new id. The library's own counter is behind a lock that all threads share; random bits do as well.
    pub(crate) fn new(trace: Option<TraceId>) -> Self {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let millis = u64::try_from(since.as_millis()).unwrap_or_default();
        let mut random = [0_u8; 10];
        fastrand::fill(&mut random);
        let id = Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
        Self { text: id.to_string(), bytes: id.into_bytes(), trace }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The trace that the request belongs to.
    pub(crate) const fn trace(&self) -> Option<TraceId> {
        self.trace
    }

    /// The id as it stands on record.
    pub(crate) const fn on_record(&self) -> switchtower_ledger::record::RequestId {
        switchtower_ledger::record::RequestId(self.bytes)
    }

    /// The id as the value of a header.
    pub(crate) fn header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.text).unwrap_or_else(|_| HeaderValue::from_static("?"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_of_version_7_and_differ() {
        let (one, two) = (RequestId::new(None), RequestId::new(None));
        assert_ne!(one.as_str(), two.as_str());
        assert_eq!(uuid::Uuid::parse_str(one.as_str()).unwrap().get_version_num(), 7);
    }
}
