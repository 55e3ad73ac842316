//! A session that takes the place of another one of the same client.

use super::ClientSession;
use crate::session::pending::Pending;

impl ClientSession {
    /// A session in which nothing was said yet: its ids go on where those of this one end, so that a late answer is taken for no
    /// other, and so do the keys of questions.
    pub fn anew(&self) -> Self {
        let pending = Pending::starting_at(self.pending.next_key());
        let asked = Pending::starting_at(self.asked.next_key());
        Self { pending, asked, ..Self::new(self.limits.clone()) }
    }

    /// The peer is gone: nobody waits for the answers to what it asked.
    pub fn withdraw_questions(&mut self) {
        let _ = self.asked.drain().count();
    }

    /// Goes on in a session that was opened in place of this one, which the server lost (R-SH-51): with its revision, and with
    /// what the server says of itself now. Requests in flight stay in flight; questions of the server are withdrawn; ids go on
    /// after those of both, for none may come twice in the new session (R-LM-3).
    pub fn adopt(&mut self, opened: Self) {
        self.pending.skip_to(opened.pending.next_key());
        self.version = opened.version.or(self.version);
        self.server = opened.server.or(self.server.take());
        self.withdraw_questions();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limits;
    use crate::jsonrpc::{Payload, decode};
    use crate::session::{ClientEvent, RequestOptions};
    use crate::types::{Implementation, InitializeParams};
    use alloc::vec::Vec;

    fn opened(version: &str) -> ClientSession {
        answered(ClientSession::new(Limits::default()), version, 1)
    }

    /// The session after its handshake, in which `initialize` has this id.
    fn answered(mut session: ClientSession, version: &str, id: u64) -> ClientSession {
        let hello = InitializeParams {
            protocol_version: version.into(),
            capabilities: Default::default(),
            client_info: Implementation::new("test", "1"),
        };
        assert_eq!(session.initialize(&hello, None, &mut Vec::new()), Ok(id));
        let answer = alloc::format!(
            r#"{{"jsonrpc":"2.0","id":{id},"result":{{"protocolVersion":"{version}","capabilities":{{}},"serverInfo":{{"name":"{version}","version":"1"}}}}}}"#
        );
        let Ok(Payload::Message(message)) = decode(answer.as_bytes(), &Limits::default()) else { panic!() };
        assert!(matches!(session.handle_message(message, &mut Vec::new()), ClientEvent::Initialized));
        session
    }

    #[test]
    fn ids_go_on_in_the_next_session() {
        let mut session = opened("2025-11-25").anew();
        let hello = InitializeParams {
            protocol_version: "2025-11-25".into(),
            capabilities: Default::default(),
            client_info: Implementation::new("test", "1"),
        };
        assert_eq!(session.initialize(&hello, None, &mut Vec::new()), Ok(2));
    }

    /// R-LM-3: no id comes twice in a session, the one of its `initialize` among them.
    #[test]
    fn no_id_of_the_handshake_comes_again_in_the_session_that_it_opened() {
        let mut session = opened("2025-11-25");
        let next = answered(session.anew(), "2025-11-25", 2);
        session.adopt(next);
        assert_eq!(session.request("tools/list", &(), RequestOptions::PLAIN, &mut Vec::new()), Ok(3));
    }

    /// Takes a question of the server and gives its key.
    fn asked(session: &mut ClientSession, id: u64) -> crate::session::AskedKey {
        let question = alloc::format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"roots/list"}}"#);
        let Ok(Payload::Message(message)) = decode(question.as_bytes(), &Limits::default()) else { panic!() };
        match session.handle_message(message, &mut Vec::new()) {
            ClientEvent::Request { key, .. } => key,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_answer_to_a_question_of_the_session_before_is_none_to_one_of_this() {
        let opened = |session: ClientSession, id| {
            let mut session = answered(session, "2025-11-25", id);
            session.offers = crate::session::ClientOffers { roots: true, ..crate::session::ClientOffers::NONE };
            session
        };
        let mut session = opened(ClientSession::new(Limits::default()), 1);
        let old = asked(&mut session, 7);
        let mut next = opened(session.anew(), 2);
        let new = asked(&mut next, 7);
        assert_eq!(next.respond(old, &(), &mut Vec::new()), Ok(false));
        assert_eq!(next.respond(new, &(), &mut Vec::new()), Ok(true));
        let withdrawn = asked(&mut next, 8);
        next.withdraw_questions();
        assert_eq!(next.respond(withdrawn, &(), &mut Vec::new()), Ok(false));
    }

    #[test]
    fn a_session_that_was_opened_anew_keeps_what_is_in_flight() {
        let mut session = opened("2025-11-25");
        let id = session.request("tools/list", &(), RequestOptions::PLAIN, &mut Vec::new()).unwrap();
        session.adopt(opened("2025-06-18"));
        assert_eq!(session.version().unwrap().as_str(), "2025-06-18");
        assert_eq!(session.server().unwrap().server_info.name, "2025-06-18");
        assert!(session.cancel(id, None, &mut Vec::new()));
    }
}
