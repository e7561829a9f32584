//! REGISTER: a session makes its nickname an account. Source:
//! <https://ircv3.net/specs/extensions/account-registration>.

use crate::chat::event::{Event, Refusal};
use crate::chat::hub::Hub;
use crate::chat::hub::irc::Call;
use crate::chat::hub::login::passwords::PasswordUse;
use crate::chat::hub::plan::Plan;
use crate::chat::password::{Password, PasswordJob};

impl Hub {
    /// REGISTER account email password
    pub(in crate::chat::hub::irc) fn irc_register(&mut self, call: &Call) {
        let (id, account, password) = (call.id, call.text(0), call.text(2));
        let Some(asker) = self.caller(call) else {
            let text = "Complete the connection first";
            return self.fail(id, "REGISTER", "COMPLETE_CONNECTION_REQUIRED", &[account], text);
        };
        let name = self.name_of(asker.member);
        if account != "*" && !super::is_same(account, &name) {
            let text = "An account has the name of the nickname that registers it";
            return self.fail(id, "REGISTER", "ACCOUNT_NAME_MUST_BE_NICK", &[account], text);
        }
        let view = self.view(call.now);
        match view.register(asker, password) {
            Ok(Plan::Register { name, password }) => {
                let job = PasswordJob::Hash { password: Password::new(password) };
                self.queue_password(id, PasswordUse::Register(name), job, *call.now);
            }
            Ok(_) => {}
            Err(refusal) => {
                let code = code_of(&refusal);
                let text = match refusal {
                    Refusal::BadPassword { most } => format!(
                        "A password is one word of 1 to {most} bytes, but not q, quit, exit or a word that begins with /, \
                         which are commands elsewhere"
                    ),
                    refusal => self.lang_text(&Event::Refusal(refusal)),
                };
                self.fail(id, "REGISTER", code, &[&name], &text);
            }
        }
    }

    /// VERIFY account code
    pub(in crate::chat::hub::irc) fn irc_verify(&mut self, call: &Call) {
        let text = "No account of this server needs to be verified";
        self.fail(call.id, "VERIFY", "INVALID_CODE", &[call.text(0)], text);
    }

    /// An event in the words of the server.
    fn lang_text(&self, event: &Event) -> String {
        let mut line = Vec::new();
        let label = crate::chat::encoding::RoomLabel::None;
        self.outbound.render(crate::chat::encoding::Encoding::Plain).render(event, label, &mut line);
        String::from_utf8_lossy(&line).trim().trim_start_matches(['!', '*', ' ']).to_owned()
    }
}

/// The code of a refusal to register.
fn code_of(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::RegisteredAlready { .. } => "ALREADY_AUTHENTICATED",
        Refusal::Registered { .. } => "ACCOUNT_EXISTS",
        Refusal::BadPassword { .. } | Refusal::Usage(_) => "UNACCEPTABLE_PASSWORD",
        _ => "TEMPORARILY_UNAVAILABLE",
    }
}
