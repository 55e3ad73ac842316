//! Elicitation: which mode is meant, what a form asks for, and whether what was filled in fits.

use mcp_core::revision::ProtocolVersion;
use mcp_core::types::{
    BooleanSchema, ElicitAction, ElicitParams, ElicitResult, EnumStyle, JsonObject, MultiSelectSchema, NumberSchema,
    PrimitiveSchema, RequestedSchema, SingleSelectSchema, StringSchema, UrlElicitationRequired,
};
use serde_json::{Value, json};

use super::{read, round_trip};

fn object(value: Value) -> JsonObject {
    value.as_object().unwrap().clone()
}

/// What is wrong with a value for a field of this schema.
fn fault(schema: impl Into<PrimitiveSchema>, value: Value) -> Option<String> {
    let form = RequestedSchema::new().optional("x", schema);
    form.check(&object(json!({"x": value}))).map_err(|fault| fault.to_string()).err()
}

/// R-FC-18, R-FC-19
#[test]
fn a_missing_mode_is_a_form_and_an_unknown_one_is_refused() {
    let schema = json!({"type": "object", "properties": {}});
    let form = json!({"message": "m", "requestedSchema": schema});
    assert!(matches!(read::<ElicitParams>(form), ElicitParams::Form(_)));
    let form = json!({"mode": "form", "message": "m", "requestedSchema": schema});
    assert!(matches!(read::<ElicitParams>(form), ElicitParams::Form(_)));
    let url: ElicitParams = round_trip(json!({"mode": "url", "message": "m", "url": "https://x/"}));
    assert_eq!(url.message(), "m");
    for wrong in [
        json!({"mode": "voice", "message": "m", "requestedSchema": schema}),
        json!({"mode": "url", "message": "m", "requestedSchema": schema}),
        json!({"mode": "form", "message": "m", "url": "https://x/"}),
        json!({"message": "m"}),
        json!([]),
    ] {
        assert!(serde_json::from_value::<ElicitParams>(wrong.clone()).is_err(), "{wrong}");
    }
}

#[test]
fn the_fields_of_a_form_stay_in_their_order() {
    let text = r#"{"message":"m","requestedSchema":{"type":"object","properties":{"z":{"type":"string"},"a":{"type":"boolean"},"m":{"type":"integer"}}}}"#;
    let ElicitParams::Form(form) = serde_json::from_str(text).unwrap() else { panic!() };
    let names: Vec<&str> = form.requested_schema.properties.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["z", "a", "m"]);
    assert_eq!(serde_json::to_string(&ElicitParams::Form(form)).unwrap(), text);
}

/// The table of property schemas, R-FC section C.
#[test]
fn every_kind_of_field_is_known_and_a_nested_object_is_refused() {
    let kinds = json!({
        "text": {"type": "string", "title": "T", "description": "D", "minLength": 1, "maxLength": 2, "format": "email", "default": "a"},
        "number": {"type": "number", "minimum": 0.5, "maximum": 2, "default": 1},
        "integer": {"type": "integer", "minimum": -1},
        "yes": {"type": "boolean", "default": true},
        "enum": {"type": "string", "enum": ["a", "b"], "default": "a"},
        "titled": {"type": "string", "oneOf": [{"const": "a", "title": "A"}]},
        "legacy": {"type": "string", "enum": ["a", "b"], "enumNames": ["A", "B"]},
        "many": {"type": "array", "items": {"type": "string", "enum": ["a"]}, "minItems": 1, "maxItems": 2, "default": ["a"]},
        "many titled": {"type": "array", "items": {"anyOf": [{"const": "a", "title": "A"}]}},
        "unknown": {"const": 7, "default": 7},
    });
    let form: RequestedSchema = round_trip(json!({"type": "object", "properties": kinds, "required": ["text"]}));
    let kind = |name: &str| form.properties.named(name).unwrap();
    assert!(matches!(kind("integer"), PrimitiveSchema::Number(_)));
    assert!(matches!(kind("titled"), PrimitiveSchema::SingleSelect(it) if it.options[0].display_name() == "A"));
    assert!(matches!(kind("legacy"), PrimitiveSchema::SingleSelect(it) if it.style == EnumStyle::Legacy));
    assert!(matches!(kind("many titled"), PrimitiveSchema::MultiSelect(_)));
    assert!(matches!(kind("unknown"), PrimitiveSchema::Unknown(_)));
    assert_eq!((kind("text").title(), kind("text").description()), (Some("T"), Some("D")));

    let nested = json!({"type": "object", "properties": {"in": {"type": "object", "properties": {}}}});
    assert!(serde_json::from_value::<RequestedSchema>(nested).is_err());
}

/// R-FC-22
#[test]
fn a_form_is_filled_with_its_defaults() {
    let form = RequestedSchema::new()
        .required("name", StringSchema::new().default_text("Ada"))
        .optional("age", NumberSchema::integer().default_number(30))
        .optional("share", NumberSchema::number().default_number(0.5))
        .optional("agrees", BooleanSchema::new().default_value(false))
        .optional("colour", SingleSelectSchema::new(["red"]).default_option("red"))
        .optional("some", MultiSelectSchema::new(["a", "b"]).default_options(["b"]))
        .optional("none", StringSchema::new());
    let filled = json!({"name": "Ada", "age": 30, "share": 0.5, "agrees": false, "colour": "red", "some": ["b"]});
    assert_eq!(Value::from(form.defaults()), filled);
    assert_eq!(form.check(&form.defaults()), Ok(()));
}

/// R-FC-22
#[test]
fn what_was_filled_in_has_to_fit_the_form() {
    let text = || StringSchema::new().length(2, 3);
    // Characters are counted, not bytes.
    assert_eq!(fault(text(), json!("\u{e4}\u{e4}\u{e4}")), None);
    assert!(fault(text(), json!("a")).unwrap().ends_with("too short"));
    assert!(fault(text(), json!("abcd")).unwrap().ends_with("too long"));
    assert!(fault(text(), json!(12)).is_some() && fault(text(), Value::Null).is_some());
    assert_eq!(fault(StringSchema::email(), json!("a@b.example")), None);
    assert!(fault(StringSchema::email(), json!("a")).is_some());
    assert!(fault(StringSchema::uri(), json!("no uri")).is_some());
    assert!(fault(StringSchema::date(), json!("2025-02-30")).is_some());
    assert!(fault(StringSchema::date_time(), json!("2025-02-03")).is_some());

    let number = || NumberSchema::number().minimum(0).maximum(1.5);
    for good in [json!(0), json!(1.5), json!(0.0)] {
        assert_eq!(fault(number(), good), None);
    }
    assert!(fault(number(), json!(-0.1)).unwrap().ends_with("too small"));
    assert!(fault(number(), json!(2)).unwrap().ends_with("too large"));
    assert_eq!(fault(NumberSchema::integer(), json!(2.0)), None);
    assert!(fault(NumberSchema::integer(), json!(2.5)).is_some());
    assert!(fault(NumberSchema::integer().minimum(i64::MAX), json!(i64::MAX - 1)).is_some());
    assert!(fault(NumberSchema::integer(), json!("2")).is_some());

    assert_eq!(fault(BooleanSchema::new(), json!(false)), None);
    assert!(fault(BooleanSchema::new(), json!("false")).is_some());

    let choice = || SingleSelectSchema::new([("a", "One"), ("b", "Two")]);
    assert_eq!(fault(choice(), json!("a")), None);
    assert!(fault(choice(), json!("One")).is_some() && fault(choice(), json!(["a"])).is_some());

    let some = || MultiSelectSchema::new(["a", "b", "c"]).items(1, 2);
    assert_eq!(fault(some(), json!(["a", "c"])), None);
    for bad in [json!([]), json!(["a", "b", "c"]), json!(["d"]), json!([1]), json!("a")] {
        assert!(fault(some(), bad.clone()).is_some(), "{bad}");
    }

    let form = RequestedSchema::new().required("a", BooleanSchema::new()).optional("b", BooleanSchema::new());
    assert_eq!(form.check(&object(json!({"a": true, "more": {}}))), Ok(()));
    assert_eq!(form.check(&object(json!({"b": true}))).unwrap_err().field, "a");
}

#[test]
fn an_older_revision_gets_the_form_in_its_own_words() {
    let form = RequestedSchema::new()
        .optional("size", SingleSelectSchema::new([("s", "Small")]).default_option("s"))
        .optional("age", NumberSchema::integer().default_number(1))
        .optional("agrees", BooleanSchema::new().default_value(true));
    let written = |version| serde_json::to_value(form.clone().written_in(version).unwrap()).unwrap();
    assert_eq!(
        written(ProtocolVersion::V2025_06_18)["properties"],
        json!({"size": {"type": "string", "enum": ["s"], "enumNames": ["Small"]}, "age": {"type": "integer"},
            "agrees": {"type": "boolean", "default": true}})
    );
    assert_eq!(written(ProtocolVersion::V2025_11_25), serde_json::to_value(&form).unwrap());
    let several = form.clone().optional("some", MultiSelectSchema::new(["a"]));
    assert_eq!(several.written_in(ProtocolVersion::V2025_06_18).unwrap_err().field, "some");
}

/// R-FC-23: three actions, none of them an error, with or without content.
#[test]
fn an_answer_says_what_the_user_did() {
    for (word, action) in
        [("accept", ElicitAction::Accept), ("decline", ElicitAction::Decline), ("cancel", ElicitAction::Cancel)]
    {
        let bare: ElicitResult = round_trip(json!({"action": word}));
        assert_eq!((bare.action, bare.content), (action, None));
        let filled: ElicitResult = round_trip(json!({"action": word, "content": {"a": [1, "b"]}}));
        assert_eq!(filled.content.unwrap()["a"], json!([1, "b"]));
    }
    assert!(serde_json::from_value::<ElicitResult>(json!({"action": "maybe"})).is_err());
}

/// R-FC-28
#[test]
fn an_error_may_say_which_pages_to_visit_first() {
    let data = json!({"elicitations": [{"mode": "url", "message": "m", "url": "https://x/", "elicitationId": "e"}]});
    let required: UrlElicitationRequired = round_trip(data);
    assert_eq!(required.elicitations[0].elicitation_id.as_deref(), Some("e"));
}
