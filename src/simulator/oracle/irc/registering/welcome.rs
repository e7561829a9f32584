//! What an IRC session reads when it is registered.

use crate::simulator::oracle::Oracle;
use crate::simulator::oracle::words::ReaderStage;

impl Oracle {
    pub(in crate::simulator::oracle::irc) fn irc_welcome(&mut self, who: usize, member: usize) {
        let server = self.config.name.clone();
        let version = concat!("chinwag-", env!("CARGO_PKG_VERSION"));
        let mask = self.irc_source(member, &self.members[member].name);
        self.irc_numeric(who, 1, &format!(":Welcome to the {server} Network, {mask}"));
        self.irc_numeric(who, 2, &format!(":Your host is {server}, running version {version}"));
        let started = self.started.map_or_else(String::new, |at| {
            let (hour, minute, _) = at.to_hms();
            format!("{} {hour:02}:{minute:02}", at.date())
        });
        self.irc_numeric(who, 3, &format!(":This server was created {started}"));
        self.irc_numeric(who, 4, &format!("{server} {version} Bio bIeiklmnostv bIeklov"));
        let most = self.config.max_follow;
        for tokens in [
            format!(
                "NETWORK={server} CASEMAPPING=ascii CHANTYPES=# PREFIX=(ov)@+ STATUSMSG=@+ CHANMODES=beI,k,l,imnst \
                CHANLIMIT=#:{most} NICKLEN=24 CHANNELLEN=49 TOPICLEN=390 AWAYLEN=390 KICKLEN=390 KEYLEN=64"
            ),
            "USERLEN=18 NAMELEN=150 LINELEN=512 MODES=12 MAXLIST=beI:100 EXCEPTS=e INVEX=I EXTBAN=,am ACCOUNTEXTBAN=a \
            ELIST=CMNTU SAFELIST WHOX MONITOR=100"
                .into(),
            "TARGMAX=NAMES:20,LIST:20,KICK:20,WHOIS:1,PRIVMSG:20,NOTICE:20,TAGMSG:20,JOIN:,PART:,MONITOR:100 \
            CHATHISTORY=100 MSGREFTYPES=msgid,timestamp BOT=B UTF8ONLY"
                .into(),
        ] {
            self.irc_numeric(who, 5, &format!("{tokens} :are supported by this server"));
        }
        self.irc_lusers(who);
        self.irc_motd(who);
    }

    pub(in crate::simulator::oracle::irc) fn irc_lusers(&mut self, who: usize) {
        let here = self.names.len();
        let is_outside = |stage| matches!(stage, ReaderStage::Waiting(_) | ReaderStage::Asked);
        let strangers = self.readers.iter().filter(|reader| is_outside(reader.stage)).count();
        let rooms = self.rooms.iter().flatten().filter(|room| !room.members.is_empty()).count();
        let most = self.most_members;
        self.irc_numeric(who, 251, &format!(":There are {here} users and 0 invisible on 1 servers"));
        self.irc_numeric(who, 252, "0 :operator(s) online");
        self.irc_numeric(who, 253, &format!("{strangers} :unknown connection(s)"));
        self.irc_numeric(who, 254, &format!("{rooms} :channels formed"));
        self.irc_numeric(who, 255, &format!(":I have {here} clients and 0 servers"));
        self.irc_numeric(who, 265, &format!("{here} {most} :Current local users {here}, max {most}"));
        self.irc_numeric(who, 266, &format!("{here} {most} :Current global users {here}, max {most}"));
    }

    pub(in crate::simulator::oracle::irc) fn irc_motd(&mut self, who: usize) {
        let Some(motd) = self.config.motd.clone() else {
            return self.irc_numeric(who, 422, ":There is no message of the day");
        };
        let server = self.config.name.clone();
        self.irc_numeric(who, 375, &format!(":- {server} Message of the day -"));
        motd.split('\n').for_each(|line| self.irc_numeric(who, 372, &format!(":- {line}")));
        self.irc_numeric(who, 376, ":End of /MOTD command");
    }
}
