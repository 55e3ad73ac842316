//! Whom to trust, and who this client is: the options of TLS.

use std::path::{Path, PathBuf};

use clap::Args;
use mcp_sse_blocking::Builder;

use super::TRUST;
use crate::exit::Failure;
use crate::files;
use crate::output::{self, Style};

/// Bytes of a file with certificates or a key: more than any bundle has.
const PEM: u64 = 4 << 20;

/// All files are in PEM.
#[derive(Debug, Clone, Args)]
pub(super) struct Tls {
    /// Also trust the authorities in this file (PEM)
    #[arg(help_heading = TRUST, long, value_name = "FILE", global = true)]
    ca: Vec<PathBuf>,
    /// Trust the authorities that this system trusts, instead of the list that is built in
    #[arg(help_heading = TRUST, long, global = true)]
    system_roots: bool,
    /// Trust the server that shows exactly the certificate in this file (PEM), such as one that it signed itself, and no other
    #[arg(help_heading = TRUST, long, value_name = "FILE", global = true, conflicts_with = "insecure")]
    pin: Option<PathBuf>,
    /// The certificate that tells the server who this client is (PEM); needs --key
    #[arg(help_heading = TRUST, long, value_name = "FILE", global = true)]
    cert: Option<PathBuf>,
    /// The private key of --cert (PEM)
    #[arg(help_heading = TRUST, long, value_name = "FILE", global = true)]
    key: Option<PathBuf>,
    /// Accept any certificate: whoever is on the way can read and change what is said. For tests only
    #[arg(help_heading = TRUST, long, global = true)]
    insecure: bool,
}

impl Tls {
    /// # Errors
    ///
    /// [`Failure::Usage`]: a file that cannot be read, or half of a pair.
    pub(super) fn apply(&self, mut builder: Builder) -> Result<Builder, Failure> {
        if self.system_roots {
            builder = builder.system_roots();
        }
        for file in &self.ca {
            builder = builder.add_root_certificates_pem(&read("--ca", file)?);
        }
        if let Some(file) = &self.pin {
            builder = builder.pin_certificate_pem(&read("--pin", file)?);
        }
        builder = match (&self.cert, &self.key) {
            (Some(cert), Some(key)) => builder.client_certificate_pem(&read("--cert", cert)?, &read("--key", key)?),
            (None, None) => builder,
            (Some(_), None) => return Err(Failure::Usage("--cert needs --key, the file with its private key".into())),
            (None, Some(_)) => return Err(Failure::Usage("--key needs --cert, the file with its certificate".into())),
        };
        if self.insecure {
            let loud = output::View::of_stderr().paint(Style::Bad, "WARNING");
            output::write(
                format!(
                    "mcp: {loud}: --insecure: the certificate of the server is not checked. Whoever is on the way can read and change \
                     everything, credentials included.\n"
                )
                .as_bytes(),
            );
            builder = builder.danger_accept_any_certificate();
        }
        Ok(builder)
    }
}

fn read(option: &str, file: &Path) -> Result<Vec<u8>, Failure> {
    files::read(file, PEM).map_err(|error| Failure::Usage(format!("{option}: {}: {error}", file.display())))
}
