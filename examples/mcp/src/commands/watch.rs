//! `mcp watch`: what a server tells by itself.

use std::time::{Duration, Instant};

use clap::Args;
use mcp_core::types::ServerCapabilities;
use mcp_sse_blocking::events::{Event, EventFilter, Heard};
use mcp_sse_blocking::{Builder, Client, Error, Filter, Reconnect, State, States, Subscription};

use crate::exit::{Exit, Failure};
use crate::output::{self, Output, Style, View, json, one_line};
use crate::session::Context;
use crate::target::{Server, Target};

/// How often it is looked whether something else happened while no event comes.
const LOOK: Duration = Duration::from_millis(100);

/// The beginning of a subscription.
const ACKNOWLEDGED: &str = "notifications/subscriptions/acknowledged";

/// Prints what a server tells by itself: notifications, events, changes and log messages, until Ctrl-C
#[derive(Debug, Args)]
#[command(
    after_help = "Each is a line: the seconds since the beginning, what it is called and what it says. As JSON each is printed \
        as it came, in a line of its own; what is no JSON is {\"event\":..,\"data\":..}. Which log messages come is up \
        to --log-level.",
    override_usage = "mcp watch [OPTIONS] URL\n       \
    mcp watch [OPTIONS] --config FILE --server NAME\n       \
    mcp watch [OPTIONS] --stdio -- COMMAND [ARGUMENT]..."
)]
pub(crate) struct Watch {
    /// Where the server is, unless --config or --stdio says it
    #[arg(value_name = "URL")]
    words: Vec<String>,
    /// End after so many of them
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Only those with this name: a method, or the name of an event; may be repeated
    #[arg(long = "event", value_name = "NAME")]
    events: Vec<String>,
    /// Also tell of changes of this resource; may be repeated
    #[arg(short, long = "resource", value_name = "URI")]
    resources: Vec<String>,
    /// Connect again whenever the connection is lost, and go on
    #[arg(long)]
    reconnect: bool,
    #[command(flatten)]
    target: Target,
}

impl Watch {
    pub(crate) fn run(&self, context: &Context) -> Result<Exit, Failure> {
        let server = self.target.alone(&self.words)?;
        let settings = |builder: Builder| {
            // Log messages are among the events. What a server tells as soon as it may is not to be missed.
            let events = self.events.iter().fold(EventFilter::new(), EventFilter::name);
            let builder = builder.on_log(|_, _| ()).events(events);
            Ok(match server {
                _ if self.reconnect => builder.reconnect(Reconnect::new()),
                // As its file says.
                Server::Configured { .. } => builder,
                _ => builder.reconnect(Reconnect::never()),
            })
        };
        context.session_with(server, settings, |client| {
            let Some(events) = client.first_events() else { return Ok(Exit::Done) };
            // Both have to be held: what is dropped is told no more.
            let (_changes, mut states) = (self.changes(client)?, client.watch());
            let done = self.print(context, events, &mut states);
            match done {
                // Ctrl-C, which is how this command ends.
                Err(Failure::Client(Error::Closed(_), _)) => Ok(Exit::Done),
                done => done,
            }
        })
    }

    /// Asks for all changes that the server offers to tell of.
    fn changes(&self, client: &Client) -> Result<Option<Subscription>, Failure> {
        let Some(filter) = filter(client.capabilities(), &self.resources) else { return Ok(None) };
        Ok(Some(client.listen(filter)?))
    }

    fn print(
        &self,
        context: &Context,
        mut events: mcp_sse_blocking::events::Events,
        states: &mut States,
    ) -> Result<Exit, Failure> {
        let begun = Instant::now();
        let mut left = self.count;
        loop {
            // Looked at before the events: what was told before the end is printed before that is told.
            let is_over = events.is_over();
            match events.next_within(LOOK)? {
                // What was asked for, said again: nothing that happened.
                Some(Heard::Event(event)) if event.method() == Some(ACKNOWLEDGED) => {}
                Some(Heard::Event(event)) => {
                    print(context, begun.elapsed(), &event)?;
                    left = left.map(|left| left.saturating_sub(1));
                    if left == Some(0) {
                        return Ok(Exit::Done);
                    }
                }
                Some(Heard::Missed(missed)) => output::say(format!("some may have gone unnoticed: {missed:?}")),
                Some(_) => {}
                // Why is the last that is heard.
                None if is_over => return Ok(Exit::Done),
                None => {}
            }
            while let Some(state) = states.next_within(Duration::ZERO) {
                if let State::Reconnecting { .. } = state {
                    output::say(state.to_string());
                }
            }
        }
    }
}

fn print(context: &Context, at: Duration, event: &Event) -> Result<(), Failure> {
    let mut output = Output::new();
    if context.wants_json() {
        output.json(&document(event))?;
    } else {
        let text = told(at, event, output.view());
        output.print(&text)?;
    }
    Ok(())
}

/// The event as it came, in one line: line ends between the parts of JSON mean nothing.
fn document(event: &Event) -> Box<serde_json::value::RawValue> {
    let text = event.text().replace(['\r', '\n'], " ");
    serde_json::value::RawValue::from_string(text).unwrap_or_else(|_| {
        json::object([("event", json::string(event.event_type())), ("data", json::string(&event.text()))])
    })
}

fn told(at: Duration, event: &Event, view: View) -> String {
    let at = view.paint(Style::Faint, &format!("{:>8.3}", at.as_secs_f64()));
    let name = view.paint(Style::Strong, &one_line(event.name()));
    let about = match event.payload::<Box<serde_json::value::RawValue>>() {
        // A notification without parameters: its name says all.
        Ok(all) if event.method().is_some() && all.get().as_bytes() == event.data() => String::new(),
        Ok(payload) => one_line(payload.get()),
        Err(_) => one_line(&event.text()),
    };
    format!("{at} {name} {about}").trim_end().to_owned() + "\n"
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_printed_as_it_came() {
        let event = |data: &str| Event::new("", "", data.as_bytes());
        let exact = "{\"method\":\"x\", \"params\":{\"n\":123456789012345678901234567890,\"a\":1.50}}";
        assert_eq!(document(&event(exact)).get(), exact);
        assert_eq!(document(&event("{\n\"a\":1}")).get(), "{ \"a\":1}");
        assert_eq!(document(&Event::new("note", "", b"no json")).get(), r#"{"event":"note","data":"no json"}"#);
    }

    #[test]
    fn a_line_has_the_name_and_what_it_is_about() {
        let line = |data: &str| told(Duration::from_millis(1500), &Event::new("", "", data.as_bytes()), View::Piped);
        assert_eq!(
            line(r#"{"jsonrpc":"2.0","method":"notifications/x","params":{"a":"\u001b[2J"}}"#),
            "   1.500 notifications/x {\"a\":\"\\u001b[2J\"}\n"
        );
        assert_eq!(line(r#"{"jsonrpc":"2.0","method":"notifications/x"}"#), "   1.500 notifications/x\n");
        assert_eq!(line("a\nb\u{1b}"), "   1.500 message a\u{FFFD}b\u{FFFD}\n");
    }
}
