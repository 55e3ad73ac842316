//! Media types, as far as MCP uses them.

/// Whether a `Content-Type` is `application/json`, whatever its parameters (R-SSE-15).
pub fn is_json(content_type: &str) -> bool {
    essence(content_type).eq_ignore_ascii_case(super::headers::JSON)
}

/// Whether a `Content-Type` is `text/event-stream`, whatever its parameters (R-SSE-16, R-EV-28).
pub fn is_event_stream(content_type: &str) -> bool {
    essence(content_type).eq_ignore_ascii_case(super::headers::EVENT_STREAM)
}

/// Whether an `Accept` takes an event stream: absent, by name, by `text/*` or by `*/*`, unless with `q=0`.
pub fn accepts_event_stream(accept: Option<&str>) -> bool {
    accepts(accept, super::headers::EVENT_STREAM)
}

/// Whether an `Accept` takes JSON: absent, by name, by `application/*` or by `*/*`, unless with `q=0`.
pub fn accepts_json(accept: Option<&str>) -> bool {
    accepts(accept, super::headers::JSON)
}

/// The most exact range that matches decides (RFC 9110, section 12.5.1); of several as exact, the first.
fn accepts(accept: Option<&str>, wanted: &str) -> bool {
    let Some(accept) = accept else { return true };
    let mut best = None;
    for range in accept.split(',') {
        let Some(exactness) = matches(essence(range), wanted) else { continue };
        if best.is_none_or(|(most, _)| exactness > most) {
            best = Some((exactness, is_wanted(range)));
        }
    }
    best.is_some_and(|(_, wanted)| wanted)
}

/// How exactly a range names a type; `None` when it names another.
fn matches(range: &str, wanted: &str) -> Option<u8> {
    let kind = wanted.split('/').next().unwrap_or_default();
    if range.eq_ignore_ascii_case(wanted) {
        Some(2)
    } else if range.strip_suffix("/*").is_some_and(|range| range.eq_ignore_ascii_case(kind)) {
        Some(1)
    } else {
        (range == "*/*").then_some(0)
    }
}

/// Whether a range is not marked `q=0`.
fn is_wanted(range: &str) -> bool {
    !range.split(';').skip(1).any(|parameter| {
        let Some((name, value)) = parameter.split_once('=') else { return false };
        let is_zero = |value: &str| value.starts_with('0') && value.bytes().all(|b| matches!(b, b'0' | b'.'));
        name.trim().eq_ignore_ascii_case("q") && is_zero(value.trim())
    })
}

/// The media type before its parameters.
fn essence(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_and_case_do_not_matter() {
        assert!(is_event_stream("text/event-stream"));
        assert!(is_event_stream(" Text/Event-Stream ; charset=utf-8"));
        assert!(is_json("application/json;charset=utf-8"));
        for other in ["", "text/plain", "text/plain; application/json", "application/jsonp", "application/json-rpc"] {
            assert!(!is_json(other), "{other}");
        }
        assert!(!is_event_stream("text/event-streams"));
    }

    #[test]
    fn accept_takes_an_event_stream_by_name_by_range_or_by_absence() {
        for accept in
            ["text/event-stream", "application/json, text/event-stream;q=0.5", "text/*", "*/*", "*/*;q=0, text/*;q=0.1"]
        {
            assert!(accepts_event_stream(Some(accept)), "{accept}");
        }
        assert!(accepts_event_stream(None));
        for accept in [
            "",
            "application/json",
            "text/event-stream;q=0",
            "text/event-stream; Q=0.000, */*",
            "text/html, application/*",
        ] {
            assert!(!accepts_event_stream(Some(accept)), "{accept}");
        }
        assert!(accepts_json(Some("application/*")));
        assert!(accepts_json(Some("application/json, application/json;q=0")), "of two as exact the first counts");
    }
}
