//! A server over Streamable HTTP that wants a token, and the authorization server that gives it, on one port: both as they should
//! be, until a test says otherwise for one of the requests.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

/// How long anything here waits for anything.
const BOUND: Duration = Duration::from_secs(20);

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Asked {
    /// `GET`, `POST` or `DELETE`.
    pub method: String,
    /// Without its query.
    pub path: String,
    /// The parameters of the query.
    pub query: BTreeMap<String, String>,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: String,
}

/// What is answered.
pub enum Reply {
    /// A status, headers with their line ends, and a body.
    Answer(&'static str, String, String),
    /// Nothing, until the client gives up.
    Nothing,
    /// A document without end.
    Endless,
}

/// What the servers know.
#[derive(Default)]
pub struct World {
    /// `http://127.0.0.1:port`.
    pub origin: String,
    /// The metadata of the authorization server, with what a test adds.
    pub metadata: Value,
    /// Tokens that count, with their scopes.
    pub tokens: BTreeMap<String, BTreeSet<String>>,
    /// Refresh tokens that count: each once.
    pub refresh_tokens: BTreeSet<String>,
    /// How long tokens count, in what is said of them.
    pub expires_in: Option<u64>,
    /// What a challenge asks for.
    pub challenged: Option<&'static str>,
    /// What calls of tools need.
    pub needed: Option<&'static str>,
    /// What a client has to show, if it has.
    pub secret: Option<&'static str>,
    /// The clients that are known, beside those that are URLs: one that was registered beforehand is `known`.
    pub clients: BTreeSet<String>,
    registrations: u32,
    codes: BTreeMap<String, BTreeMap<String, String>>,
    issued: u32,
    asked: Vec<Asked>,
}

/// Says otherwise.
type Hook = dyn FnMut(&Asked, &mut World) -> Option<Reply> + Send;

/// Both servers, until they are dropped.
pub struct Authority {
    world: Arc<Mutex<World>>,
    stopping: Arc<AtomicBool>,
    address: std::net::SocketAddr,
}

impl Authority {
    /// As they should be.
    pub fn decent() -> Self {
        Self::run(|_, _| None)
    }

    /// As they should be where `hook` says nothing.
    pub fn run(hook: impl FnMut(&Asked, &mut World) -> Option<Reply> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        let origin = format!("http://{address}");
        let metadata = json!({
            "issuer": origin,
            "authorization_endpoint": format!("{origin}/authorize"),
            "token_endpoint": format!("{origin}/token"),
            "registration_endpoint": format!("{origin}/register"),
            "code_challenge_methods_supported": ["S256"],
        });
        let world = Arc::new(Mutex::new(World {
            origin,
            metadata,
            clients: BTreeSet::from(["known".to_owned()]),
            ..World::default()
        }));
        let (stopping, hook): (_, Arc<Mutex<Hook>>) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(hook)));
        let (own, stop) = (Arc::clone(&world), Arc::clone(&stopping));
        thread::spawn(move || {
            while let Ok((socket, _)) = listener.accept() {
                if stop.load(Ordering::Acquire) {
                    return;
                }
                let (world, hook) = (Arc::clone(&own), Arc::clone(&hook));
                thread::spawn(move || serve(socket, &world, &hook));
            }
        });
        Self { world, stopping, address }
    }

    /// The URL of the server.
    pub fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    /// The issuer of the authorization server.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What the servers know.
    pub fn world(&self) -> MutexGuard<'_, World> {
        locked(&self.world)
    }

    /// What was asked at `path`.
    pub fn asked(&self, path: &str) -> Vec<Asked> {
        self.world().asked.iter().filter(|asked| asked.path == path).cloned().collect()
    }

    /// All paths that were asked for.
    pub fn paths(&self) -> Vec<String> {
        self.world().asked.iter().map(|asked| asked.path.clone()).collect()
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Release);
        let _ = TcpStream::connect(self.address);
    }
}

impl Reply {
    /// A document.
    pub fn json(value: &Value) -> Self {
        Self::Answer("200 OK", "Content-Type: application/json\r\n".into(), value.to_string())
    }

    /// A refusal of OAuth.
    pub fn refusal(error: &str) -> Self {
        Self::Answer(
            "400 Bad Request",
            "Content-Type: application/json\r\n".into(),
            json!({ "error": error }).to_string(),
        )
    }

    /// There is no such thing.
    pub fn missing() -> Self {
        Self::Answer("404 Not Found", String::new(), String::new())
    }
}

impl Asked {
    /// The parameters of a form.
    pub fn form(&self) -> BTreeMap<String, String> {
        parameters(&self.body)
    }

    /// The token that it carries.
    pub fn token(&self) -> Option<&str> {
        self.headers.get("authorization")?.strip_prefix("Bearer ")
    }
}

/// A person who says yes to everything, and whose browser goes where it is sent.
pub fn browse(url: &str) -> Result<(), String> {
    let location = redirect(url)?;
    thread::spawn(move || get(&location));
    Ok(())
}

/// Where a page leads.
pub fn redirect(url: &str) -> Result<String, String> {
    let answer = get(url).map_err(|error| error.to_string())?;
    let location = answer.lines().find_map(|line| line.strip_prefix("Location: "));
    location.map(str::to_owned).ok_or_else(|| "the page leads nowhere".to_owned())
}

/// A page, with its head.
pub fn get(url: &str) -> io::Result<String> {
    let rest = url.strip_prefix("http://").ok_or(io::ErrorKind::InvalidInput)?;
    let (authority, target) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let mut socket = TcpStream::connect(authority)?;
    socket.set_read_timeout(Some(BOUND))?;
    write!(socket, "GET {target} HTTP/1.1\r\nHost: {authority}\r\n\r\n")?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer)?;
    Ok(answer.replace('\r', ""))
}

impl World {
    /// What is answered when nobody says otherwise.
    pub fn serve(&mut self, asked: &Asked) -> Reply {
        match (&*asked.method, &*asked.path) {
            ("GET", "/.well-known/oauth-protected-resource/mcp") => {
                let origin = &self.origin;
                Reply::json(&json!({"resource": format!("{origin}/mcp"), "authorization_servers": [origin]}))
            }
            ("GET", "/.well-known/oauth-authorization-server") => Reply::json(&self.metadata),
            ("POST", "/register") => {
                let mut registered: Value = serde_json::from_str(&asked.body).expect("JSON");
                self.registrations += 1;
                let id = if self.registrations == 1 {
                    "registered".into()
                } else {
                    format!("registered-{}", self.registrations)
                };
                registered["client_id"] = id.clone().into();
                self.clients.insert(id);
                Reply::json(&registered)
            }
            // Nobody is sent back for one that is not known (RFC 6749, section 4.1.2.1).
            ("GET", "/authorize") if !self.knows(&asked.query["client_id"]) => Reply::refusal("unknown client"),
            ("GET", "/authorize") => {
                self.issued += 1;
                let code = format!("hidden-code-{}", self.issued);
                self.codes.insert(code.clone(), asked.query.clone());
                let (back, state) = (&asked.query["redirect_uri"], &asked.query["state"]);
                let location = format!("Location: {back}?code={code}&state={state}\r\n");
                Reply::Answer("302 Found", location, String::new())
            }
            ("POST", "/token") => self.token(&asked.form(), asked),
            (method, "/mcp") => self.message(method, asked),
            _ => Reply::missing(),
        }
    }

    fn knows(&self, client: &str) -> bool {
        self.clients.contains(client) || client.starts_with("https://")
    }

    fn token(&mut self, form: &BTreeMap<String, String>, asked: &Asked) -> Reply {
        if self.secret.is_some_and(|secret| {
            form.get("client_secret").is_none_or(|shown| shown != secret)
                && !asked.headers.contains_key("authorization")
        }) {
            return Reply::refusal("invalid_client");
        }
        if form.get("client_id").is_some_and(|client| !self.knows(client)) {
            return Reply::refusal("invalid_client");
        }
        let scopes = match &*form["grant_type"] {
            "authorization_code" => {
                let Some(wanted) = self.codes.remove(&form["code"]) else { return Reply::refusal("invalid_grant") };
                let verifier = &form["code_verifier"];
                let is_same = |name: &str| wanted[name] == form[name];
                if s256(verifier) != wanted["code_challenge"] || !is_same("redirect_uri") || !is_same("resource") {
                    return Reply::refusal("invalid_grant");
                }
                wanted.get("scope").cloned().unwrap_or_default()
            }
            "refresh_token" if self.refresh_tokens.remove(&form["refresh_token"]) => String::new(),
            "client_credentials" => form.get("scope").cloned().unwrap_or_default(),
            _ => return Reply::refusal("invalid_grant"),
        };
        self.issued += 1;
        let token = format!("hidden-token-{}", self.issued);
        let scopes = scopes.split(' ').filter(|scope| !scope.is_empty()).map(str::to_owned).collect();
        self.tokens.insert(token.clone(), scopes);
        let mut answer = json!({"access_token": token, "token_type": "Bearer"});
        if let Some(expires_in) = self.expires_in {
            let refresh_token = format!("hidden-refresh-{}", self.issued);
            answer["expires_in"] = expires_in.into();
            answer["refresh_token"] = refresh_token.clone().into();
            self.refresh_tokens.insert(refresh_token);
        }
        Reply::json(&answer)
    }

    fn message(&self, method: &str, asked: &Asked) -> Reply {
        let Some(scopes) = asked.token().and_then(|token| self.tokens.get(token)) else {
            let scope = self.challenged.map(|scope| format!(" scope=\"{scope}\"")).unwrap_or_default();
            let challenge = format!("WWW-Authenticate: Bearer{scope}\r\n");
            return Reply::Answer("401 Unauthorized", challenge, String::new());
        };
        if method != "POST" {
            return Reply::Answer("405 Method Not Allowed", String::new(), String::new());
        }
        let message: Value = serde_json::from_str(&asked.body).expect("JSON");
        let result = match message["method"].as_str() {
            Some("initialize") => {
                json!({"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": {"name": "scripted", "version": "1"}})
            }
            Some("tools/list") => json!({"tools": [{"name": "echo", "inputSchema": {"type": "object"}}]}),
            Some("tools/call") => {
                if let Some(needed) = self.needed.filter(|needed| !scopes.contains(*needed)) {
                    let challenge =
                        format!("WWW-Authenticate: Bearer error=\"insufficient_scope\", scope=\"{needed}\"\r\n");
                    return Reply::Answer("403 Forbidden", challenge, String::new());
                }
                json!({"content": [{"type": "text", "text": "hi"}]})
            }
            _ => return Reply::Answer("202 Accepted", String::new(), String::new()),
        };
        Reply::json(&json!({"jsonrpc": "2.0", "id": message["id"], "result": result}))
    }
}

fn serve(socket: TcpStream, world: &Mutex<World>, hook: &Mutex<Hook>) {
    let Ok(asked) = read(&socket) else { return };
    let reply = {
        let mut world = locked(world);
        world.asked.push(asked.clone());
        let otherwise = locked(hook)(&asked, &mut world);
        otherwise.unwrap_or_else(|| world.serve(&asked))
    };
    let mut socket = socket;
    match reply {
        Reply::Answer(status, headers, body) => {
            let length = body.len();
            let answer =
                format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}");
            let _ = socket.write_all(answer.as_bytes());
        }
        Reply::Nothing => {
            let _ = socket.read(&mut [0]);
            // Somebody may wait to see that the client gave up.
            locked(world).asked.push(Asked { method: "END".into(), ..asked });
        }
        Reply::Endless => {
            let _ = socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\"resource\":\"");
            while socket.write_all(&[b'x'; 4096]).is_ok() {}
        }
    }
}

fn read(socket: &TcpStream) -> io::Result<Asked> {
    socket.set_read_timeout(Some(BOUND))?;
    let mut reader = BufReader::new(socket);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut parts = line.split_whitespace().map(str::to_owned);
    let (Some(method), Some(target)) = (parts.next(), parts.next()) else {
        return Err(io::ErrorKind::UnexpectedEof.into());
    };
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let (path, query) = (path.to_owned(), parameters(query));
    Ok(Asked { method, path, query, headers, body: String::from_utf8_lossy(&body).into_owned() })
}

fn parameters(text: &str) -> BTreeMap<String, String> {
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), decoded(value))).collect()
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let digits = [(); 2].map(|()| if byte == b'%' { rest.next().unwrap_or(b'0') } else { b'0' });
        let escaped = u8::from_str_radix(&String::from_utf8_lossy(&digits), 16).unwrap_or(0);
        bytes.push(if byte == b'%' { escaped } else { byte });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// RFC 7636, section 4.2.
fn s256(verifier: &str) -> String {
    let suite = rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256.tls13().expect("of TLS 1.3");
    let mut text = String::new();
    mcp_core::base64::encode(suite.common.hash_provider.hash(verifier.as_bytes()).as_ref(), &mut text);
    text.trim_end_matches('=').replace('+', "-").replace('/', "_")
}

fn locked<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
