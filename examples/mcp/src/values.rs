//! `key=value` made into the arguments of a tool: strings, unless the tool's schema says otherwise.

use std::collections::BTreeMap;

use mcp_core::text::Excerpt;
use mcp_core::types::Tool;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use crate::schema::{Kinds, Parameter, parameters, takes_others};

/// Arguments of a tool. Raw, so that a number keeps all of its digits.
pub(crate) type Object = BTreeMap<String, Box<RawValue>>;

/// Characters of a value that an error repeats.
const SHOWN: usize = 60;

/// Adds `pairs` to `object`. A parameter that allows a string gets one, any other is JSON of a type that it allows. Without a tool all
/// are strings. What is odd but may be sent goes to `warn`.
///
/// # Errors
///
/// In words: a value of another type, a key given twice, a key that the tool does not take.
pub(crate) fn add(
    object: &mut Object,
    pairs: &[(String, String)],
    tool: Option<&Tool>,
    mut warn: impl FnMut(String),
) -> Result<(), String> {
    let schema = tool.map(|tool| tool.input_schema.to_value());
    let known = schema.as_ref().map(parameters).unwrap_or_default();
    for (key, value) in pairs {
        let parameter = known.iter().find(|parameter| parameter.name == key);
        if let (Some(tool), Some(schema), None) = (tool, &schema, parameter) {
            let unknown = unknown(key, tool, &known);
            if !takes_others(schema) {
                return Err(unknown);
            }
            warn(format!("{unknown}; it is sent all the same"));
        }
        let value = read(key, value, parameter.map(|parameter| parameter.kinds).unwrap_or_default())?;
        if object.insert(key.clone(), value).is_some() {
            return Err(format!("`{key}` is given twice"));
        }
    }
    for parameter in known.iter().filter(|parameter| parameter.required && !object.contains_key(parameter.name)) {
        warn(format!("`{}` is required and not given", Excerpt::new(parameter.name, SHOWN)));
    }
    Ok(())
}

fn read(key: &str, text: &str, kinds: Kinds) -> Result<Box<RawValue>, String> {
    if kinds.takes_text() {
        return to_raw_value(text).map_err(|error| error.to_string());
    }
    let wrong = || format!("`{key}` has to be {}, not `{}`", kinds.wanted(), Excerpt::new(text, SHOWN));
    let raw: &RawValue = serde_json::from_str(text).map_err(|_| wrong())?;
    let value: Value = serde_json::from_str(text).map_err(|_| wrong())?;
    if kinds.fits(&value) { Ok(raw.to_owned()) } else { Err(wrong()) }
}

fn unknown(key: &str, tool: &Tool, known: &[Parameter<'_>]) -> String {
    let names: Vec<_> = known.iter().map(|parameter| Excerpt::new(parameter.name, SHOWN).to_string()).collect();
    let tool = Excerpt::new(&tool.name, SHOWN);
    if names.is_empty() {
        return format!("`{tool}` has no parameter `{key}`, it has none");
    }
    format!("`{tool}` has no parameter `{key}`, it has {}", names.join(", "))
}

#[cfg(test)]
mod tests {
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
            ("array", "a,b", "`p` has to be a JSON array, not `a,b`"),
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
    fn a_required_parameter_that_is_missing_is_mentioned_and_left_to_the_server() {
        let (json, warnings) = given(json!({"properties": {"a": {}}, "required": ["a"]}), &[]).unwrap();
        assert_eq!((json.as_str(), &warnings[..]), ("{}", &["`a` is required and not given".to_owned()][..]));
    }

    #[test]
    fn without_a_tool_all_values_are_strings() {
        let mut object = Object::from([("n".to_owned(), RawValue::NULL.to_owned())]);
        add(&mut object, &[("a".into(), "1".into())], None, |warning| panic!("{warning}")).unwrap();
        assert_eq!(serde_json::to_string(&object).unwrap(), r#"{"a":"1","n":null}"#);
    }
}
