//! How a session is opened, in revisions that have a handshake (R-LM-20 to R-LM-24).

use alloc::boxed::Box;
use alloc::vec::Vec;

use serde_json::value::RawValue;

use super::{ClientEvent, ClientSession, RequestOptions};
use crate::jsonrpc::write_notification;
use crate::revision::ProtocolVersion;
use crate::session::error::{ApiMisuse, HandshakeError};
use crate::session::lifecycle::Step;
use crate::text::parser_message;
use crate::time::Deadline;
use crate::types::{InitializeParams, InitializeResult, Method};

impl ClientSession {
    /// Sends `initialize` and gives its id. The answer comes as [`ClientEvent::Initialized`] or
    /// [`ClientEvent::HandshakeFailed`].
    ///
    /// # Errors
    ///
    /// [`ApiMisuse`] when it was sent already.
    pub fn initialize(
        &mut self,
        params: &InitializeParams,
        deadline: Option<Deadline>,
        out: &mut Vec<u8>,
    ) -> Result<u64, ApiMisuse> {
        let phase = self.phase.after(Step::Initialize)?;
        let options = RequestOptions { deadline, ..RequestOptions::PLAIN };
        let id = self.send(Method::Initialize.name(), params, options, out)?;
        self.phase = phase;
        self.handshake = Some(id);
        self.offers = (&params.capabilities).into();
        Ok(id)
    }

    pub(super) fn handle_initialize_result<'a>(&mut self, result: &RawValue, out: &mut Vec<u8>) -> ClientEvent<'a> {
        let result = match serde_json::from_str::<InitializeResult>(result.get()) {
            Ok(result) => result,
            Err(error) => return self.fail_handshake(HandshakeError::Malformed(parser_message(&error))),
        };
        let Some(version) = ProtocolVersion::from_handshake(&result.protocol_version) else {
            return self.fail_handshake(HandshakeError::UnsupportedVersion(result.protocol_version));
        };
        self.version = Some(version);
        self.server = Some(Box::new(result));
        // The answer opens the session, and the notification follows it in the same breath.
        self.enter(Step::InitializeResult);
        self.enter(Step::Initialized);
        let written = write_notification(out, Method::NotificationsInitialized.name(), &());
        debug_assert!(written.is_ok(), "there are no parameters");
        ClientEvent::Initialized
    }

    pub(super) fn fail_handshake<'a>(&mut self, error: HandshakeError) -> ClientEvent<'a> {
        self.enter(Step::InitializeError);
        ClientEvent::HandshakeFailed(error)
    }
}
