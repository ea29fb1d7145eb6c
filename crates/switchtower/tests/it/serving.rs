//! What honest clients see: answers, streams to their end, and a server that stops with grace.

use crate::*;
use switchtower_domain::{DeploymentName, ModelName, ProviderName};
use switchtower_gateway::Directory;
use switchtower_providers::{Credential, Deployment, Provider, openai};

fn streamed(model: &str) -> Vec<u8> {
    let body = format!(
        r#"{{"model":"{model}","stream":true,"messages":[{{"role":"user","content":"echo: one two three four five six seven eight"}}]}}"#
    );
    post(&body, &format!("content-length: {}\r\nconnection: close\r\n", body.len()))
}

#[test]
fn the_simulator_answers_in_each_dialect() {
    let server = serve(|_| {});
    for provider in ["sim", "sim-responses", "sim-messages", "sim-gemini", "sim-bedrock", "sim-cohere", "sim-ollama"] {
        let model = &format!("{provider}/sim-1");
        let answer = told(&server, &plain(model));
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("all is well"), "{answer}");
        let answer = told(&server, &streamed(model));
        assert!(answer.contains("text/event-stream") && answer.contains("data: [DONE]"), "{answer}");
    }
}

#[test]
fn faults_of_a_provider_end_a_stream_with_an_error() {
    let server = serve(|_| {});
    for fault in
        ["cut:after=2", "clean_cut:after=2", "reset:after=2", "garbage:after=2", "stream_error:after=2", "bad_json"]
    {
        for provider in ["sim", "sim-messages", "sim-gemini", "sim-bedrock", "sim-cohere", "sim-ollama"] {
            let answer = told(&server, &streamed(&format!("{provider}/sim-1?fault={fault}")));
            assert!(answer.starts_with("HTTP/1.1 200"), "{fault}: {answer}");
            assert!(answer.contains("\"error\"") && !answer.contains("[DONE]"), "{provider} {fault}: {answer}");
            assert!(answer.ends_with("0\r\n\r\n"), "{fault}: {answer}");
        }
    }
    assert!(told(&server, &plain("sim/sim-1?fault=rate_limited")).starts_with("HTTP/1.1 429"));
}

fn provider(name: &str, base: &str) -> Arc<Provider> {
    let kind = openai::unlisted();
    Arc::new(Provider::of_kind(ProviderName::new(name).unwrap(), &kind, base, Credential::None).unwrap())
}

#[test]
fn a_provider_over_the_network_is_reached() {
    let upstream = serve(|_| {});
    let address = upstream.address();
    let server = serve(|plan| {
        let next = provider("next", &format!("http://{address}/v1"));
        let bench = Deployment::new(
            DeploymentName::new("bench").unwrap(),
            Arc::clone(&next),
            ModelName::new("sim/sim-1").unwrap(),
        );
        let nobody = provider("nobody", "http://127.0.0.1:1/v1");
        plan.directory = Directory::new(vec![next, nobody], vec![bench], Vec::new()).unwrap();
    });
    assert!(told(&server, &plain("bench")).contains("all is well"));
    assert!(told(&server, &streamed("bench")).contains("data: [DONE]"));
    let answer = told(&server, &plain("nobody/x"));
    assert!(answer.starts_with("HTTP/1.1 502") && answer.contains("provider_unreachable"), "{answer}");
}

#[test]
fn a_stream_under_way_may_end_after_the_server_was_asked_to_stop() {
    let server = serve(|plan| plan.sim.tokens_per_second = Some(20.0));
    let mut stream = connect(&server);
    stream.write_all(&streamed("sim/sim-1")).unwrap();
    let mut first = [0; 64];
    stream.read_exact(&mut first).unwrap();
    server.stop();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("data: [DONE]"), "{rest}");
    let address = server.address();
    server.wait();
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn an_address_that_is_taken_is_an_error() {
    let server = serve(|_| {});
    let mut plan = Plan::without_configuration(&Environment::default(), Some(server.address())).unwrap();
    plan.ledger.data = state();
    assert!(format!("{:#}", plan.start().unwrap_err()).contains("failed to listen"));
    assert!(Plan::without_configuration(&Environment::default(), Some("0.0.0.0:0".parse().unwrap())).is_err());
}
