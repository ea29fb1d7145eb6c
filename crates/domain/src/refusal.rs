//! Our answer "no".

use crate::FailureClass;
use std::fmt;
use std::time::Duration;

/// Why a request was not answered as asked, and who must act.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// The stable code; it decides the status and is the metric's label.
    pub code: RefusalCode,
    /// The HTTP status, where a provider's own is passed on in place of the code's.
    pub status: u16,
    /// A sentence for the caller: what happened, where, and what to do next. It never quotes a prompt or a secret.
    pub message: String,
    /// The field of the request that is at fault.
    pub param: Option<String>,
    /// When to ask again.
    pub retry_after: Option<Duration>,
    /// The provider's id for the request, where one was made.
    pub provider_request_id: Option<String>,
    /// The class of the provider's trouble, where that is why.
    pub failure: Option<FailureClass>,
    /// For the operator's log; it never leaves.
    pub detail: Option<String>,
}

impl Refusal {
    /// A refusal with the status of its code.
    pub fn new(code: RefusalCode, message: impl Into<String>) -> Self {
        Self {
            code,
            status: code.status(),
            message: message.into(),
            param: None,
            retry_after: None,
            provider_request_id: None,
            failure: None,
            detail: None,
        }
    }

    /// Names the field that is at fault.
    #[must_use]
    pub fn param(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    /// Adds what only the operator's log may hold.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.message)
    }
}

/// Who must act on a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// The caller: change the request.
    Caller,
    /// The operator of Switchtower: change the configuration.
    Operator,
    /// The provider: wait, or use another.
    Provider,
    /// Us: this is a defect.
    Switchtower,
}

macro_rules! refusal_codes {
    ($($(#[$doc:meta])* $variant:ident => $word:literal, $status:literal, $actor:ident;)*) => {
        /// The stable codes of refusals.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum RefusalCode { $($(#[$doc])* $variant,)* }

        impl RefusalCode {
            /// Every code, for documentation and tests.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word in answers, logs and metrics.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// The HTTP status it is answered with.
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)* }
            }

            /// Who must act.
            pub const fn actor(self) -> Actor {
                match self { $(Self::$variant => Actor::$actor,)* }
            }
        }
    };
}

refusal_codes! {
    /// The body is not what its dialect says it should be.
    InvalidRequest => "invalid_request", 400, Caller;
    /// The body is not JSON, or not UTF-8.
    MalformedJson => "malformed_json", 400, Caller;
    /// An object of the body names a key twice.
    DuplicateKey => "duplicate_key", 400, Caller;
    /// The body nests deeper than is allowed.
    TooDeep => "too_deep", 400, Caller;
    /// The request offers more tools than are allowed.
    TooManyTools => "too_many_tools", 400, Caller;
    /// The chosen deployment cannot express the request, and the caller asked to be told.
    Untranslatable => "untranslatable", 400, Caller;
    /// The request asks a provider to keep what is sent, which is not permitted.
    RetentionRefused => "retention_refused", 400, Caller;
    /// The request needs what the model cannot do, as far as is known.
    CapabilityMissing => "capability_missing", 400, Caller;
    /// The request refers to what one account keeps, or gives back what only it can read, and another account would be asked.
    StateElsewhere => "state_elsewhere", 400, Caller;
    /// The caller presented no key, or one that is not known.
    Unauthenticated => "unauthenticated", 401, Caller;
    /// The `Host` or `Origin` is foreign to a gateway that serves without keys.
    ForeignOrigin => "foreign_origin", 403, Caller;
    /// No deployment or alias has that name.
    UnknownModel => "unknown_model", 404, Caller;
    /// No endpoint has that path.
    UnknownPath => "unknown_path", 404, Caller;
    /// The endpoint does not take that method.
    MethodNotAllowed => "method_not_allowed", 405, Caller;
    /// The client was too slow with its request.
    RequestTimeout => "request_timeout", 408, Caller;
    /// The body is larger than is allowed.
    TooLarge => "too_large", 413, Caller;
    /// The body is not declared as JSON.
    UnsupportedMediaType => "unsupported_media_type", 415, Caller;
    /// The endpoint exists in the dialect, and not here yet.
    NotImplemented => "not_implemented", 501, Caller;
    /// The gateway itself is at its limit of open requests.
    TooManyRequests => "too_many_requests", 503, Operator;
    /// The deployment is at the limit of open requests that its operator set.
    DeploymentFull => "deployment_full", 429, Operator;
    /// The gateway is shutting down.
    ShuttingDown => "shutting_down", 503, Operator;
    /// A credential of the deployment could not be read.
    CredentialMissing => "credential_missing", 500, Operator;
    /// The cloud that gives the deployment its token did not.
    TokenUnavailable => "token_unavailable", 502, Operator;
    /// The provider limits the rate of this account.
    RateLimited => "provider_rate_limited", 429, Provider;
    /// The provider has no capacity.
    Overloaded => "provider_overloaded", 503, Provider;
    /// The provider did not answer in time.
    TimedOut => "provider_timed_out", 504, Provider;
    /// The provider cannot be reached, or its connection broke.
    Unreachable => "provider_unreachable", 502, Provider;
    /// The provider does not accept the deployment's credential.
    Denied => "provider_denied", 401, Operator;
    /// The provider does not accept the request.
    ProviderInvalid => "provider_invalid_request", 400, Caller;
    /// A content filter of the provider refused.
    Filtered => "provider_filtered", 400, Caller;
    /// The provider's answer could not be read.
    ProviderMalformed => "provider_malformed", 502, Provider;
    /// The provider failed in a way that it did not explain.
    ProviderFailed => "provider_failed", 502, Provider;
    /// The ledger takes no entry, and nothing is done that is not on record.
    LedgerUnavailable => "ledger_unavailable", 503, Operator;
    /// What has to be kept of the request cannot be kept now.
    RetentionUnavailable => "retention_unavailable", 503, Operator;
    /// A defect of ours.
    Internal => "internal", 500, Switchtower;
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn codes_are_distinct_words_with_error_statuses() {
        let words: HashSet<_> = RefusalCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(words.len(), RefusalCode::ALL.len());
        assert!(RefusalCode::ALL.iter().all(|code| (400..600).contains(&code.status())));
    }
}
