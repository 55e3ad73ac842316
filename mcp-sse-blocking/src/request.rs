//! One request to its outcome, over any carrier, and what of it is tried again.
//!
//! A request that failed is made once more, under a new id and within the same deadline, where that is certain to be right:
//!
//! | It failed because | It is made again |
//! | --- | --- |
//! | the server does not know the session (R-SH-51) | in a new session: it was not processed |
//! | the stream of its reply was lost | when [repeating it does no harm](Repeat::Safe) (R-ST-33) |

use mcp_core::time::Cause;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::carrier::Carrier;
use crate::engine::Engine;
use crate::error::{Delivery, Error};
use crate::pending::{Repeat, Want};
use crate::slot::Progress;

/// What was tried already. Each thing once.
#[derive(Debug, Default)]
struct Tried {
    session: bool,
    stream: bool,
}

impl Engine {
    /// Makes a request and waits for its reply on this thread. `decode` is run on the result where it lies, in the buffer that
    /// it was read into; progress is told between two reads, with no lock held.
    pub(crate) fn request<P: Serialize + ?Sized, R>(
        &self,
        method: &str,
        params: &P,
        want: &Want,
        mut on_progress: Option<&mut dyn FnMut(Progress)>,
        mut decode: impl FnMut(&RawValue) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let mut tried = Tried::default();
        loop {
            let mut call = self.begin(method, params, want)?;
            let (outcome, generation) = match &self.carrier {
                Carrier::Shared(_) => {
                    call.send()?;
                    (self.wait_for(&mut call, reborrow(&mut on_progress), &mut decode), 0)
                }
                Carrier::Streamable(streamable) => {
                    let context = streamable.endpoint.context();
                    let outcome =
                        self.exchange(streamable, &context, &mut call, reborrow(&mut on_progress), &mut decode);
                    (outcome, context.generation)
                }
            };
            let error = match outcome {
                Ok(result) => return Ok(result),
                Err(error) => error,
            };
            drop(call);
            self.mend(error, generation, want, &mut tried)?;
        }
    }

    /// Puts right what made a request fail.
    ///
    /// # Errors
    /// The failure itself, when there is nothing to be put right or that was tried already.
    fn mend(&self, error: Error, generation: u64, want: &Want, tried: &mut Tried) -> Result<(), Error> {
        let Carrier::Streamable(streamable) = &self.carrier else { return Err(error) };
        match &error {
            Error::SessionGone(_) if !tried.session => {
                tried.session = true;
                self.renew(streamable, generation, want.deadline)
            }
            _ if is_lost(&error) && want.repeat == Repeat::Safe && !tried.stream => {
                tried.stream = true;
                log::debug!(target: crate::log_target::CLIENT, "the request is made again: {error}");
                Ok(())
            }
            _ => Err(error),
        }
    }
}

/// Whether the request left and nothing is known of what became of it, for another reason than a deadline or this program.
fn is_lost(error: &Error) -> bool {
    match error {
        Error::StreamEnded(Delivery::Sent) => true,
        Error::Transport(error) => error.delivery == Delivery::Sent,
        Error::Timeout(timeout) => timeout.cause == Cause::IdleRead,
        _ => false,
    }
}

/// The same callback once more.
pub(crate) fn reborrow<'a>(tell: &'a mut Option<&mut dyn FnMut(Progress)>) -> Option<&'a mut dyn FnMut(Progress)> {
    match tell {
        Some(tell) => Some(&mut **tell),
        None => None,
    }
}
