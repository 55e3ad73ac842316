//! Why TLS failed, in words that name the setting which would help.

use std::io::{Error, ErrorKind};

use mcp_core::text::Excerpt;
use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, InvalidMessage};

use super::super::place::Place;
use super::verify::NOT_PINNED;

/// Names of a certificate that are shown.
const SHOWN_NAMES: usize = 5;
/// Characters of a name, or of what rustls says, that are shown.
const SHOWN: usize = 160;

/// Whose certificate it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    Server,
    Proxy,
    /// Another server than the one that the client is for: one that gives tokens.
    Other,
}

impl Whose {
    /// How many there are.
    pub(super) const COUNT: usize = 3;

    fn name(self) -> &'static str {
        match self {
            Self::Server => "the server",
            Self::Proxy => "the proxy",
            Self::Other => "the authorization server",
        }
    }

    /// Roots decide about all but the server, and nothing else.
    fn or_pin(self, how: &str) -> String {
        match self {
            Self::Server => format!("; `pin_certificate_pem` trusts this very one{how}"),
            Self::Proxy | Self::Other => String::new(),
        }
    }
}

/// `error` in our words.
pub(super) fn of(error: rustls::Error, whose: Whose, identifies: bool) -> Error {
    use rustls::Error as E;
    let who = whose.name();
    let (kind, problem) = match error {
        E::InvalidCertificate(error) => (ErrorKind::InvalidData, of_certificate(error, whose)),
        E::AlertReceived(alert) => (ErrorKind::PermissionDenied, of_alert(alert, whose, identifies)),
        E::InvalidMessage(InvalidMessage::InvalidContentType) => {
            (ErrorKind::InvalidData, format!("{who} does not speak TLS: its URL may have to begin with `http:`"))
        }
        E::PeerIncompatible(error) => (
            ErrorKind::Unsupported,
            format!("{who} knows no version or cipher of TLS that is safe enough ({})", brief(&format!("{error:?}"))),
        ),
        error => (ErrorKind::InvalidData, format!("TLS with {who} fails: {}", brief(&error.to_string()))),
    };
    Error::new(kind, problem)
}

/// The connection ended before there was an answer.
pub(super) fn hung_up(whose: Whose) -> Error {
    Error::new(ErrorKind::ConnectionAborted, format!("{} hung up during the TLS handshake", whose.name()))
}

/// No certificate can be for such a host.
pub(super) fn no_name(place: &Place) -> Error {
    Error::new(ErrorKind::InvalidInput, format!("`{}` is no name that a certificate can have", brief(&place.host)))
}

fn of_certificate(error: CertificateError, whose: Whose) -> String {
    use CertificateError as E;
    let who = whose.name();
    match error {
        error if error == NOT_PINNED => {
            format!("{who} shows another certificate than that of `pin_certificate_pem`")
        }
        E::ExpiredContext { not_after, .. } => {
            format!("{who}'s certificate expired on {}{}", date(not_after), whose.or_pin(" all the same"))
        }
        E::Expired => format!("{who}'s certificate expired{}", whose.or_pin(" all the same")),
        E::NotValidYetContext { not_before, .. } => format!(
            "{who}'s certificate is valid from {} on only; is the clock of this machine right?",
            date(not_before)
        ),
        E::NotValidYet => format!("{who}'s certificate is not valid yet; is the clock of this machine right?"),
        E::UnknownIssuer => format!(
            "{who}'s certificate is signed by nobody who is trusted here; `add_root_certificates_pem` trusts an authority{}",
            whose.or_pin("")
        ),
        E::NotValidForNameContext { expected, presented } => {
            let names: Vec<String> = presented.iter().take(SHOWN_NAMES).map(|name| bare(name)).collect();
            let more = if presented.len() > SHOWN_NAMES { ", .." } else { "" };
            let names = if names.is_empty() { "nobody".to_owned() } else { names.join(", ") };
            let expected = expected.to_str();
            format!(
                "{who}'s certificate is for {names}{more} and not for {expected}{}",
                whose.or_pin(" under any name")
            )
        }
        E::NotValidForName => format!("{who}'s certificate is for another name{}", whose.or_pin(" under any name")),
        E::Revoked => format!("{who}'s certificate was revoked"),
        E::BadSignature => format!("a signature by {who} is wrong: somebody may be in between"),
        // Of webpki, which nobody else here knows.
        E::Other(other) if format!("{other:?}").contains("CaUsedAsEndEntity") => format!(
            "{who}'s certificate is an authority's, as `openssl req -x509` makes them, and not a server's{}",
            whose.or_pin("")
        ),
        error => format!("{who}'s certificate cannot be trusted: {}", brief(&error.to_string())),
    }
}

fn of_alert(alert: AlertDescription, whose: Whose, identifies: bool) -> String {
    use AlertDescription as A;
    let who = whose.name();
    match (alert, identifies) {
        (A::CertificateRequired, _) if whose == Whose::Other => {
            format!(
                "{who} wants a client certificate, which is shown to the server alone (setting `client_certificate_pem`)"
            )
        }
        (A::CertificateRequired, false) => {
            format!("{who} wants a client certificate (setting `client_certificate_pem`)")
        }
        (A::HandshakeFailure, false) => format!(
            "{who} refuses the handshake: it may want a client certificate (setting `client_certificate_pem`), or have no \
             version or cipher of TLS in common with this client"
        ),
        (
            A::CertificateRequired
            | A::HandshakeFailure
            | A::BadCertificate
            | A::UnsupportedCertificate
            | A::CertificateRevoked
            | A::CertificateExpired
            | A::CertificateUnknown
            | A::UnknownCA
            | A::AccessDenied
            | A::DecryptError,
            true,
        ) => format!("{who} does not accept the client certificate (setting `client_certificate_pem`): {alert:?}"),
        (A::ProtocolVersion | A::InsufficientSecurity, _) => {
            format!("{who} has no version or cipher of TLS in common with this client, which begins with TLS 1.2")
        }
        (A::UnrecognisedName, _) => format!("{who} has no certificate for the name in the URL"),
        (alert, _) => format!("{who} ends TLS with the alert {alert:?}"),
    }
}

/// rustls writes `DnsName("a.example")` and `IpAddress(127.0.0.1)`.
fn bare(name: &str) -> String {
    let inside = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(name);
    brief(inside.trim_matches('"'))
}

fn brief(text: &str) -> String {
    Excerpt::new(text, SHOWN).to_string()
}

/// A day in UTC, as in `2026-01-31`.
fn date(time: UnixTime) -> String {
    // Howard Hinnant's `civil_from_days`, for days after 1970.
    let days = time.as_secs() / 86_400 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // March is the first month.
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, year) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    format!("{:04}-{month:02}-{day:02}", year_of_era + era * 400 + year)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_time_is_shown_as_its_day() {
        for (seconds, day) in [
            (0, "1970-01-01"),
            (86_399, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_767_225_599, "2025-12-31"),
            (1_767_225_600, "2026-01-01"),
            (4_107_542_400, "2100-03-01"),
        ] {
            assert_eq!(date(UnixTime::since_unix_epoch(Duration::from_secs(seconds))), day);
        }
    }

    /// What OpenSSL says in TLS 1.2 to a client without a certificate.
    #[test]
    fn a_refused_handshake_may_mean_that_a_certificate_is_wanted() {
        let refused = || rustls::Error::AlertReceived(AlertDescription::HandshakeFailure);
        assert_eq!(
            of(refused(), Whose::Server, false).to_string(),
            "the server refuses the handshake: it may want a client certificate (setting `client_certificate_pem`), or have \
             no version or cipher of TLS in common with this client"
        );
        assert_eq!(
            of(refused(), Whose::Server, true).to_string(),
            "the server does not accept the client certificate (setting `client_certificate_pem`): HandshakeFailure"
        );
    }

    #[test]
    fn what_a_server_calls_itself_is_shown_in_part() {
        let names = vec![format!("DnsName(\"{}\")", "x".repeat(5000)); 100];
        let expected = rustls::pki_types::ServerName::try_from("localhost").unwrap();
        let error = CertificateError::NotValidForNameContext { expected, presented: names };
        let said = of(error.into(), Whose::Server, false).to_string();
        assert!(said.len() < 2000 && said.contains(", .. and not for localhost"), "{said}");
    }
}
