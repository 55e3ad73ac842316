//! The loop of an agent: ask the model, call what it asks for, tell it what came of it, until it answers.

use std::fmt;

use serde_json::{Value, json};

use super::chat::{ChatError, Endpoint};
use super::plain;
use super::tools::Tools;

/// How often the model may ask for calls. A model that goes in circles costs money.
const ROUNDS: usize = 10;
/// Calls of one answer of the model.
const CALLS: usize = 16;
/// Bytes of everything that is said, all of which is sent in each round.
const BYTES: usize = 4 << 20;
/// Characters of a result that are shown on the way.
const GLANCE: usize = 200;

/// A question and what follows from it.
pub(crate) struct Conversation<'a> {
    endpoint: &'a Endpoint,
    tools: &'a Tools<'a>,
    messages: Vec<Value>,
    bytes: usize,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    /// The endpoint, or what it said.
    Chat(ChatError),
    /// The model asked for calls in every round.
    Rounds,
    /// Too much was said.
    Bytes,
}

impl<'a> Conversation<'a> {
    pub(crate) fn new(endpoint: &'a Endpoint, tools: &'a Tools<'a>) -> Self {
        Self { endpoint, tools, messages: Vec::new(), bytes: 0 }
    }

    /// The answer of the model.
    pub(crate) fn ask(mut self, question: &str) -> Result<String, NoAnswer> {
        self.say(json!({"role": "user", "content": question}))?;
        for round in 1..=ROUNDS {
            let reply = self.endpoint.complete(&self.messages, self.tools.declarations()).map_err(NoAnswer::Chat)?;
            if reply.calls.is_empty() {
                return Ok(plain(&reply.text));
            }
            // As it came: some endpoints want back what only they understand.
            self.say(reply.message)?;
            for (number, call) in reply.calls.iter().enumerate() {
                eprintln!("[{round}] {} {}", plain(&call.name), plain(&call.arguments));
                let text = match number < CALLS {
                    true => self.tools.call(call),
                    false => format!("not called: there may be {CALLS} calls at once"),
                };
                eprintln!("[{round}] = {}", glance(&text));
                self.say(json!({"role": "tool", "tool_call_id": call.id, "content": text}))?;
            }
        }
        Err(NoAnswer::Rounds)
    }

    fn say(&mut self, message: Value) -> Result<(), NoAnswer> {
        self.bytes += message.to_string().len();
        self.messages.push(message);
        if self.bytes > BYTES { Err(NoAnswer::Bytes) } else { Ok(()) }
    }
}

/// The beginning of a result, in one line.
fn glance(text: &str) -> String {
    let line: String = text.chars().take(GLANCE).map(|c| if c == '\n' { ' ' } else { c }).collect();
    plain(&line) + if text.chars().nth(GLANCE).is_some() { "..." } else { "" }
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chat(error) => error.fmt(f),
            Self::Rounds => write!(f, "the model asked for calls {ROUNDS} times and gave no answer"),
            Self::Bytes => write!(f, "more than {BYTES} bytes were said without an answer"),
        }
    }
}

impl std::error::Error for NoAnswer {}
