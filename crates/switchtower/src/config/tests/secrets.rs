//! Secrets are referred to, and never shown.

use super::*;

#[test]
fn secrets_are_references_and_never_shown() {
    for secret in ["sk-proj-0123456789abcdef", "hunter2", "env:sk-0123456789abcdef", "env:", "file:"] {
        let problems = read(&format!("[providers.openai]\nkey = \"{secret}\"")).unwrap_err();
        assert_eq!(problems.list.len(), 1, "{problems}");
        let told = format!("{problems} {problems:?}");
        assert!(!told.contains("0123456789abcdef") && !told.contains("hunter2"), "{told}");
    }
    check(
        "[providers.openai]\nkey = \"env:NOT_SET\"\n[providers.groq]\nkey = \"file:none\"\n[providers.xai]\n[providers.vllm]\nkey = \"env:TWO_LINES\"\nbase_url = \"http://a.example/v1\"\n[providers.deepseek]\nkey = \"env:EMPTY\"",
        &[
            "2:1: 'providers.openai.key': 'env:NOT_SET' is not set",
            "4:1: 'providers.groq.key': 'file:none' cannot be read (entity not found)",
            "5:12: 'providers.xai': 'env:XAI_API_KEY' is not set",
            "7:1: 'providers.vllm.key': 'env:TWO_LINES': the key has characters that an HTTP header cannot carry, such as a line end in its middle",
            "10:1: 'providers.deepseek.key': 'env:EMPTY' is empty",
        ],
    );
}

#[test]
fn headers_carry_secrets_by_reference_only() {
    let literal = [
        ("api-key", "sk-live-0123456789abcdef"),
        ("x-goog-api-key", "AIza0123456789abcdef"),
        ("x-auth", "Bearer sk-live-0123456789abcdef"),
        ("x-team", "sk-live-0123456789abcdef"),
        ("x-access-token", "0123456789abcdef"),
    ];
    for (name, value) in literal {
        for section in ["providers.openai", "deployments.a"] {
            let text = format!(
                "[providers.openai]\n[deployments.a]\nprovider = \"openai\"\nmodel = \"m\"\n[{section}.headers]\n{name} = \"{value}\""
            );
            let problems = read(&text).unwrap_err();
            let told = format!("{problems} {problems:?}");
            let wanted = format!(
                "switchtower.toml:6:1: '{section}.headers.{name}' looks like a credential and is not a reference; write 'env:NAME' for an environment variable, 'file:PATH' for a file, or 'cmd:PROGRAM ARGUMENTS' for what a command says"
            );
            assert_eq!(problems.to_string(), wanted);
            assert!(!told.contains("0123456789abcdef"), "{told}");
        }
    }
    let text = "[providers.openai]\nheaders = { x-goog-api-key = \"env:APP_KEY\" }\n[deployments.a]\nprovider = \"openai\"\nmodel = \"m\"\nheaders = { x-auth = \"file:keys/anthropic\" }";
    let ready = read(text).unwrap();
    let headers = &ready.deployments[0].provider.headers;
    assert_eq!(headers["x-goog-api-key"], "app-secret-value");
    assert_eq!(headers["x-auth"], "sk-ant-secret-value");
    assert!(!format!("{ready:?}").contains("secret-value"));
    check(
        "[providers.openai]\nheaders = { a = \"env:NOT_SET\", b = \"env:TWO_LINES\", c = \"env:sk-live\", d = \"env:APP_KEY\", D = \"x\" }",
        &[
            "2:13: 'providers.openai.headers.a': 'env:NOT_SET' is not set",
            "2:32: 'providers.openai.headers.b': 'env:TWO_LINES' has characters that no header can carry",
            "2:53: 'providers.openai.headers.c' has something after 'env:' that is no name of a variable (letters, digits and '_'); write 'env:NAME' for an environment variable, 'file:PATH' for a file, or 'cmd:PROGRAM ARGUMENTS' for what a command says",
            "2:72: the header 'd' is given twice",
        ],
    );
}

#[test]
fn addresses_hold_no_credential() {
    let addresses = [
        "https://h.example/sk-live-0123456789abcdef/v1",
        "https://user:0123456789abcdef@h.example/v1",
        "https://h.example/v1?key=AIza0123456789abcdef",
        "h.example/sk-live-0123456789abcdef",
        "https://sk-live-0123456789abcdef.h.example/v1",
    ];
    for address in addresses {
        let problems = read(&format!("[providers.openai]\nbase_url = \"{address}\"")).unwrap_err();
        assert_eq!(
            problems.to_string(),
            "switchtower.toml:2:1: 'providers.openai.base_url' holds what looks like a credential; secrets do not belong in this file; refer to one in 'key' or 'headers'"
        );
        assert!(!format!("{problems:?}").contains("0123456789abcdef"));
    }
}

#[test]
fn a_key_in_the_wrong_place_is_not_shown() {
    let problems =
        read("[providers.openai]\nkey = \"env:OPENAI_API_KEY\"\nretention = \"sk-proj-0123456789abcdef\"").unwrap_err();
    assert!(!format!("{problems} {problems:?}").contains("0123456789abcdef"), "{problems}");
}
