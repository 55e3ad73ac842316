//! Messages against the official JSON schema of their revision, for every test that sees some.
//!
//! [`Conversation`] listens to both sides of a session and judges what our side sends: as a JSON-RPC message, as what its method says
//! it is, and as something that its sender may send at all. It finds out by itself which revision the two agreed on and which
//! request an answer belongs to. Validators are compiled once for a process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use jsonschema::Validator;
use mcp_core::revision::ProtocolVersion;
use mcp_core::types::{Method, meta};
use serde_json::{Value, json};

/// Who sent a message, as the schemas name its kind of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The client.
    Client,
    /// The server.
    Server,
}

impl Side {
    /// The one that it talks to.
    pub fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// Judges a message of the client's; of an answer only its form, unless `asked` says which method it answers.
///
/// # Panics
///
/// When it is not what the schema of `version` says.
#[track_caller]
pub fn check_client_message(version: ProtocolVersion, asked: Option<&str>, bytes: &[u8]) {
    check(version, Side::Client, asked, bytes);
}

/// Judges a message of the server's; of an answer only its form, unless `asked` says which method it answers.
///
/// # Panics
///
/// When it is not what the schema of `version` says.
#[track_caller]
pub fn check_server_message(version: ProtocolVersion, asked: Option<&str>, bytes: &[u8]) {
    check(version, Side::Server, asked, bytes);
}

#[track_caller]
fn check(version: ProtocolVersion, side: Side, asked: Option<&str>, bytes: &[u8]) {
    let message: Value = serde_json::from_slice(bytes).expect("a message is JSON");
    assert_valid(version, side, asked, &message);
}

/// What is wrong with `value` as a `definition` of the schema; nothing if it is one.
///
/// # Panics
///
/// When the schema has no such definition.
pub fn faults(version: ProtocolVersion, definition: &str, value: &Value) -> Vec<String> {
    let validator = Schema::of(version).validator(definition);
    validator.iter_errors(value).map(|error| format!("{error} at `{}`", error.instance_path())).collect()
}

/// Judges a value as a definition of the schema.
///
/// # Panics
///
/// When it is none.
#[track_caller]
pub fn assert_is(version: ProtocolVersion, definition: &str, value: &Value) {
    if let Err(fault) = is(version, definition, value) {
        panic!("{fault}");
    }
}

/// Judges a message, `asked` being the method of the request that it may answer.
///
/// # Panics
///
/// When it is not what the schema of `version` says.
#[track_caller]
pub fn assert_valid(version: ProtocolVersion, side: Side, asked: Option<&str>, message: &Value) {
    if let Err(fault) = judge(version, side, asked, message) {
        panic!("{fault}");
    }
}

fn is(version: ProtocolVersion, definition: &str, value: &Value) -> Result<(), String> {
    let faults = faults(version, definition, value);
    if faults.is_empty() { Ok(()) } else { Err(format!("{value} is no {definition} of {version}: {faults:?}")) }
}

/// Judges a message, `asked` being the method of the request that it may answer.
///
/// # Errors
///
/// Why it is not what the schema of `version` says.
pub fn judge(version: ProtocolVersion, side: Side, asked: Option<&str>, message: &Value) -> Result<(), String> {
    if let Value::Array(batch) = message {
        if !version.allows_batches() {
            return Err(format!("{version} has no batches: {message}"));
        }
        return batch.iter().try_for_each(|message| judge(version, side, asked, message));
    }
    let schema = Schema::of(version);
    if message.get("error").is_some() {
        return judge_error(version, schema, message);
    }
    is(version, "JSONRPCMessage", message)?;
    if let Some(method) = message["method"].as_str() {
        let kind = if message.get("id").is_some() { "Request" } else { "Notification" };
        match Method::from_name(method) {
            Some(known) if known.exists_in(version) => {
                is(version, schema.definition_of(method), message)?;
                is(version, &format!("{side:?}{kind}"), message)?;
            }
            Some(_) => return Err(format!("{version} has no message {method}: {message}")),
            // Somebody's own: the schemas say nothing of it.
            None => {}
        }
    } else if let Some(asked) = asked {
        let result = &message["result"];
        is(version, schema.result_of(asked, result)?, result)?;
        is(version, &format!("{side:?}Result"), result)?;
    }
    Ok(())
}

fn judge_error(version: ProtocolVersion, schema: &Schema, message: &Value) -> Result<(), String> {
    let mut message = message.clone();
    let mut judge = (version, schema);
    // What most servers answer to what has no id that could be read. Schemas have it from 2025-11-25 on, without the member
    // (R-LM-6).
    if message.get("id").is_none_or(Value::is_null) {
        let newest = ProtocolVersion::LATEST_HANDSHAKE.max(version);
        judge = (newest, Schema::of(newest));
        message.as_object_mut().map(|members| members.remove("id"));
    }
    let (version, schema) = judge;
    is(version, "JSONRPCMessage", &message)?;
    is(version, schema.error, &message)?;
    let named = match message["error"]["code"].as_i64() {
        Some(-32020) => "HeaderMismatchError",
        Some(-32021) => "MissingRequiredClientCapabilityError",
        Some(-32022) => "UnsupportedProtocolVersionError",
        Some(-32042) => "URLElicitationRequiredError",
        _ => return Ok(()),
    };
    if schema.has(named) { is(version, named, &message) } else { Ok(()) }
}

/// A message and all that its judgement depends on.
#[derive(Debug)]
pub struct Case {
    version: ProtocolVersion,
    side: Side,
    asked: Option<String>,
    message: Value,
}

impl Case {
    /// Judges it.
    ///
    /// # Errors
    ///
    /// Why it is not what the schema of its revision says.
    pub fn judge(&self) -> Result<(), String> {
        judge(self.version, self.side, self.asked.as_deref(), &self.message)
    }
}

/// What two sides say to each other. Lends itself to be filled from wherever bytes pass.
#[derive(Debug, Default)]
pub struct Conversation {
    /// What the handshake came to.
    agreed: Option<ProtocolVersion>,
    /// What the client offered in it.
    offered: Option<ProtocolVersion>,
    /// What the last request without one claimed: what is said of its own accord after it belongs to it.
    claimed: Option<ProtocolVersion>,
    /// Requests by who made them and their id as it is written: the method, and the revision that the request itself claims.
    asked: HashMap<(bool, String), (String, Option<ProtocolVersion>)>,
    judged: usize,
}

impl Conversation {
    /// A message that our side sent: it is judged.
    ///
    /// # Panics
    ///
    /// When it is no JSON, or not what the schema of the agreed revision says.
    #[track_caller]
    pub fn sent(&mut self, side: Side, bytes: &[u8]) {
        if let Err(fault) = self.judge(side, bytes) {
            panic!("{fault}");
        }
    }

    /// As [`sent`](Self::sent), for whoever cannot fail at once.
    ///
    /// # Errors
    ///
    /// What the panic would say.
    pub fn judge(&mut self, side: Side, bytes: &[u8]) -> Result<(), String> {
        let message: Value = serde_json::from_slice(bytes)
            .map_err(|error| format!("what we sent is no JSON: {error}: {}", String::from_utf8_lossy(bytes)))?;
        self.cases(side, message).iter().try_for_each(Case::judge)
    }

    /// What has to be judged in a message that our side sent, for whoever has no time for it now.
    pub fn cases(&mut self, side: Side, message: Value) -> Vec<Case> {
        self.learn(side, &message);
        self.judged += 1;
        let messages = match message {
            Value::Array(batch) if self.agreed.is_some_and(ProtocolVersion::allows_batches) => batch,
            message => vec![message],
        };
        let case = |message: Value| {
            let (asked, claimed) = self.question_of(side, &message);
            let known = claimed.or(self.agreed).or(self.offered).or(self.claimed);
            let version = known.unwrap_or(ProtocolVersion::LATEST_HANDSHAKE);
            Case { version, side, asked, message }
        };
        messages.into_iter().map(case).collect()
    }

    /// A message of the other side, which may be whatever a test likes: only listened to.
    pub fn overheard(&mut self, side: Side, bytes: &[u8]) {
        if let Ok(message) = serde_json::from_slice(bytes) {
            self.learn(side, &message);
        }
    }

    /// How many messages were judged.
    pub fn judged(&self) -> usize {
        self.judged
    }

    fn learn(&mut self, side: Side, message: &Value) {
        for message in message.as_array().map_or(std::slice::from_ref(message), Vec::as_slice) {
            match (message["method"].as_str(), message.get("id")) {
                (Some(method), Some(id)) => {
                    let claimed = claimed_version(message);
                    self.claimed = claimed.or(self.claimed);
                    if method == "initialize" {
                        let offered = message["params"]["protocolVersion"].as_str().unwrap_or_default();
                        self.offered = ProtocolVersion::from_handshake(offered);
                        self.agreed = None;
                    }
                    self.asked.insert((side == Side::Client, id.to_string()), (method.to_owned(), claimed));
                }
                (None, Some(_)) => {
                    let (asked, _) = self.question_of(side, message);
                    let version = message["result"]["protocolVersion"].as_str();
                    if let (Some("initialize"), Some(version)) = (asked.as_deref(), version) {
                        self.agreed = ProtocolVersion::from_handshake(version);
                    }
                }
                _ => {}
            }
        }
    }

    /// The method that a message answers, and the revision that it has to be judged by because of what it or its question says.
    fn question_of(&self, side: Side, message: &Value) -> (Option<String>, Option<ProtocolVersion>) {
        if message.get("method").is_some() {
            return (None, claimed_version(message));
        }
        let Some(id) = message.get("id") else { return (None, None) };
        match self.asked.get(&(side.other() == Side::Client, id.to_string())) {
            Some((method, claimed)) => (Some(method.clone()), *claimed),
            None => (None, None),
        }
    }
}

/// The conversation of this thread, for tests whose helpers are plain functions. A handshake begins it anew.
pub fn here<R>(hear: impl FnOnce(&mut Conversation) -> R) -> R {
    thread_local!(static HERE: std::cell::RefCell<Conversation> = std::cell::RefCell::default());
    HERE.with_borrow_mut(hear)
}

/// The revision that a request claims without a handshake. One that does not exist is answered by the newest.
fn claimed_version(message: &Value) -> Option<ProtocolVersion> {
    let claimed = message["params"]["_meta"].get(meta::PROTOCOL_VERSION)?.as_str()?;
    Some(ProtocolVersion::from_wire(claimed).filter(|version| !version.has_handshake()).unwrap_or(NEWEST))
}

const NEWEST: ProtocolVersion = ProtocolVersion::ALL[ProtocolVersion::ALL.len() - 1];

/// The schema of one revision.
struct Schema {
    text: Value,
    /// The member that holds the definitions.
    keyword: &'static str,
    /// The name of the definition of an error response.
    error: &'static str,
    /// By the name of their definition. Built when they are first needed.
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

impl Schema {
    fn of(version: ProtocolVersion) -> &'static Self {
        static SCHEMAS: [OnceLock<Schema>; ProtocolVersion::ALL.len()] = [const { OnceLock::new() }; 5];
        let at = ProtocolVersion::ALL.iter().position(|known| *known == version).expect("all are in the list");
        SCHEMAS[at].get_or_init(|| Self::read(version))
    }

    fn read(version: ProtocolVersion) -> Self {
        let (text, keyword, error) = match version {
            ProtocolVersion::V2024_11_05 => {
                (include_str!("../schema/2024-11-05.schema.json"), "definitions", "JSONRPCError")
            }
            ProtocolVersion::V2025_03_26 => {
                (include_str!("../schema/2025-03-26.schema.json"), "definitions", "JSONRPCError")
            }
            ProtocolVersion::V2025_06_18 => {
                (include_str!("../schema/2025-06-18.schema.json"), "definitions", "JSONRPCError")
            }
            ProtocolVersion::V2025_11_25 => {
                (include_str!("../schema/2025-11-25.schema.json"), "$defs", "JSONRPCErrorResponse")
            }
            ProtocolVersion::V2026_07_28 => {
                (include_str!("../schema/2026-07-28.schema.json"), "$defs", "JSONRPCErrorResponse")
            }
        };
        let mut text = serde_json::from_str(text).expect("a schema is JSON");
        widen(&mut text);
        Self { text, keyword, error, validators: Mutex::default() }
    }

    fn has(&self, definition: &str) -> bool {
        self.text[self.keyword].get(definition).is_some()
    }

    /// The definition of the request or notification with this method.
    fn definition_of(&self, method: &str) -> &str {
        let definitions = self.text[self.keyword].as_object().expect("definitions are an object");
        let mut found =
            definitions.iter().filter(|(_, definition)| definition["properties"]["method"]["const"] == method);
        // In 2026-07-28 `ClientNotification` is the one notification that there is.
        let found = found.find(|(name, _)| *name != "ClientNotification");
        found.unwrap_or_else(|| panic!("the schema has no method {method}")).0
    }

    /// The definition of a result of this method.
    fn result_of(&self, method: &str, result: &Value) -> Result<&'static str, String> {
        if result["resultType"] == "input_required" && self.has("InputRequiredResult") {
            return match Method::from_name(method) {
                Some(known) if known.may_ask_for_input() => Ok("InputRequiredResult"),
                _ => Err(format!("an answer to {method} may not ask for input (R-LM-64): {result}")),
            };
        }
        Ok(match method {
            "initialize" => "InitializeResult",
            "server/discover" => "DiscoverResult",
            "tools/list" => "ListToolsResult",
            "tools/call" => "CallToolResult",
            "resources/list" => "ListResourcesResult",
            "resources/templates/list" => "ListResourceTemplatesResult",
            "resources/read" => "ReadResourceResult",
            "prompts/list" => "ListPromptsResult",
            "prompts/get" => "GetPromptResult",
            "completion/complete" => "CompleteResult",
            "subscriptions/listen" => "SubscriptionsListenResult",
            "roots/list" => "ListRootsResult",
            "sampling/createMessage" => "CreateMessageResult",
            "elicitation/create" => "ElicitResult",
            "ping" | "logging/setLevel" | "resources/subscribe" | "resources/unsubscribe" => "EmptyResult",
            // Somebody's own.
            _ => "Result",
        })
    }

    fn validator(&self, definition: &str) -> Arc<Validator> {
        // A test that failed in here did not leave anything half done.
        let mut validators = self.validators.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(validator) = validators.get(definition) {
            return Arc::clone(validator);
        }
        assert!(self.has(definition), "the schema has no {definition}");
        let mut schema = json!({"$ref": format!("#/{}/{definition}", self.keyword)});
        schema["$schema"] = self.text["$schema"].clone();
        schema[self.keyword] = self.text[self.keyword].clone();
        let validator = jsonschema::validator_for(&schema).unwrap_or_else(|error| panic!("{definition}: {error}"));
        let validator = Arc::new(validator);
        validators.insert(definition.to_owned(), Arc::clone(&validator));
        validator
    }
}

/// The generator of the schemas writes what the specification has as `string | number | boolean` with `integer` in the place of
/// `number`. A form may have 1.5 in it all the same.
fn widen(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if let Some(types) = members.get_mut("type").and_then(Value::as_array_mut)
                && types.iter().any(|name| name == "boolean")
                && types.iter().any(|name| name == "integer")
            {
                types.push(json!("number"));
            }
            members.values_mut().for_each(widen);
        }
        Value::Array(items) => items.iter_mut().for_each(widen),
        _ => {}
    }
}
