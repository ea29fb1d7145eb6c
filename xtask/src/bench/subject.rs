//! What is compared, and how each of it is configured and started.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;
use serde::Deserialize;

use super::request::Wire;
use crate::build::{self, Profile};
use crate::process::{Process, Scratch, free_address};

/// One of the things that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(super) enum Subject {
    /// The mock upstream itself: the base line
    Direct,
    /// nginx as a plain reverse proxy: the reference
    Nginx,
    /// Switchtower, Chat Completions to Chat Completions
    Forward,
    /// Switchtower, Messages to Chat Completions
    Translated,
    /// Switchtower, Chat Completions to Messages
    TranslatedBack,
    /// Switchtower, Responses to Responses
    ForwardResponses,
    /// Switchtower, Responses to Chat Completions
    FromResponses,
    /// Switchtower, Chat Completions to Responses
    ToResponses,
    /// Switchtower, Chat Completions to Gemini
    ToGemini,
    /// Switchtower, Chat Completions to Bedrock Converse, with signatures
    ToBedrock,
    /// The part of a request of 2 kB that is the ledger's, by itself
    Ledger,
}

impl Subject {
    pub(super) const USUAL: [Self; 5] = [Self::Direct, Self::Nginx, Self::Forward, Self::Translated, Self::Ledger];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Nginx => "nginx",
            Self::Forward => "forward",
            Self::Translated => "translated",
            Self::TranslatedBack => "translated-back",
            Self::ForwardResponses => "forward-responses",
            Self::FromResponses => "from-responses",
            Self::ToResponses => "to-responses",
            Self::ToGemini => "to-gemini",
            Self::ToBedrock => "to-bedrock",
            Self::Ledger => "ledger",
        }
    }

    fn is_switchtower(self) -> bool {
        !matches!(self, Self::Direct | Self::Nginx | Self::Ledger)
    }

    /// What its clients speak, and the deployment that they ask for.
    const fn pair(self) -> (Wire, &'static str) {
        match self {
            Self::Direct | Self::Nginx | Self::Forward | Self::Ledger => (Wire::Chat, CHAT_DEPLOYMENT),
            Self::Translated => (Wire::Messages, CHAT_DEPLOYMENT),
            Self::TranslatedBack => (Wire::Chat, MESSAGES_DEPLOYMENT),
            Self::ForwardResponses => (Wire::Responses, RESPONSES_DEPLOYMENT),
            Self::FromResponses => (Wire::Responses, CHAT_DEPLOYMENT),
            Self::ToResponses => (Wire::Chat, RESPONSES_DEPLOYMENT),
            Self::ToGemini => (Wire::Chat, GEMINI_DEPLOYMENT),
            Self::ToBedrock => (Wire::Chat, BEDROCK_DEPLOYMENT),
        }
    }
}

/// Where a subject takes requests, and in which form.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target {
    pub(super) address: SocketAddr,
    pub(super) wire: Wire,
    pub(super) model: &'static str,
}

/// What the ledger takes of a call.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct LedgerPart {
    /// Of the thread that answers, in microseconds.
    pub(super) answering_us: f64,
    /// Of threads of its own, in microseconds.
    pub(super) writing_us: f64,
}

/// Names of the deployments, which clients ask for as models.
const CHAT_DEPLOYMENT: &str = "bench";
const MESSAGES_DEPLOYMENT: &str = "bench-messages";
const RESPONSES_DEPLOYMENT: &str = "bench-responses";
const GEMINI_DEPLOYMENT: &str = "bench-gemini";
const BEDROCK_DEPLOYMENT: &str = "bench-bedrock";

/// The upstream and the subjects, all running.
#[derive(Debug)]
pub(super) struct Stage {
    nginx: Option<Server>,
    switchtower: Option<Server>,
    /// What measures the ledger by itself.
    ledger: Option<PathBuf>,
    upstream: SocketAddr,
    // Dropped after the subjects that use them.
    _upstream: Process,
    scratch: Scratch,
}

/// A started subject, and what is needed to start it again.
#[derive(Debug)]
struct Server {
    binary: PathBuf,
    process: Process,
    whole: SocketAddr,
    streamed: SocketAddr,
}

impl Stage {
    pub(super) fn set_up(root: &Path, subjects: &[Subject], binary: Option<&Path>) -> Result<Self> {
        let scratch = Scratch::new("bench")?;
        let nginx_binary = subjects.contains(&Subject::Nginx).then(find_nginx).transpose()?;
        let switchtower_binary = if subjects.iter().any(|subject| subject.is_switchtower()) {
            Some(match binary {
                Some(binary) => binary.to_owned(),
                None => build::switchtower(root, Profile::Release)?,
            })
        } else {
            None
        };
        let ledger = subjects.contains(&Subject::Ledger);
        let ledger = ledger.then(|| build::example(root, "switchtower-ledger", "records_of_a_call")).transpose()?;
        let upstream = free_address()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["bench-upstream", "--port", &upstream.port().to_string()]);
        let process = Process::start("upstream", command, &[upstream], scratch.path())?;
        let mut stage = Self { nginx: None, switchtower: None, ledger, upstream, _upstream: process, scratch };
        if let Some(binary) = nginx_binary {
            stage.nginx = Some(stage.start_nginx(binary)?);
        }
        if let Some(binary) = switchtower_binary {
            stage.switchtower = Some(stage.start_switchtower(binary)?);
        }
        Ok(stage)
    }

    pub(super) fn target(&self, subject: Subject, streamed: bool) -> Result<Target> {
        let address = match self.server(subject) {
            Some(server) if streamed => server.streamed,
            Some(server) => server.whole,
            None if subject == Subject::Direct => self.upstream,
            None => bail!("{} is not running", subject.name()),
        };
        let (wire, model) = subject.pair();
        Ok(Target { address, wire, model })
    }

    /// The process whose cost is the subject's; the base line has none that could be compared.
    pub(super) fn process(&self, subject: Subject) -> Option<&Process> {
        self.server(subject).map(|server| &server.process)
    }

    /// Gives a subject a process without a past.
    pub(super) fn restart(&mut self, subject: Subject) -> Result<()> {
        if subject == Subject::Nginx {
            if let Some(old) = self.nginx.take() {
                let binary = old.binary.clone();
                drop(old);
                self.nginx = Some(self.start_nginx(binary)?);
            }
        } else if let Some(old) = self.switchtower.take_if(|_| subject.is_switchtower()) {
            let binary = old.binary.clone();
            drop(old);
            self.switchtower = Some(self.start_switchtower(binary)?);
        }
        Ok(())
    }

    /// What the ledger takes of a call, measured by itself for so many seconds.
    pub(super) fn measure_ledger(&self, seconds: f64) -> Result<LedgerPart> {
        let binary = self.ledger.as_ref().context("nothing measures the ledger")?;
        let output = Command::new(binary).arg(seconds.to_string()).output().context("failed to measure the ledger")?;
        ensure!(output.status.success(), "measuring the ledger failed: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).context("what measures the ledger said something else")
    }

    fn server(&self, subject: Subject) -> Option<&Server> {
        match subject {
            Subject::Direct | Subject::Ledger => None,
            Subject::Nginx => self.nginx.as_ref(),
            _ => self.switchtower.as_ref(),
        }
    }

    fn start_nginx(&self, binary: PathBuf) -> Result<Server> {
        let (whole, streamed) = (free_address()?, free_address()?);
        let folder = self.scratch.path();
        let file = folder.join("nginx.conf");
        std::fs::write(&file, nginx_settings(folder, self.upstream, whole, streamed))?;
        let mut command = Command::new(&binary);
        command.arg("-p").arg(folder).arg("-e").arg(folder.join("nginx-error.log")).arg("-c").arg(&file);
        let process = Process::start("nginx", command, &[whole, streamed], folder)?;
        Ok(Server { binary, process, whole, streamed })
    }

    fn start_switchtower(&self, binary: PathBuf) -> Result<Server> {
        let address = free_address()?;
        let folder = self.scratch.path();
        let file = folder.join("switchtower.toml");
        std::fs::write(&file, switchtower_settings(self.upstream, address))?;
        let mut command = Command::new(&binary);
        // Requests to Bedrock are signed with these, which open nothing.
        command.env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE").env("AWS_SECRET_ACCESS_KEY", "for-a-mock-only");
        command.arg("serve").arg("--config").arg(&file).arg("--data").arg(folder.join("state"));
        let process = Process::start("switchtower", command, &[address], folder)?;
        Ok(Server { binary, process, whole: address, streamed: address })
    }
}

/// The settings of Switchtower: one provider for each dialect that the upstream speaks, and one thread, as nginx has
/// one worker.
fn switchtower_settings(upstream: SocketAddr, address: SocketAddr) -> String {
    format!(
        r#"[listen]
address = "{address}"
threads = 1

[providers.mock]
dialect = "openai_chat"
base_url = "http://{upstream}/v1"

[providers.mock-messages]
dialect = "anthropic_messages"
base_url = "http://{upstream}/v1"

[providers.mock-responses]
dialect = "openai_responses"
base_url = "http://{upstream}/v1"

[providers.mock-gemini]
dialect = "google_gemini"
base_url = "http://{upstream}/v1beta"

[providers.mock-bedrock]
kind = "bedrock"
base_url = "http://{upstream}"
region = "us-east-1"

[deployments.{GEMINI_DEPLOYMENT}]
provider = "mock-gemini"
model = "bench"

[deployments.{BEDROCK_DEPLOYMENT}]
provider = "mock-bedrock"
model = "bench"

[deployments.{CHAT_DEPLOYMENT}]
provider = "mock"
model = "bench"

[deployments.{MESSAGES_DEPLOYMENT}]
provider = "mock-messages"
model = "bench"

[deployments.{RESPONSES_DEPLOYMENT}]
provider = "mock-responses"
model = "bench"
"#
    )
}

/// A plain reverse proxy that keeps its connections and writes no log. Bodies of requests fit into
/// memory; streams have a port of their own, where answers are not buffered.
fn nginx_settings(folder: &Path, upstream: SocketAddr, whole: SocketAddr, streamed: SocketAddr) -> String {
    let folder = folder.display();
    format!(
        "daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid {folder}/nginx.pid;
error_log {folder}/nginx-error.log warn;
events {{ worker_connections 16384; }}
http {{
    access_log off;
    tcp_nodelay on;
    keepalive_requests 1000000000;
    client_body_buffer_size 128k;
    client_body_temp_path {folder}/nginx-body;
    proxy_temp_path {folder}/nginx-proxy;
    fastcgi_temp_path {folder}/nginx-fastcgi;
    uwsgi_temp_path {folder}/nginx-uwsgi;
    scgi_temp_path {folder}/nginx-scgi;
    proxy_http_version 1.1;
    proxy_set_header Connection \"\";
    proxy_read_timeout 600s;
    upstream mock {{
        server {upstream};
        keepalive 256;
        keepalive_requests 1000000000;
    }}
    server {{
        listen {whole};
        location / {{ proxy_pass http://mock; }}
    }}
    server {{
        listen {streamed};
        location / {{ proxy_pass http://mock; proxy_buffering off; }}
    }}
}}
"
    )
}

fn find_nginx() -> Result<PathBuf> {
    let searched = std::env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<_> = std::env::split_paths(&searched).collect();
    places.push(PathBuf::from("/usr/sbin"));
    let found = places.into_iter().map(|place| place.join("nginx")).find(|file| file.is_file());
    found.context(
        "nginx is the reference and is not installed; install it (`apt-get install nginx`, `brew install nginx`), \
         or leave it out with `--only direct,forward,translated`",
    )
}
