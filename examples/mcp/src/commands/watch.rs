//! `mcp watch`: what a server tells by itself.

use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use mcp_core::types::ServerCapabilities;
use mcp_sse_blocking::{Change, Client, Error, Filter, LogMessage, Notification};
use serde_json::value::RawValue;

use crate::exit::{Exit, Failure};
use crate::output::{Output, Style, json, one_line};
use crate::session::Context;
use crate::target::Target;

/// How often it is looked whether the session still stands while nothing comes.
const LOOK: Duration = Duration::from_millis(100);

/// Prints what a server tells by itself: notifications, changes and log messages, until Ctrl-C
///
/// Each is a line: the seconds since the beginning, the method and its parameters. As JSON each is a document in a line of its own,
/// {"method":..,"params":..}. Which log messages come is up to --log-level.
#[derive(Debug, Args)]
#[command(override_usage = "mcp watch [OPTIONS] URL\n       \
    mcp watch [OPTIONS] --config FILE --server NAME\n       \
    mcp watch [OPTIONS] --stdio -- COMMAND [ARGUMENT]...")]
pub(crate) struct Watch {
    /// Where the server is, unless --config or --stdio says it
    #[arg(value_name = "URL")]
    words: Vec<String>,
    /// End after so many of them
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Also tell of changes of this resource; may be repeated
    #[arg(short, long = "resource", value_name = "URI")]
    resources: Vec<String>,
    #[command(flatten)]
    target: Target,
}

/// What is told.
enum Told {
    Notification(String, Option<Box<RawValue>>),
    /// The subscription says something that is no notification.
    Missed(String),
    /// There will be no changes any more.
    Over(Option<Error>),
}

impl Watch {
    pub(crate) fn run(&self, context: &Context) -> Result<Exit, Failure> {
        let server = self.target.alone(&self.words)?;
        let (tell, told) = mpsc::channel();
        let (logs, notifications) = (tell.clone(), tell.clone());
        let settings = |builder: mcp_sse_blocking::Builder| {
            builder
                .on_log(move |_: &Client, message: &LogMessage| {
                    let members = message.logger.iter().map(|logger| ("logger", json::string(logger)));
                    let members = [("level", json::string(&message.level.to_string()))].into_iter().chain(members);
                    let params = json::object(members.chain([("data", message.data.get().to_owned())]));
                    let _ = logs.send(Told::Notification("notifications/message".into(), Some(params)));
                })
                .on_notification(move |_: &Client, notification: &Notification| {
                    let told = Told::Notification(notification.method.clone(), notification.params.clone());
                    let _ = notifications.send(told);
                })
        };
        context.session_with(server, settings, |client| {
            context.interrupt.closes(client);
            self.listen(client, tell)?;
            self.print(context, client, &told)
        })
    }

    /// Asks for all changes that the server offers to tell of, on a thread of its own.
    fn listen(&self, client: &Client, tell: Sender<Told>) -> Result<(), Failure> {
        let Some(filter) = filter(client.capabilities(), &self.resources) else { return Ok(()) };
        let changes = client.listen(filter)?;
        thread::spawn(move || {
            for change in changes {
                let told = match change {
                    Ok(Change::Missed(missed)) => Told::Missed(format!("{missed:?}")),
                    // Told as the notification that it is.
                    Ok(_) => continue,
                    Err(error) => Told::Over(Some(error)),
                };
                if tell.send(told).is_err() {
                    return;
                }
            }
            let _ = tell.send(Told::Over(None));
        });
        Ok(())
    }

    fn print(&self, context: &Context, client: &Client, told: &Receiver<Told>) -> Result<Exit, Failure> {
        let begun = Instant::now();
        let mut left = self.count;
        loop {
            match told.recv_timeout(LOOK) {
                Ok(Told::Notification(method, params)) => {
                    print(context, begun.elapsed(), &method, params.as_deref())?;
                    left = left.map(|left| left.saturating_sub(1));
                    if left == Some(0) {
                        return Ok(Exit::Done);
                    }
                }
                Ok(Told::Missed(why)) => crate::output::say(format!("changes may have gone unnoticed: {why}")),
                Ok(Told::Over(Some(error))) if !matches!(error, Error::Closed(_)) => return Err(error.into()),
                Ok(Told::Over(_)) | Err(_) => {}
            }
            if !client.is_connected() {
                // Ctrl-C, which is the usual end of this command, or the server.
                return match client.ping() {
                    Err(Error::Closed(_)) | Ok(()) => Ok(Exit::Done),
                    Err(error) => Err(error.into()),
                };
            }
        }
    }
}

fn print(context: &Context, at: Duration, method: &str, params: Option<&RawValue>) -> Result<(), Failure> {
    let mut output = Output::new();
    if context.wants_json() {
        let params = params.map(|params| ("params", params.get().to_owned()));
        output.json(&json::object([("method", json::string(method))].into_iter().chain(params)))?;
        return Ok(());
    }
    let view = output.view();
    let at = view.paint(Style::Faint, &format!("{:>8.3}", at.as_secs_f64()));
    let method = view.paint(Style::Strong, &one_line(method));
    let params = params.map(|params| format!(" {}", one_line(params.get()))).unwrap_or_default();
    output.print(&format!("{at} {method}{params}\n"))?;
    Ok(())
}

/// What the server offers to tell of; `None` when there is nothing.
fn filter(capabilities: &ServerCapabilities, resources: &[String]) -> Option<Filter> {
    let mut filter = Filter::new();
    if capabilities.tools.as_ref().is_some_and(|tools| tools.list_changed) {
        filter = filter.tools();
    }
    if capabilities.prompts.as_ref().is_some_and(|prompts| prompts.list_changed) {
        filter = filter.prompts();
    }
    if capabilities.resources.as_ref().is_some_and(|resources| resources.list_changed) {
        filter = filter.resources();
    }
    for uri in resources {
        filter = filter.resource(uri);
    }
    (filter != Filter::new()).then_some(filter)
}
