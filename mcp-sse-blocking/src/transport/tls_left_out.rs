//! TLS, left out: without the feature `tls` there is none, and what would need it is refused before it is tried.

use std::io;

use super::place::Place;
use super::stream::Stream;

/// What whoever wants https has to do.
pub(crate) const WANTED: &str = "https needs the feature `tls` of mcp-sse-blocking";

/// Nothing to set.
#[derive(Debug, Default)]
pub(crate) struct Tls {}

impl Tls {
    #[cfg(feature = "oauth")]
    pub(crate) fn apart(&self, _: mcp_core::http::Origin) -> Self {
        Self {}
    }

    pub(super) fn with_server(&self, _: Box<dyn Stream>, _: &Place) -> io::Result<Box<dyn Stream>> {
        Err(io::Error::new(io::ErrorKind::Unsupported, WANTED))
    }

    pub(super) fn with_proxy(&self, _: Box<dyn Stream>, _: &Place) -> io::Result<Box<dyn Stream>> {
        Err(io::Error::new(io::ErrorKind::Unsupported, WANTED))
    }
}

#[cfg(test)]
mod tests {
    use super::WANTED;
    use crate::{Builder, Client, Error, Transport};

    fn refusal(builder: Builder) -> String {
        match builder.connect() {
            Err(Error::Usage(problem)) => problem,
            other => panic!("no error of usage but {other:?}"),
        }
    }

    #[test]
    fn a_server_of_https_is_refused_before_anybody_is_spoken_to() {
        for transport in
            [Transport::Detect, Transport::Stateless, Transport::StreamableHttp, Transport::HttpSse, Transport::Plain]
        {
            let said = refusal(Client::builder("https://localhost:1/mcp?token=hidden").transport(transport));
            assert!(said.contains(WANTED) && !said.contains("hidden"), "{transport:?}: {said}");
        }
    }

    #[test]
    fn so_is_a_place_for_messages_and_a_proxy() {
        for transport in [Transport::HttpSse, Transport::Plain] {
            let builder = Client::builder("http://localhost:1/sse").transport(transport);
            let said = refusal(builder.message_url("https://localhost:1/messages"));
            assert!(said.contains(WANTED), "{transport:?}: {said}");
        }
        let said = refusal(Client::builder("http://localhost:1/mcp").proxy("https://localhost:1"));
        assert!(said.starts_with("`proxy` cannot be used") && said.contains(WANTED), "{said}");
    }
}
