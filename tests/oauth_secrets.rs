//! What an authorization must not show, and to whom: logs, traces, files.

#![allow(clippy::unwrap_used)] // a panic is the report

use std::fs;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use mcp_sse_blocking::credentials::{OAuth, Secret, TokenFile, TokenStore};
use mcp_sse_blocking::{Client, Transport};
use mcp_tests::scripted_authority::{Authority, browse};

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// R-AU-42
#[test]
fn a_trace_shows_nothing_of_what_an_authorization_is_done_with() {
    let authority = Authority::decent();
    authority.world().expires_in = Some(1);
    authority.world().metadata["token_endpoint_auth_methods_supported"] = serde_json::json!(["client_secret_post"]);
    let trace = Shared::default();
    let oauth =
        OAuth::new().client_id("known").client_secret("hidden-secret").issuer(&authority.origin()).open_with(browse);
    let shown = format!("{oauth:?}");
    let builder = Client::builder(&authority.url()).transport(Transport::StreamableHttp).credentials(oauth);
    let client = builder.call_timeout(Duration::from_secs(20)).trace(trace.clone()).connect().unwrap();
    client.call("echo", &()).unwrap();
    client.close();
    let form = authority.asked("/token")[0].form();
    assert_eq!(form["client_secret"], "hidden-secret");
    let text = String::from_utf8(trace.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("POST") && text.contains("/token"), "{text}");
    for secret in ["hidden", &form["code_verifier"], &form["code"]] {
        assert!(!text.contains(secret), "{secret}: {text}");
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn nothing_is_lost_of_what_several_keep_in_one_file() {
    let folder = std::env::temp_dir().join(format!("mcp-oauth-shared-{}", std::process::id()));
    let path = folder.join("tokens");
    let names: Vec<String> = (0..80).map(|number| number.to_string()).collect();
    thread::scope(|scope| {
        for own in names.chunks(10) {
            let file = TokenFile::new(&path);
            scope.spawn(move || own.iter().for_each(|name| file.save(name, Some(&Secret::new("1"))).unwrap()));
        }
    });
    let file = TokenFile::new(&path);
    assert!(names.iter().all(|name| file.load(name).unwrap().is_some()));
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing is left beside it");
    fs::remove_dir_all(folder).unwrap();
}

/// R-AU-42
#[test]
fn a_file_of_tokens_is_its_owners_and_is_replaced_as_a_whole() {
    let folder = std::env::temp_dir().join(format!("mcp-oauth-{}", std::process::id()));
    let path = folder.join("new").join("tokens");
    let file = TokenFile::new(&path);
    assert_eq!(file.load("a").unwrap(), None);
    file.save("a", Some(&Secret::new("1"))).unwrap();
    file.save("b", Some(&Secret::new("2"))).unwrap();
    file.save("a", None).unwrap();
    assert_eq!((file.load("a").unwrap(), file.load("b").unwrap()), (None, Some(Secret::new("2"))));
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
    }
    fs::write(&path, "hidden").unwrap();
    let error = file.load("a").unwrap_err().to_string();
    assert!(error.contains("it is no file of tokens") && !error.contains("hidden"), "{error}");
    fs::write(&path, vec![b' '; (1 << 20) + 1]).unwrap();
    assert!(file.load("a").unwrap_err().to_string().contains("it has more than 1048576 bytes"));
    let error = TokenFile::new(&folder).load("a").unwrap_err().to_string();
    assert!(error.contains("it is no regular file"), "{error}");
    fs::remove_dir_all(folder).unwrap();
}
