//! Settings of accounts that change while the server runs.

use super::AccountHub;
use crate::chat::config::Config;

#[test]
fn operators_get_and_lose_their_role_at_once() {
    let mut hub = AccountHub::new(Config::default());
    let (boss, bob) = (hub.register("boss"), hub.register("bob"));
    hub.check(boss, "/reload", "! There is no command /reload. /help lists them.");
    for (name, id, other) in [("Boss", boss, bob), ("bob", bob, boss)] {
        let now = hub.server.now();
        hub.server.hub.set_config(&Config { operators: vec![name.into()], rate: 0, ..Config::default() }, now);
        hub.say(id, "/reload");
        assert_eq!(hub.server.hub.poll_reload(), Some(id));
        hub.check(other, "/reload", "! There is no command /reload. /help lists them.");
    }
}

#[test]
fn fewer_accounts_are_kept_and_no_more_can_be_made() {
    let mut hub = AccountHub::new(Config::default());
    hub.register("alice");
    let now = hub.server.now();
    hub.server.hub.set_config(&Config { max_accounts: 1, rate: 0, ..Config::default() }, now);
    let bob = hub.enter("bob");
    let refusal = hub.answer(bob, "/register fish").remove(0);
    assert!(refusal.starts_with("! ") && refusal.contains('1'), "{refusal}");
    let now = hub.server.now();
    hub.server.hub.set_config(&Config { max_accounts: 2, rate: 0, ..Config::default() }, now);
    assert!(hub.answer(bob, "/register fish")[0].starts_with("* bob is registered now"));
}
