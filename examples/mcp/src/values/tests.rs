use super::*;
use crate::schema::tests::tool;
use serde_json::json;

/// The arguments as JSON and the warnings, or the error.
fn given(schema: Value, pairs: &[&str]) -> Result<(String, Vec<String>), String> {
    let pairs: Vec<_> =
        pairs.iter().map(|pair| pair.split_once('=').unwrap()).map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    let (mut object, mut warnings) = (Object::new(), Vec::new());
    add(&mut object, &pairs, Some(&tool(schema)), |warning| warnings.push(warning))?;
    Ok((serde_json::to_string(&object).unwrap(), warnings))
}

fn one(property: Value, value: &str) -> Result<String, String> {
    let (json, _) = given(json!({"properties": {"p": property}}), &[&format!("p={value}")])?;
    Ok(json.strip_prefix(r#"{"p":"#).unwrap().strip_suffix('}').unwrap().to_owned())
}

#[test]
fn a_value_is_sent_as_the_type_that_the_schema_names() {
    let cases = [
        ("string", "5", r#""5""#),
        ("string", "", r#""""#),
        ("string", "a \"b\"\n", r#""a \"b\"\n""#),
        ("integer", "5", "5"),
        ("integer", "-123456789012345678901234567890", "-123456789012345678901234567890"),
        ("integer", "2.0", "2.0"),
        ("number", "5", "5"),
        ("number", "0.10", "0.10"),
        ("boolean", "true", "true"),
        ("array", r#"["a", 1]"#, r#"["a", 1]"#),
        ("object", r#"{"a": null}"#, r#"{"a": null}"#),
        ("null", "null", "null"),
        ("", "5", r#""5""#),
    ];
    for (kind, value, expected) in cases {
        assert_eq!(one(json!({"type": kind}), value).as_deref(), Ok(expected), "{kind}: {value}");
    }
}

#[test]
fn a_string_is_sent_wherever_one_is_allowed() {
    assert_eq!(one(json!({"type": ["integer", "string"]}), "5").as_deref(), Ok(r#""5""#));
    assert_eq!(one(json!({"type": ["integer", "null"]}), "5").as_deref(), Ok("5"));
    assert_eq!(one(json!({"type": ["integer", "null"]}), "null").as_deref(), Ok("null"));
}

#[test]
fn a_value_of_another_type_is_refused_with_the_name_and_the_type() {
    let cases = [
        ("integer", "abc", "`p` has to be an integer, not `abc`"),
        ("integer", "1.5", "`p` has to be an integer, not `1.5`"),
        ("integer", "", "`p` has to be an integer, not ``"),
        ("integer", "+1", "`p` has to be an integer, not `+1`"),
        ("number", "NaN", "`p` has to be a number, not `NaN`"),
        ("boolean", "yes", "`p` has to be true or false, not `yes`"),
        ("array", "a,b", "`p` has to be a JSON array, or to be given several times, not `a,b`"),
        ("object", "[]", "`p` has to be a JSON object, not `[]`"),
    ];
    for (kind, value, expected) in cases {
        assert_eq!(one(json!({"type": kind}), value), Err(expected.to_owned()));
    }
}

#[test]
fn an_unknown_name_passes_with_a_warning() {
    let (json, warnings) = given(json!({"properties": {"a": {}, "b": {}}}), &["c=1"]).unwrap();
    assert_eq!(json, r#"{"c":"1"}"#);
    assert_eq!(warnings, ["`t` has no parameter `c`, it has a, b; it is sent all the same"]);
}

#[test]
fn an_unknown_name_is_refused_where_the_tool_takes_no_others() {
    let schema = json!({"properties": {"a": {}}, "additionalProperties": false});
    assert_eq!(given(schema, &["c=1"]), Err("`t` has no parameter `c`, it has a".into()));
    assert_eq!(
        given(json!({"additionalProperties": false}), &["c=1"]),
        Err("`t` has no parameter `c`, it has none".into())
    );
}

#[test]
fn a_name_is_given_once() {
    assert_eq!(given(json!({}), &["a=1", "a=2"]), Err("`a` is given twice".into()));
}

#[test]
fn required_parameters_that_are_missing_are_all_named() {
    let schema = json!({"properties": {"a": {}}, "required": ["a", "b"]});
    assert_eq!(given(schema.clone(), &[]), Err("`a` and `b` are required and not given".into()));
    assert_eq!(given(schema, &["a=1"]), Err("`b` is required and not given".into()));
}

#[test]
fn elements_of_an_array_are_given_one_by_one() {
    let schema = || {
        json!({"properties": {
            "tag": {"type": "array", "items": {"type": "string"}},
            "n": {"anyOf": [{"type": "array", "items": {"type": "integer"}}, {"type": "null"}]},
        }})
    };
    let json = |pairs: &[&str]| given(schema(), pairs).map(|(json, _)| json);
    assert_eq!(json(&["tag=a", "n=1", "tag=2", "n=2"]), Ok(r#"{"n":[1,2],"tag":["a","2"]}"#.into()));
    assert_eq!(json(&[r#"tag=["a", 1]"#]), Ok(r#"{"tag":["a", 1]}"#.into()));
    assert_eq!(json(&["n=1", "n=x"]), Err("`n` has to be an integer, not `x`".into()));
}

#[test]
fn members_of_an_object_are_given_one_by_one() {
    let schema = || {
        json!({
            "properties": {
                "who": {"$ref": "#/$defs/Person"},
                "any": {"type": "object"},
                "who.name": {"type": "integer"},
            },
            "$defs": {"Person": {
                "type": "object",
                "properties": {"age": {"type": "integer"}, "home": {"type": "object", "properties": {"city": {}}}},
                "required": ["age"],
                "additionalProperties": false,
            }},
        })
    };
    let json = |pairs: &[&str]| given(schema(), pairs).map(|(json, _)| json);
    assert_eq!(
        json(&["who.age=3", "any.x.y=1", "who.home.city=Paris"]),
        Ok(r#"{"any":{"x.y":"1"},"who":{"age":3,"home":{"city":"Paris"}}}"#.into())
    );
    // A parameter whose name has a point is that parameter.
    assert_eq!(json(&["who.name=3"]), Ok(r#"{"who.name":3}"#.into()));
    assert_eq!(json(&["who.age=x"]), Err("`who.age` has to be an integer, not `x`".into()));
    assert_eq!(json(&["who.home.city=x"]), Err("`who.age` is required and not given".into()));
    assert_eq!(
        json(&["who.agee=3"]),
        Err("`t` has no parameter `who.agee` (did you mean `age`?), it has age, home".into())
    );
    assert_eq!(json(&["who={}", "who.age=3"]), Err("`who` is given as a whole and in parts".into()));
}

#[test]
fn a_value_that_is_none_of_the_choices_is_refused() {
    assert_eq!(one(json!({"enum": ["red", "green"]}), "red").as_deref(), Ok(r#""red""#));
    assert_eq!(
        one(json!({"enum": ["red", "green"]}), "gren"),
        Err(r#"`p` has to be "red" or "green", not `gren` (did you mean `green`?)"#.into())
    );
    assert_eq!(one(json!({"enum": [1, 2]}), "3"), Err("`p` has to be 1 or 2, not `3`".into()));
    assert_eq!(one(json!({"enum": ["auto", 1]}), "1").as_deref(), Ok("1"));
    assert_eq!(one(json!({"enum": ["auto", null]}), "null").as_deref(), Ok("null"));
}

#[test]
fn without_a_tool_all_values_are_strings() {
    let mut object = Object::from([("n".to_owned(), RawValue::NULL.to_owned())]);
    add(&mut object, &[("a".into(), "1".into())], None, |warning| panic!("{warning}")).unwrap();
    assert_eq!(serde_json::to_string(&object).unwrap(), r#"{"a":"1","n":null}"#);
}
