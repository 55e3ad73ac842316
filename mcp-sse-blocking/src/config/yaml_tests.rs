//! YAML.

use super::*;

fn read(text: &str) -> Node {
    parse(text).unwrap_or_else(|error| panic!("{}:{}: {}", error.spot.line, error.spot.column, error.problem))
}

fn refused(text: &str) -> (u32, u32, String) {
    let error = parse(text).err().unwrap_or_else(|| panic!("{text:?} is read"));
    (error.spot.line, error.spot.column, error.problem)
}

/// The kinds of the values of a map, with their texts.
fn values(text: &str) -> Vec<String> {
    let node = read(text);
    let show = |node: &Node| match &node.value {
        Value::Text(text) => format!("text {text}"),
        Value::Number(text) => format!("number {text}"),
        Value::Bool(value) => format!("bool {value}"),
        _ => node.kind().to_owned(),
    };
    node.entries().unwrap().iter().map(|(key, node)| format!("{}={}", key.text, show(node))).collect()
}

#[test]
fn plain_scalars_mean_what_the_core_schema_says() {
    assert_eq!(
        values("a: 30\nb: '30'\nc: yes\nd: true\ne:\nf: ~\ng: 1.5e3\nh: !!str 5\ni: 0x1F\nj: 1.2.3\nk: .inf\nl: -5"),
        [
            "a=number 30",
            "b=text 30",
            "c=text yes",
            "d=bool true",
            "e=nothing",
            "f=nothing",
            "g=number 1.5e3",
            "h=text 5",
            "i=text 0x1F",
            "j=text 1.2.3",
            "k=text .inf",
            "l=number -5"
        ]
    );
}

#[test]
fn values_know_their_places() {
    let node = read("# first\na:\n  - x\n  - {b: 1}\n");
    let list = node.get("a").unwrap();
    let Value::List(items) = &list.value else { panic!() };
    let places: Vec<_> = items.iter().map(|item| (item.spot.line, item.spot.column)).collect();
    assert_eq!(places, [(3, 5), (4, 5)]);
}

#[test]
fn aliases_are_copies_and_merged_keys_lose() {
    assert_eq!(
        values("a: &base 1\nb: *base\nc: {<<: {x: 1}}\n<<: {d: 4, a: 5}"),
        ["a=number 1", "b=number 1", "c=a mapping", "d=number 4"]
    );
}

/// Nine levels of nine would be 387 million.
#[test]
fn aliases_of_aliases_are_bounded() {
    let mut text = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned();
    for level in 1..9 {
        let list = vec![format!("*a{}", level - 1); 9].join(",");
        text.push_str(&format!("a{level}: &a{level} [{list}]\n"));
    }
    assert!(refused(&text).2.starts_with("the anchors and aliases stand for more than"));
    let long = format!("a: &a {}\nb: [{}]", "x".repeat(100_000), vec!["*a"; 100].join(","));
    assert!(refused(&long).2.starts_with("the anchors and aliases stand for more than"));
}

/// Nobody asks for what they keep, and each keeps what is within it once more.
#[test]
fn anchors_within_anchors_are_bounded() {
    let nested = |levels: usize, text: &str| {
        let open: String = (0..levels).map(|level| format!("&a{level} [")).collect();
        format!("a: {open}{text}{}", "]".repeat(levels))
    };
    assert!(refused(&nested(60, &"x".repeat(100_000))).2.starts_with("the anchors and aliases stand for more than"));
    read(&nested(60, "x"));
    read(&nested(1, &"x".repeat(100_000)));
}

#[test]
fn nesting_is_bounded() {
    read(&format!("{}{}", "[".repeat(MAX_DEPTH - 1), "]".repeat(MAX_DEPTH - 1)));
    refused(&format!("{}{}", "[".repeat(MAX_DEPTH + 1), "]".repeat(MAX_DEPTH + 1)));
    refused(&"[".repeat(100_000));
    refused(&"- ".repeat(100_000));
    refused(&"? ".repeat(100_000));
}

#[test]
fn what_is_no_single_document_is_refused() {
    assert_eq!(refused("a: 1\n---\nb: 2"), (2, 1, "there is more than one document".into()));
    assert_eq!(refused("").2, "there is no document");
    assert!(read("\u{feff}a: 1").get("a").is_some());
    assert_eq!(refused("# nothing\n").2, "there is no document");
    assert_eq!(refused("[a, b]: 1").2, "a key is a list or a mapping");
    assert_eq!(refused("a: &a [*a]").2, "an alias stands within what it is an alias of");
    refused("a: *b");
    refused("a: [1");
    refused("a: 1\n b: 2");
}
