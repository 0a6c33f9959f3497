//! The file that findings are recorded in: never larger than it may be, and the last ones are kept.

use std::{
    fs::{self, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use thiserror::Error;

use super::Record;

/// Why nothing was recorded.
#[derive(Debug, Error)]
pub enum RecordError {
    /// The file cannot be written.
    #[error("cannot write the record {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// An older file cannot make room.
    #[error("cannot rename the record {path}")]
    Rotate {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// When a file makes room for the next, and how many of the old ones stay.
#[derive(Clone, Copy, Debug)]
pub struct Rotation {
    /// Bytes that it may have; what is written at once stays together and may pass them.
    pub max_bytes: u64,
    /// Files besides the one that is written: `FILE.1` is the youngest.
    pub n_old: u32,
}

/// A file that is written from time to time.
#[derive(Debug)]
pub(super) struct RecordFile {
    path: PathBuf,
    rotation: Rotation,
}

impl RecordFile {
    /// The file at `path`, which is made if it is not there and else continued.
    pub(super) fn open(path: &Path, rotation: Rotation) -> Result<Self, RecordError> {
        let file = Self {
            path: path.to_owned(),
            rotation,
        };
        file.mend().map_err(|source| file.failed(source))?;
        Ok(file)
    }

    /// Cuts off a line that another process did not come to the end of.
    fn mend(&self) -> io::Result<()> {
        const LONGEST: u64 = 1 << 20;
        let mut options = OpenOptions::new();
        let mut file = options
            .create(true)
            .append(true)
            .read(true)
            .open(&self.path)?;
        let len = file.metadata()?.len();
        let start = len.saturating_sub(LONGEST);
        file.seek(SeekFrom::Start(start))?;
        let mut end = Vec::new();
        file.read_to_end(&mut end)?;
        let whole = end
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        if whole < end.len() {
            file.set_len(start + whole as u64)?;
        }
        Ok(())
    }

    /// Writes what there is and forgets it. What cannot be written stays.
    pub(super) fn write(&self, record: &mut Record) -> Result<(), RecordError> {
        if record.n_kinds() == 0 {
            return Ok(());
        }
        let mut text = Vec::new();
        record
            .write(&mut text)
            .map_err(|source| self.failed(source))?;
        self.rotate()?;
        self.append(&text).map_err(|source| self.failed(source))?;
        record.clear();
        Ok(())
    }

    /// All of it or nothing.
    fn append(&self, text: &[u8]) -> io::Result<()> {
        let mut options = OpenOptions::new();
        let mut file = options.create(true).append(true).open(&self.path)?;
        let len = file.metadata()?.len();
        file.write_all(text).inspect_err(|_full| {
            // If this fails as well, the next process mends it.
            drop(file.set_len(len));
        })
    }

    fn failed(&self, source: io::Error) -> RecordError {
        RecordError::Write {
            path: self.path.clone(),
            source,
        }
    }

    /// Makes room, if the file is full.
    fn rotate(&self) -> Result<(), RecordError> {
        let size = fs::metadata(&self.path).map_or(0, |metadata| metadata.len());
        if size < self.rotation.max_bytes {
            return Ok(());
        }
        for number in (0..self.rotation.n_old).rev() {
            let (from, to) = (self.nth(number), self.nth(number + 1));
            match fs::rename(&from, to) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(RecordError::Rotate { path: from, source });
                }
                _ => {}
            }
        }
        if self.rotation.n_old == 0 {
            fs::remove_file(&self.path).map_err(|source| self.failed(source))?;
        }
        Ok(())
    }

    /// The file, or the old one with this number.
    fn nth(&self, number: u32) -> PathBuf {
        if number == 0 {
            return self.path.clone();
        }
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{number}"));
        name.into()
    }
}
