//! The `_meta` of a request: what its caller adds, and without a handshake who the client is and what it can be asked.

use alloc::boxed::Box;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::value::{RawValue, to_raw_value};

use crate::jsonrpc::{EncodeError, RequestId};
use crate::revision::ProtocolVersion;
use crate::session::ApiMisuse;
use crate::types::meta::{
    CLIENT_CAPABILITIES as CAPABILITIES, CLIENT_INFO as INFO, LOG_LEVEL as LEVEL, PROTOCOL_VERSION as VERSION,
};
use crate::types::{ClientCapabilities, Implementation, JsonObject, LoggingLevel};

/// What a client says of itself.
#[derive(Debug, Clone, Copy)]
pub struct ClientProfile<'a> {
    /// Who it is.
    pub info: &'a Implementation,
    /// What it can be asked.
    pub capabilities: &'a ClientCapabilities,
}

/// A profile, written once.
#[derive(Debug)]
pub(super) struct Identity {
    info: Box<RawValue>,
    capabilities: Box<RawValue>,
    pub(super) level: Option<LoggingLevel>,
}

impl Identity {
    pub(super) fn new(profile: &ClientProfile<'_>) -> Result<Self, ApiMisuse> {
        fn raw(value: &impl Serialize) -> Result<Box<RawValue>, EncodeError> {
            to_raw_value(value).map_err(|error| EncodeError::Serialize(alloc::string::ToString::to_string(&error)))
        }
        Ok(Self { info: raw(profile.info)?, capabilities: raw(profile.capabilities)?, level: None })
    }
}

/// The `_meta` of one request.
pub(super) struct Meta<'a> {
    pub(super) own: Option<&'a JsonObject>,
    pub(super) stateless: Option<(&'a Identity, ProtocolVersion)>,
    pub(super) level: Option<LoggingLevel>,
    pub(super) token: Option<RequestId<'a>>,
}

impl Serialize for Meta<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const TOKEN: &str = "progressToken";
        let mut map = serializer.serialize_map(None)?;
        let mut level = None;
        if let Some((identity, version)) = self.stateless {
            map.serialize_entry(VERSION, version.as_str())?;
            map.serialize_entry(INFO, &identity.info)?;
            map.serialize_entry(CAPABILITIES, &identity.capabilities)?;
            level = self.level.or(identity.level);
        }
        if let Some(level) = level {
            map.serialize_entry(LEVEL, &level)?;
        }
        if let Some(token) = &self.token {
            map.serialize_entry(TOKEN, token)?;
        }
        for (key, value) in self.own.into_iter().flatten() {
            let is_ours = match key.as_str() {
                VERSION | INFO | CAPABILITIES => self.stateless.is_some(),
                LEVEL => level.is_some(),
                TOKEN => self.token.is_some(),
                _ => false,
            };
            if !is_ours {
                map.serialize_entry(key, value)?;
            }
        }
        map.end()
    }
}
