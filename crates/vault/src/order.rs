//! Orders to the gateway that holds the folder, from who does not: a file each, which is gone once it is done.

use crate::error::VaultError;
use crate::folder::orders_of;
use crate::vault::Vault;
use std::io::{self, Read as _};
use std::path::Path;
use std::time::{Duration, Instant};
use switchtower_domain::TenantName;
use switchtower_ledger::Ledger;
use switchtower_ledger::journal::disk::{Disk as _, Folder};
use switchtower_ledger::record::{RequestId, Shown as ShownEntry};

/// The longest order.
const ORDER_BYTES_MAX: u64 = 4096;
/// The word for the key of a tenant's pseudonyms.
const PSEUDONYMS: &str = "pseudonyms";
/// How often it is looked whether an order is done.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// What is to be done, or put on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Destroy all that is kept of a tenant.
    Shred {
        /// Whose.
        tenant: TenantName,
        /// Whether the key of its pseudonyms is destroyed as well.
        pseudonyms: bool,
    },
    /// Destroy what was to be kept until a moment or before.
    Expire {
        /// That moment, in seconds since 1970.
        at_s: u64,
    },
    /// Record that kept content is read.
    Show {
        /// The request.
        request: RequestId,
        /// Whose it is.
        tenant: TenantName,
        /// How many parts.
        items: u64,
    },
}

impl Order {
    /// Reads an order; nothing where it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.strip_suffix('\n')?.split(' ');
        let order = match (words.next()?, words.next(), words.next(), words.next()) {
            ("shred", Some(tenant), pseudonyms @ (None | Some(PSEUDONYMS)), None) => {
                Self::Shred { tenant: TenantName::new(tenant).ok()?, pseudonyms: pseudonyms.is_some() }
            }
            ("expire", Some(at), None, None) => Self::Expire { at_s: at.parse().ok()? },
            ("show", Some(request), Some(tenant), Some(items)) => Self::Show {
                request: RequestId::parse(request)?,
                tenant: TenantName::new(tenant).ok()?,
                items: items.parse().ok()?,
            },
            _ => return None,
        };
        (order.text() == text).then_some(order)
    }

    /// The order as the text of its file.
    pub fn text(&self) -> String {
        match self {
            Self::Shred { tenant, pseudonyms: false } => format!("shred {tenant}\n"),
            Self::Shred { tenant, pseudonyms: true } => format!("shred {tenant} {PSEUDONYMS}\n"),
            Self::Expire { at_s } => format!("expire {at_s}\n"),
            Self::Show { request, tenant, items } => format!("show {request} {tenant} {items}\n"),
        }
    }

    /// Does it, for who holds the folder.
    ///
    /// # Errors
    /// [`VaultError`] says what could not be recorded or destroyed.
    pub fn follow(&self, vault: &mut Vault, ledger: &Ledger) -> Result<(), VaultError> {
        match self {
            Self::Shred { tenant, pseudonyms } => vault.shred(ledger, tenant.as_str(), *pseudonyms).map(drop),
            Self::Expire { at_s } => vault.expire(ledger, *at_s).map(drop),
            Self::Show { request, tenant, items } => {
                let tenant = tenant.as_str().to_owned().into();
                Ok(ledger.write(ShownEntry { request: *request, tenant, items: *items }.into()).map(drop)?)
            }
        }
    }

    /// Leaves it for who holds the folder, and waits until it is done. `false` where nobody did it in that time; it is
    /// taken back then.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn leave(&self, data: &Path, wait_max: Duration) -> io::Result<bool> {
        let folder = Folder::new(&orders_of(data))?;
        let name = std::process::id().to_string();
        folder.replace(&name, self.text().as_bytes())?;
        let began = Instant::now();
        while folder.read(&name, 0)?.is_some() {
            if began.elapsed() >= wait_max {
                folder.remove(&name)?;
                return Ok(false);
            }
            std::thread::sleep(LOOK_INTERVAL);
        }
        Ok(true)
    }
}

/// Does what others left to be done.
pub(crate) fn follow(data: &Path, vault: &mut Vault, ledger: &Ledger) -> Result<(), VaultError> {
    let path = orders_of(data);
    let folder = Folder::existing(&path);
    let names = match folder.names() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        names => names.map_err(VaultError::disk(&path))?,
    };
    for name in names.iter().filter(|name| !name.starts_with('.')) {
        let mut text = String::new();
        if let Some(file) = folder.read(name, 0).map_err(VaultError::disk(&path))? {
            file.take(ORDER_BYTES_MAX).read_to_string(&mut text).map_err(VaultError::disk(&path))?;
        }
        if let Some(order) = Order::parse(&text) {
            order.follow(vault, ledger)?;
        }
        match folder.remove(name) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(VaultError::Disk { path, error }),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_have_one_spelling() {
        let tenant = || TenantName::new("default").unwrap();
        for order in [
            Order::Shred { tenant: tenant(), pseudonyms: false },
            Order::Shred { tenant: tenant(), pseudonyms: true },
            Order::Expire { at_s: 7 },
            Order::Show { request: RequestId([7; 16]), tenant: tenant(), items: 2 },
        ] {
            assert_eq!(Order::parse(&order.text()), Some(order));
        }
        for wrong in [
            "",
            "shred\n",
            "shred a/b\n",
            "shred a",
            "shred a b\n",
            "shred a pseudonyms b\n",
            "expire 07\n",
            "burn everything\n",
        ] {
            assert_eq!(Order::parse(wrong), None, "{wrong}");
        }
    }
}
