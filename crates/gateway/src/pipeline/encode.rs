//! The answer in the client's dialect.

use super::call::{Answering, Content};
use super::count;
use super::plan::Carriage;
use super::record::Standing;
use super::service::Job;
use crate::clock::seconds_since_1970;
use crate::failure;
use crate::recording::{End, Unclosed};
use crate::reply::{DEPLOYMENT, GatewayBody, NOTICES, PROVIDER_REQUEST_ID, identify};
use crate::request_id::RequestId;
use crate::stream::{Ends, EventStream, Framing, Leaving, Rewriting};
use crate::{Settings, notices};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use std::sync::Arc;
use switchtower_dialect::scan::{ScanError, scan};
use switchtower_dialect::{AccountReader, dialect, json, json_text};
use switchtower_domain::{Account, DialectId, Failure, FailureClass, Notice, Refusal, RefusalCode};
use switchtower_providers::Deployment;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// The media type of what is in the messages of an invoked model's stream, which clients of Bedrock read.
const INVOKED_CONTENT_TYPE: HeaderName = HeaderName::from_static("x-amzn-bedrock-content-type");
/// Answers may nest deeper than what callers send, but not without end.
const DEPTH_MAX: usize = 120;

/// Nothing leaves but with the receipt of its record: a whole answer waits for it here, the end of a stream in the
/// stream.
pub(super) async fn encode(
    settings: &Settings,
    answering: Answering,
    framing: Framing,
    id: &RequestId,
    standing: &mut Standing,
) -> Result<Response<GatewayBody>, Refusal> {
    let Answering { client, deployment, carriage, mut sealing, mut tagging, mut notices, provider_request_id, content } =
        answering;
    let told_before = notices.len();
    let (body, kind) = match content {
        Content::Whole(bytes) => {
            let (bytes, account) = match carriage {
                Carriage::Forward { .. } => {
                    let heard = checked(&bytes, client, &deployment)?;
                    let sealed = sealing.as_mut().and_then(|sealing| sealing.rewritten(&bytes));
                    (sealed.map_or(bytes, Bytes::from), heard)
                }
                Carriage::Translate { .. } => {
                    let (told, account) = translated(&bytes, (client, framing), &deployment, id, &mut notices)?;
                    let uncounted = account.usage.as_ref().is_none_or(|usage| usage.output.is_none());
                    let said = uncounted.then(|| account_of(&bytes, client, &deployment).1).flatten();
                    (told, (account, said))
                }
                Carriage::Count(counter) => {
                    (counted(&bytes, counter, client, &deployment)?, (Account::default(), None))
                }
                Carriage::Service(job) => {
                    let (told, account) = served(*job, &[bytes], client, &deployment, &mut notices)?;
                    (told, (account, None))
                }
            };
            let tagged = tagging.as_mut().and_then(|tagging| tagging.tagged(&bytes));
            let bytes = tagged.map_or(bytes, Bytes::from);
            whole(bytes, account, notices.get(told_before..).unwrap_or_default(), standing).await?
        }
        Content::Several(answers) => {
            let Carriage::Service(job) = carriage else {
                return Err(malformed(&deployment, "several answers to one request"));
            };
            let (bytes, account) = served(*job, &answers, client, &deployment, &mut notices)?;
            whole(bytes, (account, None), notices.get(told_before..).unwrap_or_default(), standing).await?
        }
        Content::Events(events, ends_at) => {
            let recording = standing.recording.take().ok_or_else(unrecorded)?;
            let name = recording.name().clone();
            let ends = Ends { client, deployment: Arc::clone(&deployment), name, request_id: id.clone(), framing };
            let stream = match carriage {
                // Of services only those are streamed that are forwarded.
                Carriage::Forward { usage_unasked } => {
                    let rewriting = Rewriting { sealing, tagging, usage_unasked };
                    EventStream::forwarded(settings, events, ends, ends_at, rewriting, recording)
                }
                Carriage::Service(_) | Carriage::Count(_) => {
                    EventStream::forwarded(settings, events, ends, ends_at, Rewriting::default(), recording)
                }
                Carriage::Translate { report_usage } => {
                    let leaving = Leaving { report_usage, tagging };
                    EventStream::translated(settings, events, ends, ends_at, leaving, recording)
                }
            };
            (GatewayBody::stream(stream), framing.media_type())
        }
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.reserve(8);
    if kind != JSON {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    }
    headers.insert(CONTENT_TYPE, kind);
    if framing.is_of_invoked() {
        headers.insert(INVOKED_CONTENT_TYPE, JSON);
    }
    describe(headers, client, &deployment, &notices, id);
    if let Some(id) = provider_request_id {
        headers.insert(PROVIDER_REQUEST_ID, id);
    }
    Ok(response)
}

/// A whole answer, once its record is written.
async fn whole(
    bytes: Bytes,
    (account, said): (Account, Option<String>),
    lost: &[Notice],
    standing: &mut Standing,
) -> Result<(GatewayBody, HeaderValue), Refusal> {
    let mut recording = standing.recording.take().ok_or_else(unrecorded)?;
    recording.sent_whole(&bytes);
    recording.lost(lost);
    let receipt = match recording.close(End { said, ..End::answered(account) }, None).await {
        Ok(receipt) => receipt,
        Err(Unclosed { refusal, receipt }) => {
            standing.closed = receipt;
            return Err(*refusal);
        }
    };
    Ok((GatewayBody::whole(bytes, receipt.into()), JSON))
}

/// A defect: a call that was made without being on record.
fn unrecorded() -> Refusal {
    Refusal::new(RefusalCode::Internal, "the call is not on record")
}

/// What is on record of an answer that is passed on as it came, and what was said where nobody counted it.
fn account_of(bytes: &[u8], client: DialectId, deployment: &Deployment) -> (Account, Option<String>) {
    let interface = deployment.provider.interface(client);
    let mut reader = AccountReader::new(dialect(interface.dialect).account_places());
    reader.look_at_whole(bytes, &interface.variant);
    heard(reader)
}

fn heard(mut reader: AccountReader) -> (Account, Option<String>) {
    let said = Some(reader.take_said()).filter(|said| !said.is_empty());
    (reader.into_account(), said)
}

fn describe(headers: &mut HeaderMap, client: DialectId, deployment: &Deployment, notices: &[Notice], id: &RequestId) {
    headers.insert(DEPLOYMENT, deployment.label().clone());
    if let Some(value) = notices::header(notices) {
        headers.insert(NOTICES, value);
    }
    identify(headers, client, id);
}

/// An answer that is passed on as it came: it must be an object, and not an error in disguise. Gives what is on record of
/// it, and what was said where nobody counted it.
fn checked(bytes: &Bytes, client: DialectId, deployment: &Deployment) -> Result<(Account, Option<String>), Refusal> {
    match scan(bytes, DEPTH_MAX) {
        Ok(scan) if scan.field("error").is_some_and(|error| error.value != b"null") => {
            Err(error_in_disguise(deployment, client, bytes))
        }
        Ok(scan) => {
            let interface = deployment.provider.interface(client);
            let mut reader = AccountReader::new(dialect(interface.dialect).account_places());
            reader.look_at_scanned(bytes, &scan, &interface.variant);
            Ok(heard(reader))
        }
        // A provider that names a key twice is read as its own clients read it.
        Err(ScanError::DuplicateKey { .. }) => Ok(account_of(bytes, client, deployment)),
        Err(error) => Err(malformed(deployment, &error.to_string())),
    }
}

fn error_in_disguise(deployment: &Deployment, client: DialectId, bytes: &[u8]) -> Refusal {
    let failure = Failure { status: None, ..failure::of_answer(deployment, client, 500, &HeaderMap::new(), bytes) };
    failure::refusal(&failure, deployment)
}

fn translated(
    bytes: &[u8],
    (client, framing): (DialectId, Framing),
    deployment: &Deployment,
    id: &RequestId,
    notices: &mut Vec<Notice>,
) -> Result<(Bytes, Account), Refusal> {
    let interface = deployment.provider.interface(client);
    let value = json::parse(bytes).map_err(|_| malformed(deployment, "not JSON"))?;
    if value.get("error").is_some_and(|error| !error.is_null()) {
        return Err(error_in_disguise(deployment, client, bytes));
    }
    let mut answer = dialect(interface.dialect)
        .decode_answer(value, &interface.variant)
        .map_err(|error| malformed(deployment, &error.to_string()))?;
    // Some dialects do not say which answer this is, and clients of others need to know.
    answer.head.created.get_or_insert_with(seconds_since_1970);
    answer.head.id.get_or_insert_with(|| id.as_str().to_owned());
    answer.head.model.get_or_insert_with(|| deployment.model.as_str().to_owned());
    let encoded = dialect(client).encode_answer(&answer);
    // Paths of the answer are told from those of the request.
    notices
        .extend(encoded.notices.into_iter().map(|notice| Notice { path: format!("answer.{}", notice.path), ..notice }));
    let body = match framing.form() {
        Some(form) => form.told(encoded.body),
        None => encoded.body,
    };
    Ok((json_text::write(&body, bytes.len() + 512).into(), Account::of(&answer)))
}

/// A count, as the client's dialect tells it.
fn counted(bytes: &[u8], counter: DialectId, client: DialectId, deployment: &Deployment) -> Result<Bytes, Refusal> {
    let answer: serde_json::Value = serde_json::from_slice(bytes).map_err(|_| malformed(deployment, "not JSON"))?;
    let tokens =
        count::counting(counter)?.counted(&answer).ok_or_else(|| malformed(deployment, "no count of tokens"))?;
    Ok(count::counting(client)?.tell(tokens).to_string().into())
}

/// The answer of a service that is not passed on as it came.
fn served(
    job: Job,
    answers: &[Bytes],
    client: DialectId,
    deployment: &Deployment,
    notices: &mut Vec<Notice>,
) -> Result<(Bytes, Account), Refusal> {
    let mut values = Vec::with_capacity(answers.len());
    for bytes in answers {
        let value = json::parse(bytes).map_err(|_| malformed(deployment, "not JSON"))?;
        if value.get("error").is_some_and(|error| !error.is_null()) {
            return Err(error_in_disguise(deployment, client, bytes));
        }
        values.push(value);
    }
    let size = answers.iter().map(Bytes::len).sum::<usize>();
    let (body, usage) =
        job.answer(values, deployment, notices).map_err(|error| malformed(deployment, &error.to_string()))?;
    Ok((json_text::write(&body, size + 512).into(), Account { usage, ..Account::default() }))
}

fn malformed(deployment: &Deployment, what: &str) -> Refusal {
    failure::refusal(&Failure::new(FailureClass::Malformed), deployment).detail(what)
}
