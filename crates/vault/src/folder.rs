//! The folder of kept content.
//!
//! ```text
//! DATA/content/TENANT/KEY.key     a wrapped key
//! DATA/content/TENANT/KEY.items   what is sealed under it, one frame after another
//! DATA/content/orders/            what is asked of the gateway that holds DATA, by who does not
//! ```

use crate::error::VaultError;
use crate::key::{KeyFile, KeyName};
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use switchtower_domain::TenantName;
use switchtower_ledger::journal::disk::{Disk as _, Folder};

const CONTENT: &str = "content";
/// No tenant has this name.
const ORDERS: &str = "_orders";
const KEY: &str = ".key";
const ITEMS: &str = ".items";

/// The folder with everything that is kept.
pub(crate) fn content_of(data: &Path) -> PathBuf {
    data.join(CONTENT)
}

/// The folder of what is asked of who holds the folder.
pub(crate) fn orders_of(data: &Path) -> PathBuf {
    content_of(data).join(ORDERS)
}

/// Everything of one tenant.
#[derive(Debug, Clone)]
pub(crate) struct TenantFolder {
    pub(crate) tenant: String,
    folder: Folder,
}

impl TenantFolder {
    /// The folder of a tenant, made where it is missing.
    pub(crate) fn new(content: &Path, tenant: &str) -> Result<Self, VaultError> {
        // It becomes a part of a path.
        if TenantName::new(tenant).is_err() {
            return Err(VaultError::Tenant { name: tenant.to_owned() });
        }
        let path = content.join(tenant);
        let folder = Folder::new(&path).map_err(VaultError::disk(&path))?;
        Ok(Self { tenant: tenant.to_owned(), folder })
    }

    /// Those of every tenant, in the order of their names.
    pub(crate) fn all(content: &Path) -> Result<Vec<Self>, VaultError> {
        let tenants = listed(content)?.into_iter().filter(|(name, is_folder)| *is_folder && is_tenant(name));
        let folder = |(tenant, _): (String, bool)| Self { folder: Folder::existing(&content.join(&tenant)), tenant };
        Ok(tenants.map(folder).collect())
    }

    /// The files that are neither a key nor what is sealed under one.
    pub(crate) fn strangers(&self) -> Result<Vec<String>, VaultError> {
        let mut names = self.folder.names().map_err(VaultError::disk(self.path()))?;
        names.retain(|name| key_of(name).is_none());
        names.sort();
        Ok(names)
    }

    pub(crate) const fn files(&self) -> &Folder {
        &self.folder
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn key_path(&self, name: KeyName) -> PathBuf {
        self.path().join(key_file(name))
    }

    pub(crate) fn items_path(&self, name: KeyName) -> PathBuf {
        self.path().join(items_file(name))
    }

    /// The names of all keys, also of those of which only one of the two files is there.
    pub(crate) fn keys(&self) -> Result<Vec<KeyName>, VaultError> {
        let names = self.folder.names().map_err(VaultError::disk(self.path()))?;
        let mut keys: Vec<KeyName> = names.iter().filter_map(|name| key_of(name)).collect();
        keys.sort_unstable();
        keys.dedup();
        Ok(keys)
    }

    /// What a crash left of a file that was being put in place of another.
    pub(crate) fn remove_halves(&self) -> Result<(), VaultError> {
        let names = self.folder.names().map_err(VaultError::disk(self.path()))?;
        for name in names.iter().filter(|name| name.starts_with('.')) {
            self.folder.remove(name).map_err(VaultError::disk(self.path()))?;
        }
        Ok(())
    }

    /// A wrapped key; nothing where it is missing.
    pub(crate) fn key_file(&self, name: KeyName) -> Result<Option<KeyFile>, VaultError> {
        let path = self.key_path(name);
        match read(&path)? {
            Some(bytes) => KeyFile::parse(&bytes).map(Some).map_err(VaultError::key(&path)),
            None => Ok(None),
        }
    }

    pub(crate) fn write_key(&self, name: KeyName, file: &KeyFile) -> Result<(), VaultError> {
        self.folder.replace(&key_file(name), &file.to_bytes()).map_err(VaultError::disk(&self.key_path(name)))
    }

    /// The bytes of what is sealed under a key.
    pub(crate) fn items(&self, name: KeyName) -> Result<Vec<u8>, VaultError> {
        Ok(read(&self.items_path(name))?.unwrap_or_default())
    }

    /// Destroys a key and what is sealed under it: first the key, whose bytes are written over, since without it nothing
    /// else tells anything.
    pub(crate) fn destroy(&self, name: KeyName) -> Result<(), VaultError> {
        let key = self.key_path(name);
        if let Some(bytes) = read(&key)? {
            write_over(&key, bytes.len()).map_err(VaultError::disk(&key))?;
        }
        for file in [key_file(name), items_file(name)] {
            match self.folder.remove(&file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(VaultError::Disk { path: self.path().join(file), error });
                }
                _ => {}
            }
        }
        self.folder.sync_names().map_err(VaultError::disk(self.path()))
    }
}

/// What lies in the folder of everything and is neither of a tenant nor for orders.
pub(crate) fn strangers(content: &Path) -> Result<Vec<String>, VaultError> {
    let ours = |name: &str, is_folder: bool| is_folder && (name == ORDERS || is_tenant(name));
    let strangers = listed(content)?.into_iter().filter(|(name, is_folder)| !ours(name, *is_folder));
    Ok(strangers.map(|(name, _)| name).collect())
}

fn is_tenant(name: &str) -> bool {
    TenantName::new(name).is_ok()
}

/// What lies in a folder, in the order of its names, and whether it is a folder itself.
fn listed(folder: &Path) -> Result<Vec<(String, bool)>, VaultError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(VaultError::disk(folder))?,
    };
    let told = |entry: fs::DirEntry| (entry.file_name().to_string_lossy().into_owned(), entry.path().is_dir());
    let mut listed =
        entries.map(|entry| entry.map(told)).collect::<Result<Vec<_>, _>>().map_err(VaultError::disk(folder))?;
    listed.sort_unstable();
    Ok(listed)
}

/// The key that a file is of.
fn key_of(file: &str) -> Option<KeyName> {
    file.strip_suffix(KEY).or_else(|| file.strip_suffix(ITEMS))?.parse().ok()
}

pub(crate) fn items_file(name: KeyName) -> String {
    format!("{name}{ITEMS}")
}

fn key_file(name: KeyName) -> String {
    format!("{name}{KEY}")
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, VaultError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(VaultError::Disk { path: path.to_owned(), error }),
    }
}

fn write_over(path: &Path, bytes: usize) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    file.write_all(&vec![0; bytes])?;
    file.sync_all()
}
