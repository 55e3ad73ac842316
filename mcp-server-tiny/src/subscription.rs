//! A subscription of the stateless revision: one request whose answer is a stream of changes (R-ST-39 to R-ST-46).

use alloc::string::String;
use alloc::vec::Vec;

use mcp_core::Limits;
use mcp_core::jsonrpc::{ErrorObject, RequestId, code, write_notification, write_result_with};
use mcp_core::limits::{Limit, LimitExceeded};
use mcp_core::session::ServerProfile;
use mcp_core::types::meta::{SERVER_INFO, SUBSCRIPTION_ID};
use mcp_core::types::{Change, Method, SubscriptionFilter, SubscriptionsListenParams};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::value::RawValue;

#[cfg(feature = "std")]
use crate::service::{Notice, Service};

/// Somebody who listens. The carrier owns its stream and asks here what goes onto it.
#[derive(Debug)]
pub(crate) struct Listener {
    /// The id of the request, which every message names (R-ST-41).
    id: RequestId<'static>,
    filter: SubscriptionFilter,
    /// For servers with a delegate.
    #[cfg(feature = "std")]
    watch: Option<Watch>,
}

/// What a delegate has to know of somebody who listens.
#[cfg(feature = "std")]
struct Watch {
    credential: Option<alloc::boxed::Box<[u8]>>,
    /// Dropped when nobody listens any more.
    _kept: Option<alloc::boxed::Box<dyn Send>>,
}

#[cfg(feature = "std")]
impl core::fmt::Debug for Watch {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Watch(..)")
    }
}

impl Listener {
    /// Takes a `subscriptions/listen` in, with the part of it that the server can honour.
    ///
    /// # Errors
    ///
    /// What to answer when its parameters make no sense, or it names too many resources.
    pub(crate) fn open(
        profile: &ServerProfile<'_>,
        limits: &Limits,
        id: &RequestId<'_>,
        params: Option<&RawValue>,
    ) -> Result<Self, ErrorObject<'static>> {
        let refuse = |text| ErrorObject::new(code::INVALID_PARAMS, text);
        let params = params.and_then(|params| serde_json::from_str::<SubscriptionsListenParams>(params.get()).ok());
        let Some(params) = params else {
            return Err(refuse("`subscriptions/listen` needs `notifications`: an object".into()));
        };
        let filter = params.notifications.honoured_by(profile.capabilities);
        let uris = &filter.resource_subscriptions;
        let passed = if uris.len() > limits.subscriptions {
            Some(LimitExceeded { limit: Limit::Subscriptions, bound: limits.subscriptions })
        } else if uris.iter().any(|uri| uri.len() > limits.uri_bytes) {
            Some(LimitExceeded { limit: Limit::UriBytes, bound: limits.uri_bytes })
        } else if uris.iter().map(String::len).sum::<usize>() > limits.subscription_bytes {
            Some(LimitExceeded { limit: Limit::SubscriptionBytes, bound: limits.subscription_bytes })
        } else {
            None
        };
        match passed {
            Some(passed) => Err(refuse(alloc::format!("{passed}"))),
            None => Ok(Self {
                id: id.clone().into_owned(),
                filter,
                #[cfg(feature = "std")]
                watch: None,
            }),
        }
    }

    /// The same, and its delegate knows of it.
    #[cfg(feature = "std")]
    pub(crate) fn watched(mut self, service: &mut Service, credential: Option<&[u8]>) -> Self {
        if service.has_delegate() {
            let kept = service.listening(credential, &self.filter);
            self.watch = Some(Watch { credential: credential.map(Into::into), _kept: kept });
        }
        self
    }

    /// Appends what a delegate tells. False when it is for others.
    #[cfg(feature = "std")]
    pub(crate) fn hear(&self, notice: &Notice, out: &mut Vec<u8>) -> bool {
        let credential = self.watch.as_ref().and_then(|watch| watch.credential.as_deref());
        notice.change_for(credential).is_some_and(|change| self.notify(change, out))
    }

    /// The request that it answers.
    pub(crate) fn id(&self) -> &RequestId<'static> {
        &self.id
    }

    /// Appends the first message: what of the request is honoured (R-ST-40).
    pub(crate) fn acknowledge(&self, out: &mut Vec<u8>) {
        #[derive(Serialize)]
        struct Acknowledged<'a> {
            _meta: Meta<'a>,
            notifications: &'a SubscriptionFilter,
        }
        let params = Acknowledged { _meta: Meta { id: &self.id, profile: None }, notifications: &self.filter };
        let written = write_notification(out, Method::NotificationsSubscriptionsAcknowledged.name(), &params);
        debug_assert!(written.is_ok(), "the protocol's own objects serialize");
    }

    /// Appends the notification of a change. False when it was not asked for (R-ST-42): then nothing is appended.
    pub(crate) fn notify(&self, change: &Change<'_>, out: &mut Vec<u8>) -> bool {
        #[derive(Serialize)]
        struct Changed<'a> {
            _meta: Meta<'a>,
            #[serde(skip_serializing_if = "Option::is_none")]
            uri: Option<&'a str>,
        }
        let uri = if let Change::Resource(uri) = change { Some(&**uri) } else { None };
        let params = Changed { _meta: Meta { id: &self.id, profile: None }, uri };
        self.filter.admits(change) && write_notification(out, change.method().name(), &params).is_ok()
    }

    /// Appends the result, which ends the subscription from the server's side (R-ST-45).
    pub(crate) fn finish(&self, profile: &ServerProfile<'_>, out: &mut Vec<u8>) {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Complete {
            result_type: &'static str,
        }
        #[derive(Serialize)]
        struct Beside<'a> {
            _meta: Meta<'a>,
        }
        let beside = Beside { _meta: Meta { id: &self.id, profile: Some(profile) } };
        let written = write_result_with(out, &self.id, &Complete { result_type: "complete" }, &beside);
        debug_assert!(written.is_ok(), "the protocol's own objects serialize");
    }
}

/// The `_meta` of every message of a subscription.
struct Meta<'a> {
    id: &'a RequestId<'static>,
    /// Of its result only: who the server is (R-LM-50).
    profile: Option<&'a ServerProfile<'a>>,
}

impl Serialize for Meta<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry(SUBSCRIPTION_ID, self.id)?;
        if let Some(profile) = self.profile {
            map.serialize_entry(SERVER_INFO, profile.info)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mcp_core::types::{Implementation, ServerCapabilities};
    use serde_json::{Value, json};

    fn listener(params: Value, capabilities: Value) -> Result<Listener, ErrorObject<'static>> {
        let capabilities: ServerCapabilities = serde_json::from_value(capabilities).unwrap();
        let info = Implementation::new("s", "1");
        let profile = ServerProfile { info: &info, capabilities: &capabilities, instructions: None };
        let params = serde_json::value::to_raw_value(&params).unwrap();
        let mut limits = Limits::default();
        (limits.subscriptions, limits.uri_bytes) = (2, 16);
        Listener::open(&profile, &limits, &RequestId::String("l-1".into()), Some(&params))
    }

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> Value {
        let mut out = Vec::new();
        write(&mut out);
        if out.is_empty() { Value::Null } else { serde_json::from_slice(&out).unwrap() }
    }

    #[test]
    fn only_what_is_offered_is_acknowledged_and_only_that_is_sent() {
        // R-ST-40, R-ST-41, R-ST-42
        let wanted = json!({"toolsListChanged": true, "promptsListChanged": true, "resourceSubscriptions": ["a:b"]});
        let offered = json!({"tools": {"listChanged": true}, "prompts": {}, "resources": {"subscribe": true}});
        let listener = listener(json!({"notifications": wanted}), offered).unwrap();
        let first = written(|out| listener.acknowledge(out));
        assert_eq!(first["method"], "notifications/subscriptions/acknowledged");
        assert_eq!(
            first["params"]["notifications"],
            json!({"toolsListChanged": true, "resourceSubscriptions": ["a:b"]})
        );
        assert_eq!(first["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"], "l-1");
        let told = written(|out| assert!(listener.notify(&Change::Resource("a:b/c".into()), out)));
        assert_eq!(
            (&told["params"]["uri"], &told["method"]),
            (&json!("a:b/c"), &json!("notifications/resources/updated"))
        );
        assert_eq!(written(|out| assert!(!listener.notify(&Change::Prompts, out))), Value::Null);
    }

    #[test]
    fn what_makes_no_sense_or_is_too_much_is_refused() {
        let offered = || json!({"resources": {"subscribe": true}});
        let uris = |uris: Value| json!({"notifications": {"resourceSubscriptions": uris}});
        assert!(listener(uris(json!(["a:1", "a:2"])), offered()).is_ok());
        for params in [json!({}), uris(json!(["1", "2", "3"])), uris(json!(["a-uri-of-17-bytes"]))] {
            assert_eq!(listener(params.clone(), offered()).unwrap_err().code, code::INVALID_PARAMS, "{params}");
        }
    }
}
