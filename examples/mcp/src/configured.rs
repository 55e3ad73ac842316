//! A server of a configuration file.

use std::path::Path;

use mcp_sse_blocking::config::{Config, ConfigError, ServerConfig};

use crate::ask;
use crate::exit::Failure;
use crate::output::{self, one_line};
use crate::suggest;

/// The server of this name, or the only one of the file. What the file wants to be asked is asked at the terminal.
///
/// # Errors
///
/// [`Failure::Usage`]: the file cannot be used, or has no such server.
pub(crate) fn server(file: &Path, name: Option<&str>) -> Result<ServerConfig, Failure> {
    let reader = Config::reader().inputs(ask::input);
    let reader = match name {
        // Faults of others do not matter then.
        Some(name) => reader.only(name),
        None => reader,
    };
    let config = reader.file(file).map_err(|error| match name.zip(names(file)) {
        Some((name, names)) if !names.iter().any(|known| known == name) => unknown(file, name, &names),
        _ => broken(file, &error),
    })?;
    for warning in config.warnings() {
        output::say(format!("{}: {warning}", file.display()));
    }
    match (name, config.servers()) {
        (Some(name), _) => config.server(name).cloned().ok_or_else(|| unknown(file, name, &[])),
        (None, [only]) => Ok(only.clone()),
        (None, several) => {
            let names: Vec<String> = several.iter().map(|server| one_line(server.name())).collect();
            Err(Failure::Usage(match &names[..] {
                [] => format!("{} names no server", file.display()),
                names => format!("which server? --server NAME with one of {}", names.join(", ")),
            }))
        }
    }
}

fn broken(file: &Path, error: &ConfigError) -> Failure {
    let count = error.faults().len();
    let hint =
        if count > 1 { format!("\n     `mcp config check {}` lists them too", file.display()) } else { String::new() };
    Failure::Usage(format!("{error}{hint}"))
}

/// The servers that a file names, if all of it can be read. Nobody is asked for anything: only names are wanted.
fn names(file: &Path) -> Option<Vec<String>> {
    let config = Config::reader().inputs(|_| Some(String::new())).file(file).ok()?;
    Some(config.servers().iter().chain(config.disabled()).map(|server| server.name().to_owned()).collect())
}

fn unknown(file: &Path, name: &str, names: &[String]) -> Failure {
    let meant = suggest::hint(name, names.iter().map(String::as_str));
    let names: Vec<String> = names.iter().map(|name| one_line(name)).collect();
    let others = if names.is_empty() { String::new() } else { format!(", it names {}", names.join(", ")) };
    Failure::Usage(format!("{} names no server `{}`{meant}{others}", file.display(), one_line(name)))
}
