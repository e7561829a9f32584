//! One turn of the server, and what happens between turns: commits, compared passwords, reloads, handovers.

use super::World;
use crate::chat::policy::nick::Name;
use crate::chat::{Allowance, ClientId, Config, Hub, Input, Lang, Now};
use crate::server::engine::Engine;
use crate::server::engine::state::EngineSettings;
use crate::server::handover::{Handover, HandoverView};
use crate::simulator::network::Event;
use crate::simulator::oracle::Compared;
use crate::simulator::people::names;
use crate::wire::renderers_of;

impl World {
    /// Gives the server the answers about passwords that come in this turn.
    fn answer_passwords(&mut self, now: Now) {
        while let Some((request, answer)) = self.hasher.as_mut().and_then(|hasher| hasher.next(self.step.get())) {
            self.record_event(|| format!("a password is compared: {answer:?}"));
            self.oracle.handle_password(Compared::of(&answer), now);
            self.engine.hub_mut().handle_password(&request, answer, now);
            self.record_heard(now);
        }
    }

    /// Takes the passwords that the server wants to be compared, and drops its records.
    fn collect_passwords(&mut self, now: Now) {
        let Some(hasher) = &mut self.hasher else { return };
        let hub = self.engine.hub_mut();
        while hasher.has_room() {
            let (request, expected) = (hub.poll_password(now), self.oracle.poll_password(now));
            let asker = request.as_ref().map(|request| self.oracle.in_slot(request.origin.client));
            assert_eq!(asker, expected, "the password of another session is compared");
            let Some(request) = request else { break };
            hasher.take(request, self.step.get());
        }
        hub.poll_records();
        assert!(hub.poll_query().is_none(), "a query, which no store answers");
    }

    /// Gives the server the changes that are committed in this turn.
    fn commit(&mut self, now: Now) {
        let Some(sequencer) = &mut self.sequencer else { return };
        while let Some(committed) = sequencer.next(self.step.get()) {
            self.engine.hub_mut().handle_committed(&committed, &now);
        }
        self.record_heard(now);
    }

    /// Takes the changes that the server proposes.
    fn collect_proposals(&mut self, now: Now) {
        if let Some(sequencer) = &mut self.sequencer {
            sequencer.collect(self.engine.hub_mut(), self.step.get(), now);
        }
    }

    /// Replaces the server by a successor that gets its state as JSON, and its sockets.
    fn hand_over(&mut self) {
        self.record_event(|| "the server is handed over".into());
        // Otherwise a connection would be lost.
        self.network.refuses_to_watch.set(false);
        let settings = EngineSettings {
            limits: self.plan.limits,
            budget: self.plan.budget,
            max_connections: self.plan.max_connections,
        };
        let name = self.plan.config.name.clone();
        let render = || renderers_of(Lang::En, &name);
        if let Some(hasher) = &mut self.hasher {
            self.engine.hub_mut().return_passwords(hasher.stop());
            self.oracle.return_passwords();
        }
        let json = HandoverView::of(&self.engine, self.at).to_json().expect("a state that can be written");
        let idle = Engine::new(Hub::new(Config::default(), render()), Vec::new(), settings.limits, settings.budget, 0);
        let (.., sockets) = std::mem::replace(&mut self.engine, idle).into_state();
        let Handover { engine, hub, .. } = Handover::from_json(&json).expect("a state that can be read");
        let mut hub = Hub::from_state(hub, self.plan.config.clone(), render());
        hub.enable_trace();
        self.engine = Engine::from_state(engine, hub, sockets, settings, &self.network).expect("the same sockets");
        self.engine.set_proxies(self.proxies.clone());
    }

    pub(super) fn turn(&mut self) {
        self.step.set(self.step.get() + 1);
        let now = self.now();
        if self.handovers.as_mut().is_some_and(|random| random.one_in(80)) {
            self.hand_over();
        }
        self.commit(now);
        self.answer_passwords(now);
        let (first, count) = (self.random.below(self.alive.len().max(1)), self.alive.len());
        let order = (first..first + count).map(|index| &self.people[self.alive[index % count]].wire);
        for event in self.network.poll(order, self.plan.events) {
            match event {
                Event::Listener(number) => self.engine.notify_listener(number),
                Event::Stream(slot, readiness) => {
                    if self.trace {
                        eprintln!("{:5} {:12.3?} event: slot {slot}, {readiness:?}", self.step.get(), self.at);
                    }
                    self.engine.record_event(slot, readiness);
                }
            }
        }
        let connections = self.engine.connection_count();
        self.engine.process_input(&self.network, now);
        self.record_heard(now);
        let accepted = self.engine.connection_count() - connections;
        assert!(accepted <= self.plan.budget.accepts, "{accepted} connections are accepted in one turn");
        let (read, reads) = (self.touched(), self.plan.budget.reads);
        assert!(read <= reads, "{read} clients are read from in one turn, which is for {reads}");
        if self.plan.operator && self.order.is_none() && self.random.one_in(10) {
            let order = self.compose_order();
            // It does not matter whether an expired ban can still be lifted.
            self.order = Some(order);
        }
        if self.engine.hub().allowance(ClientId::CONSOLE, now) == Allowance::Now
            && let Some(order) = self.order.take()
        {
            self.operate(&order, now);
        }
        self.post(now);
        self.reload(now);
        self.collect_passwords(now);
        self.collect_proposals(now);
        self.engine.process_output(now);
        self.record_heard(now);
        self.collect_passwords(now);
        self.collect_proposals(now);
        // A connection that is closed is read until nothing is left.
        // It is larger while the server ends.
        let budget = self.engine.budget();
        let (written, writes) = (self.touched(), budget.private_writes + budget.visits);
        let drained = self.alive.iter().filter(|&&who| self.oracle.has_left_at(who, now.at)).count();
        // A late request is answered with an error.
        let drained = drained + self.exchanges();
        assert!(written <= writes + drained, "{written} clients are written to in one turn, which is for {writes}");
        self.look(now);
        self.check_replica(now);
        self.check();
    }

    /// Lets a program post, in some turns of some seeds, and checks what becomes of earlier messages.
    fn post(&mut self, now: Now) {
        if let Some(random) = &mut self.posts
            && random.one_in(12)
        {
            let (room, name) = (names::room(random), Name::poster(["ci", "Alice"][random.below(2)]).expect("a name"));
            let mut lines = Vec::new();
            for _ in 0..1 + random.below(2) {
                self.texts += 1;
                lines.push(format!("n{} is posted", 100_000 + self.texts));
            }
            self.record_event(|| format!("{} posts {lines:?} in {room}", name.shown));
            let expected = self.oracle.post(room, &name.shown, lines.clone(), now);
            let lines = lines.into_iter().map(String::into_boxed_str).collect();
            // No session has this number.
            let posted = self.engine.hub_mut().handle_post(ClientId::new(1 << 20), room, name, lines, &now);
            assert_eq!(posted.is_ok(), expected, "a message for {room}: {posted:?}");
            self.record_heard(now);
        }
        while let Some(posted) = self.engine.hub_mut().poll_posted() {
            assert_eq!(Some(posted.result.ok()), self.oracle.posted.pop_front(), "another message is committed");
        }
        assert!(self.oracle.posted.is_empty(), "a message is committed, and its program is not answered");
    }

    /// Lets the settings change, in some turns of some seeds.
    fn reload(&mut self, now: Now) {
        let has_accounts = self.hasher.is_some();
        let Some(random) = self.reloads.as_mut().filter(|_| !self.oracle.ending) else { return };
        if !random.one_in(20) {
            return;
        }
        let (config, asks) = (self.plan.reloaded(random, !has_accounts), self.plan.operator && random.one_in(2));
        let asks = asks && self.engine.hub().allowance(ClientId::CONSOLE, now) == Allowance::Now;
        if asks {
            self.operate("/reload", now);
        }
        let by = self.engine.hub_mut().poll_reload();
        assert_eq!(by, asks.then_some(ClientId::CONSOLE), "a reload is asked for");
        self.record_event(|| format!("the settings change to {config:?}"));
        self.most.note(&config);
        self.oracle.configs.push_back(config.clone());
        self.engine.hub_mut().set_config(&config, now);
        self.plan.config = config;
        self.record_heard(now);
        self.engine.hub_mut().tell_reloaded(by, &["rate".into(), "ban".into()], &["listen".into()]);
        self.oracle.tell_configured("* Reloaded. Changed: rate, ban. Not before a restart: listen.");
    }

    fn operate(&mut self, order: &str, now: Now) {
        self.record_event(|| format!("the operator types {order:?}"));
        self.oracle.orders.push_back(order.into());
        self.engine.hub_mut().handle_line(ClientId::CONSOLE, Input::Line(order), now);
        self.record_heard(now);
    }

    /// Streams that have been read from or written to since the last call.
    fn touched(&self) -> usize {
        let touched = |who: &&usize| std::mem::take(&mut self.people[**who].wire.borrow_mut().touched);
        self.alive.iter().filter(touched).count()
    }
}
