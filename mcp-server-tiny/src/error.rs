//! Why a server does not start or does not go on.

use alloc::boxed::Box;
use core::fmt;

/// Why a server does not start or does not go on. What a peer does wrong is never one of these: it is answered.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A setting or a tool that cannot work; with what it needs. The program's mistake.
    Setting(Box<str>),
    /// The system refused: the address is in use, there are no more files, polling failed.
    #[cfg(feature = "std")]
    Io(std::io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setting(text) => f.write_str(text),
            #[cfg(feature = "std")]
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for Error {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Setting(_) => None,
            #[cfg(feature = "std")]
            Self::Io(error) => Some(error),
        }
    }
}

#[cfg(feature = "std")]
impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}
