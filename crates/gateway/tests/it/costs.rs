//! What a call cost is on record with its lines: the same whether it was streamed or not, and never zero where nobody
//! knows.

use crate::records::{Stage, chunk, event, last, stage, streamed, used};
use crate::scripted::Piece;
use crate::*;
use switchtower_catalogue::prices::{PriceList, Prices};
use switchtower_gateway::reckon;
use switchtower_ledger::record::{Closed, Costs, Opened};

const PRICES: &str = "currency = \"USD\"
source = \"the test\"
date = 2026-11-21
[prices.openai]
\"gpt-x\" = [
    { input = 3, cache_read = 0.3, output = 15 },
    { input = 1.5, output = 7.5, tier = \"flex\" },
]
[[egress]]
kind = \"openai\"
gigabyte = 0.09
";

fn prices() -> Arc<Prices> {
    Arc::new(Prices::default().with("own.toml", Arc::new(PriceList::parse(PRICES).unwrap())))
}

fn priced(script: Script) -> Stage {
    stage(script, Settings { prices: prices(), ..keyless() })
}

async fn closed(script: Script, path: &str, body: &str) -> Closed {
    let stage = priced(script);
    drop(text(stage.gateway.handle(post(path, body)).await).await);
    stage.call().1
}

fn told(costs: Option<&Costs>) -> String {
    let Some(costs) = costs else { return "none".to_owned() };
    let sums: Vec<String> = costs.totals.iter().map(|sum| format!("{} {}", sum.amount, sum.currency)).collect();
    let lines: Vec<String> = costs.lines.iter().map(|line| format!("{} {}", line.charge, line.quantity)).collect();
    format!("{} [{}] {} = {}", costs.status, costs.reasons.join(", "), lines.join(", "), sums.join(", "))
}

#[tokio::test]
async fn a_call_costs_the_same_whole_streamed_forwarded_and_translated() {
    let pieces = || vec![chunk("hel"), chunk("lo"), last(), used(), event("[DONE]")];
    let calls = [
        closed(Script::json(200, CHAT_ANSWER), CHAT, CHAT_REQUEST).await,
        closed(Script::json(200, CHAT_ANSWER), MESSAGES, &MESSAGES_REQUEST.replace("\"messages\",", "\"chat\",")).await,
        closed(Script::events(pieces()), CHAT, &streamed("chat")).await,
        closed(Script::events(pieces()), MESSAGES, &streamed("chat")).await,
    ];
    for call in calls {
        assert_eq!(told(call.cost.as_ref()), "exact []  = 0.000024 USD");
        let attempt = &call.attempts[0];
        assert_eq!(told(attempt.cost.as_ref()), "exact [] input 3, output 1 = 0.000024 USD");
        let line = &attempt.cost.as_ref().unwrap().lines[0];
        assert_eq!(
            (line.rate.as_ref(), line.per.as_ref(), line.amount.as_ref(), line.row.as_ref()),
            ("3", "million_tokens", "0.000009", "own.toml openai/gpt-x")
        );
        // Bytes cost apart from what the provider charges.
        let egress = attempt.egress.as_ref().unwrap();
        assert_eq!((egress.status.as_ref(), egress.reasons[0].as_ref()), ("estimated", "counted_here"));
        assert_eq!(egress.lines[0].quantity, attempt.bytes_received);
    }
}

#[tokio::test]
async fn a_provider_is_charged_by_its_own_name_before_its_kind() {
    let list = format!("{PRICES}[prices.chat-vendor]\n\"gpt-x\" = {{ input = 1, cache_read = 1, output = 1 }}\n");
    let prices = Prices::default().with("own.toml", Arc::new(PriceList::parse(&list).unwrap()));
    let stage = stage(Script::json(200, CHAT_ANSWER), Settings { prices: Arc::new(prices), ..keyless() });
    drop(text(stage.gateway.handle(post(CHAT, CHAT_REQUEST)).await).await);
    let call = stage.call().1;
    assert_eq!(told(call.cost.as_ref()), "exact []  = 0.000004 USD");
    assert_eq!(call.attempts[0].cost.as_ref().unwrap().lines[0].row.as_ref(), "own.toml chat-vendor/gpt-x");
}

#[tokio::test]
async fn the_class_of_service_that_was_given_sets_the_price() {
    let flex = CHAT_ANSWER.replace("\"usage\"", "\"service_tier\":\"flex\",\"usage\"");
    let whole = closed(Script::json(200, &flex), CHAT, CHAT_REQUEST).await;
    assert_eq!(told(whole.cost.as_ref()), "exact []  = 0.000012 USD");
    // A stream begins with the class that was asked for and ends with the one that was given.
    let asked = event(
        r#"{"model":"m","service_tier":"auto","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}"#,
    );
    let given = event(
        r#"{"model":"m","service_tier":"flex","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}"#,
    );
    for path in [CHAT, MESSAGES] {
        let pieces = vec![asked.clone(), last(), given.clone(), event("[DONE]")];
        let streamed = closed(Script::events(pieces), path, &streamed("chat")).await;
        assert_eq!(told(streamed.cost.as_ref()), "exact []  = 0.000012 USD", "{path}");
        assert_eq!(streamed.usage.unwrap().service_tier.as_deref(), Some("flex"));
    }
}

#[tokio::test]
async fn what_is_counted_here_is_an_estimate_the_same_whole_and_streamed() {
    let uncounted =
        CHAT_ANSWER.replace(",\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":1,\"total_tokens\":4}", "");
    let uncounted = uncounted.replace("\"hello\"", "\"one two three four five\"");
    let pieces = || vec![chunk("one two three"), chunk(" four five"), last(), event("[DONE]")];
    for path in [CHAT, MESSAGES] {
        let request = streamed("chat").replace("true", "null");
        let whole = closed(Script::json(200, &uncounted), path, &request).await;
        let stream = closed(Script::events(pieces()), path, &streamed("chat")).await;
        for call in [whole, stream] {
            let cost = call.attempts[0].cost.as_ref().unwrap();
            assert_eq!((cost.status.as_ref(), cost.reasons[0].as_ref()), ("estimated", "counted_here"), "{path}");
            assert_eq!((cost.lines[1].charge.as_ref(), cost.lines[1].quantity), ("output", 5), "{path}");
        }
    }
    let cut = closed(Script::events(vec![chunk("one two three"), Piece::Cut]), CHAT, &streamed("chat")).await;
    assert_eq!(cut.cost.unwrap().reasons[0], "interrupted");
}

#[tokio::test]
async fn what_is_not_known_is_unknown_and_what_was_refused_costs_nothing() {
    let refused = closed(Script::json(429, "{}"), CHAT, CHAT_REQUEST).await;
    assert_eq!(told(refused.cost.as_ref()), "none");
    // Nothing was sent where there was no connection.
    let unreachable = closed(Script::Unreachable, CHAT, CHAT_REQUEST).await;
    assert_eq!((told(unreachable.cost.as_ref()), unreachable.attempts[0].bytes_sent), ("none".to_owned(), 0));
    let nobody = closed(Script::json(200, MESSAGES_ANSWER), MESSAGES, MESSAGES_REQUEST).await;
    assert_eq!(told(nobody.cost.as_ref()), "unknown [no_price]  = ");
    assert!(nobody.attempts[0].egress.is_none());
    let cached =
        CHAT_ANSWER.replace("\"total_tokens\"", "\"prompt_tokens_details\":{\"audio_tokens\":2},\"total_tokens\"");
    let part = closed(Script::json(200, &cached), CHAT, CHAT_REQUEST).await;
    assert_eq!(told(part.cost.as_ref()), "unknown [no_price_for input_audio]  = 0.000018 USD");
}

#[test]
fn a_crash_is_reckoned_at_its_bound() {
    let opened = |output_max| Opened {
        operation: "answers".into(),
        provider: "chat-vendor".into(),
        model: "gpt-x".into(),
        bytes_in: 400,
        output_max,
        ..Opened::default()
    };
    let at = |output_max| {
        let (counts, cost) = reckon(&directory(Vec::new()), &prices(), &opened(output_max), 1_790_000_000_000_000);
        (counts.input, counts.output, told(cost.as_ref()))
    };
    let bounded = "estimated [reserved] input 100, output 10 = 0.00045 USD";
    assert_eq!(at(Some(10)), (Some(100), Some(10), bounded.to_owned()));
    assert_eq!(at(None), (Some(100), None, "unknown [no_count_of output] input 100 = 0.0003 USD".to_owned()));
    let free = Opened { operation: "count_tokens".into(), ..opened(None) };
    assert!(reckon(&directory(Vec::new()), &prices(), &free, 0).1.is_none());
}

/// A model that only a caller names stands as a digest on record, which has no price.
#[tokio::test]
async fn what_a_call_may_cost_is_on_record_where_its_model_is_not() {
    let prices = || {
        let list = PRICES.replace("[prices.openai]\n", "[prices.openai]\n\"tuned-*\" = { input = 3, output = 15 }\n");
        Arc::new(Prices::default().with("own.toml", Arc::new(PriceList::parse(&list).unwrap())))
    };
    let body =
        r#"{"model":"chat-vendor/tuned-for-somebody","max_tokens":10,"messages":[{"role":"user","content":"hi"}]}"#;
    let stage = stage(Script::json(200, CHAT_ANSWER), Settings { prices: prices(), ..keyless() });
    drop(text(stage.gateway.handle(post(CHAT, body)).await).await);
    let (opened, _) = stage.call();
    assert!(opened.model.starts_with('#'), "{}", opened.model);
    let input = opened.bytes_in.div_ceil(4);
    let (_, cost) = reckon(&directory(Vec::new()), &prices(), &opened, 1_790_000_000_000_000);
    assert!(told(cost.as_ref()).starts_with(&format!("estimated [reserved] input {input}, output 10 = ")));
    // Of one that is named it is computed where it is needed.
    let stage = priced(Script::json(200, CHAT_ANSWER));
    drop(text(stage.gateway.handle(post(CHAT, CHAT_REQUEST)).await).await);
    assert_eq!(stage.call().0.reserved, None);
}
