//! Shows each new checkpoint to witnesses over the network, on a thread apart, and keeps what they sign. Who does not
//! answer is asked again; nothing else waits for it.

use anyhow::{Result, anyhow};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http_body_util::{BodyExt as _, Limited};
use std::path::Path;
use std::thread::JoinHandle;
use std::time::Duration;
use switchtower_domain::Transport;
use switchtower_ledger::checkpoint::{Checkpoint, Note};
use switchtower_ledger::home::journal_of;
use switchtower_ledger::journal::disk::Folder;
use switchtower_ledger::witness::{Said, WitnessAddress, WitnessError, Witnessed, answered, newest};
use tokio::sync::watch;

/// How often a new checkpoint is looked for.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// How long a witness is left alone that did not sign, the first time and at most.
const WAIT: (u32, u32) = (1, 60);
/// How long it may take to answer.
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// The largest answer that is read.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// Witnesses that are asked.
#[derive(Debug)]
pub struct Asking {
    stop: watch::Sender<bool>,
    thread: JoinHandle<()>,
}

impl Asking {
    /// Asks nobody any more.
    pub fn stop(self) {
        let _ = self.stop.send(true);
        let _ = self.thread.join();
    }
}

/// Asks witnesses to sign the checkpoints of a folder; nothing where there are none to ask.
///
/// # Errors
/// Where no thread can be started.
pub(crate) fn start(
    witnesses: &[WitnessAddress],
    data: &Path,
    transport: impl Transport + 'static,
) -> Result<Option<Asking>> {
    if witnesses.is_empty() {
        return Ok(None);
    }
    let (stop, mut stopped) = watch::channel(false);
    let mut asked: Vec<Asked> = witnesses.iter().cloned().map(Asked::new).collect();
    let disk = journal_of(data);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let run = move || {
        runtime.block_on(async {
            loop {
                for witness in &mut asked {
                    witness.look(&disk, &transport).await;
                }
                if tokio::time::timeout(LOOK_INTERVAL, stopped.changed()).await.is_ok() {
                    return;
                }
            }
        });
    };
    let thread = std::thread::Builder::new().name("witnesses".to_owned()).spawn(run)?;
    Ok(Some(Asking { stop, thread }))
}

struct Asked {
    address: WitnessAddress,
    knows: Witnessed,
    /// How many looks it is still left alone, and how many it is after the next failure.
    alone: u32,
    wait: u32,
}

impl Asked {
    fn new(address: WitnessAddress) -> Self {
        Self { address, knows: Witnessed::default(), alone: 0, wait: WAIT.0 }
    }

    async fn look(&mut self, disk: &Folder, transport: &dyn Transport) {
        if self.alone > 0 {
            self.alone -= 1;
            return;
        }
        match self.show(disk, transport).await {
            Ok(()) => self.wait = WAIT.0,
            Err(error) => {
                let witness = self.address.url.as_str();
                tracing::warn!(witness, "a checkpoint is not signed by a witness, which is asked again: {error:#}");
                self.alone = self.wait;
                self.wait = (self.wait * 2).min(WAIT.1);
            }
        }
    }

    /// Shows the newest checkpoint, if it is another one than the witness signed last.
    async fn show(&mut self, disk: &Folder, transport: &dyn Transport) -> Result<()> {
        let Some((checkpoint, note)) = newest(disk)? else { return Ok(()) };
        if checkpoint.size <= self.knows.size() {
            return Ok(());
        }
        if let Said::Knows(size) = self.ask(disk, transport, (&checkpoint, &note)).await? {
            if size > checkpoint.size {
                return Err(WitnessError::Ahead { known: size, size: checkpoint.size }.into());
            }
            self.knows.knows(disk, size)?;
            if size < checkpoint.size
                && let Said::Knows(other) = self.ask(disk, transport, (&checkpoint, &note)).await?
            {
                return Err(anyhow!("it knows of {size} records, and then of {other}"));
            }
        }
        Ok(())
    }

    async fn ask(
        &mut self,
        disk: &Folder,
        transport: &dyn Transport,
        (checkpoint, note): (&Checkpoint, &Note),
    ) -> Result<Said> {
        let body = Bytes::from(self.knows.asked(disk, checkpoint, note)?);
        let request = http::Request::post(self.address.submission()).header(CONTENT_TYPE, "text/plain").body(body)?;
        let exchange = async {
            let (head, body) = transport.send(request).await?.into_parts();
            let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
            let body = body.map_err(|error| anyhow!("its answer cannot be read: {error}"))?.to_bytes();
            Ok::<_, anyhow::Error>((head.status.as_u16(), String::from_utf8_lossy(&body).into_owned()))
        };
        let (status, body) =
            tokio::time::timeout(ANSWER_MAX, exchange).await.map_err(|_| anyhow!("it is silent"))??;
        let said = answered(&self.address, note, status, &body)?;
        if let Said::Cosigned(lines) = &said {
            self.knows.signed(disk, checkpoint, note, lines.clone())?;
        }
        Ok(said)
    }
}
