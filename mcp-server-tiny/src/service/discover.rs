//! `server/discover`: what a server is and speaks, asked without a session (R-ST-69).

use mcp_core::session::{Reply, ServerSession};
use mcp_core::types::ServerCapabilities;
use serde::{Serialize, Serializer};

use super::run::respond;
use super::{Kind, Origin, Outbox, Outcome, Service, profile};

impl Service {
    pub(super) fn discover(
        &mut self,
        session: &mut ServerSession,
        origin: &Origin<'_>,
        outbox: &mut dyn Outbox,
    ) -> Outcome {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Discovered<'a> {
            supported_versions: Versions,
            capabilities: &'a ServerCapabilities,
            #[serde(skip_serializing_if = "Option::is_none")]
            instructions: Option<&'a str>,
        }
        let instructions = self.instructions.as_deref();
        let profile = profile(&self.info, &self.capabilities, instructions);
        let result =
            Discovered { supported_versions: Versions(self.versions), capabilities: &self.capabilities, instructions };
        let reply = Reply { result: &result, meta: None, hints: Some(self.hints) };
        outbox.message(Kind::Answer, &mut |out| respond(session, &profile, origin.key, &reply, out));
        Outcome::Answered
    }
}

struct Versions(&'static [mcp_core::revision::ProtocolVersion]);

impl Serialize for Versions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|version| version.as_str()))
    }
}
