//! The simulator, the gateway before it, and the configurations that come into force one after the other.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::case::Dialect;
use super::fault::{ANSWER_BYTES_MAX, EVENT_BYTES_MAX};
use crate::process::{Process, Scratch, free_address};

/// How long the gateway waits for a provider's head, and for what follows it.
pub(super) const IDLE_TIMEOUT: Duration = Duration::from_millis(1500);
/// How long a whole answer may take.
pub(super) const TOTAL_TIMEOUT: Duration = Duration::from_secs(8);
/// How long an answer of the endless deployments may take.
const ENDLESS_TIMEOUT: Duration = Duration::from_millis(900);
/// How long a client may take to send a body.
pub(super) const BODY_TIME_MAX: Duration = Duration::from_millis(1200);
pub(super) const BODY_BYTES_MAX: usize = 256 * 1024;
/// How long connections to providers are kept that nobody uses.
pub(super) const UNUSED_MAX: Duration = Duration::from_secs(2);
/// How many requests the narrow deployments let in at once.
pub(super) const NARROW: usize = 2;
/// Later than the gateway waits, for faults.
pub(super) const LATE_MS: u64 = 4000;
/// The key of the clients. Keys are in files of their own, as a configuration must have them.
pub(super) const CALLER_KEY: &str = "long-day-caller-4f1d0c22b7";
const PROVIDER_KEY: &str = "long-day-provider-9be03a71c5";

/// Both processes and their files.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) gateway: Process,
    pub(super) simulator: Process,
    pub(super) address: SocketAddr,
    upstream: SocketAddr,
    clients: usize,
    scratch: Scratch,
}

impl Stage {
    pub(super) fn set_up(binary: &Path, clients: usize) -> Result<Self> {
        let scratch = Scratch::new("long-day")?;
        let folder = scratch.path().to_owned();
        let (address, upstream) = (free_address()?, free_address()?);
        let mut command = Command::new(binary);
        command.args(["sim", "--listen", &upstream.to_string(), "--require-key", "SIM_KEY"]);
        command.env("SIM_KEY", PROVIDER_KEY);
        let simulator = Process::start("sim", command, &[upstream], &folder)?;
        write(&folder.join("caller"), CALLER_KEY)?;
        write(&folder.join("provider"), PROVIDER_KEY)?;
        write(&folder.join("changing"), &changing_key(0))?;
        let file = folder.join("switchtower.toml");
        write(&file, &configuration(address, upstream, clients, 0))?;
        let mut command = Command::new(binary);
        command.arg("serve").arg("--config").arg(&file).arg("--data").arg(folder.join("state")).env_remove("RUST_LOG");
        let gateway = Process::start("gateway", command, &[address], &folder)?;
        Ok(Self { gateway, simulator, address, upstream, clients, scratch })
    }

    /// Writes the configuration of an epoch; with a mistake, it names an epoch that must not come.
    pub(super) fn configure(&self, epoch: u64, mistaken: bool) -> Result<()> {
        let mut text = configuration(self.address, self.upstream, self.clients, epoch);
        if mistaken {
            text.push_str("never = \"via-chat\"\n\n[limts]\nbody_bytes_max = 1\n");
        }
        write(&self.file("switchtower.toml"), &text)
    }

    /// Replaces the key that changes. That of the provider is written again as it was.
    pub(super) fn change_key(&self, generation: u64) -> Result<()> {
        write(&self.file("provider"), PROVIDER_KEY)?;
        write(&self.file("changing"), &changing_key(generation))
    }

    /// Asks the gateway to read its configuration again.
    pub(super) fn hang_up(&self) -> Result<()> {
        let id = self.gateway.id().to_string();
        let status = Command::new("kill").args(["-HUP", &id]).status().context("failed to run kill")?;
        ensure!(status.success(), "the gateway could not be sent SIGHUP");
        Ok(())
    }

    fn file(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }
}

/// The words that must not stand in a log.
pub(super) fn secrets() -> [&'static str; 3] {
    [CALLER_KEY, PROVIDER_KEY, "long-day-changing"]
}

pub(super) fn changing_key(generation: u64) -> String {
    format!("long-day-changing-{generation:08}")
}

/// Puts a file in its place in one step, so that nobody reads half of it.
fn write(file: &Path, text: &str) -> Result<()> {
    let beside = file.with_extension("new");
    std::fs::write(&beside, text).with_context(|| format!("failed to write {}", beside.display()))?;
    std::fs::rename(&beside, file).with_context(|| format!("failed to write {}", file.display()))
}

fn configuration(address: SocketAddr, upstream: SocketAddr, clients: usize, epoch: u64) -> String {
    // Barely more than can be open, so that a request that is never let go of is missed soon.
    let open_requests_max = 2 * clients + 32;
    // Each epoch has its own time limit, and now and then another way to the providers.
    let total = TOTAL_TIMEOUT.as_millis() - u128::from(epoch % 5);
    let unused = UNUSED_MAX.as_millis() - u128::from(epoch % 2);
    let mut text = format!(
        r#"[listen]
address = "{address}"
threads = 2

[limits]
body_bytes_max = {BODY_BYTES_MAX}
body_time_ms_max = {body_time}
event_bytes_max = {EVENT_BYTES_MAX}
answer_bytes_max = {ANSWER_BYTES_MAX}
open_requests_max = {open_requests_max}

[connections]
unused_ms_max = {unused}

[[keys]]
name = "steady"
secret = "file:caller"

[[keys]]
name = "changing"
secret = "file:changing"
"#,
        body_time = BODY_TIME_MAX.as_millis(),
    );
    let mut aliases = format!("\n[aliases]\nepoch-{epoch} = \"via-chat\"\n");
    for dialect in Dialect::ALL {
        let name = dialect.word();
        let (wire, path) = match dialect {
            Dialect::Chat => ("openai_chat", "/v1"),
            Dialect::Responses => ("openai_responses", "/v1"),
            Dialect::Messages => ("anthropic_messages", ""),
            Dialect::Gemini => ("google_gemini", "/v1beta"),
            Dialect::Converse => ("bedrock_converse", ""),
            Dialect::Cohere => ("cohere_chat", ""),
            Dialect::Ollama => ("ollama_chat", ""),
        };
        // Writing to a text does not fail.
        let _ = write!(
            text,
            r#"
[providers.{name}]
dialect = "{wire}"
base_url = "http://{upstream}{path}"
key = "file:provider"
first_byte_timeout_ms = {idle}
idle_timeout_ms = {idle}
total_timeout_ms = {total}
{operations}
[deployments.via-{name}]
provider = "{name}"
model = "sim-1"
defaults = {{ temperature = 0.5, max_output_tokens = 3000 }}

[deployments.narrow-{name}]
provider = "{name}"
model = "sim-1?latency_ms=4"
limits = {{ open_requests_max = {NARROW} }}

[deployments.endless-{name}]
provider = "{name}"
model = "sim-1?tokens_per_second=4"
first_byte_timeout_ms = {endless}
idle_timeout_ms = {endless}
total_timeout_ms = {endless}
"#,
            idle = IDLE_TIMEOUT.as_millis(),
            endless = ENDLESS_TIMEOUT.as_millis(),
            operations = if dialect == Dialect::Chat {
                "operations = [\"answers\", \"embeddings\", \"rerank\", \"completions\", \"fim\", \"moderations\"]\n"
            } else {
                ""
            },
        );
        let _ = writeln!(aliases, "also-{name} = \"via-{name}\"");
    }
    text + &aliases
}
