//! Sockets to accept on.

use super::address::Address;
use super::tls::TlsSettings;
use anyhow::{Context as _, Result, bail};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

const BACKLOG: u32 = 4096;

/// One place where clients are awaited.
#[derive(Debug, Clone, PartialEq)]
pub struct ListenerSettings {
    /// What the configuration calls it: `listen`, or `listeners.NAME`.
    pub name: String,
    /// Where.
    pub address: Address,
    /// How TLS is spoken, if it is.
    pub tls: Option<TlsSettings>,
    /// Whether each connection begins with a header of the PROXY protocol.
    pub proxy_protocol: bool,
    /// Who may connect to a socket in the file system, as its mode.
    pub socket_mode: u32,
}

impl ListenerSettings {
    /// A plain listener.
    pub fn new(name: impl Into<String>, address: Address) -> Self {
        Self { name: name.into(), address, tls: None, proxy_protocol: false, socket_mode: SOCKET_MODE }
    }

    /// The settings that differ and that a listener keeps once it is there; certificates may change.
    pub fn unlike(&self, other: &Self) -> Vec<&'static str> {
        let kept = [
            ("address", self.address != other.address),
            ("certificate", self.tls.is_some() != other.tls.is_some()),
            ("proxy_protocol", self.proxy_protocol != other.proxy_protocol),
            ("socket_mode", self.socket_mode != other.socket_mode),
        ];
        kept.into_iter().filter(|(_, differs)| *differs).map(|(setting, _)| setting).collect()
    }
}

/// A socket is for its own user unless more is said.
pub const SOCKET_MODE: u32 = 0o600;

/// What is bound before any thread listens: nobody else does, and the port is known.
#[derive(Debug)]
pub(super) enum Claim {
    Tcp {
        address: SocketAddr,
        held: Option<std::net::TcpListener>,
    },
    #[cfg(unix)]
    Unix {
        listener: std::os::unix::net::UnixListener,
        _path: Claimed,
    },
}

/// A path that was bound; it is removed at the end, unless it is another's by then.
#[cfg(unix)]
#[derive(Debug)]
pub(super) struct Claimed {
    path: PathBuf,
    inode: Option<u64>,
}

#[cfg(unix)]
impl Claimed {
    fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), inode: inode(path) }
    }
}

#[cfg(unix)]
impl Drop for Claimed {
    fn drop(&mut self) {
        if self.inode.is_some() && inode(&self.path) == self.inode {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(unix)]
fn inode(path: &Path) -> Option<u64> {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::symlink_metadata(path).ok().map(|found| found.ino())
}

impl Claim {
    pub(super) fn of(settings: &ListenerSettings) -> Result<Self> {
        let taken = || format!("failed to listen on {}", settings.address);
        match &settings.address {
            // Listeners share the address with each other, and would share it with another process without a word.
            Address::Tcp(address) => {
                let listener = std::net::TcpListener::bind(address).with_context(taken)?;
                let address = listener.local_addr().with_context(taken)?;
                Ok(Self::Tcp { address, held: Some(listener) })
            }
            #[cfg(unix)]
            Address::Unix(path) => {
                let listener = unix(path, settings.socket_mode).with_context(taken)?;
                Ok(Self::Unix { listener, _path: Claimed::new(path) })
            }
            #[cfg(not(unix))]
            Address::Unix(_) => bail!("this system has no such sockets"),
        }
    }

    /// Lets go of what would be in the way of the listeners. Until all claims are made, none gets the port of another.
    pub(super) fn release(&mut self) {
        if let Self::Tcp { held, .. } = self {
            *held = None;
        }
    }

    /// The address with the port that was found.
    pub(super) fn address(&self, settings: &ListenerSettings) -> Address {
        match self {
            Self::Tcp { address, .. } => Address::Tcp(*address),
            #[cfg(unix)]
            Self::Unix { .. } => settings.address.clone(),
        }
    }

    /// A listener for one thread, made on its runtime.
    pub(super) fn share(&self) -> Result<Share> {
        match self {
            Self::Tcp { address, .. } => Ok(Share::Tcp(*address)),
            #[cfg(unix)]
            Self::Unix { listener, .. } => Ok(Share::Unix(listener.try_clone()?)),
        }
    }
}

/// A share of one thread in a claim.
#[derive(Debug)]
pub(super) enum Share {
    Tcp(SocketAddr),
    #[cfg(unix)]
    Unix(std::os::unix::net::UnixListener),
}

/// A listener of one thread.
pub(super) enum Listener {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(tokio::net::UnixListener),
}

/// A stream of one kind or the other.
pub(super) enum Accepted {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(tokio::net::UnixStream),
}

impl Listener {
    pub(super) fn of(share: Share) -> Result<Self> {
        match share {
            Share::Tcp(address) => tcp(address).map(Self::Tcp),
            #[cfg(unix)]
            Share::Unix(listener) => Ok(Self::Unix(tokio::net::UnixListener::from_std(listener)?)),
        }
    }

    pub(super) async fn accept(&self) -> io::Result<Accepted> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                // Events are small and must not wait for each other.
                let _ = stream.set_nodelay(true);
                Ok(Accepted::Tcp(stream))
            }
            #[cfg(unix)]
            Self::Unix(listener) => listener.accept().await.map(|(stream, _)| Accepted::Unix(stream)),
        }
    }
}

fn tcp(address: SocketAddr) -> Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    #[cfg(unix)]
    socket.set_reuseport(true)?;
    socket.bind(address)?;
    Ok(socket.listen(BACKLOG)?)
}

/// Binds a path. A socket that nobody listens on any more is removed; anything else that is there stays.
#[cfg(unix)]
fn unix(path: &Path, mode: u32) -> Result<std::os::unix::net::UnixListener> {
    use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
    use std::os::unix::net::{UnixListener, UnixStream};
    match std::fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => bail!("there is something that is no socket"),
        Ok(_) => match UnixStream::connect(path) {
            Ok(_) => bail!("another process listens there"),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => std::fs::remove_file(path)?,
            Err(error) => return Err(error.into()),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error.into()),
    }
    // Moved there with its mode, so that the path never leads to a socket of another one.
    let beside = path.with_extension(format!("{}.new", std::process::id()));
    let listener = UnixListener::bind(&beside)?;
    let moved = std::fs::set_permissions(&beside, std::fs::Permissions::from_mode(mode))
        .and_then(|()| listener.set_nonblocking(true))
        .and_then(|()| std::fs::rename(&beside, path));
    if let Err(error) = moved {
        let _ = std::fs::remove_file(&beside);
        return Err(error.into());
    }
    Ok(listener)
}
