//! `key=value` made into the arguments of a tool: strings, unless the tool's schema says otherwise.
//!
//! A parameter that is an array takes its elements one by one, `tag=a tag=b`; the members of one that is an object are
//! `address.city=Paris`. Anything else is written as JSON.

use std::collections::BTreeMap;

use mcp_core::text::Excerpt;
use mcp_core::types::Tool;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use crate::output::one_line;
use crate::schema::{Kinds, Parameter, parameters, takes_others};
use crate::suggest;

/// Arguments of a tool. Raw, so that a number keeps all of its digits.
pub(crate) type Object = BTreeMap<String, Box<RawValue>>;

/// What was given as KEY=VALUE, in order.
pub(crate) type Pairs = Vec<(String, String)>;

/// Characters of a value that an error repeats.
const SHOWN: usize = 60;

/// A key and a value.
///
/// # Errors
///
/// In words: there is no `=`, or nothing before it.
pub(crate) fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or_else(|| format!("an argument is written KEY=VALUE, not `{text}`"))?;
    if key.is_empty() { Err(format!("there is no key before `=` in `{text}`")) } else { Ok((key.into(), value.into())) }
}

/// Adds `pairs` to `object`. A parameter that allows a string gets one, any other is JSON of a type that it allows. Without a tool all
/// are strings. What is odd but may be sent goes to `warn`.
///
/// # Errors
///
/// In words: a value of another type or none of the choices, a key given twice, a key that the tool does not take, a required
/// one that is missing.
pub(crate) fn add(
    object: &mut Object,
    pairs: &[(String, String)],
    tool: Option<&Tool>,
    mut warn: impl FnMut(String),
) -> Result<(), String> {
    let schema = tool.map(|tool| tool.input_schema.to_value());
    let known = schema.as_ref().map(parameters).unwrap_or_default();
    let owner = Owner {
        name: tool.map(|tool| Excerpt::new(&tool.name, SHOWN).to_string()),
        prefix: String::new(),
        known,
        takes_others: schema.as_ref().is_none_or(takes_others),
    };
    let pairs: Vec<(&str, &str)> = pairs.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    owner.fill(object, &pairs, &mut warn)
}

/// What has parameters: a tool, or one of its parameters that is an object.
struct Owner<'a> {
    /// Of the tool; `None` when nothing is known of it.
    name: Option<String>,
    /// Where its parameters are: `address.`, or nothing.
    prefix: String,
    known: Vec<Parameter<'a>>,
    takes_others: bool,
}

impl Owner<'_> {
    fn fill(&self, object: &mut Object, pairs: &[(&str, &str)], warn: &mut impl FnMut(String)) -> Result<(), String> {
        let mut done: Vec<&str> = Vec::new();
        for (key, _) in pairs {
            let name = self.own(key);
            if done.contains(&name) {
                continue;
            }
            done.push(name);
            let shown = format!("{}{name}", self.prefix);
            if object.contains_key(name) {
                return Err(format!("`{shown}` is given twice"));
            }
            let parameter = self.known.iter().find(|parameter| parameter.name == name);
            if let (Some(tool), None) = (&self.name, parameter) {
                let unknown = self.unknown(tool, &shown, name);
                if !self.takes_others {
                    return Err(unknown);
                }
                warn(format!("{unknown}; it is sent all the same"));
            }
            let own: Vec<(&str, &str)> = pairs.iter().filter(|(key, _)| self.own(key) == name).copied().collect();
            let value = match parameter {
                Some(parameter) if own.iter().any(|(key, _)| *key != name) => {
                    self.nested(parameter, &shown, &own, warn)?
                }
                Some(parameter) => read_all(&shown, &own, parameter)?,
                None if own.len() > 1 => return Err(format!("`{shown}` is given twice")),
                None => text(own[0].1)?,
            };
            object.insert(name.to_owned(), value);
        }
        let missing: Vec<String> = self
            .known
            .iter()
            .filter(|parameter| parameter.required && !object.contains_key(parameter.name))
            .map(|parameter| format!("`{}{}`", self.prefix, one_line(parameter.name)))
            .collect();
        match &missing[..] {
            [] => Ok(()),
            [one] => Err(format!("{one} is required and not given")),
            several => Err(format!("{} are required and not given", several.join(" and "))),
        }
    }

    /// The parameter of this owner that a key is about: all of it, or what is before the first point, where that is an object.
    fn own<'k>(&self, key: &'k str) -> &'k str {
        let is_known = |name: &str| self.known.iter().any(|parameter| parameter.name == name);
        let is_object = |name: &str| {
            self.known.iter().any(|parameter| parameter.name == name && parameter.kinds.contains(Kinds::OBJECT))
        };
        match key.split_once('.') {
            Some((first, _)) if !is_known(key) && is_object(first) => first,
            _ => key,
        }
    }

    /// The members of an object, each given by a key of its own.
    fn nested(
        &self,
        parameter: &Parameter<'_>,
        shown: &str,
        own: &[(&str, &str)],
        warn: &mut impl FnMut(String),
    ) -> Result<Box<RawValue>, String> {
        let inside: Option<Vec<(&str, &str)>> =
            own.iter().map(|(key, value)| Some((key.split_once('.')?.1, *value))).collect();
        let inside = inside.ok_or_else(|| format!("`{shown}` is given as a whole and in parts"))?;
        let members = parameter.members();
        let owner = Owner {
            name: members.as_ref().and(self.name.clone()),
            prefix: format!("{shown}."),
            known: members.unwrap_or_default(),
            takes_others: parameter.takes_others(),
        };
        let mut object = Object::new();
        owner.fill(&mut object, &inside, warn)?;
        to_raw_value(&object).map_err(|error| error.to_string())
    }

    fn unknown(&self, tool: &str, shown: &str, name: &str) -> String {
        let names: Vec<_> = self.known.iter().map(|parameter| one_line(parameter.name)).collect();
        if names.is_empty() {
            return format!("`{tool}` has no parameter `{shown}`, it has none");
        }
        let meant = suggest::hint(name, self.known.iter().map(|parameter| parameter.name));
        format!("`{tool}` has no parameter `{shown}`{meant}, it has {}", names.join(", "))
    }
}

/// A parameter given once, or an array given element by element.
fn read_all(shown: &str, own: &[(&str, &str)], parameter: &Parameter<'_>) -> Result<Box<RawValue>, String> {
    let is_list = parameter.kinds.contains(Kinds::ARRAY);
    match own {
        [(_, one)] => read(shown, one, parameter),
        several if is_list => {
            let element = parameter.element();
            let elements: Vec<Box<RawValue>> =
                several.iter().map(|(_, value)| read(shown, value, &element)).collect::<Result<_, _>>()?;
            to_raw_value(&elements).map_err(|error| error.to_string())
        }
        _ => Err(format!("`{shown}` is given twice")),
    }
}

fn read(shown: &str, given: &str, parameter: &Parameter<'_>) -> Result<Box<RawValue>, String> {
    let kinds = parameter.kinds;
    let not_this = Excerpt::new(given, SHOWN);
    if kinds.takes_text() {
        let choices = parameter.choices();
        let value = Value::from(given);
        if !choices.is_empty() && !choices.contains(&&value) {
            // A choice may be no string.
            return chosen(given, &choices).ok_or_else(|| wrong_choice(shown, given, parameter));
        }
        return text(given);
    }
    let wrong = || {
        let also = if kinds.contains(Kinds::ARRAY) { ", or to be given several times" } else { "" };
        format!("`{shown}` has to be {}{also}, not `{not_this}`", kinds.wanted())
    };
    let raw: &RawValue = serde_json::from_str(given).map_err(|_| wrong())?;
    let value: Value = serde_json::from_str(given).map_err(|_| wrong())?;
    if !kinds.fits(&value) {
        return Err(wrong());
    }
    let choices = parameter.choices();
    if !choices.is_empty() && !choices.contains(&&value) {
        return Err(wrong_choice(shown, given, parameter));
    }
    Ok(raw.to_owned())
}

fn chosen(given: &str, choices: &[&Value]) -> Option<Box<RawValue>> {
    let value: Value = serde_json::from_str(given).ok()?;
    choices.contains(&&value).then(|| serde_json::from_str(given).ok()).flatten()
}

fn wrong_choice(shown: &str, given: &str, parameter: &Parameter<'_>) -> String {
    let choices = parameter.choices();
    let meant = suggest::hint(given, choices.iter().filter_map(|choice| choice.as_str()));
    let choices = parameter.choices_in_brief().unwrap_or_else(|| format!("one of {} choices", choices.len()));
    format!("`{shown}` has to be {choices}, not `{}`{meant}", Excerpt::new(given, SHOWN))
}

fn text(given: &str) -> Result<Box<RawValue>, String> {
    to_raw_value(given).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
