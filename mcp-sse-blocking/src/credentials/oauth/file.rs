//! Tokens in a file that only its owner can read.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::store::TokenStore;
use crate::credentials::Secret;

/// Bytes of such a file. 1 MiB: some hundred servers.
const FILE_BYTES: usize = 1 << 20;

/// Keeps tokens in one file, which is made when there is something to keep. On Unix only its owner may read it (mode 0600), and its folder
/// too when that has to be made (mode 0700).
///
/// Each change is written beside it and moved in its place, so that it is never half written. Of two programs that change it at
/// the same moment one may win.
#[derive(Debug)]
pub struct TokenFile {
    path: PathBuf,
}

/// Held while a file is changed, which several may have opened.
static CHANGE: Mutex<()> = Mutex::new(());

impl TokenFile {
    /// This file. 1 MiB at most.
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self { path: path.as_ref().to_owned() }
    }

    fn read(&self) -> io::Result<BTreeMap<String, String>> {
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", self.path.display()));
        // Nothing else than a regular file: a pipe could block for ever.
        match fs::metadata(&self.path) {
            Ok(metadata) if !metadata.is_file() => return Err(named(io::Error::other("it is no regular file"))),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BTreeMap::new()),
            Err(error) => return Err(named(error)),
        }
        let mut text = Vec::new();
        let file = File::open(&self.path).map_err(named)?;
        file.take(FILE_BYTES as u64 + 1).read_to_end(&mut text).map_err(named)?;
        if text.len() > FILE_BYTES {
            return Err(named(io::Error::other(format!("it has more than {FILE_BYTES} bytes"))));
        }
        // The parser's own words could show a token.
        serde_json::from_slice(&text).map_err(|_| named(io::Error::other("it is no file of tokens")))
    }

    fn write(&self, kept: &BTreeMap<String, String>) -> io::Result<()> {
        if let Some(folder) = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            make_folder(folder)?;
        }
        let mut beside = self.path.clone().into_os_string();
        // Not that of a process: containers that share a folder have the same ones.
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|_| io::Error::other("the system gives no random bytes"))?;
        beside.push(format!(".{:016x}", u64::from_ne_bytes(random)));
        let beside = PathBuf::from(beside);
        let written = own_file(&beside).and_then(|mut file| {
            file.write_all(serde_json::to_string_pretty(kept)?.as_bytes())?;
            file.sync_all()
        });
        let moved = written.and_then(|()| fs::rename(&beside, &self.path));
        if moved.is_err() {
            let _ = fs::remove_file(&beside);
        }
        moved
    }
}

impl TokenStore for TokenFile {
    fn load(&self, name: &str) -> io::Result<Option<Secret>> {
        Ok(self.read()?.remove(name).map(Secret::from))
    }

    fn save(&self, name: &str, text: Option<&Secret>) -> io::Result<()> {
        let _change = CHANGE.lock().unwrap_or_else(PoisonError::into_inner);
        let mut kept = self.read()?;
        match text {
            Some(text) => kept.insert(name.to_owned(), text.expose().to_owned()),
            None => kept.remove(name),
        };
        self.write(&kept)
    }
}

/// A new file that only its owner can read.
fn own_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
