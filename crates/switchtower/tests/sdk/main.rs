//! The official SDKs, through the built binary, to a provider of each dialect.
//!
//! ```text
//! python/*.py  js/*.*js ──► switchtower serve ──► Capture ──► switchtower sim
//!   one SDK each              the built binary      keeps what the provider was sent; python/validate.py reads it with
//!                                                   the SDKs' own request models
//! ```
//!
//! Every driver has the same scenarios and prints a line of JSON for each cell: a scenario of one client against one
//! provider. A cell that cannot work whole says why, and that the gateway refused it by name or told what was lost. The
//! cells must be those of `docs/reference/clients.md`; `SWITCHTOWER_UPDATE_DOCS=1` rewrites the page.
//! `scripts/test.sh` installs what the drivers need.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking, in its helpers too"
)]

mod cells;
mod certificate;
mod tools;

use cells::Cell;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use switchtower_testkit::{Capture, Running};
use tools::Tools;

const KEY: &str = "key-of-the-sdk-tests";
/// The longest that one driver takes.
const DRIVER_MAX: Duration = Duration::from_secs(240);
/// Quirks of the simulator: it speaks Chat Completions as OpenAI does, with reasoning beside the text. AWS's SDKs send keys over TLS only.
const CONFIGURATION: &str = r#"
[listeners.plain]
address = "127.0.0.1:0"

[listeners.tls]
address = "127.0.0.1:0"
certificate = "gateway.pem"
key = "file:gateway.key"

[[keys]]
name = "sdk"
secret = "env:SDK_TEST_KEY"

[providers.chat]
dialect = "openai_chat"
base_url = "http://CAPTURE/v1"
quirks = { reasoning_field = "reasoning_content", mistral_words = false }

[providers.responses]
dialect = "openai_responses"
base_url = "http://CAPTURE/v1"
operations = ["answers"]

[providers.messages]
dialect = "anthropic_messages"
base_url = "http://CAPTURE"
models = ["sim-1"]

[providers.gemini]
dialect = "google_gemini"
base_url = "http://CAPTURE/v1beta"
models = ["sim-1"]

[providers.converse]
dialect = "bedrock_converse"
base_url = "http://CAPTURE"
models = ["sim-1"]

[providers.cohere-chat]
dialect = "cohere_chat"
base_url = "http://CAPTURE"
models = ["sim-1"]

[providers.ollama-chat]
dialect = "ollama_chat"
base_url = "http://CAPTURE/v1"
operations = ["answers", "embeddings"]
models = ["sim-1"]
"#;

/// The SDKs read keys, addresses and places from the environment; none of the developer's own is meant.
const FOREIGN: [&str; 24] = [
    "OPENAI_BASE_URL",
    "ANTHROPIC_BASE_URL",
    "ANTHROPIC_BEDROCK_BASE_URL",
    "ANTHROPIC_VERTEX_BASE_URL",
    "ANTHROPIC_VERTEX_PROJECT_ID",
    "CLOUD_ML_REGION",
    "GOOGLE_API_KEY",
    "GEMINI_API_KEY",
    "GOOGLE_GENAI_USE_VERTEXAI",
    "GOOGLE_CLOUD_PROJECT",
    "GOOGLE_CLOUD_LOCATION",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_BEDROCK_RUNTIME",
    "AWS_BEARER_TOKEN_BEDROCK",
    "CO_API_URL",
    "OLLAMA_HOST",
    "OLLAMA_API_KEY",
];

#[test]
fn every_sdk_reaches_every_provider() {
    let Some(tools) = Tools::find() else { return };
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::set_up(folder.path());
    let drivers = [
        (&tools.python, "python/openai_chat.py"),
        (&tools.python, "python/anthropic_messages.py"),
        (&tools.python, "python/openai_responses.py"),
        (&tools.python, "python/google_gemini.py"),
        (&tools.python, "python/bedrock_converse.py"),
        (&tools.python, "python/cohere_chat.py"),
        (&tools.python, "python/mistral.py"),
        (&tools.python, "python/ollama_chat.py"),
        (&tools.python, "python/langchain_smoke.py"),
        (&tools.python, "python/agents_sdk.py"),
        (&tools.node, "js/openai_chat.cjs"),
        (&tools.node, "js/openai_responses.cjs"),
        (&tools.node, "js/google_gemini.cjs"),
        (&tools.node, "js/bedrock_converse.cjs"),
        (&tools.node, "js/vercel_ai.mjs"),
        (&tools.node, "js/anthropic_messages.cjs"),
    ];
    let outputs: Vec<String> = std::thread::scope(|scope| {
        let (stage, tools) = (&stage, &tools);
        let threads = drivers.map(|(program, script)| scope.spawn(move || stage.drive(tools, program, script)));
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut cells: Vec<Cell> = outputs.iter().flat_map(|output| output.lines()).map(Cell::read).collect();
    cells.sort();
    println!("{}\n{}", cells::table(&cells), cells::failed(&cells).join("\n"));
    let violations = stage.drive(&tools, &tools.python, "python/validate.py");
    println!("{violations}");
    cells::compare(&cells);
    assert!(violations.lines().last().is_some_and(|line| line.ends_with(" 0 violations")), "{violations}");
}

/// The servers of one run.
struct Stage {
    folder: PathBuf,
    capture: Capture,
    gateway: Running,
    _sim: Running,
}

impl Stage {
    fn set_up(folder: &Path) -> Self {
        let binary = || Command::new(env!("CARGO_BIN_EXE_switchtower"));
        let sim = Running::start(binary().args(["sim", "--listen", "127.0.0.1:0"]), &folder.join("sim.log")).unwrap();
        let capture = Capture::start(sim.address(), &folder.join("captures")).unwrap();
        certificate::write(folder);
        let file = folder.join("switchtower.toml");
        std::fs::write(&file, CONFIGURATION.replace("CAPTURE", &capture.address().to_string())).unwrap();
        let mut serve = binary();
        serve.arg("serve").arg("--config").arg(&file).env("SDK_TEST_KEY", KEY);
        let gateway = Running::start(&mut serve, &folder.join("gateway.log")).unwrap();
        Self { folder: folder.to_owned(), capture, gateway, _sim: sim }
    }

    /// Where the gateway listens with this scheme.
    fn url(&self, scheme: &str) -> String {
        let listening = self.gateway.listening(2);
        listening.into_iter().find(|place| place.starts_with(&format!("{scheme}://"))).unwrap()
    }

    /// What a driver prints.
    fn drive(&self, tools: &Tools, program: &Path, script: &str) -> String {
        let name = script.replace('/', "-");
        let (out, log) = (self.folder.join(format!("{name}.out")), self.folder.join(format!("{name}.log")));
        let mut command = Command::new(program);
        for name in FOREIGN {
            command.env_remove(name);
        }
        let mut child = command
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk").join(script))
            .env("SWITCHTOWER_URL", self.url("http"))
            .env("SWITCHTOWER_HTTPS_URL", self.url("https"))
            .env("SWITCHTOWER_KEY", KEY)
            .env("SWITCHTOWER_CAPTURES", self.capture.folder())
            .env("SWITCHTOWER_NODE_MODULES", &tools.modules)
            .env("AWS_CA_BUNDLE", self.folder.join(certificate::AUTHORITY))
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("PYTHONIOENCODING", "utf-8")
            // Frameworks look for their own services.
            .env("LANGSMITH_TRACING", "false")
            .env("OPENAI_AGENTS_DISABLE_TRACING", "1")
            .env("NO_PROXY", "127.0.0.1")
            .env("no_proxy", "127.0.0.1")
            .stdin(Stdio::null())
            .stdout(std::fs::File::create(&out).unwrap())
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let until = Instant::now() + DRIVER_MAX;
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() > until {
                child.kill().unwrap();
                break child.wait().unwrap();
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        let text = |file: &Path| String::from_utf8_lossy(&std::fs::read(file).unwrap()).into_owned();
        assert!(status.success(), "{script} ended with {status}\n{}\n{}", text(&out), text(&log));
        text(&out)
    }
}
