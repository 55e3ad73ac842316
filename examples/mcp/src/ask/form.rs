//! The fields of a form, and what is typed made into values.

use mcp_core::types::{JsonObject, NumberKind, PrimitiveSchema, RequestedSchema};
use serde_json::Value;

use crate::output::one_line;

/// A field of a form.
#[derive(Debug)]
pub(super) struct Field<'a> {
    pub(super) name: &'a str,
    pub(super) required: bool,
    schema: &'a PrimitiveSchema,
}

/// The fields in the order of the form.
pub(super) fn fields(form: &RequestedSchema) -> Vec<Field<'_>> {
    let is_required = |name: &str| form.required.iter().any(|required| required == name);
    form.properties.iter().map(|(name, schema)| Field { name, required: is_required(name), schema }).collect()
}

impl Field<'_> {
    /// What is asked: a title, what may be given and what is taken when nothing is.
    pub(super) fn question(&self) -> String {
        let mut text = one_line(self.schema.title().unwrap_or(self.name));
        if let Some(about) = self.schema.description() {
            text += &format!(": {}", one_line(about));
        }
        let kind = match self.schema {
            PrimitiveSchema::Boolean(_) => "yes or no",
            PrimitiveSchema::Number(number) if matches!(number.kind, NumberKind::Integer) => "an integer",
            PrimitiveSchema::Number(_) => "a number",
            PrimitiveSchema::MultiSelect(_) => "several, with commas",
            _ => "",
        };
        let mut notes: Vec<String> = Vec::new();
        if !kind.is_empty() {
            notes.push(kind.to_owned());
        }
        match self.default() {
            Some(default) => notes.push(format!("{} unless given", one_line(&default))),
            None if !self.required => notes.push("may be left empty".to_owned()),
            None => {}
        }
        if notes.is_empty() { text } else { format!("{text} ({})", notes.join("; ")) }
    }

    pub(super) fn has_default(&self) -> bool {
        self.schema.default_value().is_some()
    }

    /// What may be chosen, numbered from 1.
    pub(super) fn choices(&self) -> Vec<String> {
        self.options().into_iter().map(|(_, title)| one_line(title)).collect()
    }

    fn default(&self) -> Option<String> {
        Some(match self.schema.default_value()? {
            Value::String(text) => text,
            Value::Bool(is) => if is { "yes" } else { "no" }.to_owned(),
            other => other.to_string(),
        })
    }

    /// Value and title of what may be chosen.
    fn options(&self) -> Vec<(&str, &str)> {
        let options = match self.schema {
            PrimitiveSchema::SingleSelect(select) => &select.options,
            PrimitiveSchema::MultiSelect(select) => &select.options,
            _ => return Vec::new(),
        };
        options.iter().map(|option| (option.value.as_str(), option.display_name())).collect()
    }

    /// What was typed, as the form wants it.
    ///
    /// # Errors
    ///
    /// In words.
    pub(super) fn read(&self, typed: &str) -> Result<Value, String> {
        let wrong =
            |wanted: &str| Err(format!("`{}` has to be {wanted}, not `{}`", one_line(self.name), one_line(typed)));
        let value = match self.schema {
            PrimitiveSchema::Boolean(_) => match typed.to_lowercase().as_str() {
                "y" | "yes" | "true" => Value::Bool(true),
                "n" | "no" | "false" => Value::Bool(false),
                _ => return wrong("yes or no"),
            },
            PrimitiveSchema::Number(_) => match serde_json::from_str(typed) {
                Ok(value @ Value::Number(_)) => value,
                _ => return wrong("a number"),
            },
            PrimitiveSchema::SingleSelect(_) => match self.option(typed) {
                Some(value) => Value::from(value),
                None => return wrong(&self.wanted()),
            },
            PrimitiveSchema::MultiSelect(_) => {
                let chosen = typed.split(',').map(str::trim).filter(|word| !word.is_empty());
                match chosen.map(|word| self.option(word)).collect::<Option<Vec<_>>>() {
                    Some(values) => Value::from(values),
                    None => return wrong(&self.wanted()),
                }
            }
            PrimitiveSchema::Unknown(_) => serde_json::from_str(typed).unwrap_or_else(|_| Value::from(typed)),
            _ => Value::from(typed),
        };
        let content = JsonObject::from_iter([(self.name.to_owned(), value.clone())]);
        let alone = RequestedSchema::new().optional(self.name, self.schema.clone());
        alone.check(&content).map_err(|fault| fault.to_string())?;
        Ok(value)
    }

    /// An option by its value, its title or its number.
    fn option(&self, typed: &str) -> Option<&str> {
        let options = self.options();
        let by = |is: &dyn Fn(&(&str, &str)) -> bool| options.iter().find(|option| is(option)).map(|(value, _)| *value);
        let number =
            || typed.parse::<usize>().ok()?.checked_sub(1).and_then(|at| options.get(at)).map(|(value, _)| *value);
        by(&|(value, _)| *value == typed)
            .or_else(|| by(&|(_, title)| title.eq_ignore_ascii_case(typed)))
            .or_else(number)
    }

    fn wanted(&self) -> String {
        let values: Vec<String> = self.options().into_iter().map(|(value, _)| one_line(value)).collect();
        format!("one of {}", values.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(schema: Value, typed: &str) -> Result<Value, String> {
        let form = serde_json::from_value(json!({"type": "object", "properties": {"f": schema}}));
        fields(&form.unwrap())[0].read(typed)
    }

    #[test]
    fn what_is_typed_becomes_what_the_form_wants() {
        let colours =
            json!({"type": "string", "oneOf": [{"const": "r", "title": "Red"}, {"const": "g", "title": "Green"}]});
        let several = json!({"type": "array", "items": {"type": "string", "enum": ["a", "b", "c"]}});
        for (schema, typed, value) in [
            (json!({"type": "string"}), "5", json!("5")),
            (json!({"type": "integer"}), "5", json!(5)),
            (json!({"type": "number"}), "0.5", json!(0.5)),
            (json!({"type": "boolean"}), "Yes", json!(true)),
            (json!({"type": "boolean"}), "false", json!(false)),
            (colours.clone(), "g", json!("g")),
            (colours.clone(), "red", json!("r")),
            (colours.clone(), "2", json!("g")),
            (several.clone(), "a, c", json!(["a", "c"])),
            (several.clone(), "1", json!(["a"])),
        ] {
            assert_eq!(read(schema.clone(), typed), Ok(value), "{schema}");
        }
        for (schema, typed, problem) in [
            (json!({"type": "integer"}), "x", "`f` has to be a number, not `x`"),
            (json!({"type": "integer"}), "1.5", "without a fraction"),
            (json!({"type": "integer", "maximum": 3}), "4", "too large"),
            (json!({"type": "string", "minLength": 2}), "x", "too short"),
            (json!({"type": "boolean"}), "perhaps", "yes or no"),
            (colours, "3", "one of r, g"),
            (several, "a,d", "one of a, b, c"),
        ] {
            let said = read(schema.clone(), typed).unwrap_err();
            assert!(said.contains(problem), "{schema}: {said}");
        }
    }

    #[test]
    fn a_question_says_what_may_be_given() {
        // As text: the order of the fields matters.
        let form = serde_json::from_str::<RequestedSchema>(
            r#"{"type": "object", "required": ["name"], "properties": {
                "name": {"type": "string", "title": "Your name", "description": "in full"},
                "age": {"type": "integer", "default": 7},
                "ok": {"type": "boolean"}
            }}"#,
        );
        let form = form.unwrap();
        let questions: Vec<String> = fields(&form).iter().map(Field::question).collect();
        assert_eq!(
            questions,
            ["Your name: in full", "age (an integer; 7 unless given)", "ok (yes or no; may be left empty)"]
        );
    }
}
