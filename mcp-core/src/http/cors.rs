//! What a browser has to be told before it lets a page use the server.
//!
//! Nothing is told to anybody but an origin that [`OriginPolicy`](super::OriginPolicy) let through (R-SEC-6). Cookies are
//! never asked for: credentials of MCP travel in `Authorization`.

use super::headers::{VARY, is_valid_name};

/// Header names that a page may send without having to name them.
const USUAL_HEADERS: &str = "Content-Type, Authorization, MCP-Protocol-Version, Mcp-Session-Id, Last-Event-ID";

/// Seconds that a browser may remember a preflight. Ten minutes: a setting that changed takes effect before long.
const MAX_AGE: &str = "600";

/// Whether a request is a preflight: an OPTIONS with `Origin` and `Access-Control-Request-Method`. A preflight whose
/// origin is allowed is answered with 204 and [`preflight_headers`]; every other OPTIONS is an ordinary wrong method.
pub fn is_preflight(method: &str, origin: Option<&str>, request_method: Option<&str>) -> bool {
    method == "OPTIONS" && origin.is_some() && request_method.is_some()
}

/// The headers of an answer to an allowed origin; `origin` is what the policy's check gave.
pub fn answer_headers(origin: &str, mut put: impl FnMut(&'static str, &str)) {
    put("Access-Control-Allow-Origin", origin);
    put("Access-Control-Expose-Headers", "Mcp-Session-Id, WWW-Authenticate");
    put(VARY, "Origin");
}

/// The headers of the 204 to a preflight of an allowed origin. `methods` are those of the path, as in `Allow`;
/// `request_headers` is `Access-Control-Request-Headers`, which is repeated if it is a list of names.
pub fn preflight_headers(
    origin: &str,
    methods: &str,
    request_headers: Option<&str>,
    mut put: impl FnMut(&'static str, &str),
) {
    let is_list_of_names = |list: &&str| list.split(',').all(|name| is_valid_name(name.trim_matches([' ', '\t'])));
    put("Access-Control-Allow-Origin", origin);
    put("Access-Control-Allow-Methods", methods);
    put("Access-Control-Allow-Headers", request_headers.filter(is_list_of_names).unwrap_or(USUAL_HEADERS));
    put("Access-Control-Max-Age", MAX_AGE);
    put(VARY, "Origin, Access-Control-Request-Method, Access-Control-Request-Headers");
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::{String, ToString};
    use alloc::vec::Vec;

    fn preflight(request_headers: Option<&str>) -> Vec<(&'static str, String)> {
        let mut headers = Vec::new();
        preflight_headers("http://localhost:6274", "POST", request_headers, |n, v| headers.push((n, v.to_string())));
        headers
    }

    #[test]
    fn only_options_with_both_headers_is_a_preflight() {
        assert!(is_preflight("OPTIONS", Some("http://h"), Some("POST")));
        assert!(!is_preflight("OPTIONS", None, Some("POST")));
        assert!(!is_preflight("OPTIONS", Some("http://h"), None));
        assert!(!is_preflight("GET", Some("http://h"), Some("POST")));
    }

    #[test]
    fn a_preflight_repeats_the_headers_asked_for_when_they_are_names() {
        let allowed = |asked| {
            let headers = preflight(asked);
            headers.into_iter().find(|(name, _)| *name == "Access-Control-Allow-Headers").unwrap().1
        };
        assert_eq!(allowed(Some("x-tenant, content-type")), "x-tenant, content-type");
        assert_eq!(allowed(Some("x tenant")), USUAL_HEADERS);
        // `str::trim` takes line ends for space, and the list goes into a header of ours.
        assert_eq!(allowed(Some("x-tenant\r\n, content-type")), USUAL_HEADERS);
        assert_eq!(allowed(None), USUAL_HEADERS);
    }

    #[test]
    fn no_answer_allows_all_origins_or_cookies() {
        let mut headers = preflight(None);
        answer_headers("http://localhost:6274", |n, v| headers.push((n, v.to_string())));
        assert!(headers.iter().all(|(name, value)| value != "*" && *name != "Access-Control-Allow-Credentials"));
        assert_eq!(headers.iter().filter(|(name, _)| *name == "Access-Control-Allow-Origin").count(), 2);
    }
}
