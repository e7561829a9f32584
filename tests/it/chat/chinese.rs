//! The server's texts in Chinese.

use crate::harness::{Client, Server};

fn start(args: &[&str]) -> Server {
    Server::start(&[&["--lang", "zh"], args].concat())
}

/// Logs in. The lines after `您是…` are left unread.
fn login(server: &Server, name: &str) -> Client {
    let mut client = server.connect();
    client.expect("* 请输入昵称:");
    client.ask(name, &["* 昵称设置成功"]);
    let greeting = client.line();
    assert!(greeting.starts_with(&format!("* 您是{name}，当前")), "{greeting}");
    client
}

/// Logs alice and bob in; all notices about them are read.
fn pair(server: &Server) -> [Client; 2] {
    let mut alice = login(server, "alice");
    let bob = login(server, "bob");
    alice.expect("* bob进入了聊天室，当前2人");
    [alice, bob]
}

#[test]
fn login_by_address_shows_no_name_set_notice_in_chinese() {
    let server = start(&["--login", "address"]);
    let mut guest = server.connect();
    let addr = guest.addr();
    guest.expect(&format!("* 您是{addr}，当前1人：您。输入 /help 查看命令。"));
}

#[test]
fn joins_and_leaves_are_announced_in_chinese() {
    let server = start(&[]);
    let [mut alice, mut bob] = pair(&server);
    let mut carol = server.connect();
    carol.expect("* 请输入昵称:");
    carol.ask("alice", &["! 当前昵称已经存在，请重新输入:"]);
    carol.ask("ＡＬＩＣＥ", &["! 当前昵称已经存在，请重新输入:"]);
    carol.ask("张三", &["* 昵称设置成功", "* 您是张三，当前3人：alice、bob和您。输入 /help 查看命令。"]);
    carol.expect_nothing();
    for client in [&mut alice, &mut bob] {
        client.expect("* 张三进入了聊天室，当前3人");
    }
    alice.ask("q", &["* 再见。"]);
    alice.expect_end();
    for client in [&mut bob, &mut carol] {
        client.expect("* alice退出了聊天室，当前2人");
    }
    bob.ask("/quit 吃饭", &["* 再见。"]);
    carol.expect("* bob退出了聊天室：“吃饭”，当前1人");
}

#[test]
fn history_has_begin_and_end_lines_in_chinese() {
    let server = start(&[]);
    let [mut alice, mut bob] = pair(&server);
    alice.send("今天吃什么？\n/me 想了想\n");
    bob.expect_all(&["[T] alice: 今天吃什么？", "[T] * alice 想了想"]);
    let history =
        ["* ----以下是历史记录----", "[T] alice: 今天吃什么？", "[T] * alice 想了想", "* ----以上是历史记录----"];
    let mut carol = login(&server, "carol");
    carol.expect_all(&history);
    carol.expect_nothing();
    carol.ask("/history", &history);
    bob.expect("* carol进入了聊天室，当前3人");
    bob.ask("/join 书房", &["* 您进入了房间书房，当前1人：您。"]);
    bob.ask("/history", &["* 这里还没有人说过话。"]);
    carol.expect("* bob退出了聊天室，当前2人");
}

#[test]
fn whispers_keep_their_format_and_refusals_are_chinese() {
    let server = start(&[]);
    let [mut alice, mut bob] = pair(&server);
    alice.ask("@bob 你好", &["[T] you -> bob: 你好"]);
    bob.expect("[T] alice -> you: 你好");
    bob.ask("/r 你也好", &["[T] you -> alice: 你也好"]);
    alice.expect("[T] bob -> you: 你也好");
    for (line, refusal) in [
        ("@carol 你好", "! 不存在用户名为carol的用户"),
        ("/msg 王五 你好", "! 不存在用户名为王五的用户"),
        ("/ignore 王五", "! 不存在用户名为王五的用户"),
        ("@alice 你好", "! 那是您自己。"),
        ("/frob", "! 没有命令 /frob，输入 /help 查看命令。"),
        ("/nick bob", "! 当前昵称已经存在。"),
        ("/nick 服务器", "! 昵称服务器已被保留。"),
    ] {
        alice.ask(line, &[refusal]);
    }
    bob.expect_nothing();
}

#[test]
fn commands_are_answered_in_chinese() {
    let server = start(&[]);
    let [mut alice, mut bob] = pair(&server);
    for (line, answer) in [
        ("/who", "* 当前2人：bob和您。"),
        ("/rooms", "* 共1个房间：lobby（2人）"),
        ("/echo on", "* 从现在起显示您自己说的话。"),
        ("你好", "[T] alice: 你好"),
        ("/ignore bob", "* 已屏蔽bob。输入 /unignore bob 取消屏蔽。"),
        ("/unignore bob", "* 已取消屏蔽bob。"),
        ("/ping", "* pong"),
        ("/nick 爱丽丝", "* alice改名为爱丽丝"),
    ] {
        alice.ask(line, &[answer]);
    }
    bob.expect_all(&["[T] alice: 你好", "* alice改名为爱丽丝"]);
    bob.send("/help\n/ping end\n");
    let help: Vec<String> = std::iter::from_fn(|| Some(bob.line()).filter(|line| line != "* pong end")).collect();
    assert!(help.iter().any(|line| line.contains("/history [n]")), "{help:#?}");
    assert!(help.iter().all(|line| line.starts_with("* ") && !line.is_ascii()), "{help:#?}");
}

#[test]
fn bad_names_are_refused_in_chinese() {
    let server = start(&[]);
    let mut guest = server.connect();
    guest.expect("* 请输入昵称:");
    for name in ["张 三", "a@b", &"张".repeat(13)] {
        let shape = "! 昵称宽度为1到24个字符，可用各种文字的字母、数字以及 _ - . ，不能有空格，请重新输入:";
        guest.ask(name, &[shape]);
    }
    for name in ["服务器", "你", "server"] {
        guest.ask(name, &[&format!("! 昵称{name}已被保留，请重新输入:")]);
    }
    guest.ask("y0u", &["! 昵称y0u与you过于相似，请重新输入:"]);
    guest.ask("аlice", &["! 昵称аlice混用了容易混淆的文字，例如拉丁字母和西里尔字母，请重新输入:"]);
    guest.ask(&"张".repeat(12), &["* 昵称设置成功"]);
}

#[test]
fn waiting_clients_read_their_position_in_chinese() {
    let server = start(&["--max-clients", "1", "--max-waiting", "1"]);
    let mut alice = login(&server, "alice");
    let mut bob = server.connect();
    bob.expect("* 聊天室已满，您在等候队列中排第1位。");
    bob.ask("你好", &["! 您还在排队，这句话没有发出。"]);
    let mut carol = server.connect();
    carol.expect("! 聊天室和等候队列都已满，请稍后再试。");
    carol.expect_end();
    alice.ask("q", &["* 再见。"]);
    bob.expect("* 请输入昵称:");
}

#[test]
fn summary_of_joins_is_shown_in_chinese() {
    let server = start(&["--announce-limit", "1"]);
    let mut alice = login(&server, "alice");
    let _bob = login(&server, "bob");
    alice.expect("* 1人进入了聊天室，0人退出了聊天室，当前2人");
}
