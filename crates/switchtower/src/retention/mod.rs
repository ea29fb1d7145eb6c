//! `switchtower retention`: what is kept of prompts and answers, for whom and until when, and the proof of it.
//!
//! What it reads it reads beside a gateway that writes. What it changes, or has to put on record, is done by who holds
//! the folder: itself, or the gateway, which it leaves an order.

mod destroyed;
mod told;

use crate::config::{Retention, Secrets};
use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};
use destroyed::Destroyed;
use jiff::Timestamp;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use switchtower_domain::TenantName;
use switchtower_ledger::home::{HomeError, journal_of, pseudonyms_of};
use switchtower_ledger::record::RequestId;
use switchtower_ledger::{Found, Ledger, LedgerError, LedgerSettings, Pseudonyms, Reckon};
use switchtower_vault::{Keeper, KeeperSettings, Keeping, MasterKey, Order, Shown, Vault, report, show, tenants};

/// What `retention` is told.
#[derive(Debug, Args)]
pub struct Options {
    #[command(subcommand)]
    command: Command,
    /// The configuration, for the folder of the ledger and the master key
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// The folder with the ledger
    #[arg(long, value_name = "DIR", global = true)]
    pub data: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say what is kept, for whom and until when, and hold it against the ledger
    Report {
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
    /// Show what is kept of a request, which is put on record
    Show {
        /// The id of the request, as in 'x-request-id'
        request: String,
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
    /// Destroy what is past its time; a gateway does so every second
    Expire {
        /// Destroy what was to be kept until this moment, also ahead of its time
        #[arg(long, value_name = "TIME")]
        at: Option<Timestamp>,
    },
    /// Destroy all that is kept of a tenant, with its keys
    Shred {
        /// The tenant; where there are no others, it is 'default'
        #[arg(long, value_name = "NAME")]
        tenant: String,
        /// Destroy the key of its pseudonyms too, so that nobody can tell whose the records until now are
        #[arg(long)]
        pseudonyms: bool,
    },
    /// Wrap every key that a former master key wraps by the one of the configuration; the content stays as it is
    RotateKey,
}

impl Options {
    /// Whether what is asked needs secrets of the configuration: the master key.
    pub const fn secrets(&self) -> Secrets {
        match self.command {
            Command::Show { .. } | Command::RotateKey => Secrets::Read,
            Command::Report { .. } | Command::Expire { .. } | Command::Shred { .. } => Secrets::Unread,
        }
    }
}

/// How long a gateway may take for what it is asked.
const ORDER_TIME_MAX: Duration = Duration::from_secs(30);
/// What is being written or destroyed just now is not what it will be a moment later.
const AGAIN_AFTER: Duration = Duration::from_millis(1500);
/// How often it is looked again before a difference is one.
const LOOKS_MAX: usize = 3;

/// Does what the options say. `false` where the files and the ledger do not say the same, or nothing is kept.
///
/// # Errors
/// Where the folder cannot be read, or what has to be recorded cannot be.
pub fn run(
    options: &Options,
    data: &Path,
    retention: &Retention,
    reckon: Reckon<'_>,
    out: &mut dyn Write,
) -> Result<bool> {
    if !data.join("ledger").is_dir() {
        bail!("there is no ledger in {}; name its folder with --data", data.display());
    }
    let holder = Holder { data, master: retention.master.as_ref(), reckon };
    match &options.command {
        Command::Report { json } => {
            let mut found = report(data, &journal_of(data), now_s())?;
            for _ in 1..LOOKS_MAX {
                if found.findings.is_empty() {
                    break;
                }
                std::thread::sleep(AGAIN_AFTER);
                found = report(data, &journal_of(data), now_s())?;
            }
            told::report(&found, *json, out)?;
            return Ok(found.findings.is_empty());
        }
        Command::Show { request, json } => {
            let id = RequestId::parse(request).context("that is no id of a request")?;
            let masters: Vec<MasterKey> = retention.master.iter().chain(&retention.former).cloned().collect();
            if masters.is_empty() {
                bail!("there is no master key; name the configuration that has it with --config");
            }
            let shown = show(data, &masters, id, now_s())?;
            if shown.is_empty() {
                writeln!(out, "nothing is kept of that request")?;
                return Ok(false);
            }
            holder.record_shown(id, &shown)?;
            told::content(&shown, *json, out)?;
        }
        Command::Expire { at } => {
            let at_s = at.map_or_else(now_s, |at| u64::try_from(at.as_second()).unwrap_or_default());
            let before = Destroyed::next_record(data)?;
            holder.order(&Order::Expire { at_s })?;
            match Destroyed::since(data, before)? {
                Destroyed { items: 0, .. } => writeln!(out, "nothing was to be kept until then only")?,
                Destroyed { items, keys } => writeln!(out, "{items} parts are destroyed, with their {keys} keys")?,
            }
        }
        Command::Shred { tenant, pseudonyms } => {
            let tenant = TenantName::new(tenant.as_str()).context("that is no name of a tenant")?;
            let before = Destroyed::next_record(data)?;
            holder.shred(&tenant, *pseudonyms)?;
            let Destroyed { items, keys } = Destroyed::since(data, before)?;
            writeln!(out, "all that was kept of '{tenant}' is destroyed: {items} parts, with their {keys} keys")?;
            if *pseudonyms {
                writeln!(
                    out,
                    "whose the records until now are nobody can tell any more, but for who has a copy of the ledger"
                )?;
            }
        }
        Command::RotateKey => {
            let keys = holder.hold(|vault, ledger| Ok(vault.rewrap(ledger, &retention.former)?))?;
            let Some(keys) = keys else {
                bail!("a gateway holds {}; it wraps keys anew when it starts", data.display());
            };
            writeln!(out, "{keys} keys are wrapped by another master key; no content was written again")?;
        }
    }
    Ok(true)
}

/// Who does what has to be recorded.
struct Holder<'a> {
    data: &'a Path,
    master: Option<&'a MasterKey>,
    reckon: Reckon<'a>,
}

impl Holder<'_> {
    /// Has an order followed: by itself, or by the gateway that holds the folder.
    fn order(&self, order: &Order) -> Result<()> {
        if self.hold(|vault, ledger| Ok(order.follow(vault, ledger)?))?.is_some() {
            return Ok(());
        }
        if !order.leave(self.data, ORDER_TIME_MAX).context("failed to leave an order")? {
            bail!("the gateway that holds {} did not do it within 30 s", self.data.display());
        }
        Ok(())
    }

    fn shred(&self, tenant: &TenantName, pseudonyms: bool) -> Result<()> {
        let mut known = tenants(self.data)?;
        known.push(Pseudonyms::TENANT.to_owned());
        if !known.iter().any(|one| *one == *tenant.as_str()) {
            known.sort();
            known.dedup();
            bail!("there is no tenant '{tenant}'; there is '{}'", known.join("', '"));
        }
        if pseudonyms && !Pseudonyms::are_of(tenant.as_str()) {
            bail!("'{tenant}' has no key of pseudonyms: it is '{}' that has one", Pseudonyms::TENANT);
        }
        // Any name does: it is another under another key.
        let under_key = || pseudonyms_of(self.data).map(|key| key.of_caller(""));
        let former = under_key();
        self.order(&Order::Shred { tenant: tenant.clone(), pseudonyms })?;
        if pseudonyms && former.is_some() && under_key() == former {
            bail!(
                "the gateway that holds {} did not destroy the key of pseudonyms: it is of an older version; stop it, \
                 and give the order again",
                self.data.display()
            );
        }
        Ok(())
    }

    fn record_shown(&self, request: RequestId, shown: &[Shown]) -> Result<()> {
        let mut tenants: Vec<&str> = shown.iter().map(|shown| shown.tenant.as_str()).collect();
        tenants.dedup();
        for tenant in tenants {
            let items = shown.iter().filter(|shown| shown.tenant == tenant).count() as u64;
            self.order(&Order::Show { request, tenant: TenantName::new(tenant)?, items })?;
        }
        Ok(())
    }

    /// Does something with the folder in hand; nothing where a gateway holds it.
    fn hold<T>(&self, act: impl FnOnce(&mut Vault, &Ledger) -> Result<T>) -> Result<Option<T>> {
        let (ledger, keeping, found) = match Ledger::open(&LedgerSettings::new(self.data), self.reckon) {
            Err(LedgerError::Home(HomeError::Held { .. })) => return Ok(None),
            opened => opened?,
        };
        let done =
            open(self.data, self.master.cloned(), (&ledger, &found)).and_then(|mut vault| act(&mut vault, &ledger));
        keeping.stop(&ledger, 0)?;
        done.map(Some)
    }
}

fn open(data: &Path, master: Option<MasterKey>, ledger: (&Ledger, &Found)) -> Result<Vault> {
    let opened = Vault::open(data, master, ledger, &journal_of(data));
    opened.with_context(|| format!("failed to open what is kept in {}", data.display()))
}

/// Starts who keeps content, destroys it in its time, and does what others order meanwhile, also where nothing is kept.
/// Gives the gateway somebody to leave content with only where there is a master key to keep it under.
///
/// # Errors
/// Where the folder cannot be used.
pub(crate) fn start(
    retention: &Retention,
    data: &Path,
    (ledger, found): (&Ledger, &Found),
) -> Result<(Option<Keeper>, Keeping)> {
    let Retention { master, former, item_bytes_max, queue_bytes_max } = retention;
    let mut vault = open(data, master.clone(), (ledger, found))?;
    if master.is_some() {
        match vault.rewrap(ledger, former) {
            Ok(0) => {}
            Ok(keys) => tracing::info!(keys, "keys of kept content are wrapped by another master key"),
            Err(error) => tracing::warn!(%error, "keys of kept content are left as a former master key wraps them"),
        }
    }
    let settings =
        KeeperSettings { data: data.to_owned(), queue_bytes_max: *queue_bytes_max, item_bytes_max: *item_bytes_max };
    let (keeper, keeping) = Keeper::start(vault, ledger.clone(), settings)?;
    Ok((master.is_some().then_some(keeper), keeping))
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}
