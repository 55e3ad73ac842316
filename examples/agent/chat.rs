//! Chat completions, as OpenAI's API has them and many others copy it.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// How long an answer may take. Large models think for minutes.
const PATIENCE: Duration = Duration::from_secs(300);
/// Bytes of an answer.
const ANSWER: u64 = 4 << 20;
/// Characters of an error that are shown.
const EXCERPT: usize = 300;

/// A model behind a URL.
pub(crate) struct Endpoint {
    agent: ureq::Agent,
    url: String,
    model: String,
    key: Option<String>,
}

/// What the model said.
pub(crate) struct Reply {
    /// As it came.
    pub(crate) message: Value,
    pub(crate) text: String,
    pub(crate) calls: Vec<FunctionCall>,
}

/// A call that the model asks for.
pub(crate) struct FunctionCall {
    pub(crate) id: String,
    pub(crate) name: String,
    /// JSON, if the model did well.
    pub(crate) arguments: String,
}

/// Why there is no reply.
#[derive(Debug)]
pub(crate) enum ChatError {
    /// A variable is missing or of no use.
    Setting(String),
    /// The endpoint cannot be reached, or does not answer.
    Network(String),
    /// It answers with this status, and says this.
    Status(u16, String),
    /// It answers with something else.
    NoReply(&'static str),
}

#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    messages: &'a [Value],
    #[serde(skip_serializing_if = "Option::is_none")]
    tools: Option<&'a RawValue>,
}

impl Endpoint {
    /// The endpoint that `OPENAI_BASE_URL`, `OPENAI_MODEL` and `OPENAI_API_KEY` say.
    pub(crate) fn from_environment() -> Result<Self, ChatError> {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let base = set("OPENAI_BASE_URL").unwrap_or_else(|| "https://api.openai.com/v1".to_owned());
        let Some(model) = set("OPENAI_MODEL") else {
            return Err(ChatError::Setting("OPENAI_MODEL says which model to ask, and is not set".to_owned()));
        };
        let key = set("OPENAI_API_KEY");
        if key.as_ref().is_some_and(|key| key.contains(char::is_control)) {
            return Err(ChatError::Setting("OPENAI_API_KEY has a line break or another control character".to_owned()));
        }
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .http_status_as_error(false)
            // A key goes where it was meant to go.
            .max_redirects(0)
            .build()
            .into();
        Ok(Self { agent, url: format!("{}/chat/completions", base.trim_end_matches('/')), model, key })
    }

    /// What the model says to the messages.
    pub(crate) fn complete(&self, messages: &[Value], tools: Option<&RawValue>) -> Result<Reply, ChatError> {
        let request = Request { model: &self.model, messages, tools };
        // Strings, numbers and raw JSON: there is nothing that could not be written.
        let body = serde_json::to_vec(&request).unwrap_or_default();
        let mut post = self.agent.post(&self.url).header("Content-Type", "application/json");
        if let Some(key) = &self.key {
            post = post.header("Authorization", format!("Bearer {key}"));
        }
        let mut response = post.send(&body[..]).map_err(|error| ChatError::Network(error.to_string()))?;
        let status = response.status().as_u16();
        let body = response.body_mut().with_config().limit(ANSWER).read_to_vec();
        let body = body.map_err(|error| ChatError::Network(error.to_string()))?;
        if status != 200 {
            return Err(ChatError::Status(status, self.reason(&body)));
        }
        Reply::read(&body)
    }

    /// What an error says, without the key, which some repeat.
    fn reason(&self, body: &[u8]) -> String {
        let json: Value = serde_json::from_slice(body).unwrap_or_default();
        let error = &json["error"];
        let said = error["message"].as_str().or(error.as_str()).map(str::to_owned);
        let mut said = said.unwrap_or_else(|| String::from_utf8_lossy(body).into_owned());
        if let Some(key) = &self.key {
            said = said.replace(key.as_str(), "***");
        }
        super::plain(&said).chars().take(EXCERPT).collect::<String>().trim().to_owned()
    }
}

impl Reply {
    fn read(body: &[u8]) -> Result<Self, ChatError> {
        let mut json: Value = serde_json::from_slice(body).map_err(|_| ChatError::NoReply("it is no JSON"))?;
        let message = json.pointer_mut("/choices/0/message").map(Value::take).filter(Value::is_object);
        let Some(message) = message else { return Err(ChatError::NoReply("it has no message")) };
        let calls = match &message["tool_calls"] {
            Value::Array(calls) => calls.iter().map(FunctionCall::read).collect::<Option<_>>(),
            _ => Some(Vec::new()),
        };
        let Some(calls) = calls else { return Err(ChatError::NoReply("it has a call without an id or a name")) };
        let text = text(&message["content"]).or_else(|| text(&message["refusal"])).unwrap_or_default();
        if text.is_empty() && calls.is_empty() {
            return Err(ChatError::NoReply("it has neither text nor a call"));
        }
        Ok(Self { message, text, calls })
    }
}

impl FunctionCall {
    fn read(call: &Value) -> Option<Self> {
        let (id, function) = (call["id"].as_str()?, &call["function"]);
        let arguments = match &function["arguments"] {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            // Against the API, but done.
            other => other.to_string(),
        };
        Some(Self { id: id.to_owned(), name: function["name"].as_str()?.to_owned(), arguments })
    }
}

/// A text, or one in parts.
fn text(content: &Value) -> Option<String> {
    match content {
        Value::String(text) => Some(text.clone()),
        Value::Array(parts) => Some(parts.iter().filter_map(|part| part["text"].as_str()).collect()),
        _ => None,
    }
}

impl fmt::Display for ChatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setting(problem) => f.write_str(problem),
            Self::Network(problem) => write!(f, "the endpoint cannot be asked: {problem}"),
            Self::Status(status, reason) => {
                let meaning = match status {
                    401 | 403 => "the endpoint refuses the key; see OPENAI_API_KEY",
                    404 => "the endpoint or the model is not there; see OPENAI_BASE_URL and OPENAI_MODEL",
                    429 => "the endpoint has had too many requests or too little money",
                    300..=399 => "the endpoint is elsewhere; see OPENAI_BASE_URL",
                    _ => "the endpoint failed",
                };
                write!(f, "{meaning} (HTTP status {status})")?;
                if reason.is_empty() { Ok(()) } else { write!(f, ": {reason}") }
            }
            Self::NoReply(problem) => write!(f, "the endpoint's answer cannot be used: {problem}"),
        }
    }
}

impl std::error::Error for ChatError {}
