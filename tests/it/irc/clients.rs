//! Clients of IRC that people have: irssi and WeeChat on terminals, and a bot in Python.

use serde_json::json;

use super::{IrcServer, address};
use crate::connect::tmux::Tmux;
use crate::store::TestDir;
use crate::tls::Program;
use crate::web::Page;

/// A bot with the library `irc`: it says what others ask it to say, in the channel and in private.
const BOT: &str = r##"
import sys
import irc.bot

class Bot(irc.bot.SingleServerIRCBot):
    def on_welcome(self, connection, event):
        connection.join("#den")

    def on_pubmsg(self, connection, event):
        name, _, text = event.arguments[0].partition(": ")
        if name == "robin":
            connection.privmsg(event.target, f"{event.source.nick} says {text}")

    def on_privmsg(self, connection, event):
        connection.privmsg(event.source.nick, f"you said {event.arguments[0]}")

    def on_action(self, connection, event):
        connection.action(event.target, f"{event.arguments[0]}, too")

Bot([("127.0.0.1", int(sys.argv[1]))], "robin", "A bot").start()
"##;

/// Whether a line of the screen has these words in this order, whatever a client shows between them.
fn shows(screen: &str, words: &[&str]) -> bool {
    screen.lines().any(|line| {
        let mut rest = line;
        words.iter().all(|word| {
            rest.find(word).is_some_and(|at| {
                rest = &rest[at + word.len()..];
                true
            })
        })
    })
}

#[test]
#[ignore = "needs irssi, WeeChat, tmux and the library irc for Python"]
fn irssi_weechat_and_a_bot_share_a_room_with_nc_and_a_page() {
    let mut server = IrcServer::start(&["--web", "127.0.0.1:0", "--rate", "0"]);
    let (web, port) = (address(&mut server, "http"), server.irc.port());
    let dir = TestDir::new();
    let home = |name: &str| dir.0.join(name).to_str().expect("UTF-8").to_owned();
    let mut nick = server.login("nick");
    nick.ask("/join den", &["* You are in den. 1 here: you."]);
    let mut page = Page::connect(web, "/ws?room=den", &[]);
    page.until("ask");
    page.send("paige");
    page.until("live");
    nick.expect("* paige joined (2 here)");

    let program = format!("LC_ALL=C.UTF-8 irssi --home={} -c 127.0.0.1 -p {port} -n iris", home("irssi"));
    let irssi = Tmux::start(&format!("irssi-{port}"), 100, 24, &program);
    irssi.until(|screen| screen.contains("no message of the day"));
    irssi.type_line("/join #den");
    nick.expect("* iris joined (3 here)");
    // It waits between its lines otherwise; the option has another name in later versions.
    let program = format!(
        "LC_ALL=C.UTF-8 weechat -d {} -r '/set irc.server_default.anti_flood_prio_high 0' \
         -r '/set irc.server_default.anti_flood 0' irc://wendy@127.0.0.1:{port}/#den",
        home("weechat")
    );
    let weechat = Tmux::start(&format!("weechat-{port}"), 120, 24, &program);
    nick.expect("* wendy joined (4 here)");
    let _bot = Program::start("/usr/bin/python3", &["-c", BOT, &port.to_string()]);
    nick.expect("* robin joined (5 here)");
    irssi.until(|screen| shows(screen, &["robin", "has joined #den"]) && screen.contains("nick"));
    weechat.until(|screen| shows(screen, &["robin", "has joined #den"]));

    irssi.type_line("hello from irssi, 你好");
    nick.expect("[T] iris: hello from irssi, 你好");
    assert_eq!(page.until("said")["text"], "hello from irssi, 你好");
    weechat.until(|screen| shows(screen, &["iris", "hello from irssi, 你好"]));
    weechat.type_line("robin: good morning");
    nick.expect_all(&["[T] wendy: robin: good morning", "[T] robin: wendy says good morning"]);
    irssi.until(|screen| shows(screen, &["robin>", "wendy says good morning"]));
    page.expect(json!({"t": "said", "name": "wendy"}));
    page.expect(json!({"t": "said", "name": "robin", "text": "wendy says good morning"}));
    weechat.type_line("/me waves");
    nick.expect_all(&["[T] * wendy waves", "[T] * robin waves, too"]);
    irssi.until(|screen| shows(screen, &["* wendy waves"]) && shows(screen, &["* robin waves, too"]));
    page.expect(json!({"t": "action", "name": "wendy", "text": "waves"}));

    nick.ask("@robin psst", &["[T] you -> robin: psst", "[T] robin -> you: you said psst"]);
    page.send("typed on the page");
    nick.expect("[T] paige: typed on the page");
    nick.send("/topic tea and cake\n");
    for client in [&irssi, &weechat] {
        client.until(|screen| shows(screen, &["paige", "typed on the page"]));
        client.until(|screen| shows(screen, &["nick", "topic", "tea and cake"]));
    }
    weechat.type_line("/nick wanda");
    nick.until("* wendy is now called wanda");
    irssi.until(|screen| shows(screen, &["wendy", "is now known as", "wanda"]));
    irssi.type_line("/quit see you");
    nick.expect("* iris left: \"see you\" (4 here)");
    weechat.until(|screen| shows(screen, &["iris", "has quit", "see you"]));
}
