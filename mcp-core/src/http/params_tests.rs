use super::*;
use crate::http::value::ValueError;
use alloc::format;

fn raw(json: &str) -> &RawValue {
    serde_json::from_str(json).unwrap()
}

fn schema(properties: &str) -> String {
    format!(r#"{{"type":"object","properties":{{{properties}}}}}"#)
}

fn fault(schema: &str) -> (String, AnnotationFault) {
    let AnnotationError { property, fault } = ParamHeaders::of_schema(schema).unwrap_err();
    (property, fault)
}

/// Two levels, every type, a name that is also a header of the protocol (R-ST-51).
fn annotated() -> ParamHeaders {
    let schema = schema(
        r#""region":{"type":"string","x-mcp-header":"Region"},
           "count":{"type":"integer","x-mcp-header":"Method"},
           "plain":{"type":"string"},
           "where":{"type":"object","properties":{"dry":{"type":"boolean","x-mcp-header":"Dry"}}}"#,
    );
    ParamHeaders::of_schema(&schema).unwrap()
}

fn values(arguments: &str) -> Vec<(String, String)> {
    let headers = annotated();
    let mut values: Vec<_> = headers.values(Some(raw(arguments))).unwrap();
    values.sort();
    values.into_iter().map(|(name, value)| (name.into(), value.into_owned())).collect()
}

fn check(arguments: &str, fields: &[(&str, &str)]) -> Result<(), (String, HeaderFault)> {
    let given = |name: &str| {
        let of_name = fields.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        of_name.map(|(_, value)| value.as_bytes()).collect::<Field<'_>>()
    };
    annotated().check(Some(raw(arguments)), given).map_err(|it| (it.header.into(), it.fault))
}

/// R-ST-48: one schema for each rule.
#[test]
fn an_annotation_that_breaks_a_rule_is_named_with_its_place() {
    let on = |annotation: &str, kind: &str| schema(&format!(r#""p":{{"type":{kind},"x-mcp-header":{annotation}}}"#));
    let p = || String::from("p");
    for annotation in ["null", "7", "true", "[\"A\"]", "{}"] {
        assert_eq!(fault(&on(annotation, "\"string\"")), (p(), AnnotationFault::NotAString), "{annotation}");
    }
    assert_eq!(fault(&on("\"\"", "\"string\"")), (p(), AnnotationFault::Empty));
    for name in ["A B", "A:B", " A", "größe", "A\\n", "A\\u0000", "A\\u007f", "(A)", "A,B", "A\\\"", "A/B"] {
        let (property, fault) = fault(&on(&format!("\"{name}\""), "\"string\""));
        assert!(property == "p" && matches!(fault, AnnotationFault::NotAToken(_)), "{name}: {fault:?}");
    }
    for kind in ["\"number\"", "\"object\"", "\"array\"", "\"null\"", "[\"string\"]", "[\"string\",\"null\"]", "null"] {
        assert_eq!(fault(&on("\"A\"", kind)), (p(), AnnotationFault::Type), "{kind}");
    }
    assert_eq!(fault(&schema(r#""p":{"x-mcp-header":"A"}"#)), (p(), AnnotationFault::Type));
    let twice = r#""a":{"type":"object","properties":{"b":{"type":"string","x-mcp-header":"Zone"}}},
                   "p":{"type":"integer","x-mcp-header":"zONE"}"#;
    assert_eq!(fault(&schema(twice)), (p(), AnnotationFault::Repeated("zONE".into())));
}

/// R-ST-48: reachable from the root through `properties` alone.
#[test]
fn an_annotation_that_no_path_of_names_leads_to_is_refused() {
    let leaf = r#"{"type":"string","x-mcp-header":"A"}"#;
    let inner = format!(r#"{{"properties":{{"q":{leaf}}}}}"#);
    for keyword in
        ["items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames", "com.new"]
    {
        for below in [leaf, &inner] {
            let (_, fault) = fault(&schema(&format!(r#""p":{{"{keyword}":{below}}}"#)));
            assert_eq!(fault, AnnotationFault::Unreachable, "{keyword}");
        }
    }
    for keyword in ["oneOf", "anyOf", "allOf", "prefixItems", "items"] {
        let (_, fault) = fault(&format!(r#"{{"{keyword}":[{{}},{inner}]}}"#));
        assert_eq!(fault, AnnotationFault::Unreachable, "{keyword}");
    }
    for keyword in ["$defs", "definitions", "patternProperties", "dependentSchemas"] {
        let (property, fault) =
            fault(&format!(r#"{{"{keyword}":{{"x":{leaf}}},"properties":{{"p":{{"$ref":"x"}}}}}}"#));
        assert_eq!((&*property, fault), ("x", AnnotationFault::Unreachable), "{keyword}");
    }
    assert_eq!(fault(r#"{"type":"string","x-mcp-header":"A"}"#), (String::new(), AnnotationFault::Unreachable));
}

#[test]
fn what_only_looks_like_an_annotation_is_none() {
    for properties in [
        r#""p":{"type":"object","default":{"x-mcp-header":"A b"}}"#,
        r#""p":{"enum":[{"x-mcp-header":1}],"const":{"x-mcp-header":1},"examples":[{"x-mcp-header":1}]}"#,
        r#""x-mcp-header":{"type":"string"}"#,
        r#""p":{"description":"x-mcp-header"}"#,
        r#""default":{"type":"string"},"p":{"items":{"properties":{"x-mcp-header":{"type":"string"}}}}"#,
    ] {
        assert_eq!(ParamHeaders::of_schema(&schema(properties)).map(|it| it.is_empty()), Ok(true), "{properties}");
    }
    // A property may be called like a keyword, and the word may be spelled with an escape.
    let schema = schema(r#""default":{"type":"string","x-mcp-heade\u0072":"A"}"#);
    assert!(!ParamHeaders::of_schema(&schema).unwrap().is_empty());
}

#[test]
fn a_schema_that_cannot_be_read_is_refused_and_so_is_one_annotation_too_many() {
    let deep = format!("{}\"x-mcp-header\"{}", "[".repeat(200), "]".repeat(200));
    assert_eq!(fault(&deep), (String::new(), AnnotationFault::Unreadable));
    let many = |count: usize| {
        let one = |index| format!(r#""p{index}":{{"type":"integer","x-mcp-header":"P{index}"}}"#);
        schema(&(0..count).map(one).collect::<Vec<_>>().join(","))
    };
    assert_eq!(fault(&many(MAX_PARAM_HEADERS + 1)).1, AnnotationFault::TooMany);
    let headers = ParamHeaders::of_schema(&many(MAX_PARAM_HEADERS)).unwrap();
    assert_eq!(headers.values(Some(raw(r#"{"p0":1,"p63":63}"#))).unwrap().len(), 2);
    assert!(headers.check(Some(raw("{}")), |_| Field::Absent).is_ok());
}

/// R-ST-50, R-ST-51, R-ST-52
#[test]
fn a_client_sends_what_the_arguments_hold() {
    let header = |name: &str, value: &str| (format!("Mcp-Param-{name}"), String::from(value));
    for (arguments, expected) in [
        ("{}", Vec::new()),
        (r#"{"region":null,"where":null,"count":null}"#, Vec::new()),
        (r#"{"where":{},"plain":"x","dry":true}"#, Vec::new()),
        (r#"{"where":[{"dry":true}]}"#, Vec::new()),
        (r#"{"region":""}"#, [header("Region", "")].into()),
        (r#"{"region":"us west 1"}"#, [header("Region", "us west 1")].into()),
        (r#"{"r\u0065gion":" \u00e4"}"#, [header("Region", "=?base64?IMOk?=")].into()),
        (r#"{"count":42,"where":{"dry":true}}"#, [header("Dry", "true"), header("Method", "42")].into()),
        (r#"{"count":-7,"where":{"dry":false}}"#, [header("Dry", "false"), header("Method", "-7")].into()),
        (r#"{"count":42.0}"#, [header("Method", "42")].into()),
        (r#"{"count":4.2e1}"#, [header("Method", "42")].into()),
        (r#"{"count":-0}"#, [header("Method", "0")].into()),
        (r#"{"count":9007199254740991}"#, [header("Method", "9007199254740991")].into()),
        (r#"{"count":-9007199254740991}"#, [header("Method", "-9007199254740991")].into()),
        // What does not fit its type is the server's to refuse; it is repeated as what it is.
        (r#"{"count":"many","region":7}"#, [header("Method", "many"), header("Region", "7")].into()),
        (r#"{"region":"a","region":"b"}"#, [header("Region", "b")].into()),
        (r#"{"region":"a","region":null}"#, Vec::new()),
        (r#"{"where":{"dry":true},"where":{}}"#, Vec::new()),
    ] {
        assert_eq!(values(arguments), expected, "{arguments}");
    }
    assert_eq!(annotated().values(None), Ok(Vec::new()));
}

/// R-ST-52
#[test]
fn an_argument_that_no_header_can_repeat_is_an_error() {
    for arguments in [
        r#"{"count":9007199254740992}"#,
        r#"{"count":-9007199254740992}"#,
        r#"{"count":18446744073709551616}"#,
        r#"{"count":1e400}"#,
        r#"{"count":1.5}"#,
        r#"{"count":[]}"#,
        r#"{"region":{}}"#,
    ] {
        let headers = annotated();
        let error = headers.values(Some(raw(arguments))).unwrap_err();
        assert!(error.to_string().contains("Mcp-Param-"), "{arguments}: {error}");
    }
}

/// R-ST-55, R-ST-58, R-ST-59, R-ST-60
#[test]
fn headers_that_say_what_the_arguments_say_pass() {
    for (arguments, fields) in [
        ("{}", &[][..]),
        (r#"{"region":null,"plain":"x"}"#, &[]),
        (r#"{"region":"a"}"#, &[("mcp-param-REGION", "a")]),
        (r#"{"region":"a"}"#, &[("Mcp-Param-Region", " a\t")]),
        (r#"{"region":"Hello"}"#, &[("Mcp-Param-Region", "=?base64?SGVsbG8=?=")]),
        (r#"{"region":"SGVsbG8="}"#, &[("Mcp-Param-Region", "SGVsbG8=")]),
        (r#"{"region":"=?base64?SGVsbG8="}"#, &[("Mcp-Param-Region", "=?base64?SGVsbG8=")]),
        (r#"{"region":""}"#, &[("Mcp-Param-Region", "")]),
        (r#"{"count":42}"#, &[("Mcp-Param-Method", "42.0")]),
        (r#"{"count":42.0}"#, &[("Mcp-Param-Method", "42")]),
        (r#"{"count":4.2e1}"#, &[("Mcp-Param-Method", "=?base64?NDI=?=")]),
        (r#"{"count":-0}"#, &[("Mcp-Param-Method", "0")]),
        (r#"{"count":9007199254740993}"#, &[("Mcp-Param-Method", "9007199254740993")]),
        (r#"{"where":{"dry":true}}"#, &[("Mcp-Param-Dry", "true")]),
        (r#"{"plain":"x"}"#, &[("Mcp-Param-Plain", "not annotated")]),
    ] {
        assert_eq!(check(arguments, fields), Ok(()), "{arguments} {fields:?}");
    }
}

/// R-ST-24, R-ST-56, R-ST-58, R-ST-59
#[test]
fn headers_that_say_something_else_are_refused() {
    use HeaderFault::{Differs, Missing, Repeated, Unexpected, Value};
    let (region, count, dry) = ("Mcp-Param-Region", "Mcp-Param-Method", "Mcp-Param-Dry");
    for (arguments, fields, header, fault) in [
        (r#"{"region":"a"}"#, &[][..], region, Missing),
        (r#"{"region":""}"#, &[], region, Missing),
        (r#"{"region":{}}"#, &[], region, Missing),
        ("{}", &[(region, "a")], region, Unexpected),
        (r#"{"region":null}"#, &[(region, "null")], region, Unexpected),
        (r#"{"where":7}"#, &[(dry, "true")], dry, Unexpected),
        (r#"{"region":"a"}"#, &[(region, "A")], region, Differs),
        (r#"{"region":"Hello"}"#, &[(region, "=?BASE64?SGVsbG8=?=")], region, Differs),
        (r#"{"region":{}}"#, &[(region, "{}")], region, Differs),
        (r#"{"region":"a"}"#, &[(region, "a"), (region, "a")], region, Repeated),
        (r#"{"region":"a","region":"b"}"#, &[(region, "a")], region, Repeated),
        (r#"{"region":null,"region":"b"}"#, &[(region, "b")], region, Repeated),
        (r#"{"where":{"dry":true},"where":{}}"#, &[(dry, "true")], dry, Repeated),
        (r#"{"region":"Hello"}"#, &[(region, "=?base64?SGVsbG8?=")], region, Value(ValueError::Base64)),
        (r#"{"region":"ä"}"#, &[(region, "ä")], region, Value(ValueError::Character)),
        (r#"{"count":42}"#, &[(count, "43")], count, Differs),
        (r#"{"count":42}"#, &[(count, "042")], count, Differs),
        (r#"{"count":42}"#, &[(count, "+42")], count, Differs),
        (r#"{"count":42}"#, &[(count, "")], count, Differs),
        // They are the same number to whoever reads it as a float, and two numbers to others.
        (r#"{"count":9007199254740993}"#, &[(count, "9007199254740992")], count, Differs),
        (r#"{"where":{"dry":true}}"#, &[(dry, "True")], dry, Differs),
        (r#"{"where":{"dry":true}}"#, &[(dry, "1")], dry, Differs),
    ] {
        assert_eq!(check(arguments, fields), Err((header.into(), fault)), "{arguments} {fields:?}");
    }
}

#[test]
fn what_a_client_sends_a_server_takes() {
    let headers = annotated();
    for arguments in [
        r#"{"region":" \u0000\n","count":-4.0,"where":{"dry":false}}"#,
        r#"{"region":"=?base64?x?=","count":9007199254740991}"#,
        r#"{"count":"\ud83d\ude00"}"#,
    ] {
        let arguments = raw(arguments);
        let values = headers.values(Some(arguments)).unwrap();
        let sent =
            |name: &str| values.iter().filter(|(known, _)| *known == name).map(|(_, value)| value.as_bytes()).collect();
        assert_eq!(headers.check(Some(arguments), sent), Ok(()));
    }
}
