//! Every bound refuses what exceeds it, by name, and harms nobody else.

use crate::scripted::Script;
use crate::*;
use switchtower_gateway::Limits;

async fn refused(change: impl FnOnce(&mut Limits), body: &str) -> (u16, String, String) {
    let mut settings = keyless();
    change(&mut settings.limits);
    let (gateway, provider) = gateway_with(Script::json(200, CHAT_ANSWER), settings, Vec::new());
    let response = gateway.handle(post(CHAT, body)).await;
    let status = response.status().as_u16();
    let error = json(response).await;
    assert!(provider.bodies().is_empty());
    assert_eq!(gateway.open_requests(), 0);
    let text = |key: &str| error["error"][key].as_str().unwrap_or_default().to_owned();
    (status, text("code"), text("message"))
}

#[tokio::test]
async fn each_bound_is_named_in_its_refusal() {
    let body =
        r#"{"model":"chat","messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}],"tools":[{},{},{}]}"#;
    let (status, code, message) = refused(|limits| limits.body_bytes_max = 64, body).await;
    assert_eq!((status, code.as_str()), (413, "too_large"));
    assert!(message.contains("limits.body_bytes_max"));
    let (status, code, message) = refused(|limits| limits.depth_max = 4, body).await;
    assert_eq!((status, code.as_str()), (400, "too_deep"));
    assert!(message.contains("limits.depth_max"));
    let (status, code, message) = refused(|limits| limits.tools_max = 2, body).await;
    assert_eq!((status, code.as_str()), (400, "too_many_tools"));
    assert!(message.contains("limits.tools_max"));
}

#[tokio::test]
async fn what_is_not_json_is_refused() {
    for (body, code) in [
        (&b"{\"model\":\"chat\""[..], "malformed_json"),
        (b"", "malformed_json"),
        (b"[]", "malformed_json"),
        (b"{\"model\":\"chat\",\"x\":\"\xff\"}", "malformed_json"),
        (b"{\"model\":\"chat\",\"model\":\"smart\"}", "duplicate_key"),
        (b"{\"model\":\"chat\",\"m\\u006fdel\":\"smart\"}", "duplicate_key"),
        (b"{\"model\":7}", "invalid_request"),
        (b"{\"messages\":[]}", "invalid_request"),
        (b"{\"model\":\"chat\",\"stream\":\"yes\"}", "invalid_request"),
    ] {
        let (gateway, provider) = gateway(Script::json(200, CHAT_ANSWER));
        let request = post(CHAT, "").map(|_| Full::from(body.to_vec()));
        let response = gateway.handle(request).await;
        assert_eq!(response.status(), 400);
        assert_eq!(json(response).await["error"]["code"], code, "{}", String::from_utf8_lossy(body));
        assert!(provider.bodies().is_empty());
    }
    let deep = format!("{{\"model\":\"chat\",\"x\":{}{}}}", "[".repeat(5000), "]".repeat(5000));
    assert_eq!(refused(|_| {}, &deep).await.1, "too_deep");
}

#[tokio::test]
async fn a_body_must_be_declared_as_plain_json() {
    let (gateway, _) = gateway(Script::json(200, CHAT_ANSWER));
    for (name, value, status) in [
        ("content-type", "text/plain", 415),
        ("content-type", "application/x-www-form-urlencoded", 415),
        ("content-encoding", "gzip", 415),
        ("content-type", "Application/JSON; charset=utf-8", 200),
    ] {
        let response = gateway.handle(with(post(CHAT, CHAT_REQUEST), name, value)).await;
        assert_eq!(response.status(), status, "{name}: {value}");
    }
    let response = gateway.handle(with(post(CHAT, CHAT_REQUEST), "content-length", "99999999999")).await;
    assert_eq!(response.status(), 413);
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let mut settings = keyless();
    settings.limits.header_bytes_max = 8192;
    settings.limits.headers_max = 8;
    let (gateway, _) = gateway_with(Script::json(200, CHAT_ANSWER), settings, Vec::new());
    let response = gateway.handle(with(post(CHAT, CHAT_REQUEST), "x-long", &"x".repeat(9000))).await;
    assert_eq!(response.status(), 431);
    let mut request = post(CHAT, CHAT_REQUEST);
    for number in 0..9 {
        request.headers_mut().append("x-many", number.into());
    }
    assert_eq!(gateway.handle(request).await.status(), 431);
}

#[tokio::test]
async fn open_requests_are_counted_until_their_answer_is_out() {
    let mut settings = keyless();
    settings.limits.open_requests_max = 1;
    let (gateway, _) = gateway_with(Script::json(200, CHAT_ANSWER), settings, Vec::new());
    let first = gateway.handle(post(CHAT, CHAT_REQUEST)).await;
    let second = gateway.handle(post(CHAT, CHAT_REQUEST)).await;
    assert_eq!(second.status(), 503);
    assert_eq!(json(second).await["error"]["code"], "too_many_requests");
    drop(first);
    assert_eq!(gateway.handle(post(CHAT, CHAT_REQUEST)).await.status(), 200);
}

#[tokio::test]
async fn a_large_answer_is_refused() {
    let mut settings = keyless();
    settings.limits.answer_bytes_max = 1024;
    let script = Script::json(200, &format!("{{\"x\":\"{}\"}}", "y".repeat(2000)));
    let (gateway, _) = gateway_with(script, settings, Vec::new());
    assert_eq!(gateway.handle(post(CHAT, CHAT_REQUEST)).await.status(), 502);
}

#[tokio::test(start_paused = true)]
async fn a_slow_body_is_not_waited_for() {
    struct Slow;
    impl http_body::Body for Slow {
        type Data = bytes::Bytes;
        type Error = std::convert::Infallible;
        fn poll_frame(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<http_body::Frame<bytes::Bytes>, Self::Error>>> {
            std::task::Poll::Pending
        }
    }
    let (gateway, _) = gateway(Script::json(200, CHAT_ANSWER));
    let response = gateway.handle(post(CHAT, "").map(|_| Slow)).await;
    assert_eq!(response.status(), 408);
    assert!(text(response).await.contains("60000 ms (limits.body_time_ms_max)"));
}

#[tokio::test]
async fn a_wish_to_be_strict_is_plain_or_refused() {
    let (gateway, _) = gateway(Script::json(200, CHAT_ANSWER));
    for (values, status) in [
        (&["true"][..], 200),
        (&["False"], 200),
        (&["true", "TRUE"], 200),
        (&["true", "false"], 400),
        (&["yes"], 400),
        (&["true, true"], 400),
        (&[""], 400),
    ] {
        let mut request = post(CHAT, CHAT_REQUEST);
        for value in values {
            request.headers_mut().append("x-switchtower-strict", value.parse().unwrap());
        }
        let response = gateway.handle(request).await;
        assert_eq!(response.status(), status, "{values:?}");
        assert!(status == 200 || text(response).await.contains("x-switchtower-strict"));
    }
}

#[tokio::test]
async fn a_known_key_is_enough_beside_one_that_is_not() {
    let key = switchtower_gateway::CallerKey::new("team", &switchtower_domain::Secret::new("k1"));
    let settings = Settings::new(Access::keys(vec![key]).unwrap());
    let (gateway, _) = gateway_with(Script::json(200, CHAT_ANSWER), settings, Vec::new());
    for (bearer, bare, status) in
        [("Bearer k1", "unused", 200), ("Bearer unused", "k1", 200), ("Bearer unused", "unused", 401)]
    {
        let request = with(with(post(CHAT, CHAT_REQUEST), "authorization", bearer), "x-api-key", bare);
        assert_eq!(gateway.handle(request).await.status(), status, "{bearer} {bare}");
    }
}

#[tokio::test]
async fn every_name_of_the_machine_is_local_where_no_key_is_asked_for() {
    let (gateway, provider) = gateway(Script::json(200, CHAT_ANSWER));
    for (target, origins, status) in [
        ("http://localhost:8080/v1/chat/completions", &[][..], 200),
        ("http://evil.example/v1/chat/completions", &[], 403),
        ("http://127.0.0.1:8080/v1/chat/completions", &[], 403),
        (CHAT, &["http://localhost:3000", "http://127.0.0.1:3000"], 200),
        (CHAT, &["http://localhost:3000", "https://evil.example"], 403),
    ] {
        let mut request = post(target, CHAT_REQUEST);
        for origin in origins {
            request.headers_mut().append("origin", origin.parse().unwrap());
        }
        assert_eq!(gateway.handle(request).await.status(), status, "{target} {origins:?}");
    }
    assert_eq!(provider.bodies().len(), 2);
}
