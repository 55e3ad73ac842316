//! Changes of the server, as they are told.

use std::ffi::c_char;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use mcp_core::types::SubscriptionFilter;
use mcp_sse_blocking::{Change, Filter, Stopper, Subscription};

use crate::border::{enter, quietly};
use crate::client::{ClientHandle, client_of};
use crate::error::{ErrorInfo, Fault, Status};
use crate::handles::Shelf;
use crate::text::{Input, Out, Text};

static SUBSCRIPTIONS: Shelf<Listening> = Shelf::new("a subscription");

/// A subscription to changes of a server. A number: 0 is none.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct SubscriptionHandle {
    /// The number.
    pub id: u64,
}

/// Something changed on the server.
#[repr(i32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// Nothing came within the time.
    None = 0,
    /// The list of tools.
    Tools = 1,
    /// The list of prompts.
    Prompts = 2,
    /// The list of resources or of templates.
    Resources = 3,
    /// A resource that was subscribed to, or one inside of it.
    Resource = 4,
    /// Changes may have gone unnoticed: whatever the subscription is about is to be fetched again.
    Missed = 5,
    /// The subscription is over: it was freed, the client was closed, or the server ended it.
    Over = 6,
}

struct Listening {
    /// Whoever waits for a change holds it.
    subscription: Mutex<Subscription>,
    /// What the server said last, for whoever asks meanwhile.
    acknowledged: Mutex<SubscriptionFilter>,
    stopper: Stopper,
}

impl Listening {
    /// The subscription, unless a thread waits for its changes.
    fn free(&self) -> Option<MutexGuard<'_, Subscription>> {
        match self.subscription.try_lock() {
            Ok(free) => Some(free),
            Err(TryLockError::Poisoned(free)) => Some(free.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    fn acknowledged(&self) -> MutexGuard<'_, SubscriptionFilter> {
        self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks the server to tell of changes. `filter` is a JSON object: `toolsListChanged`, `promptsListChanged`
/// and `resourcesListChanged` are `true` for those that are wanted, `resourceSubscriptions` is an array of
/// the URIs of resources. Several may be open at once.
///
/// Blocks until the server has said what it will tell of, for the call timeout at most.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_client_listen(
    client: ClientHandle,
    filter: *const c_char,
    filter_length: usize,
    subscription: *mut SubscriptionHandle,
    error: *mut ErrorInfo,
) -> Status {
    enter(Out(error), || {
        let place = Out(subscription);
        place.required("the subscription")?;
        let client = client_of(client)?;
        let filter = Input { what: "the filter", data: filter, length: filter_length };
        let filter: SubscriptionFilter = serde_json::from_str(filter.required()?)?;
        let subscription = client.listen(Filter::from(filter))?;
        let stopper = subscription.stopper();
        let acknowledged = Mutex::new(subscription.acknowledged());
        let listening = Listening { subscription: Mutex::new(subscription), acknowledged, stopper };
        place.set(SubscriptionHandle { id: SUBSCRIPTIONS.put(listening) });
        Ok(())
    })
}

/// What the server said it will tell of: a JSON object as the filter, of what was asked for or a part of it.
/// Never waits: while a thread is in `mcp_subscription_next` it is what the server said before that began.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_subscription_acknowledged(
    subscription: SubscriptionHandle,
    json: *mut Text,
    error: *mut ErrorInfo,
) -> Status {
    enter(Out(error), || {
        let place = Out(json);
        place.required("the result")?;
        place.set(Text::NONE);
        let listening = SUBSCRIPTIONS.get(subscription.id)?;
        if let Some(open) = listening.free() {
            *listening.acknowledged() = open.acknowledged();
        }
        let json = serde_json::to_string(&*listening.acknowledged())?;
        place.set(Text::new(&json));
        Ok(())
    })
}

/// Waits for the next change, for so many milliseconds at most; negative: until there is one. `uri` gets the
/// URI of `MCP_CHANGE_RESOURCE` and nothing otherwise; it may be NULL when it is not wanted. What is not
/// looked at waits: each change once, 1024 of them.
///
/// By one thread at a time: `MCP_STATUS_STATE`, at once, while another one waits for its changes. Ends with
/// `MCP_CHANGE_OVER` when another thread frees the subscription. Another status says why it failed, once.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_subscription_next(
    subscription: SubscriptionHandle,
    timeout_ms: i64,
    change: *mut ChangeKind,
    uri: *mut Text,
    error: *mut ErrorInfo,
) -> Status {
    enter(Out(error), || {
        let (place, uri) = (Out(change), Out(uri));
        place.required("the change")?;
        place.set(ChangeKind::None);
        uri.set(Text::NONE);
        let listening = SUBSCRIPTIONS.get(subscription.id)?;
        let waits = || Fault::new(Status::State, "another thread waits for the changes of this subscription");
        let mut open = listening.free().ok_or_else(waits)?;
        let mut found = match u64::try_from(timeout_ms) {
            Ok(ms) => open.next_within(Duration::from_millis(ms))?,
            Err(_) => open.next().transpose()?,
        };
        if found.is_none() && open.is_over() {
            // What came before its end, after the wait.
            found = open.next_within(Duration::ZERO)?;
        }
        place.set(match found {
            Some(Change::Tools) => ChangeKind::Tools,
            Some(Change::Prompts) => ChangeKind::Prompts,
            Some(Change::Resources) => ChangeKind::Resources,
            Some(Change::Resource(of)) => {
                uri.set(Text::new(&of));
                ChangeKind::Resource
            }
            Some(Change::Missed(_)) => ChangeKind::Missed,
            Some(_) => return Err(Fault::new(Status::Panic, "a change that this library has no number for")),
            None if open.is_over() => ChangeKind::Over,
            None => ChangeKind::None,
        });
        Ok(())
    })
}

/// Ends it, waking whoever waits for a change, and frees it. The server is told in the background.
#[unsafe(no_mangle)]
pub extern "C" fn mcp_subscription_free(subscription: SubscriptionHandle) {
    quietly((), || {
        if let Ok(listening) = SUBSCRIPTIONS.take(subscription.id) {
            listening.stopper.stop();
        }
    });
}
