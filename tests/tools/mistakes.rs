//! Mistakes in the description of a tool, told when the server begins.

use super::*;

#[test]
fn names_have_1_to_128_characters_of_an_alphabet() {
    // R-FS-12
    let good = ["a".to_owned(), "get_user.v-2".to_owned(), "X".repeat(128)];
    let bad =
        [String::new(), "X".repeat(129), "a b".to_owned(), "a,b".to_owned(), "caf\u{e9}".to_owned(), "a/b".to_owned()];
    for (name, is_good) in good.map(|name| (name, true)).into_iter().chain(bad.map(|name| (name, false))) {
        let mut service = service();
        service.tool(Tool::new(&name), |_| Ok(()));
        assert_eq!(service.check().is_ok(), is_good, "{name}");
    }
}

#[test]
fn a_mistake_in_a_tool_is_reported_with_its_name_when_the_server_starts() {
    let schema = |schema: &'static str| Tool::new("t").input_schema(schema);
    let cases = [
        (Tool::new("a b"), "tool `a b`: a name has 1 to 128 characters of A-Z a-z 0-9 _ - ."),
        (Tool::new("taken"), "tool `taken`: there is another tool of this name"),
        (Tool::new("t").param::<u8>("a", "").param::<u8>("a", ""), "tool `t`: there is another parameter `a`"),
        (schema("{}").param::<u8>("a", ""), "tool `t`: it has parameters and an input schema; one of them is enough"),
        (schema("null"), "tool `t`: its input schema is no object"),
        (schema("{\"type\":\"string\"}"), "tool `t`: its input schema does not say `\"type\": \"object\"`"),
        (schema("{"), "tool `t`: its input schema is no JSON: EOF while parsing an object at line 1 column 1"),
        (Tool::new("t").output_schema("[]"), "tool `t`: its output schema is no object"),
    ];
    for (tool, message) in cases {
        let server = Server::new("test", "1").tool(Tool::new("taken"), |_| Ok(())).tool(tool, |_| Ok(()));
        let error = server.engine(|_| true).unwrap_err();
        assert!(matches!(&error, Error::Setting(text) if **text == *message), "{error}");
    }
}
