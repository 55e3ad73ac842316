//! Our client and our server over connections that break at any byte: no call is carried out twice, none has another's answer, and
//! none waits for ever.

#![allow(clippy::unwrap_used)] // a panic is the report

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use mcp_server_tiny::{Call, Server, Tool};
use mcp_sse_blocking::{CallOptions, Client, Transport};
use mcp_tests::random::Random;
use serde_json::json;

/// How often each number was seen by the handler.
type Seen = Arc<Mutex<HashMap<u64, u32>>>;

fn server(seen: &Seen) -> Server {
    let seen = Arc::clone(seen);
    Server::new("flaky", "1").workers(4, 64).tool(
        Tool::new("once").param::<u64>("number", "which").on_worker(),
        move |call: &mut Call<'_>| {
            let number = call.arg::<u64>("number")?;
            *seen.lock().unwrap().entry(number).or_default() += 1;
            for step in 1..=3 {
                call.progress(f64::from(step), Some(3.0), None);
            }
            Ok(format!("this was {number}"))
        },
    )
}

/// Passes connections on to `server` and cuts each of them somewhere in what either side says.
fn flaky_way(server: SocketAddr, is_flaky: &Arc<AtomicBool>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let is_flaky = Arc::clone(is_flaky);
    thread::spawn(move || {
        let mut random = Random::new(3);
        for client in listener.incoming() {
            let (Ok(client), Ok(behind)) = (client, TcpStream::connect(server)) else { continue };
            let down = random.below(4000);
            let up = if random.below(3) == 0 { random.below(2000) } else { usize::MAX };
            for socket in [&client, &behind] {
                socket.set_nodelay(true).unwrap();
            }
            let (from, to) = (client.try_clone().unwrap(), behind.try_clone().unwrap());
            let [flaky_up, flaky_down] = [(); 2].map(|()| Arc::clone(&is_flaky));
            thread::spawn(move || pass(from, to, up, &flaky_up));
            thread::spawn(move || pass(behind, client, down, &flaky_down));
        }
    });
    address
}

/// Passes on what comes, until so many bytes have passed while cutting is allowed.
fn pass(mut from: TcpStream, mut to: TcpStream, mut left: usize, is_flaky: &AtomicBool) {
    let mut buffer = [0; 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let count = if is_flaky.load(Ordering::Relaxed) { count.min(left) } else { count };
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
        if is_flaky.load(Ordering::Relaxed) {
            left -= count;
            if left == 0 {
                break;
            }
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

#[test]
fn no_call_is_carried_out_twice_and_none_has_the_answer_of_another() {
    // R-ST-33, R-SH-33, R-SH-37, R-SH-56, R-LM-4
    for transport in [Transport::StreamableHttp, Transport::Stateless, Transport::HttpSse] {
        let seen = Seen::default();
        let bound = server(&seen).bind("127.0.0.1:0").unwrap();
        let (address, handle) = (bound.local_addr(), bound.handle());
        let running = thread::spawn(move || bound.run().unwrap());
        let is_flaky = Arc::new(AtomicBool::new(false));
        let way = flaky_way(address, &is_flaky);
        let path = if transport == Transport::HttpSse { "sse" } else { "mcp" };
        let connect = || {
            let builder = Client::builder(&format!("http://{way}/{path}")).transport(transport);
            builder.connect_timeout(Duration::from_secs(5)).call_timeout(Duration::from_secs(10)).connect()
        };
        let (mut answered, mut lost) = (0, 0);
        let mut client = connect().unwrap();
        for number in 0..50 {
            is_flaky.store(true, Ordering::Relaxed);
            let begun = Instant::now();
            let mut steps = Vec::new();
            let options = CallOptions::new().timeout(Duration::from_secs(4));
            let options =
                if number % 2 == 0 { options.on_progress(|progress| steps.push(progress.progress)) } else { options };
            match client.call_with("once", &json!({ "number": number }), options) {
                Ok(result) => {
                    assert_eq!(result.all_text(), format!("this was {number}"), "{transport:?}");
                    assert_eq!(seen.lock().unwrap().get(&number), Some(&1), "{transport:?} {number}");
                    answered += 1;
                }
                Err(error) => {
                    assert!(error.delivery().is_some(), "{transport:?}: {error:?}");
                    lost += 1;
                }
            }
            assert!(steps.is_sorted() && steps.len() <= 3, "{transport:?}: {steps:?}");
            assert!(begun.elapsed() < Duration::from_secs(8), "{transport:?}: {:?}", begun.elapsed());
            is_flaky.store(false, Ordering::Relaxed);
            if !client.is_connected() {
                client = connect().unwrap();
            }
        }
        // A way that holds again is all it takes.
        let good = client.call("once", &json!({ "number": 1000 })).or_else(|_| {
            client = connect()?;
            client.call("once", &json!({ "number": 1001 }))
        });
        good.unwrap_or_else(|error| panic!("{transport:?}: {error}"));
        let twice: Vec<(u64, u32)> =
            seen.lock().unwrap().iter().map(|it| (*it.0, *it.1)).filter(|(_, count)| *count > 1).collect();
        assert_eq!(twice, [], "{transport:?}: carried out more than once");
        assert!(answered > 10 && lost > 0, "{transport:?}: {answered} answered, {lost} lost");
        client.close();
        handle.stop();
        running.join().unwrap();
    }
}
