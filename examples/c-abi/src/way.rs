//! The way to a server: TLS, proxies, and how much may come.
//!
//! What a feature of the library gives is a function in any case, for the header is one: without the feature
//! it answers with `MCP_STATUS_USAGE`, and `mcp_options_problem` names the feature.

use std::ffi::c_char;

use mcp_sse_blocking::Builder;
use mcp_sse_blocking::mcp_core::Limits;

#[cfg(not(all(feature = "tls", feature = "system-roots", feature = "compression")))]
use crate::error::Fault;
use crate::error::Status;
use crate::options::{Options, set};
use crate::text::Input;

/// A setting that needs a feature of the library, and what it is made of.
macro_rules! with_feature {
    ($feature:literal, $parts:expr, $setting:expr) => {{
        #[cfg(feature = $feature)]
        {
            Ok($setting)
        }
        #[cfg(not(feature = $feature))]
        {
            let _ = $parts;
            let text = concat!("this library was built without the feature `", $feature, "`");
            Err::<fn(Builder) -> Builder, _>(Fault::new(Status::Usage, text))
        }
    }};
}

/// Certificates of authorities, in PEM, that are trusted beside the well-known ones. Feature `tls`, as those
/// below.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_options_add_root_certificates(options: Options, pem: *const c_char, length: usize) -> Status {
    set(options, || {
        let pem = Input { what: "the certificates", data: pem, length }.required()?.to_owned();
        with_feature!("tls", pem, move |builder: Builder| builder.add_root_certificates_pem(pem.as_bytes()))
    })
}

/// Certificates of authorities, in PEM, that are trusted in place of the well-known ones.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_options_root_certificates(options: Options, pem: *const c_char, length: usize) -> Status {
    set(options, || {
        let pem = Input { what: "the certificates", data: pem, length }.required()?.to_owned();
        with_feature!("tls", pem, move |builder: Builder| builder.root_certificates_pem(pem.as_bytes()))
    })
}

/// The authorities that the operating system trusts, in place of the well-known ones. Feature `system-roots`.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_options_system_roots(options: Options) -> Status {
    set(options, || with_feature!("system-roots", (), |builder: Builder| builder.system_roots()))
}

/// Identifies the program to servers that ask for it: a chain of certificates, its own first, and the private
/// key of that, both in PEM; the key not encrypted. The key is a secret: it is in no message and no log.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_options_client_certificate(
    options: Options,
    pem: *const c_char,
    length: usize,
    key: *const c_char,
    key_length: usize,
) -> Status {
    set(options, || {
        let pem = Input { what: "the certificates", data: pem, length }.required()?.to_owned();
        let key = Input { what: "the key", data: key, length: key_length }.required()?.to_owned();
        with_feature!("tls", (pem, key), move |builder: Builder| {
            builder.client_certificate_pem(pem.as_bytes(), key.as_bytes())
        })
    })
}

/// Trusts the server that shows exactly this certificate, in PEM, and no other; several are given one after
/// the other. Nothing else is asked of it: neither who signed it, nor its name, nor its dates.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_options_pin_certificate(options: Options, pem: *const c_char, length: usize) -> Status {
    set(options, || {
        let pem = Input { what: "the certificate", data: pem, length }.required()?.to_owned();
        with_feature!("tls", pem, move |builder: Builder| builder.pin_certificate_pem(pem.as_bytes()))
    })
}

/// Accepts whatever certificate a server shows: anybody on the way can read and change what is said, tokens
/// as well. For tests; each connect warns of it in the log.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_options_danger_accept_any_certificate(options: Options) -> Status {
    set(options, || with_feature!("tls", (), |builder: Builder| builder.danger_accept_any_certificate()))
}

/// Goes to the server through this proxy: `http://[user:password@]host[:port]`, with feature `tls`
/// `https://..`, with feature `socks` `socks5h://..` and its like. Unless set the environment decides, as for
/// curl: `http_proxy`, `https_proxy`, `all_proxy`, `no_proxy`. User and password are in no message and no
/// log.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_options_proxy(options: Options, url: *const c_char, length: usize) -> Status {
    set(options, || {
        let url = Input { what: "the URL of the proxy", data: url, length }.required()?.to_owned();
        Ok(move |builder: Builder| builder.proxy(&url))
    })
}

/// Goes to the server directly, whatever the environment says.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_options_no_proxy(options: Options) -> Status {
    set(options, || Ok(|builder: Builder| builder.no_proxy()))
}

/// Lets servers compress their answers, with gzip and deflate: 1 or 0; 0 unless set. Feature `compression`.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_options_compression(options: Options, accept: i32) -> Status {
    set(options, || {
        with_feature!("compression", accept, move |builder: Builder| {
            use mcp_sse_blocking::Compression;
            builder.compression(if accept == 0 { Compression::Refuse } else { Compression::Accept })
        })
    })
}

/// How many bytes one message of the server may have: 4 MiB unless set. More ends with `MCP_STATUS_LIMIT`.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_options_max_message_bytes(options: Options, bytes: usize) -> Status {
    set(options, || {
        let mut limits = Limits::default();
        limits.message_bytes = bytes;
        // An event is one line of one message, and room for the line after it.
        limits.line_bytes = bytes;
        limits.event_bytes = limits.event_bytes.max(bytes);
        limits.buffered_bytes = limits.buffered_bytes.max(bytes.saturating_mul(2));
        Ok(move |builder: Builder| builder.limits(limits))
    })
}

/// How many requests may have a connection at once, 0 for as many as there are, as it is unless set; and how
/// many connections are kept while nobody uses them, 8 unless set.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_options_max_connections(options: Options, open: usize, idle: usize) -> Status {
    set(options, || {
        Ok(move |builder: Builder| {
            let builder = builder.max_idle_connections(idle);
            if open == 0 { builder } else { builder.max_connections(open) }
        })
    })
}

/// With the transport 4, JSON without JSON-RPC: where requests are sent, an URL or a path at the same server.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_options_message_url(options: Options, url: *const c_char, length: usize) -> Status {
    set(options, || {
        let url = Input { what: "the URL for messages", data: url, length }.required()?.to_owned();
        Ok(move |builder: Builder| builder.message_url(&url))
    })
}

/// Writes all that goes over the wire into a file, secrets masked.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_options_trace_file(options: Options, path: *const c_char, length: usize) -> Status {
    set(options, || {
        let path = Input { what: "the path", data: path, length }.required()?.to_owned();
        Ok(move |builder: Builder| builder.trace_file(path))
    })
}

/// Who the program says it is: its name and version.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_options_client_info(
    options: Options,
    name: *const c_char,
    name_length: usize,
    version: *const c_char,
    version_length: usize,
) -> Status {
    set(options, || {
        let name = Input { what: "the name", data: name, length: name_length };
        let version = Input { what: "the version", data: version, length: version_length };
        let info = mcp_core::types::Implementation::new(name.required()?, version.required()?);
        Ok(move |builder: Builder| builder.client_info(info))
    })
}
