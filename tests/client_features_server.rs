//! Subscriptions and what is kept, against our own server over each of its carriers; and that nothing is left of them.
//!
//! A binary of its own with one test in it, because it counts the threads of the whole process.
#![cfg(target_os = "linux")]

use std::thread;
use std::time::Duration;

use mcp_core::types::CacheScope;
use mcp_server_tiny::{Resource, Server, Tool};
use mcp_sse_blocking::{Change, Client, Filter, Subscription, Transport};
use mcp_tests::leaks::{client_threads, held_once};

fn next(subscription: &mut Subscription) -> Change {
    subscription.next_within(Duration::from_secs(5)).expect("no failure").expect("a change")
}

/// How often a subscription is opened and dropped again.
const TIMES: usize = 20;

#[test]
fn changes_of_our_server_reach_whoever_listens_and_nothing_is_left_of_a_subscription() {
    let server = Server::new("changes", "1")
        .tool(Tool::new("t"), |_| Ok("called"))
        .resource(Resource::text("memo://a", "a", "one"))
        .resource(Resource::text("memo://b", "b", "two"))
        .cache(Duration::from_secs(60), CacheScope::Private);
    let bound = server.bind("127.0.0.1:0").unwrap();
    let (origin, handle) = (format!("http://{}", bound.local_addr()), bound.handle());
    let serving = thread::spawn(move || bound.run().unwrap());
    for (transport, path) in
        [(Transport::Stateless, "/mcp"), (Transport::StreamableHttp, "/mcp"), (Transport::HttpSse, "/sse")]
    {
        let builder = Client::builder(&format!("{origin}{path}")).transport(transport);
        let client = builder.call_timeout(Duration::from_secs(10)).connect().unwrap();
        assert_eq!(client.tools().count(), 1);
        let mut subscription = client.listen(Filter::new().tools().resource("memo://a")).unwrap();
        let told = subscription.acknowledged();
        assert!(told.tools_list_changed && told.resource_subscriptions == ["memo://a"], "{transport:?}: {told:?}");
        handle.tools_changed();
        assert_eq!(next(&mut subscription), Change::Tools, "{transport:?}");
        handle.prompts_changed();
        handle.resource_updated("memo://a");
        assert_eq!(next(&mut subscription), Change::Resource("memo://a".into()), "{transport:?}");
        let one_more = client_threads().len();
        for _ in 0..TIMES {
            drop(client.listen(Filter::new().tools().resource("memo://b")).unwrap());
        }
        held_once(|_| client_threads().len() <= one_more);
        assert!(client_threads().len() <= one_more, "{transport:?}: {:?}", client_threads());
        // The first one is still there.
        handle.tools_changed();
        assert_eq!(next(&mut subscription), Change::Tools, "{transport:?}");
        drop(subscription);
        drop(client);
        held_once(|_| client_threads().is_empty());
        assert_eq!(client_threads(), [""; 0], "{transport:?}");
    }
    handle.stop();
    serving.join().unwrap();
}
