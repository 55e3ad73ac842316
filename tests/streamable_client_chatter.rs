//! A server that never stops talking holds up nobody who has given its answer up.

use std::thread;
use std::time::{Duration, Instant};

use mcp_sse_blocking::{Client, Error, Transport};
use mcp_tests::scripted_peer::{Peer, Stream};
use mcp_tests::streamable_peer::{StreamablePeer as _, StreamableRequest as _};
use serde_json::{Value, json};

const DISCOVERED: &str = r#"{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"resultType":"complete"}"#;
/// Far less than the time-out of the call.
const SOON: Duration = Duration::from_secs(5);

/// Talks until the client has left; how long that took.
fn chatter(mut stream: Stream, token: &Value) -> Duration {
    let started = Instant::now();
    for step in 2.. {
        let params = json!({"progressToken": token, "progress": step});
        let progress = json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": params});
        if !stream.raw(format!("data: {progress}\n\n")) || started.elapsed() > SOON * 2 {
            break;
        }
        thread::sleep(Duration::from_millis(5));
    }
    started.elapsed()
}

// R-ST-34: the end of the connection is what says it, however busy it is.
#[test]
fn a_cancelled_call_leaves_a_stream_on_which_something_always_comes() {
    for transport in [Transport::Stateless, Transport::StreamableHttp] {
        let peer = Peer::run(move |peer| {
            match transport {
                Transport::Stateless => peer.expect("server/discover").json_result(DISCOVERED),
                _ => peer.shake_streamable(),
            }
            let call = peer.expect("tools/call");
            let token = call.json()["params"]["_meta"]["progressToken"].clone();
            let mut stream = call.open();
            stream.message(&format!(
                r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":{token},"progress":1}}}}"#
            ));
            let talking = thread::spawn(move || chatter(stream, &token));
            if transport == Transport::StreamableHttp {
                peer.expect("notifications/cancelled").taken();
            }
            talking.join().unwrap()
        });
        let url = peer.url("/mcp");
        let client = Client::builder(&url).transport(transport).call_timeout(SOON * 6).connect().unwrap();
        let mut job = client.start("index", &()).unwrap();
        job.next().expect("the call is under way");
        assert!(job.canceller().cancel("changed my mind"));
        assert!(matches!(job.result(), Err(Error::Cancelled(_))));
        let talked = peer.finish();
        assert!(talked < SOON, "{transport:?}: the stream was left after {talked:?}");
    }
}
