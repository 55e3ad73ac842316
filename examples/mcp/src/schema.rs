//! What a tool says of its parameters, as far as a command line needs to know: names, types, which are required.
//!
//! This is no validator of JSON Schema. It reads the shapes that generators write: `type` as one name or several, `anyOf` and
//! `oneOf` as for optional values, `allOf` and `$ref` into `$defs` as for named types, `enum` and `const`. What it does not
//! understand counts as a string, and the server is the judge of it.

use std::fmt;

use serde_json::Value;

use crate::output::one_line;

/// References that lead to references. A schema that goes in circles ends here.
const DEPTH: usize = 8;
/// Choices that are shown.
const CHOICES: usize = 12;

/// One parameter of a tool.
#[derive(Debug, PartialEq)]
pub(crate) struct Parameter<'a> {
    pub(crate) name: &'a str,
    pub(crate) required: bool,
    pub(crate) kinds: Kinds,
    pub(crate) description: Option<&'a str>,
    /// What its schema says, and the schema that this is a part of.
    schema: &'a Value,
    root: &'a Value,
}

impl<'a> Parameter<'a> {
    /// The values that it may have, where it may have only these.
    pub(crate) fn choices(&self) -> Vec<&'a Value> {
        choices(self.schema, self.root, DEPTH)
    }

    /// The same in words, where they are few: `"good" or "bad"`.
    pub(crate) fn choices_in_brief(&self) -> Option<String> {
        let choices = self.choices();
        let shown = || choices.iter().map(|choice| one_line(&choice.to_string())).collect::<Vec<_>>().join(" or ");
        (1..=CHOICES).contains(&choices.len()).then(shown)
    }

    /// The parameters inside of it, where it is an object that describes them.
    pub(crate) fn members(&self) -> Option<Vec<Parameter<'a>>> {
        let schema = resolved(self.schema, self.root, DEPTH, "properties")?;
        Some(parameters_of(schema, self.root))
    }

    /// Whether it takes members that it does not describe.
    pub(crate) fn takes_others(&self) -> bool {
        resolved(self.schema, self.root, DEPTH, "properties").is_none_or(takes_others)
    }

    /// What its elements may be, where it is an array.
    pub(crate) fn element(&self) -> Parameter<'a> {
        let schema = resolved(self.schema, self.root, DEPTH, "items").map_or(&Value::Null, |array| &array["items"]);
        Parameter { kinds: Kinds::of(schema, self.root, DEPTH), schema, ..*self }
    }
}

/// The parameters in the input schema of a tool: the required ones first, each group in the order in which the schema was read.
pub(crate) fn parameters(schema: &Value) -> Vec<Parameter<'_>> {
    parameters_of(schema, schema)
}

fn parameters_of<'a>(schema: &'a Value, root: &'a Value) -> Vec<Parameter<'a>> {
    let required: Vec<&str> = strings(&schema["required"]).collect();
    let described = schema["properties"].as_object().into_iter().flatten();
    let mut all: Vec<_> = described
        .map(|(name, property)| Parameter {
            name,
            required: required.contains(&name.as_str()),
            kinds: Kinds::of(property, root, DEPTH),
            description: property["description"].as_str(),
            schema: property,
            root,
        })
        .collect();
    let described = |name: &&str| schema["properties"].get(name).is_some();
    // A name may be required without being described.
    all.extend(required.iter().copied().filter(|name| !described(name)).map(|name| Parameter {
        name,
        required: true,
        kinds: Kinds::default(),
        description: None,
        schema: &Value::Null,
        root,
    }));
    // Stable: the order within both groups stays.
    all.sort_by_key(|parameter| !parameter.required);
    all
}

/// Whether a tool with this input schema takes parameters that it does not describe.
pub(crate) fn takes_others(schema: &Value) -> bool {
    schema["additionalProperties"] != Value::Bool(false)
}

/// The part of `schema` that has `keyword`: itself, where it refers to, or the first of its alternatives that has it.
fn resolved<'a>(schema: &'a Value, root: &'a Value, depth: usize, keyword: &str) -> Option<&'a Value> {
    let depth = depth.checked_sub(1)?;
    if schema.get(keyword).is_some() {
        return Some(schema);
    }
    if let Some(target) = referred(schema, root) {
        return resolved(target, root, depth, keyword);
    }
    let alternatives = ["anyOf", "oneOf", "allOf"].iter().flat_map(|key| schema[*key].as_array()).flatten();
    alternatives.filter_map(|alternative| resolved(alternative, root, depth, keyword)).next()
}

fn choices<'a>(schema: &'a Value, root: &'a Value, depth: usize) -> Vec<&'a Value> {
    let Some(depth) = depth.checked_sub(1) else { return Vec::new() };
    if let Some(values) = schema["enum"].as_array() {
        return values.iter().collect();
    }
    if let Some(value) = schema.get("const") {
        return vec![value];
    }
    if let Some(target) = referred(schema, root) {
        return choices(target, root, depth);
    }
    let null = |schema: &Value| (schema["type"] == "null").then_some(&Value::Null);
    for key in ["anyOf", "oneOf"] {
        let Some(alternatives) = schema[key].as_array() else { continue };
        let each: Vec<Vec<&Value>> = alternatives
            .iter()
            .map(|alternative| null(alternative).map_or_else(|| choices(alternative, root, depth), |null| vec![null]))
            .collect();
        // One that takes anything makes all of it take anything.
        return if each.iter().any(Vec::is_empty) { Vec::new() } else { each.concat() };
    }
    let all = schema["allOf"].as_array().into_iter().flatten();
    all.map(|part| choices(part, root, depth)).find(|choices| !choices.is_empty()).unwrap_or_default()
}

fn referred<'a>(schema: &'a Value, root: &'a Value) -> Option<&'a Value> {
    root.pointer(schema["$ref"].as_str()?.strip_prefix('#')?)
}

/// The JSON types that a value may have. None means that the schema does not say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Kinds(u8);

/// Their names, and with which article they are asked for.
const NAMES: [(&str, &str); 7] = [
    ("string", "a string"),
    ("integer", "an integer"),
    ("number", "a number"),
    ("boolean", "true or false"),
    ("array", "a JSON array"),
    ("object", "a JSON object"),
    ("null", "null"),
];

impl Kinds {
    pub(crate) const STRING: Self = Self(1);
    const INTEGER: Self = Self(1 << 1);
    const NUMBER: Self = Self(1 << 2);
    const BOOLEAN: Self = Self(1 << 3);
    pub(crate) const ARRAY: Self = Self(1 << 4);
    pub(crate) const OBJECT: Self = Self(1 << 5);
    const NULL: Self = Self(1 << 6);

    /// What `schema` allows, a part of `root`.
    fn of(schema: &Value, root: &Value, depth: usize) -> Self {
        let Some(depth) = depth.checked_sub(1) else { return Self::default() };
        if let Some(names) = strings_or_one(&schema["type"]) {
            return names.fold(Self::default(), |kinds, name| kinds.or(Self::named(name)));
        }
        for union in ["anyOf", "oneOf", "allOf"] {
            if let Some(branches) = schema[union].as_array() {
                return branches.iter().fold(Self::default(), |kinds, branch| kinds.or(Self::of(branch, root, depth)));
            }
        }
        if let Some(pointer) = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix('#')) {
            return root.pointer(pointer).map_or(Self::default(), |target| Self::of(target, root, depth));
        }
        let values = schema["enum"].as_array().map(Vec::as_slice).unwrap_or_default();
        let values = values.iter().chain(schema.get("const"));
        values.fold(Self::default(), |kinds, value| kinds.or(Self::of_value(value)))
    }

    fn named(name: &str) -> Self {
        NAMES.iter().position(|(known, _)| *known == name).map_or(Self::default(), |at| Self(1 << at))
    }

    /// The narrowest kind of a value.
    fn of_value(value: &Value) -> Self {
        match value {
            Value::String(_) => Self::STRING,
            Value::Number(number) if number.is_f64() && number.as_f64().is_some_and(|n| n.fract() != 0.0) => {
                Self::NUMBER
            }
            Value::Number(_) => Self::INTEGER,
            Value::Bool(_) => Self::BOOLEAN,
            Value::Array(_) => Self::ARRAY,
            Value::Object(_) => Self::OBJECT,
            Value::Null => Self::NULL,
        }
    }

    fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) fn contains(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether a string is what to send: it is allowed, or nothing is known.
    pub(crate) fn takes_text(self) -> bool {
        self == Self::default() || self.contains(Self::STRING)
    }

    /// Whether a value is one of these. An integer is a number too.
    pub(crate) fn fits(self, value: &Value) -> bool {
        let kind = Self::of_value(value);
        self.contains(kind) || (kind == Self::INTEGER && self.contains(Self::NUMBER))
    }

    /// The names, without articles or with them.
    fn names(self, articles: bool) -> impl Iterator<Item = &'static str> {
        let mut at = 0;
        NAMES
            .iter()
            .filter(move |_| {
                at += 1;
                self.0 & (1 << (at - 1)) != 0
            })
            .map(move |(name, asked)| if articles { *asked } else { *name })
    }

    /// What to give, for errors: `an integer or null`.
    pub(crate) fn wanted(self) -> String {
        self.names(true).collect::<Vec<_>>().join(" or ")
    }
}

/// For lists: `integer or null`.
impl fmt::Display for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::default() {
            return f.pad("any");
        }
        f.pad(&self.names(false).collect::<Vec<_>>().join(" or "))
    }
}

fn strings(value: &Value) -> impl Iterator<Item = &str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// The strings of an array, or the one string that stands in its place.
fn strings_or_one(value: &Value) -> Option<impl Iterator<Item = &str>> {
    let one = value.as_str();
    (one.is_some() || value.is_array()).then(|| one.into_iter().chain(strings(value)))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use mcp_core::types::Tool;
    use serde_json::json;

    /// A tool whose input schema is this.
    pub(crate) fn tool(schema: Value) -> Tool {
        serde_json::from_value(json!({"name": "t", "inputSchema": schema})).unwrap()
    }

    fn kinds(property: Value) -> String {
        let schema = json!({
            "properties": {"p": property},
            "$defs": {"Size": {"enum": [1, 2]}, "Day": {"type": "string"}, "Loop": {"$ref": "#/$defs/Loop"}},
        });
        parameters(&schema)[0].kinds.to_string()
    }

    #[test]
    fn types_are_found_where_generators_write_them() {
        let cases = [
            (json!({"type": "integer"}), "integer"),
            (json!({"type": ["string", "null"]}), "string or null"),
            // Python's `int | None`.
            (json!({"anyOf": [{"type": "integer"}, {"type": "null"}], "default": null}), "integer or null"),
            (json!({"oneOf": [{"const": true}, {"type": "array", "items": {}}]}), "boolean or array"),
            (json!({"allOf": [{"$ref": "#/$defs/Size"}]}), "integer"),
            (json!({"$ref": "#/$defs/Day"}), "string"),
            (json!({"enum": ["a", 1.5]}), "string or number"),
            (json!({"const": {}}), "object"),
            (json!({"$ref": "#/$defs/Loop"}), "any"),
            (json!({"$ref": "https://example.com/schema"}), "any"),
            (json!({"type": "date"}), "any"),
            (json!(true), "any"),
            (json!({}), "any"),
        ];
        for (property, expected) in cases {
            assert_eq!(kinds(property.clone()), expected, "{property}");
        }
    }

    #[test]
    fn required_parameters_come_first_and_need_no_description() {
        let schema = json!({
            "properties": {"a": {"type": "number", "description": "how much"}, "b": {}, "c": {"type": "string"}},
            "required": ["c", "z"],
        });
        let all: Vec<_> = parameters(&schema).iter().map(|p| (p.name, p.required, p.description)).collect();
        assert_eq!(all, [("c", true, None), ("z", true, None), ("a", false, Some("how much")), ("b", false, None)]);
    }

    #[test]
    fn choices_are_found_where_generators_write_them() {
        let cases = [
            (json!({"enum": ["a", "b"]}), json!(["a", "b"])),
            (json!({"type": "string", "enum": ["a"]}), json!(["a"])),
            (json!({"oneOf": [{"const": 1, "title": "one"}, {"const": 2}]}), json!([1, 2])),
            // Python's `Literal["a"] | None`.
            (json!({"anyOf": [{"enum": ["a"]}, {"type": "null"}]}), json!(["a", null])),
            (json!({"anyOf": [{"enum": ["a"]}, {"type": "integer"}]}), json!([])),
            (json!({"allOf": [{"$ref": "#/$defs/Size"}]}), json!([1, 2])),
            (json!({"$ref": "#/$defs/Loop"}), json!([])),
            (json!({"enum": 7}), json!([])),
        ];
        for (property, expected) in cases {
            let schema = json!({
                "properties": {"p": property},
                "$defs": {"Size": {"enum": [1, 2]}, "Loop": {"$ref": "#/$defs/Loop"}},
            });
            assert_eq!(json!(parameters(&schema)[0].choices()), expected, "{property}");
        }
    }

    #[test]
    fn a_schema_of_any_shape_is_read() {
        for schema in
            [json!(null), json!([]), json!("x"), json!({"properties": 1, "required": {}}), json!({"required": [1]})]
        {
            assert_eq!(parameters(&schema), []);
        }
    }
}
