//! The roles, and a reader whose stream is a value in memory.

use std::io::{self, Read};

use mcp_core::Limits;
use mcp_core::http::Url;
use mcp_core::session::ClientSession;
use mcp_core::types::{ClientCapabilities, Implementation, InitializeParams};
use ureq::Body;

use super::*;
use crate::background::{Background, Handlers};
use crate::cache::CacheSize;
use crate::carrier::{Carrier, Shared};
use crate::features::Features;
use crate::hints::Hints;
use crate::input::InputHandlers;
use crate::insight::Heard;
use crate::reconnect::Reconnect;
use crate::slot::Waiter;
use crate::standing::Standing;
use crate::state::Watch;
use crate::transport::decode::Decoded;
use crate::transport::event_stream::EventStream;
use crate::transport::http::{Http, OpenStream, Settings, Target};
use crate::transport::http_sse::{self, MessageTarget};

/// An engine whose stream is `body`. Nothing reads it but the test.
fn engine(body: impl Read + Send + Sync + 'static) -> Arc<Engine> {
    let url = Url::parse("http://127.0.0.1:9/sse").unwrap();
    let body = Decoded::Plain(Body::builder().reader(body).into_reader());
    let stream =
        EventStream::new(OpenStream { url: url.clone(), body, heard: Heard::default() }, &Limits::default(), None);
    let target = MessageTarget { target: Arc::new(Target::new(url.clone()).unwrap()), fixed: true };
    let (background, _) = Background::new(&Handlers::default());
    let session = Arc::new(http_sse::Session::new(Http::new(Settings::default()), url.clone()));
    session.found(url, target);
    let opened = http_sse::Opened { events: stream, early: VecDeque::new() };
    let (sink, stream) = http_sse::over(session, opened, hello());
    let carrier = Carrier::Shared(Shared::new(sink, stream));
    let standing = Standing::new(Reconnect::default(), Watch::default(), &Limits::default());
    let features = Features::new(InputHandlers::default(), CacheSize::default());
    Engine::new(
        carrier,
        ClientSession::new(Limits::default()),
        Limits::default(),
        None,
        background,
        features,
        standing,
        Hints::new(false),
    )
}

fn hello() -> InitializeParams {
    InitializeParams {
        protocol_version: "2024-11-05".into(),
        capabilities: ClientCapabilities::default(),
        client_info: Implementation::new("test", "1"),
    }
}

fn handshake(engine: &Engine) -> Pending {
    engine.begin_handshake(&hello(), None).unwrap()
}

fn reply(id: u64) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"result":{{"protocolVersion":"2024-11-05","capabilities":{{}},"serverInfo":{{"name":"x","version":"1"}}}}}}"#
    )
}

fn slot(id: u64) -> Arc<Slot> {
    Arc::new(Slot::new(id, Waiter::Caller))
}

#[test]
fn a_caller_that_takes_the_role_after_it_was_served_does_not_read_on() {
    struct Untouchable;
    impl Read for Untouchable {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            panic!("nothing more has to be read")
        }
    }
    let engine = engine(Untouchable);
    let mut call = handshake(&engine);
    // As another thread does it between this one's look at its slot and its taking of the role.
    engine.take_data(reply(call.slot.id).as_bytes(), None);
    let role = engine.roles.take_or_wait(&call.slot).unwrap();
    let led = engine.lead(role, &mut call, &mut Some(|_: &RawValue| Ok(())));
    assert!(matches!(led, Led::Look));
    engine.wait_for(&mut call, None, |_| Ok(())).unwrap();
}

#[test]
fn a_caller_reads_its_own_reply_off_the_stream() {
    let engine = engine(io::Cursor::new(format!(": hello\n\ndata: {}\n\n", reply(1))));
    let mut call = handshake(&engine);
    assert_eq!(call.slot.id, 1);
    engine.wait_for(&mut call, None, |_| Ok(())).unwrap();
    assert!(engine.session(|session| session.server().is_some()));
    assert!(!engine.take_initialized().is_empty());
}

#[test]
fn the_end_of_the_stream_reaches_who_waits() {
    let engine = engine(io::empty());
    let mut call = handshake(&engine);
    let error = engine.wait_for(&mut call, None, |_| Ok(())).unwrap_err();
    assert!(matches!(error, Error::StreamEnded(_)), "{error}");
    assert!(engine.ended().is_some());
}

#[test]
fn the_role_goes_to_who_waited_longest_and_to_nobody_when_nobody_waits() {
    let roles = Roles::default();
    let (first, second, third) = (slot(1), slot(2), slot(3));
    let role = roles.take_or_wait(&first).unwrap();
    assert!(roles.take_or_wait(&second).is_none());
    assert!(roles.take_or_wait(&third).is_none());
    drop(role);
    assert!(second.take_lead() && !third.take_lead());
    drop(Role(&roles));
    assert!(third.take_lead());
    drop(Role(&roles));
    assert!(roles.take_or_wait(&first).is_some());
}

#[test]
fn who_leaves_with_the_role_in_hand_gives_it_on() {
    let roles = Roles::default();
    let (first, second, third) = (slot(1), slot(2), slot(3));
    let role = roles.take_or_wait(&first).unwrap();
    assert!(roles.take_or_wait(&second).is_none());
    assert!(roles.take_or_wait(&third).is_none());
    drop(role);
    // The second got the role, but its reply came by another way or its deadline passed.
    roles.resign(&second);
    assert!(third.take_lead());
    // The third has it, and nobody else waits any more.
    drop(Role(&roles));
    roles.resign(&third);
    assert!(roles.take_or_wait(&first).is_some(), "the role is not lost");
}

#[test]
fn who_was_served_is_not_asked_to_read() {
    let roles = Roles::default();
    let (first, second, third) = (slot(1), slot(2), slot(3));
    let role = roles.take_or_wait(&first).unwrap();
    assert!(roles.take_or_wait(&second).is_none());
    assert!(roles.take_or_wait(&third).is_none());
    roles.leave(&second);
    drop(role);
    assert!(!second.take_lead() && third.take_lead());
}
