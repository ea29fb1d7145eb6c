//! A receiver that is well, slow, gone, or of another opinion.

use super::*;
use crate::{SpanQueue, TelemetrySettings};
use http::Response;
use std::collections::VecDeque;
use std::sync::Mutex;
use switchtower_domain::{TransportError, TransportFuture};
use switchtower_ledger::Watcher as _;
use switchtower_ledger::record::{Entry, Refused, SpanId, Trace, TraceId};

/// A status, headers and a body; or no connection.
type Answer = Result<(u16, HeaderMap, Vec<u8>), ()>;

/// Answers as it is told, and keeps what it got.
#[derive(Debug, Default)]
struct Receiver {
    answers: Mutex<VecDeque<Answer>>,
    got: Mutex<Vec<Request<Bytes>>>,
}

impl Transport for Receiver {
    fn send(&self, request: Request<Bytes>) -> TransportFuture<'_> {
        self.got.lock().unwrap().push(request);
        let answer = self.answers.lock().unwrap().pop_front().unwrap_or(Ok((200, HeaderMap::new(), Vec::new())));
        Box::pin(async move {
            let (status, headers, body) =
                answer.map_err(|()| TransportError::Connect { reason: "refused".to_owned() })?;
            let body: ResponseBody = Box::pin(Once(Some(body)));
            let mut response = Response::new(body);
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            *response.headers_mut() = headers;
            Ok(response)
        })
    }
}

struct Once(Option<Vec<u8>>);

impl http_body::Body for Once {
    type Data = Bytes;
    type Error = TransportError;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, TransportError>>> {
        std::task::Poll::Ready(self.0.take().map(|bytes| Ok(http_body::Frame::data(bytes.into()))))
    }
}

struct Stage {
    receiver: Arc<Receiver>,
    telemetry: Arc<Telemetry>,
    waiting: Waiting,
    settings: OtlpSettings,
}

fn stage(answers: Vec<Answer>, room: usize) -> Stage {
    let receiver = Receiver { answers: Mutex::new(answers.into()), got: Mutex::default() };
    let (queue, waiting) = SpanQueue::new(room);
    let telemetry = Telemetry::new(TelemetrySettings::default(), Some(queue));
    let settings = OtlpSettings { metrics: None, gzip: false, ..OtlpSettings::new("http://receiver:4318/").unwrap() };
    Stage { receiver: Arc::new(receiver), telemetry: Arc::new(telemetry), waiting, settings }
}

impl Stage {
    fn refuse(&self, count: u64) {
        for number in 0..count {
            let trace = Trace { id: TraceId([1; 16]), span: SpanId([2; 8]), parent: None, sampled: true };
            let refused =
                Refused { trace: Some(trace), code: "unknown_model".into(), status: 404, ..Refused::default() };
            self.telemetry.written(number, Entry { at_us: 1, body: refused.into() });
        }
    }

    /// Exports for so long, and then ends.
    async fn run_for(self, seconds: u64) -> (Vec<(&'static str, u64)>, Vec<Request<Bytes>>) {
        let exporter = Exporter::new(self.settings, self.receiver.clone(), self.telemetry.clone());
        exporter.run(self.waiting, House::default, tokio::time::sleep(Duration::from_secs(seconds))).await;
        let counts = self.telemetry.exported_spans.outcomes().into_iter().filter(|(_, count)| *count > 0).collect();
        (counts, std::mem::take(&mut self.receiver.got.lock().unwrap()))
    }
}

fn header(name: &'static str, value: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(http::HeaderName::from_static(name), HeaderValue::from_static(value))])
}

#[tokio::test(start_paused = true)]
async fn what_ended_together_is_sent_together() {
    let stage = stage(Vec::new(), 100);
    stage.refuse(3);
    let (counts, got) = stage.run_for(10).await;
    assert_eq!((counts, got.len()), (vec![("exported", 3)], 1));
    assert_eq!((got[0].uri().path(), &got[0].headers()["content-type"]), ("/v1/traces", &PROTOBUF));
    let sent = ExportTrace::decode(got[0].body().clone()).unwrap();
    assert_eq!(sent.resource_spans[0].scope_spans[0].spans.len(), 3);
    assert_eq!(sent.resource_spans[0].resource.as_ref().unwrap().attributes[0].key, "service.name");
}

#[tokio::test(start_paused = true)]
async fn trouble_that_passes_is_waited_for() {
    let answers =
        vec![Err(()), Ok((503, header("retry-after", "7"), Vec::new())), Ok((429, HeaderMap::new(), Vec::new()))];
    let stage = stage(answers, 100);
    stage.refuse(2);
    let (counts, got) = stage.run_for(50).await;
    assert_eq!((counts, got.len()), (vec![("exported", 2)], 4));
}

#[tokio::test(start_paused = true)]
async fn a_pause_beyond_all_measure_is_not_believed() {
    let never = header("retry-after", "18446744073709551615");
    assert_eq!(retry_after(&never), Some(RETRY_AFTER_MAX));
    let stage = stage(vec![Ok((503, never, Vec::new()))], 10);
    stage.refuse(2);
    assert_eq!(stage.run_for(5).await.0, [("failed", 2)]);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_will_take_is_dropped_and_counted() {
    let stage = stage(vec![Ok((400, HeaderMap::new(), Vec::new()))], 100);
    stage.refuse(2);
    assert_eq!(stage.run_for(5).await.0, [("failed", 2)]);
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_is_gone_costs_what_has_no_room() {
    let stage = stage((0..1000).map(|_| Err(())).collect(), 10);
    stage.refuse(25);
    let (counts, got) = stage.run_for(300).await;
    assert_eq!(counts, [("queue_full", 15), ("failed", 10)]);
    assert!(got.len() > 3 && got.len() < 30, "{}", got.len());
}

#[tokio::test(start_paused = true)]
async fn what_is_tried_again_waits_still() {
    let stage = stage((0..5).map(|_| Err(())).collect(), 100);
    stage.refuse(4);
    let telemetry = Arc::clone(&stage.telemetry);
    let waiting = |seconds| {
        let telemetry = &telemetry;
        async move {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            let (text, name) = (
                crate::exposition::Format::for_accept("").write(&telemetry.families(&House::default())),
                "switchtower_otlp_queue_spans ",
            );
            text.lines().find_map(|line| line.strip_prefix(name)).unwrap().to_owned()
        }
    };
    let ((counts, _), meanwhile, after) = tokio::join!(stage.run_for(90), waiting(5), waiting(80));
    assert_eq!((counts, meanwhile.as_str(), after.as_str()), (vec![("exported", 4)], "4", "0"));
}

#[tokio::test(start_paused = true)]
async fn at_the_end_what_waits_is_sent_or_counted() {
    let well = stage(Vec::new(), 2000);
    well.refuse(1500);
    assert_eq!(well.run_for(0).await.0, [("exported", 1500)]);
    let gone = stage((0..1000).map(|_| Err(())).collect(), 2000);
    gone.refuse(1500);
    assert_eq!(gone.run_for(0).await.0, [("stopped", 1500)]);
}

#[tokio::test(start_paused = true)]
async fn what_a_receiver_rejects_is_counted() {
    use super::super::messages::PartialSuccess;
    let partial = Exported { partial_success: Some(PartialSuccess { rejected: 1, error_message: "no".to_owned() }) };
    let stage = stage(vec![Ok((200, header("content-type", "application/x-protobuf"), partial.encode_to_vec()))], 10);
    stage.refuse(3);
    assert_eq!(stage.run_for(5).await.0, [("exported", 2), ("rejected", 1)]);
}

#[tokio::test(start_paused = true)]
async fn metrics_are_sent_now_and_then_and_at_the_end() {
    let mut stage = stage(Vec::new(), 10);
    stage.settings.metrics = Some(OtlpSettings::address("https://receiver/v1/metrics").unwrap());
    stage.settings.gzip = true;
    let (_, got) = stage.run_for(150).await;
    assert_eq!(got.len(), 3);
    assert_eq!(got[0].headers()["content-encoding"], "gzip");
}

#[test]
fn addresses_are_checked() {
    for wrong in ["receiver:4318", "ftp://receiver", "http://", "http://user:password@receiver", ""] {
        assert!(OtlpSettings::new(wrong).is_err(), "{wrong}");
    }
}
