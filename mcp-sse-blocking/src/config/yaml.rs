//! YAML: the events of a parser made into a tree.
//!
//! Aliases are copies, and a dozen lines of them could stand for gigabytes; what they copy is bounded. So is what anchors keep
//! for them, for anchors within anchors keep the same text again. Plain scalars mean what
//! the core schema of YAML 1.2 says: `yes` and `on` are strings.

use std::collections::{HashMap, HashSet};

use granit_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput};

use super::fault::Spot;
use super::tree::{Key, MAX_DEPTH, Node, SyntaxError, Value};

/// Bytes that all anchors of a file may keep and all aliases stand for, a node counted as [`NODE`]: as much as the longest file.
const MAX_COPIED: usize = 1 << 20;
const NODE: usize = 64;

/// Reads a file of one document.
pub(super) fn parse(text: &str) -> Result<Node, SyntaxError> {
    let mut options = granit_parser::Options::default();
    options.flow_nesting_limit = MAX_DEPTH;
    options.block_nesting_limit = MAX_DEPTH;
    let parser = Parser::new_from_str_with_options(text, options);
    let mut builder = Builder { parser, anchors: HashMap::new(), copied: 0 };
    loop {
        let (event, span) = builder.next()?;
        match event {
            Event::StreamStart => {}
            Event::DocumentStart(..) => break,
            _ => return Err(error(spot(&span), "there is no document")),
        }
    }
    let first = builder.next()?;
    let node = builder.node(first, 0)?;
    loop {
        let (event, span) = builder.next()?;
        match event {
            Event::DocumentEnd => {}
            Event::StreamEnd => return Ok(node),
            _ => return Err(error(spot(&span), "there is more than one document")),
        }
    }
}

struct Builder<'t> {
    parser: Parser<'t, StrInput<'t>>,
    /// What aliases stand for, by the number that the parser gives to anchors.
    anchors: HashMap<usize, Anchor>,
    copied: usize,
}

struct Anchor {
    node: Node,
    /// What a copy costs.
    size: usize,
    depth: usize,
}

impl<'t> Builder<'t> {
    fn next(&mut self) -> Result<(Event<'t>, Span), SyntaxError> {
        match self.parser.next() {
            Some(Ok(event)) => Ok(event),
            Some(Err(problem)) => Err(syntax(&problem)),
            // The end of the stream is an event of its own, after which nobody asks.
            None => Err(error(Spot { line: 1, column: 1 }, "the document ends too early")),
        }
    }

    fn node(&mut self, (event, span): (Event<'t>, Span), depth: usize) -> Result<Node, SyntaxError> {
        let spot = spot(&span);
        if depth > MAX_DEPTH {
            return Err(too_deep(spot));
        }
        let (value, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let is_text = tag.is_some_and(|tag| tag.is_yaml_core_schema_tag("str"));
                let is_plain = style == ScalarStyle::Plain && !is_text;
                (if is_plain { plain(&text) } else { Value::Text(text.into_owned()) }, anchor)
            }
            Event::SequenceStart(_, anchor, _) => (self.list(depth)?, anchor),
            Event::MappingStart(_, anchor, _) => (self.map(depth)?, anchor),
            Event::Alias(anchor) => return self.alias(anchor, spot, depth),
            _ => return Err(error(spot, "a value is expected")),
        };
        let node = Node { spot, value };
        if anchor > 0 {
            let (size, depth) = (size(&node), self::depth(&node));
            // Before the copy, and whether or not an alias follows.
            self.charge(size, spot)?;
            self.anchors.insert(anchor, Anchor { node: node.clone(), size, depth });
        }
        Ok(node)
    }

    fn list(&mut self, depth: usize) -> Result<Value, SyntaxError> {
        let mut items = Vec::new();
        loop {
            let next = self.next()?;
            if next.0 == Event::SequenceEnd {
                return Ok(Value::List(items));
            }
            items.push(self.node(next, depth + 1)?);
        }
    }

    fn map(&mut self, depth: usize) -> Result<Value, SyntaxError> {
        let mut entries: Vec<(Key, Node)> = Vec::new();
        let mut merged = Vec::new();
        loop {
            let next = self.next()?;
            if next.0 == Event::MappingEnd {
                break;
            }
            let is_merge = matches!(&next.0, Event::Scalar(text, ScalarStyle::Plain, ..) if text == "<<");
            let key = self.node(next, depth + 1)?;
            let next = self.next()?;
            let node = self.node(next, depth + 1)?;
            match (is_merge, node.value) {
                (true, Value::Map(more)) => merged.extend(more),
                (_, value) => entries.push((self::key(key)?, Node { spot: node.spot, value })),
            }
        }
        // What the map has itself wins.
        let own: HashSet<String> = match merged.is_empty() {
            true => HashSet::new(),
            false => entries.iter().map(|(key, _)| key.text.clone()).collect(),
        };
        entries.extend(merged.into_iter().filter(|(key, _)| !own.contains(&key.text)));
        Ok(Value::Map(entries))
    }

    /// Counts a copy that is about to be made.
    fn charge(&mut self, size: usize, spot: Spot) -> Result<(), SyntaxError> {
        self.copied = self.copied.saturating_add(size);
        if self.copied > MAX_COPIED {
            return Err(error(spot, &format!("the anchors and aliases stand for more than {MAX_COPIED} bytes")));
        }
        Ok(())
    }

    fn alias(&mut self, number: usize, spot: Spot, depth: usize) -> Result<Node, SyntaxError> {
        let stands_within = || error(spot, "an alias stands within what it is an alias of");
        let size = self.anchors.get(&number).ok_or_else(stands_within)?.size;
        self.charge(size, spot)?;
        let anchor = self.anchors.get(&number).ok_or_else(stands_within)?;
        if depth + anchor.depth > MAX_DEPTH {
            return Err(too_deep(spot));
        }
        Ok(Node { spot, value: anchor.node.value.clone() })
    }
}

/// What a scalar without quotes means.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ if is_number(text) => Value::Number(text.to_owned()),
        _ => Value::Text(text.to_owned()),
    }
}

/// Decimal numbers. The others of the schema, such as `0x1F`, mean nothing to any key and stay what they look like.
fn is_number(text: &str) -> bool {
    let is_made_of = text.chars().all(|c| matches!(c, '0'..='9' | '+' | '-' | '.' | 'e' | 'E'));
    is_made_of && text.parse::<f64>().is_ok()
}

fn key(node: Node) -> Result<Key, SyntaxError> {
    let text = match node.value {
        Value::Text(text) | Value::Number(text) => text,
        Value::Bool(value) => value.to_string(),
        Value::Null => String::new(),
        Value::List(_) | Value::Map(_) => return Err(error(node.spot, "a key is a list or a mapping")),
    };
    Ok(Key { spot: node.spot, text })
}

/// What a copy of the node costs.
fn size(node: &Node) -> usize {
    NODE + match &node.value {
        Value::Null | Value::Bool(_) => 0,
        Value::Number(text) | Value::Text(text) => text.len(),
        Value::List(items) => items.iter().map(size).sum(),
        Value::Map(entries) => entries.iter().map(|(key, node)| key.text.len() + size(node)).sum(),
    }
}

/// How many levels are below the node.
fn depth(node: &Node) -> usize {
    match &node.value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => 0,
        Value::List(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Map(entries) => 1 + entries.iter().map(|(_, node)| depth(node)).max().unwrap_or(0),
    }
}

fn too_deep(spot: Spot) -> SyntaxError {
    error(spot, &format!("values are nested more than {MAX_DEPTH} deep"))
}

fn syntax(problem: &ScanError) -> SyntaxError {
    let marker = problem.marker();
    error(place(marker.line(), marker.col()), &problem.info())
}

fn error(spot: Spot, problem: &str) -> SyntaxError {
    SyntaxError { spot, problem: problem.to_owned() }
}

fn spot(span: &Span) -> Spot {
    place(span.start.line(), span.start.col())
}

/// The parser counts columns from 0.
fn place(line: usize, column: usize) -> Spot {
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Spot { line: number(line).max(1), column: number(column).saturating_add(1) }
}

#[cfg(test)]
#[path = "yaml_tests.rs"]
mod tests;
