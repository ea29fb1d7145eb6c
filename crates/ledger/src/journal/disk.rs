//! The port to the disk: what the journal asks of a folder of files, so that each of it can be made to fail in a test.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// A folder with files.
pub trait Disk: Send + Sync + Debug {
    /// The names of its files, in no order.
    ///
    /// # Errors
    /// Those of the system.
    fn names(&self) -> io::Result<Vec<String>>;

    /// A file for appending, at its end; it is made where it is missing.
    ///
    /// # Errors
    /// Those of the system.
    fn append(&self, name: &str) -> io::Result<Arc<dyn Appended>>;

    /// A file from an offset on; `None` where it is missing.
    ///
    /// # Errors
    /// Those of the system.
    fn read(&self, name: &str, offset: u64) -> io::Result<Option<Box<dyn Read + Send>>>;

    /// Puts a file in place of what was there, so that after a crash either of the two is there, whole.
    ///
    /// # Errors
    /// Those of the system.
    fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// Those of the system.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes sure that files which are new or gone stay so after a crash of the machine.
    ///
    /// # Errors
    /// Those of the system.
    fn sync_names(&self) -> io::Result<()>;
}

/// A file that is appended to.
pub trait Appended: Send + Sync + Debug {
    /// Its length in bytes.
    ///
    /// # Errors
    /// Those of the system.
    fn length(&self) -> io::Result<u64>;

    /// Appends. Where it fails, a part may have been written.
    ///
    /// # Errors
    /// Those of the system.
    fn write(&self, bytes: &[u8]) -> io::Result<()>;

    /// Makes sure that what was written is there after a crash of the machine.
    ///
    /// # Errors
    /// Those of the system.
    fn sync(&self) -> io::Result<()>;

    /// Cuts the file.
    ///
    /// # Errors
    /// Those of the system.
    fn cut(&self, length: u64) -> io::Result<()>;
}

/// A folder of this machine.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
}

/// Others of this machine have no business in the journal.
#[cfg(unix)]
const FOLDER_MODE: u32 = 0o700;
#[cfg(unix)]
const FILE_MODE: u32 = 0o600;

impl Folder {
    /// A folder, made with its parents where it is missing.
    ///
    /// # Errors
    /// Those of the system.
    pub fn new(path: &Path) -> io::Result<Self> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, FOLDER_MODE);
        builder.create(path)?;
        Ok(Self { path: path.to_owned() })
    }

    /// A folder that must be there, for reading.
    pub fn existing(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, FILE_MODE);
    options
}

impl Disk for Folder {
    fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                names.extend(entry.file_name().into_string().ok());
            }
        }
        Ok(names)
    }

    fn append(&self, name: &str) -> io::Result<Arc<dyn Appended>> {
        Ok(Arc::new(options().append(true).create(true).open(self.path.join(name))?))
    }

    fn read(&self, name: &str, offset: u64) -> io::Result<Option<Box<dyn Read + Send>>> {
        let mut file = match File::open(self.path.join(name)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        file.seek(SeekFrom::Start(offset))?;
        Ok(Some(Box::new(file)))
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let beside = self.path.join(format!(".{name}.new"));
        let mut file = options().write(true).create(true).truncate(true).open(&beside)?;
        file.write_all(bytes)?;
        file.sync_data()?;
        fs::rename(&beside, self.path.join(name))?;
        self.sync_names()
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path.join(name))
    }

    fn sync_names(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }
}

impl Appended for File {
    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let mut file = self;
        file.write_all(bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn cut(&self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }
}

/// A folder in memory.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    files: Arc<Mutex<BTreeMap<String, Arc<MemoryFile>>>>,
}

#[derive(Debug, Default)]
struct MemoryFile(Mutex<Vec<u8>>);

impl Memory {
    fn file(&self, name: &str) -> Option<Arc<MemoryFile>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }
}

impl Disk for Memory {
    fn names(&self) -> io::Result<Vec<String>> {
        Ok(self.files.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect())
    }

    fn append(&self, name: &str) -> io::Result<Arc<dyn Appended>> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Arc::<MemoryFile>::clone(files.entry(name.to_owned()).or_default()))
    }

    fn read(&self, name: &str, offset: u64) -> io::Result<Option<Box<dyn Read + Send>>> {
        let Some(file) = self.file(name) else { return Ok(None) };
        let mut bytes = io::Cursor::new(file.0.lock().unwrap_or_else(PoisonError::into_inner).clone());
        bytes.set_position(offset);
        Ok(Some(Box::new(bytes)))
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let file = Arc::new(MemoryFile(Mutex::new(bytes.to_vec())));
        self.files.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), file);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let removed = self.files.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
        removed.map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn sync_names(&self) -> io::Result<()> {
        Ok(())
    }
}

impl Appended for MemoryFile {
    fn length(&self) -> io::Result<u64> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).len() as u64)
    }

    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn cut(&self, length: u64) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).truncate(usize::try_from(length).unwrap_or(usize::MAX));
        Ok(())
    }
}
