//! What may happen when: the life of a session as one table, the same for both sides.
//!
//! Each side feeds the table with what it sends and what it receives. A [`Step`] has no direction: that a client sends
//! `initialize` and a server receives it is the same step.

use core::fmt;

/// Where a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Nothing was said yet.
    New,
    /// `initialize` was sent and not yet answered.
    Initializing,
    /// `initialize` was answered; `notifications/initialized` has not come yet.
    Answered,
    /// Both sides may say anything that they agreed on.
    Operating,
    /// It is over.
    Closed,
}

/// Something that was sent or received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// The request `initialize`.
    Initialize,
    /// Its result.
    InitializeResult,
    /// Its error.
    InitializeError,
    /// `notifications/initialized`.
    Initialized,
    /// The request `ping`: welcome at any time (R-LM-75).
    Ping,
    /// Any other request.
    Request,
    /// Any other notification (R-LM-24, R-LM-25). Not the few that are welcome at any time: log messages of a server, and what
    /// belongs to a request.
    Notification,
    /// The end of the connection.
    Close,
}

/// A step that may not be taken now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Violation {
    /// The handshake has to come first (R-LM-20).
    NotInitialized,
    /// There is one handshake in a session (R-LM-30).
    AlreadyInitialized,
    /// An answer to a handshake that nobody asked for.
    Unexpected,
    /// The session is over.
    Closed,
}

impl Violation {
    /// The same in words, for an error to the peer.
    pub fn reason(self) -> &'static str {
        match self {
            Self::NotInitialized => "the session is not initialized: `initialize` has to come first",
            Self::AlreadyInitialized => "the session is initialized already",
            Self::Unexpected => "an answer to `initialize` that nobody asked for",
            Self::Closed => "the session is closed",
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason())
    }
}

impl Phase {
    /// Where a session stands after a step.
    ///
    /// # Errors
    ///
    /// The [`Violation`] when the step may not be taken; the session then stays where it is.
    pub fn after(self, step: Step) -> Result<Self, Violation> {
        use Phase::{Answered, Closed, Initializing, New, Operating};
        use Violation as V;
        match (self, step) {
            (_, Step::Close) => Ok(Closed),
            (Closed, _) => Err(V::Closed),
            (phase, Step::Ping) => Ok(phase),

            (New, Step::Initialize) => Ok(Initializing),
            (_, Step::Initialize) => Err(V::AlreadyInitialized),
            (Initializing, Step::InitializeResult) => Ok(Answered),
            (Initializing, Step::InitializeError) => Ok(New),
            (_, Step::InitializeResult | Step::InitializeError) => Err(V::Unexpected),

            (Answered | Operating, Step::Initialized) => Ok(Operating),
            (_, Step::Initialized) => Err(V::NotInitialized),

            // Over HTTP the POST with `initialized` may be overtaken by the next one (R-LM-31).
            (Answered | Operating, Step::Request | Step::Notification) => Ok(self),
            (_, Step::Request | Step::Notification) => Err(V::NotInitialized),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_life() {
        let steps = [
            Step::Initialize,
            Step::InitializeResult,
            Step::Initialized,
            Step::Request,
            Step::Notification,
            Step::Close,
        ];
        let end = steps.into_iter().try_fold(Phase::New, Phase::after);
        assert_eq!(end, Ok(Phase::Closed));
    }

    #[test]
    fn a_ping_is_welcome_in_every_phase_but_the_last() {
        for phase in [Phase::New, Phase::Initializing, Phase::Answered, Phase::Operating] {
            assert_eq!(phase.after(Step::Ping), Ok(phase));
        }
        assert_eq!(Phase::Closed.after(Step::Ping), Err(Violation::Closed));
    }

    #[test]
    fn requests_and_notifications_wait_for_the_handshake() {
        for step in [Step::Request, Step::Notification] {
            assert_eq!(Phase::New.after(step), Err(Violation::NotInitialized));
            assert_eq!(Phase::Initializing.after(step), Err(Violation::NotInitialized));
            assert_eq!(Phase::Answered.after(step), Ok(Phase::Answered));
        }
    }

    #[test]
    fn a_second_handshake_is_refused_and_a_failed_one_may_be_repeated() {
        assert_eq!(Phase::Operating.after(Step::Initialize), Err(Violation::AlreadyInitialized));
        assert_eq!(Phase::Initializing.after(Step::InitializeError), Ok(Phase::New));
        assert_eq!(Phase::Operating.after(Step::InitializeResult), Err(Violation::Unexpected));
    }

    #[test]
    fn initialized_twice_is_ignored() {
        assert_eq!(Phase::Operating.after(Step::Initialized), Ok(Phase::Operating));
        assert_eq!(Phase::New.after(Step::Initialized), Err(Violation::NotInitialized));
    }
}
