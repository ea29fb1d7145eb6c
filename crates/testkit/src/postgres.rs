//! A PostgreSQL server for one test, as Debian packages it.

use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Where Debian keeps the programs of each version.
const VERSIONS: &str = "/usr/lib/postgresql";
/// Who the server runs as where the test is root, which it refuses to be.
const USER: &str = "postgres";
/// How long it may take to start.
const START_MAX: Duration = Duration::from_secs(30);

/// A server with an empty database; it ends when this is dropped, and what it wrote goes too.
#[derive(Debug)]
pub struct PostgresServer {
    programs: PathBuf,
    folder: PathBuf,
    port: u16,
    child: Option<Child>,
}

impl PostgresServer {
    /// Starts a server; nothing where PostgreSQL is not installed.
    ///
    /// # Errors
    /// Where it is installed and does not start.
    pub fn start() -> io::Result<Option<Self>> {
        let Some(programs) = programs() else { return Ok(None) };
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let folder = std::env::temp_dir().join(format!("postgres-of-test-{}-{port}", std::process::id()));
        std::fs::create_dir(&folder)?;
        let mut server = Self { programs, folder, port, child: None };
        if is_root() {
            succeed(Command::new("chown").arg(USER).arg(&server.folder))?;
        }
        let data = server.data();
        let arguments =
            ["--username", "switchtower", "--auth", "trust", "--no-sync", "--encoding", "UTF8", "--locale", "C"];
        succeed(server.program("initdb").args(arguments).arg("--pgdata").arg(data))?;
        server.run()?;
        Ok(Some(server))
    }

    /// Its address, with the user and the database.
    pub fn address(&self) -> String {
        format!("postgresql://switchtower@127.0.0.1:{}/postgres", self.port)
    }

    /// Runs it, where it was stopped before.
    ///
    /// # Errors
    /// Where it does not start in time.
    pub fn run(&mut self) -> io::Result<()> {
        let data = self.data();
        let mut command = self.program("postgres");
        command.arg("-D").arg(data).arg("-k").arg(&self.folder).args(["-p", &self.port.to_string()]);
        command.args(["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]);
        let log = std::fs::File::create(self.folder.join("log"))?;
        self.child = Some(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn()?);
        let begun = Instant::now();
        while begun.elapsed() < START_MAX {
            let said = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            if said.contains("ready to accept connections")
                && TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok()
            {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err(io::Error::other(format!("PostgreSQL does not start; see {}", self.folder.display())))
    }

    /// Ends it at once, as a crash would; what was committed stays.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // The signal for an immediate end: children of the server end with it.
            let _ = Command::new("kill").args(["-QUIT", &child.id().to_string()]).status();
            let _ = child.wait();
        }
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn program(&self, name: &str) -> Command {
        let program = self.programs.join(name);
        let mut command = if is_root() {
            let mut command = Command::new("setpriv");
            command.args(["--reuid", USER, "--regid", USER, "--clear-groups"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.current_dir(&self.folder);
        command
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        self.stop();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir(Path::new(VERSIONS)).ok()?;
    let found = versions.filter_map(|version| Some(version.ok()?.path().join("bin")));
    found.filter(|bin| bin.join("initdb").exists()).max()
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}

fn succeed(command: &mut Command) -> io::Result<()> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()))
}
