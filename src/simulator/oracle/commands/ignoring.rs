//! Whom a member does not read.

use crate::simulator::oracle::Oracle;
use crate::simulator::oracle::words::key;

impl Oracle {
    pub(super) fn ignore(&mut self, who: usize, arg: &str) {
        if arg.is_empty() {
            let names: Vec<&str> = self.members[who].ignored.iter().map(|(name, ..)| &**name).collect();
            let line = match names.as_slice() {
                [] => "* You ignore nobody.".into(),
                [one] => format!("* You ignore {one}."),
                [first @ .., last] => format!("* You ignore {} and {last}.", first.join(", ")),
            };
            return self.answer_to(who, &line);
        }
        let Some(target) = self.find(arg) else {
            return self.answer_to(who, &format!("! Nobody here is called {arg}."));
        };
        if target == who {
            return self.answer_to(who, "! That is you.");
        }
        let (name, key) = (self.members[target].name.clone(), self.members[target].key.clone());
        let most = self.config.max_ignored;
        let ignored = &mut self.members[who].ignored;
        ignored.retain(|(_, old, person)| *old != key && *person != Some(target));
        let is_full = ignored.len() >= most;
        if !is_full {
            ignored.push((name.clone(), key, Some(target)));
        }
        self.keep_ignored(who);
        if is_full {
            return self.answer_to(who, &format!("! You ignore {most} people already, and no more are possible."));
        }
        self.answer_to(who, &format!("* You no longer read {name}. /unignore {name} ends that."));
    }

    pub(super) fn unignore(&mut self, who: usize, arg: &str) {
        if arg.is_empty() {
            return self.answer_to(who, "! Usage: /unignore name");
        }
        let target = self.find(arg);
        let now_called = target.map(|target| self.members[target].name.clone());
        let ignored = &mut self.members[who].ignored;
        let meant = |(_, old, person): &(String, String, Option<usize>)| {
            *old == key(arg) || target.is_some() && *person == target
        };
        let line = match ignored.iter().find(|person| meant(person)) {
            Some((name, _, person)) => {
                let name = now_called.filter(|_| *person == target).unwrap_or(name.clone());
                format!("* You read {name} again.")
            }
            None => format!("! You do not ignore {arg}."),
        };
        ignored.retain(|person| !meant(person));
        self.keep_ignored(who);
        self.answer_to(who, &line);
    }
}
