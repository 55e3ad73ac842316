//! The fuzz bodies of Streamable HTTP, with pieces of what they read in any order.

use mcp_tests::fuzz_streamable;
use mcp_tests::random::Random;

/// Some of the pieces, one after the other, and now and then a byte of its own.
fn input(random: &mut Random, pieces: &[&str], most: usize) -> Vec<u8> {
    let mut input = Vec::new();
    for _ in 0..random.below(most) {
        input.extend_from_slice(random.pick(pieces).as_bytes());
        if random.below(64) == 0 {
            input.push(random.byte());
        }
    }
    input
}

/// R-ST-53 to R-ST-56, R-SH-30, R-SH-47
#[test]
fn any_value_is_read_as_it_was_written() {
    let pieces = [
        "=?base64?",
        "?=",
        "=",
        "SGVs",
        "bG8=",
        "Zg==",
        " ",
        "\t",
        "\n",
        "ä",
        "\0",
        "a",
        "0",
        "7",
        "-",
        "18446744073709551615",
    ];
    let mut random = Random::new(1);
    for _ in 0..4_000 {
        fuzz_streamable::values(&input(&mut random, &pieces, 7));
    }
}

/// R-ST-48 to R-ST-60: objects in objects, with members of few names, so that paths meet.
#[test]
fn any_arguments_that_a_client_mirrors_pass_with_the_server() {
    fn schema(random: &mut Random, depth: usize) -> String {
        let member = |random: &mut Random| -> String {
            let name = *random.pick(&["a", "b", "\\u0061", "x-mcp-header", "default", ""]);
            format!(r#""{name}":{}"#, schema(random, depth - 1))
        };
        match random.below(if depth == 0 { 3 } else { 9 }) {
            0 => (*random.pick(&["{}", "true", "7", r#"{"const":{"x-mcp-header":1}}"#])).into(),
            1 | 2 => {
                let kind = random.pick(&["string", "integer", "boolean", "boolean", "number"]);
                let header = random.pick(&["A", "b", "C", "d", "E", "F", "g", "H", "i", "J", "", "k k"]);
                format!(r#"{{"type":"{kind}","x-mcp-header":"{header}"}}"#)
            }
            3 => format!(r#"{{"{}":{}}}"#, random.pick(&["items", "not", "x"]), schema(random, depth - 1)),
            4 => format!(r#"{{"$defs":{{{}}}}}"#, member(random)),
            _ => format!(r#"{{"properties":{{{},{}}}}}"#, member(random), member(random)),
        }
    }
    fn arguments(random: &mut Random, depth: usize) -> String {
        if depth == 0 || random.below(5) == 0 {
            let values =
                ["null", "7", "-0", "7.0", "1e1", "1.5", "9007199254740993", "\"\"", "\" \\u00e4\"", "true", "[]"];
            return (*random.pick(&values)).into();
        }
        let count = random.below(3);
        let members: Vec<_> = (0..=count)
            .map(|_| format!(r#""{}":{}"#, random.pick(&["a", "b", "\\u0061", ""]), arguments(random, depth - 1)))
            .collect();
        format!("{{{}}}", members.join(","))
    }
    let mut random = Random::new(2);
    for _ in 0..5_000 {
        let (schema, arguments) = (schema(&mut random, 4), arguments(&mut random, 4));
        fuzz_streamable::params(format!("{schema}\n{arguments}").as_bytes());
    }
    for text in ["", "\n", "{}\n[]", "[[[[", "{\"x-mcp-header\":\n{}"] {
        fuzz_streamable::params(text.as_bytes());
    }
}

/// R-LM-46 to R-LM-52
#[test]
fn any_parameters_claim_the_same_however_they_are_escaped() {
    let keys = [
        "_meta",
        "_met\\u0061",
        "name",
        "uri",
        "a",
        "progressToken",
        "io.modelcontextprotocol/protocolVersion",
        "io.modelcontextprotocol\\/protocolVersion",
        "io.modelcontextprotocol/clientCapabilities",
        "io.modelcontextprotocol/logLevel",
    ];
    fn value(random: &mut Random, keys: &[&str], depth: usize) -> String {
        if depth == 0 || random.below(6) == 0 {
            let values = ["null", "7", "1.5", "{}", "[]", "\"2026-07-28\"", "\"info\"", "\"a\\nb\"", "{\"tools\":7}"];
            return (*random.pick(&values)).into();
        }
        let members: Vec<_> = (0..=random.below(4))
            .map(|_| format!(r#""{}":{}"#, random.pick(keys), value(random, keys, depth - 1)))
            .collect();
        format!("{{{}}}", members.join(","))
    }
    let mut random = Random::new(3);
    for _ in 0..15_000 {
        fuzz_streamable::claims(value(&mut random, &keys, 2).as_bytes());
    }
}

/// README, "Client detection order"; R-SH-63, R-ST-71
#[test]
fn any_server_is_found_or_given_up() {
    let pieces = [
        "r {}",
        r#"r {"supportedVersions":["2026-07-28"]}"#,
        r#"r {"supportedVersions":["2025-11-25",7,"\u0007"]}"#,
        r#"e400/-32022 {"supported":["2026-07-28"]}"#,
        r#"e400/-32022 {"supported":["2025-06-18"]}"#,
        r#"e200/-32022 {"supported":["2031-01-01"]}"#,
        "e400/-32022 7",
        "e400/-32020",
        "e404/-32601",
        "e200/-32601",
        "e401/0",
        "s200",
        "s202",
        "s302",
        "s400",
        "s403",
        "s404",
        "s405",
        "s429",
        "s500",
        "vendpoint",
        "vmessage",
        "i",
        "x",
        "f\u{7}",
        "",
    ];
    let mut random = Random::new(4);
    for _ in 0..4_000 {
        let script: Vec<&str> = (0..random.below(9)).map(|_| *random.pick(&pieces)).collect();
        fuzz_streamable::era(script.join("\n").as_bytes());
    }
}

/// R-SH-33, R-SH-37, R-SH-41, R-SH-44
#[test]
fn any_stream_is_resumed_within_its_policy() {
    let mut random = Random::new(5);
    for _ in 0..2_000 {
        let length = random.below(40);
        fuzz_streamable::resumption(&random.bytes(length));
    }
}
