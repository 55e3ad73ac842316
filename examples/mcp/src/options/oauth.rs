//! A token for which a person is asked: the options of OAuth.

use std::env;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use clap::Args;
use mcp_sse_blocking::credentials::{OAuth, TokenFile};

use super::TRUST;
use crate::exit::Failure;
use crate::output;

/// How long a person has.
pub(super) const LOGIN: Duration = Duration::from_secs(300);

#[derive(Debug, Clone, Args)]
pub(super) struct Login {
    /// Log in where the server wants it: the address of a page is shown, to be opened in a browser on this machine. What that gives is
    /// kept for the next time
    #[arg(help_heading = TRUST, long, global = true, conflicts_with_all = ["bearer_env", "token_command"])]
    oauth: bool,
    /// With --oauth: the file in which tokens are kept, readable by you only
    #[arg(help_heading = TRUST, long, value_name = "FILE", global = true)]
    token_store: Option<PathBuf>,
    /// With --oauth: the id of a client that is registered, for servers where this one cannot register itself
    #[arg(help_heading = TRUST, long, value_name = "ID", global = true)]
    client_id: Option<String>,
    /// With --oauth: the only authorization server that is asked, whatever the server says; its issuer exactly as it has it
    #[arg(help_heading = TRUST, long, value_name = "URL", global = true)]
    issuer: Option<String>,
    /// With --client-id and --issuer: its secret, which goes to no other, is the value of this variable
    #[arg(help_heading = TRUST, long, value_name = "VARIABLE", global = true)]
    client_secret_env: Option<String>,
    /// One for all connections: they renew the same tokens.
    #[arg(skip)]
    made: OnceLock<Arc<OAuth>>,
}

impl Login {
    pub(super) fn is_wanted(&self) -> bool {
        self.oauth
    }

    /// Who asks, if somebody is to be asked.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`]: a variable that is not set, options without what they are for, or no place for tokens.
    pub(super) fn provider(&self) -> Result<Option<Arc<OAuth>>, Failure> {
        let is_more = [&self.client_id, &self.issuer, &self.client_secret_env].iter().any(|option| option.is_some());
        if !self.oauth {
            let problem = "--token-store, --client-id, --issuer and --client-secret-env are for --oauth";
            return if is_more || self.token_store.is_some() { Err(Failure::Usage(problem.into())) } else { Ok(None) };
        }
        let made = match self.made.get() {
            Some(made) => made,
            None => {
                let made = Arc::new(self.make()?);
                self.made.get_or_init(|| made)
            }
        };
        Ok(Some(Arc::clone(made)))
    }

    fn make(&self) -> Result<OAuth, Failure> {
        let file = self.token_store.clone().or_else(own_file);
        let file =
            file.ok_or_else(|| Failure::Usage("there is no folder of yours for tokens: --token-store FILE".into()))?;
        let mut oauth =
            OAuth::new().client_name("mcp").login_timeout(LOGIN).store(TokenFile::new(file)).open_with(|url| {
                // Only printable ASCII: what else a server names is refused before.
                output::say(format!("open this page in a browser to log in: {url}"));
                Ok(())
            });
        if let Some(id) = &self.client_id {
            oauth = oauth.client_id(id);
        }
        if let Some(issuer) = &self.issuer {
            oauth = oauth.issuer(issuer);
        }
        if let Some(variable) = &self.client_secret_env {
            if self.client_id.is_none() || self.issuer.is_none() {
                let problem = "--client-secret-env is for --client-id, and for one authorization server: --issuer URL";
                return Err(Failure::Usage(problem.into()));
            }
            let secret = env::var(variable);
            let secret = secret.map_err(|error| Failure::Usage(format!("the variable {variable}: {error}")))?;
            oauth = oauth.client_secret(secret);
        }
        Ok(oauth)
    }
}

/// Where this system keeps the data of a user's programs.
fn own_file() -> Option<PathBuf> {
    let folder = |variable: &str| env::var_os(variable).filter(|path| !path.is_empty()).map(PathBuf::from);
    let data = if cfg!(windows) {
        folder("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        folder("HOME").map(|home| home.join("Library/Application Support"))
    } else {
        // A relative one is invalid, says the specification of these variables.
        let given = folder("XDG_DATA_HOME").filter(|path| path.is_absolute());
        given.or_else(|| folder("HOME").map(|home| home.join(".local/share")))
    };
    data.map(|data| data.join("mcp").join("tokens.json"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Arguments;
    use clap::Parser;

    fn login(line: &[&str]) -> Login {
        let always = ["mcp", "tools", "http://h", "--oauth", "--token-store=f"];
        Arguments::try_parse_from(always.iter().chain(line)).unwrap().options.login
    }

    #[test]
    fn all_connections_have_the_same_provider() {
        let login = login(&[]);
        let provider = || login.provider().unwrap().unwrap();
        assert!(Arc::ptr_eq(&provider(), &provider()));
        assert!(Arc::ptr_eq(&provider(), &login.clone().provider().unwrap().unwrap()));
    }

    #[test]
    fn a_secret_needs_to_be_told_whom_it_is_for() {
        let problem = |line: &[&str]| login(line).provider().map(drop).unwrap_err().message().unwrap_or_default();
        let secret = "--client-secret-env=PATH";
        for line in [&[secret][..], &[secret, "--client-id=a"], &[secret, "--issuer=https://h"]] {
            let problem = problem(line);
            assert!(problem.contains("--issuer URL"), "{line:?}: {problem}");
        }
        assert!(login(&[secret, "--client-id=a", "--issuer=https://h"]).provider().is_ok());
    }
}
