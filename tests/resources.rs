//! Resources and templates: how they are listed, read and watched, in each revision.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mcp_core::types::{Annotations, CacheScope, Change, ReadResourceResult, ResourceContents};
use mcp_server_tiny::resource::{Resource, ResourceTemplate};
use mcp_server_tiny::service::{Service, notify};
use mcp_server_tiny::{Call, Json, Tool, ToolError};
use mcp_tests::raw_service::RawService;
use serde_json::{Value, json};

const REVISIONS: [&str; 5] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"];
const STATELESS: &str = "2026-07-28";
const HANDSHAKE: &str = "2025-11-25";

fn service() -> Service {
    let mut service = Service::new("test", "1.0.0");
    service.resource(Resource::text("test://text", "text", "hello").mime_type("text/plain").description("A greeting"));
    service.resource(Resource::bytes("test://bytes", "bytes", [0, 1, 255]).mime_type("image/png"));
    service.resource_with(Resource::new("test://computed", "computed"), |call: &mut Call<'_>| {
        Ok(format!("{} in {}", call.name(), call.version()))
    });
    service.resource_template(
        ResourceTemplate::new("test://template/{id}/data", "data").mime_type("application/json"),
        |call: &mut Call<'_>| {
            let id = call.arg::<&str>("id")?;
            Ok((id != "none").then(|| Json(json!({"id": id}))))
        },
    );
    service.resource_template(ResourceTemplate::new("file:///{+path}", "file").on_worker(), |call: &mut Call<'_>| {
        call.arg::<String>("path")
    });
    assert_eq!(service.check(), Ok(()));
    service
}

fn client(version: &str) -> RawService {
    RawService::new(service(), version)
}

fn read(client: &mut RawService, uri: &str) -> Value {
    let id = client.begin("resources/read", json!({"uri": uri}));
    client.wait_for(id).pop().expect("an answer")
}

#[test]
fn text_bytes_and_what_is_computed_are_read_in_every_revision() {
    for version in REVISIONS {
        let mut client = client(version);
        let contents = |answer: Value| answer["result"]["contents"].clone();
        assert_eq!(
            contents(read(&mut client, "test://text")),
            json!([{"uri": "test://text", "mimeType": "text/plain", "text": "hello"}])
        );
        assert_eq!(
            contents(read(&mut client, "test://bytes")),
            json!([{"uri": "test://bytes", "mimeType": "image/png", "blob": "AAH/"}])
        );
        assert_eq!(
            contents(read(&mut client, "test://computed")),
            json!([{"uri": "test://computed", "text": format!("test://computed in {version}")}])
        );
        let data = contents(read(&mut client, "test://template/12%203/data"));
        assert_eq!(data[0]["uri"], "test://template/12%203/data");
        assert_eq!((&data[0]["text"], &data[0]["mimeType"]), (&json!(r#"{"id":"12 3"}"#), &json!("application/json")));
        assert_eq!(contents(read(&mut client, "file:///a/b.txt"))[0]["text"], "a/b.txt");
    }
}

#[test]
fn what_is_not_there_is_an_error_and_no_empty_list() {
    // R-FS-27
    for version in REVISIONS {
        let mut client = client(version);
        client.service.resource_with(Resource::new("test://empty", "empty"), |_| Ok(Vec::<ResourceContents>::new()));
        let code = if version == STATELESS { -32602 } else { -32002 };
        for uri in ["test://nothing", "test://template/none/data", "test://empty", "", "nothing"] {
            let error = read(&mut client, uri)["error"].clone();
            assert_eq!((&error["code"], &error["data"]), (&json!(code), &json!({"uri": uri})), "{version}");
        }
        for params in [json!({}), json!({"uri": 7}), json!({"uri": format!("test://{}", "x".repeat(9000))})] {
            assert_eq!(client.ask("resources/read", params)["error"]["code"], -32602);
        }
    }
}

#[test]
fn no_uri_leaves_its_directory() {
    // R-FS-31
    let mut client = client(STATELESS);
    for uri in ["file:///a/../../etc/passwd", "file:///%2e%2e/etc/passwd", "file:///a/%2e./b", "file:///..%5cx"] {
        assert_eq!(read(&mut client, uri)["error"]["code"], -32602, "{uri}");
    }
}

#[test]
fn lists_tell_of_resources_what_their_revision_knows() {
    for version in REVISIONS {
        let mut service = service();
        let icon = serde_json::from_value(json!({"src": "https://example.com/i.png"})).unwrap();
        let annotations: Annotations =
            serde_json::from_value(json!({"priority": 0.5, "lastModified": "2026-01-01"})).unwrap();
        service.resource_with(
            Resource::new("test://all", "all")
                .title("All")
                .size(7)
                .icon(icon)
                .annotations(annotations)
                .meta("com.example/k", 1),
            |_| Ok("x"),
        );
        let mut client = RawService::new(service, version);
        let listed = client.ask("resources/list", json!({}))["result"].clone();
        let uris: Vec<_> = listed["resources"].as_array().unwrap().iter().map(|one| one["uri"].clone()).collect();
        assert_eq!(uris, ["test://text", "test://bytes", "test://computed", "test://all"]);
        assert_eq!(listed["resources"][0]["size"], 5);
        let all = &listed["resources"][3];
        let [has_titles, has_icons] = [version >= "2025-06-18", version >= "2025-11-25"];
        assert_eq!(all.get("title").is_some(), has_titles);
        assert_eq!(all.get("_meta").is_some(), has_titles);
        assert_eq!(all["annotations"].get("lastModified").is_some(), has_titles);
        assert_eq!(all.get("icons").is_some(), has_icons);
        assert_eq!((&all["annotations"]["priority"], &all["size"]), (&json!(0.5), &json!(7)));
        let templates = client.ask("resources/templates/list", json!({}))["result"]["resourceTemplates"].clone();
        assert_eq!(templates[0]["uriTemplate"], "test://template/{id}/data");
        assert_eq!(templates.as_array().map(Vec::len), Some(2));
    }
}

#[test]
fn lists_have_pages() {
    // R-LM-85, R-LM-86
    for version in REVISIONS {
        let mut service = service();
        service.set_page_size(2);
        let mut client = RawService::new(service, version);
        let first = client.ask("resources/list", json!({}))["result"].clone();
        assert_eq!(first["resources"].as_array().map(Vec::len), Some(2));
        let last = client.ask("resources/list", json!({"cursor": first["nextCursor"]}))["result"].clone();
        assert_eq!((last["resources"].as_array().map(Vec::len), last.get("nextCursor")), (Some(1), None));
        assert_eq!(client.ask("resources/list", json!({"cursor": "x"}))["error"]["code"], -32602);
    }
}

#[test]
fn a_template_may_name_the_resources_that_there_are_now() {
    // R-LM-62, R-LM-86
    let names = Arc::new(Mutex::new(vec!["a", "b", "c"]));
    for version in REVISIONS {
        let shared = Arc::clone(&names);
        let mut service = service();
        service.set_page_size(2);
        let list = move || {
            let names = shared.lock().unwrap();
            names.iter().map(|name| Resource::new(format!("note:{name}"), *name).title("A note")).collect()
        };
        service.resource_template(ResourceTemplate::new("note:{name}", "note").list(list), |call: &mut Call<'_>| {
            call.arg::<String>("name")
        });
        let mut client = RawService::new(service, version);
        let all = |client: &mut RawService| {
            let (mut seen, mut params) = (Vec::new(), json!({}));
            loop {
                let page = client.ask("resources/list", params)["result"].take();
                let resources = page["resources"].as_array().unwrap().iter();
                seen.extend(resources.map(|resource| resource["uri"].as_str().unwrap().to_owned()));
                let Some(cursor) = page.get("nextCursor") else { return seen };
                params = json!({"cursor": cursor});
            }
        };
        let fixed = ["test://text", "test://bytes", "test://computed"];
        names.lock().unwrap().truncate(3);
        assert_eq!(all(&mut client), [&fixed[..], &["note:a", "note:b", "note:c"]].concat());
        names.lock().unwrap().push("d");
        assert_eq!(all(&mut client).len(), 7);
        assert_eq!(client.ask("resources/list", json!({"cursor": "1"}))["error"]["code"], -32602);
        // A cursor of when the list was longer ends it.
        let rest = client.ask("resources/list", json!({"cursor": "8"}))["result"].clone();
        assert_eq!((&rest["resources"], rest.get("nextCursor")), (&json!([]), None));
        names.lock().unwrap().pop();
        assert_eq!(read(&mut client, "note:a")["result"]["contents"][0]["text"], "a");
    }
}

#[test]
fn a_list_that_panics_fails_alone() {
    let mut service = service();
    let template = ResourceTemplate::new("note:{name}", "note").list(|| panic!("on purpose"));
    service.resource_template(template, |_| Ok(""));
    let mut client = RawService::new(service, HANDSHAKE);
    assert_eq!(client.ask("resources/list", json!({}))["error"]["code"], -32603);
    assert!(client.ask("resources/templates/list", json!({}))["result"].is_object());
}

#[test]
fn one_resource_may_have_several_contents() {
    // R-FS-26
    for version in REVISIONS {
        let mut service = Service::new("test", "1");
        service.resource_with(Resource::new("file:///dir", "dir").mime_type("inode/directory"), |_| {
            Ok(vec![
                ResourceContents::text("file:///dir/a", "x").mime_type("text/plain"),
                ResourceContents::blob("file:///dir/b", "AAAA"),
            ])
        });
        let contents = read(&mut RawService::new(service, version), "file:///dir")["result"]["contents"].clone();
        let expected = json!([
            {"uri": "file:///dir/a", "mimeType": "text/plain", "text": "x"},
            {"uri": "file:///dir/b", "blob": "AAAA"}
        ]);
        assert_eq!(contents, expected, "{version}");
    }
}

#[test]
fn a_list_of_nothing_is_empty_and_nothing_offered_is_no_method() {
    // R-FS-25
    for version in REVISIONS {
        let mut nothing = RawService::new(Service::new("test", "1"), version);
        for method in ["resources/list", "resources/templates/list", "resources/read"] {
            assert_eq!(nothing.ask(method, json!({"uri": "a:b"}))["error"]["code"], -32601);
        }
        let mut service = Service::new("test", "1");
        service.resource(Resource::text("a:b", "b", "c"));
        let mut client = RawService::new(service, version);
        let listed = client.ask("resources/templates/list", json!({}))["result"].clone();
        assert_eq!(listed["resourceTemplates"], json!([]));
    }
}

#[test]
fn how_long_things_may_be_kept_is_told_from_2026_on() {
    // R-LM-57, R-LM-62
    let mut service = service();
    service.resource(Resource::text("test://day", "day", "x").cache(Duration::from_secs(60), CacheScope::Public));
    service.resource_with(Resource::new("test://own", "own"), |call: &mut Call<'_>| {
        let mut result = ReadResourceResult::new(vec![ResourceContents::text(call.name(), "x")]);
        result.cache = mcp_core::types::CacheHints::new(5, CacheScope::Private);
        Ok(result)
    });
    let mut client = RawService::new(service, STATELESS);
    let hints = |result: &Value| (result["ttlMs"].clone(), result["cacheScope"].clone());
    let default = (json!(0), json!("private"));
    for method in ["resources/list", "resources/templates/list", "tools/list", "server/discover"] {
        assert_eq!(hints(&client.ask(method, json!({}))["result"]), default, "{method}");
    }
    assert_eq!(hints(&read(&mut client, "test://text")["result"]), default);
    assert_eq!(hints(&read(&mut client, "test://day")["result"]), (json!(60_000), json!("public")));
    assert_eq!(hints(&read(&mut client, "test://own")["result"]), (json!(5), json!("private")));
    client.service.set_cache(mcp_core::types::CacheHints::new(1000, CacheScope::Public));
    assert_eq!(hints(&client.ask("resources/list", json!({}))["result"]), (json!(1000), json!("public")));
    assert_eq!(hints(&read(&mut client, "test://text")["result"]), (json!(1000), json!("public")));
    let mut before = RawService::new(self::service(), HANDSHAKE);
    assert_eq!(hints(&read(&mut before, "test://text")["result"]), (Value::Null, Value::Null));
}

#[test]
fn a_failing_handler_is_an_error_of_the_protocol() {
    for version in REVISIONS {
        let mut service = Service::new("test", "1");
        service.resource_with(Resource::new("t:fails", "f"), |_| Err::<&str, _>(ToolError::new("the disk is gone")));
        service.resource_with(Resource::new("t:panics", "p"), |_| -> Result<&str, _> { panic!("on purpose") });
        service.resource_with(Resource::new("t:own", "o"), |_| Err::<&str, _>(ToolError::protocol(42, "no")));
        let mut client = RawService::new(service, version);
        let error = read(&mut client, "t:fails")["error"].clone();
        assert_eq!((&error["code"], &error["message"]), (&json!(-32603), &json!("the disk is gone")));
        let error = read(&mut client, "t:panics")["error"].clone();
        assert_eq!((&error["code"], &error["message"]), (&json!(-32603), &json!("`t:panics` failed: internal error")));
        assert_eq!(read(&mut client, "t:own")["error"]["code"], 42);
    }
}

#[test]
fn a_session_hears_of_what_it_subscribed_to() {
    // R-FS-29
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let mut client = client(version);
        let told = |client: &mut RawService, uri: &str| {
            client.service.announce(Change::Resource(uri.to_owned().into()));
            let change = client.service.next_change().expect("it was announced");
            let mut out = Vec::new();
            notify(&change, &client.session, &mut out).then(|| serde_json::from_slice::<Value>(&out).unwrap())
        };
        assert_eq!(told(&mut client, "test://text"), None);
        for uri in ["test://text", "file:///dir"] {
            assert_eq!(client.ask("resources/subscribe", json!({"uri": uri}))["result"], json!({}));
        }
        let notification = told(&mut client, "test://text").unwrap();
        assert_eq!(notification["method"], "notifications/resources/updated");
        assert_eq!(notification["params"], json!({"uri": "test://text"}));
        assert_eq!(told(&mut client, "file:///dir/file").unwrap()["params"]["uri"], "file:///dir/file");
        assert_eq!(told(&mut client, "test://bytes"), None);
        assert_eq!(client.ask("resources/unsubscribe", json!({"uri": "test://text"}))["result"], json!({}));
        assert_eq!(told(&mut client, "test://text"), None);
        let error = client.ask("resources/subscribe", json!({"uri": "test://nothing"}))["error"].clone();
        assert_eq!((&error["code"], &error["data"]["uri"]), (&json!(-32002), &json!("test://nothing")));
        assert_eq!(client.ask("resources/subscribe", json!({}))["error"]["code"], -32602);
        let long = json!({"uri": format!("file:///{}", "x".repeat(9000))});
        assert!(client.ask("resources/subscribe", long)["error"]["message"].to_string().contains("uri_bytes"));
    }
}

#[test]
fn changes_are_announced_once_and_by_anybody() {
    // R-FS-11, R-FS-25, R-FS-32
    let mut service = service();
    service.tool(Tool::new("t"), |call: &mut Call<'_>| {
        call.announce(Change::Tools);
        call.announce(Change::Tools);
        Ok(())
    });
    service.tool(Tool::new("w").on_worker(), |call: &mut Call<'_>| {
        call.announce(Change::Prompts);
        Ok(())
    });
    let mut client = RawService::new(service, HANDSHAKE);
    client.ask("tools/call", json!({"name": "t"}));
    assert_eq!(client.service.next_change(), Some(Change::Tools));
    assert_eq!(client.service.next_change(), None);
    let id = client.begin("tools/call", json!({"name": "w"}));
    client.wait_for(id);
    assert_eq!(client.service.next_change(), Some(Change::Prompts));
    let notifier = client.service.notifier();
    std::thread::spawn(move || notifier.announce(Change::Resources)).join().unwrap();
    client.wait_for_mail();
    let change = client.service.next_change().unwrap();
    let mut out = Vec::new();
    assert!(notify(&change, &client.session, &mut out));
    let told: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(told["method"], "notifications/resources/list_changed");
    assert_eq!(client.service.next_change(), None);
}

#[test]
fn changes_that_nobody_takes_have_a_bound() {
    let mut client = client(HANDSHAKE);
    for number in 0..3000 {
        client.service.announce(Change::Resource(format!("a:{number}").into()));
    }
    let count = std::iter::from_fn(|| client.service.next_change()).count();
    assert_eq!(count, 1024);
}

#[test]
fn what_is_offered_is_declared() {
    // R-FS-25, R-FS-32, R-FS-35
    let declared = |service: &Service| serde_json::to_value(service.profile().capabilities).unwrap();
    let mut one = Service::new("test", "1");
    one.disable_logging();
    one.resource(Resource::text("a:b", "b", "c"));
    assert_eq!(declared(&one), json!({"resources": {"subscribe": true, "listChanged": true}}));
    one.resource_template(ResourceTemplate::new("a:{x}", "x").complete("x", |_| ["1"]), |_| Ok(""));
    assert_eq!(declared(&one), json!({"resources": {"subscribe": true, "listChanged": true}, "completions": {}}));
}

#[test]
fn mistakes_are_told_when_the_server_starts() {
    let mistake = |register: fn(&mut Service)| {
        let mut service = Service::new("test", "1");
        register(&mut service);
        service.check().unwrap_err().to_string()
    };
    let empty = mistake(|service| service.resource(Resource::new("a:b", "b")));
    assert!(empty.starts_with("resource `a:b`: it has no contents"), "{empty}");
    for (register, told) in [
        ((|service: &mut Service| service.resource(Resource::text("b", "b", ""))) as fn(&mut Service), "not absolute"),
        (|service| service.resource(Resource::text("1a:b", "b", "")), "not absolute"),
        (|service| service.resource(Resource::text("a:b c", "b", "")), "not absolute"),
        (
            |service| {
                service.resource(Resource::text("a:b", "b", ""));
                service.resource(Resource::text("a:b", "b", ""));
            },
            "another resource of this name",
        ),
        (|service| service.resource_template(ResourceTemplate::new("a:b", "b"), |_| Ok("")), "no variable"),
        (|service| service.resource_template(ResourceTemplate::new("{a}", "b"), |_| Ok("")), "begin with a scheme"),
        (|service| service.resource_template(ResourceTemplate::new("a:{b", "b"), |_| Ok("")), "has no `}`"),
        (
            |service| {
                let template = ResourceTemplate::new("a:{b}", "b").complete("c", |_| ["1"]);
                service.resource_template(template, |_| Ok(""));
            },
            "its pattern has no variable `c`",
        ),
    ] {
        let mistake = mistake(register);
        assert!(mistake.contains(told), "{mistake}");
    }
}

#[test]
fn discover_says_what_there_is() {
    // R-ST-69, R-LM-50, R-LM-57
    let mut service = service();
    service.set_instructions("Read.");
    let mut client = RawService::new(service, STATELESS);
    let result = client.ask("server/discover", json!({}))["result"].clone();
    assert_eq!(
        result["supportedVersions"],
        json!(["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"])
    );
    assert_eq!(result["capabilities"]["resources"], json!({"subscribe": true, "listChanged": true}));
    assert_eq!((&result["instructions"], result.get("serverInfo")), (&json!("Read."), None));
    assert_eq!(result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "test");
    assert_eq!((&result["ttlMs"], &result["cacheScope"]), (&json!(0), &json!("private")));
}
