//! The API for the operator's programs: messages that they post.

use log::{debug, info};

use crate::chat::change::Origin;
use crate::chat::{ClientId, Now, PostRefusal, Posted, show_addr};
use crate::server::connection::Protocol;
use crate::server::connection::transport::Listener;
use crate::server::engine::Engine;
use crate::server::http::api::{self, ApiError, ApiTokens};
use crate::server::http::{Answer, Exchange};
use crate::wire::http::Request;

impl<L: Listener> Engine<L> {
    /// Sets the tokens with which programs may post; `None` if no program may.
    pub fn set_tokens(&mut self, tokens: Option<ApiTokens>) {
        self.web.set_tokens(tokens);
    }

    /// The answer to a request about the messages of a room; `None` if it waits for the commit of a message.
    pub(in crate::server::engine) fn answer_api(
        &mut self,
        slot: usize,
        request: &Request,
        room: &str,
        now: Now,
    ) -> Option<Answer> {
        let keep_alive = request.keep_alive;
        match self.post(slot, request, room, now) {
            Ok(posted) => {
                self.posting(slot)?.wait_for(posted, keep_alive, now);
                None
            }
            Err(error) => {
                debug!("a message for {} is refused: {error}", room.escape_debug());
                Some(error.answer(request.is_head, keep_alive, now))
            }
        }
    }

    /// Gives the hub the message of a request.
    fn post(&mut self, slot: usize, request: &Request, room: &str, now: Now) -> Result<Origin, ApiError> {
        let (rate_limit, max_line, is_ending) = (self.hub.rate_limit(), self.limits.max_line, self.is_ending());
        let post = request.post.as_deref().ok_or(ApiError::MethodNotAllowed)?;
        let tokens = self.web.tokens_mut().ok_or(ApiError::Off)?;
        let token = api::bearer(post).and_then(|sent| tokens.find(sent)).ok_or(ApiError::Unauthorized)?;
        if is_ending {
            return Err(ApiError::Ending);
        }
        if let Some(until) = tokens.wait(token, rate_limit, now) {
            return Err(ApiError::TooMany((until - now.at).as_millis().div_ceil(1000) as u64));
        }
        let (name, lines) = api::read_content(post, tokens.name(token), max_line)?;
        let count = lines.len();
        debug!("{} posts in {} with the token of {}", name.shown, room.escape_debug(), tokens.name(token).shown);
        let posted = self.hub.handle_post(ClientId::new(slot), room, name, lines, &now);
        let posted = posted.map_err(|refusal| ApiError::of_refusal(refusal, room))?;
        tokens.count(token, count, rate_limit, now);
        Ok(posted)
    }

    /// Answers the requests whose messages have been committed, or refused meanwhile.
    pub(in crate::server::engine) fn answer_posts(&mut self, now: Now) {
        while let Some(Posted { origin, result, lines }) = self.hub.poll_posted() {
            let slot = origin.client.slot();
            let Some(exchange) = self.posting(slot) else { continue };
            // The connection may have been closed, and its slot reused.
            let Some(keep_alive) = exchange.end_wait(Some(origin)) else { continue };
            let answer = match result {
                Ok(first) => api::posted(first, lines, keep_alive, now),
                Err(PostRefusal::NoRoom) => ApiError::RoomGone.answer(false, keep_alive, now),
                Err(refusal) => ApiError::of_refusal(refusal, "").answer(false, keep_alive, now),
            };
            exchange.answer(answer, keep_alive, now);
            self.read_soon(slot);
        }
    }

    /// A message has not been committed in time: the client is told, and the connection ends.
    pub(in crate::server::engine) fn give_up_post(&mut self, slot: usize, now: Now) {
        let Some(exchange) = self.posting(slot) else { return };
        exchange.end_wait(None);
        exchange.answer(ApiError::NotCommitted.answer(false, false, now), false, now);
        info!("a message that {} has posted is not committed in time", show_addr(exchange.addr()));
        self.read_soon(slot);
    }

    fn posting(&mut self, slot: usize) -> Option<&mut Exchange> {
        match &mut self.connections.get_mut(slot)?.protocol {
            Protocol::Http(exchange) => Some(exchange),
            _ => None,
        }
    }
}
