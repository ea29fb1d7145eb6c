//! Changes of the configuration while requests are under way, each with its own contract.

use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::time::sleep;

use super::client::{Client, End};
use super::stage::{Stage, changing_key};
use super::wire::Outgoing;
use super::words::Words;

/// How soon a change is in force once it was asked for.
const IN_FORCE_WITHIN: Duration = Duration::from_secs(10);
/// How long a configuration with mistakes is given to do harm.
const HARM_WITHIN: Duration = Duration::from_millis(300);

/// What was changed, how often, and what was not as contracted.
#[derive(Debug, Default)]
pub(super) struct Changes {
    epoch: u64,
    generation: u64,
    pub(super) made: u64,
    pub(super) valid: u64,
    pub(super) mistaken: u64,
    pub(super) keys: u64,
    pub(super) violations: Vec<String>,
    pub(super) longest: Duration,
}

impl Changes {
    /// The next change: a valid configuration, one with a mistake, another key.
    pub(super) async fn make(&mut self, stage: &Stage) -> Result<()> {
        let before = self.violations.len();
        let turn = self.made % 3;
        self.made += 1;
        match turn {
            0 => self.renew(stage).await?,
            1 => self.mistake(stage).await?,
            _ => self.change_key(stage).await?,
        }
        for violation in self.violations.iter_mut().skip(before) {
            *violation = format!("change {}: {violation}", self.made);
        }
        Ok(())
    }

    async fn renew(&mut self, stage: &Stage) -> Result<()> {
        self.valid += 1;
        self.epoch += 1;
        stage.configure(self.epoch, false)?;
        stage.hang_up()?;
        self.wait_for(stage, &epoch(self.epoch), &changing_key(self.generation), 200).await?;
        self.wait_for(stage, &epoch(self.epoch - 1), &changing_key(self.generation), 404).await
    }

    async fn mistake(&mut self, stage: &Stage) -> Result<()> {
        self.mistaken += 1;
        stage.configure(self.epoch + 1, true)?;
        stage.hang_up()?;
        sleep(HARM_WITHIN).await;
        for (model, wanted) in [(epoch(self.epoch), 200), (epoch(self.epoch + 1), 404), ("never".to_owned(), 404)] {
            let found = ask(stage, &model, &changing_key(self.generation)).await?;
            if found != wanted {
                self.violations.push(format!("after a mistake '{model}' is answered with {found} instead of {wanted}"));
            }
        }
        stage.configure(self.epoch, false)?;
        stage.hang_up()
    }

    async fn change_key(&mut self, stage: &Stage) -> Result<()> {
        self.keys += 1;
        self.generation += 1;
        stage.change_key(self.generation)?;
        stage.hang_up()?;
        self.wait_for(stage, &epoch(self.epoch), &changing_key(self.generation), 200).await?;
        self.wait_for(stage, &epoch(self.epoch), &changing_key(self.generation - 1), 401).await
    }

    /// All threads take a change, each in its own time; so it must be seen several times in a row.
    async fn wait_for(&mut self, stage: &Stage, model: &str, key: &str, wanted: u16) -> Result<()> {
        const IN_A_ROW: u32 = 6;
        let start = Instant::now();
        let mut seen = 0;
        let mut found = 0;
        while seen < IN_A_ROW {
            if start.elapsed() > IN_FORCE_WITHIN {
                let what = format!("'{model}' is answered with {found} instead of {wanted} after {IN_FORCE_WITHIN:?}");
                self.violations.push(what);
                return Ok(());
            }
            found = ask(stage, model, key).await?;
            seen = if found == wanted { seen + 1 } else { 0 };
            if seen == 0 {
                sleep(Duration::from_millis(20)).await;
            }
        }
        self.longest = self.longest.max(start.elapsed());
        Ok(())
    }
}

fn epoch(number: u64) -> String {
    format!("epoch-{number}")
}

/// The status that a model is answered with, on a connection of its own, which any thread may get.
async fn ask(stage: &Stage, model: &str, key: &str) -> Result<u16> {
    let words = Words { text: "changed".to_owned(), tokens: 2 };
    let heard = Client::new(stage.address).exchange(&Outgoing::probe(model, key, &words), true).await?;
    Ok(if heard.end == End::Whole { heard.status } else { 0 })
}
