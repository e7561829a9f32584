//! Completes the word before the cursor on Tab.

use crate::chat::policy::nick::fold;

/// The commands whose first argument is a name.
const NAME_COMMANDS: [&str; 16] = [
    "msg", "ignore", "unignore", "whois", "invite", "op", "deop", "voice", "devoice", "kick", "mute", "unmute", "ban",
    "unban", "mod", "unmod",
];

/// The commands whose argument is a room.
const ROOM_COMMANDS: [&str; 5] = ["join", "who", "follow", "unfollow", "go"];

/// What can complete a word, best first.
#[derive(Clone, Copy, Debug)]
pub struct Candidates<'a> {
    pub names: &'a [&'a str],
    pub rooms: &'a [&'a str],
    /// Commands without the slash.
    pub commands: &'a [&'a str],
}

/// Returns the names that begin with `prefix`, regardless of case, width and composition.
fn matching<'a>(all: &[&'a str], prefix: &str) -> Vec<&'a str> {
    let prefix = fold(prefix);
    all.iter().copied().filter(|name| fold(name).starts_with(&prefix)).collect()
}

/// Completes a word, and steps through its candidates on further calls.
#[derive(Default)]
pub struct Completer {
    cycle: Option<CompletionCycle>,
}

/// One word and its candidates.
struct CompletionCycle {
    /// The line before the word.
    before: String,
    word: String,
    /// The line behind the word.
    behind: String,
    completions: Vec<Completion>,
    /// The candidate that is shown; the word itself comes after the last one.
    at: usize,
}

/// A candidate: the text in place of the word, and how many bytes of the rest of the line the cursor passes.
struct Completion {
    text: String,
    passed: usize,
}

impl Completer {
    /// Completes the word before the cursor; returns the line and the cursor behind the word (in bytes).
    ///
    /// If the line is the result of the last call, takes the next candidate, or the previous one if `back`; the
    /// original word comes after the last. `None` if there is no candidate.
    pub fn complete(
        &mut self,
        text: &str,
        cursor: usize,
        back: bool,
        candidates: &Candidates,
    ) -> Option<(String, usize)> {
        let shown = self.cycle.take().filter(|cycle| cycle.is_shown(text, cursor));
        // After a single candidate, Tab completes what may follow it: `/join `, then a room.
        let is_single = shown.as_ref().is_some_and(|cycle| cycle.completions.len() == 1 && cycle.at == 0 && !back);
        let cycle = match shown {
            Some(cycle) if is_single => {
                CompletionCycle::begin(text, cursor, back, candidates).unwrap_or(cycle.step(back))
            }
            Some(cycle) => cycle.step(back),
            None => CompletionCycle::begin(text, cursor, back, candidates)?,
        };
        let line = cycle.line();
        self.cycle = Some(cycle);
        Some(line)
    }

    /// Ends the cycle: the next call starts a new one.
    pub fn reset(&mut self) {
        self.cycle = None;
    }
}

impl CompletionCycle {
    fn begin(text: &str, cursor: usize, back: bool, candidates: &Candidates) -> Option<CompletionCycle> {
        let (head, behind) = text.split_at(cursor);
        let word_start =
            head.rfind(char::is_whitespace).map_or(0, |at| at + head[at..].chars().next().map_or(0, char::len_utf8));
        let (before, word) = head.split_at(word_start);
        let found = candidates_for(before, word, candidates);
        if found.is_empty() {
            return None;
        }
        let suffix = if is_addressing(before, word) { ": " } else { " " };
        let completions: Vec<Completion> = found.iter().map(|text| Completion::new(text, suffix, behind)).collect();
        let at = if back { completions.len() - 1 } else { 0 };
        Some(CompletionCycle { before: before.into(), word: word.into(), behind: behind.into(), completions, at })
    }

    fn step(mut self, back: bool) -> Self {
        let count = self.completions.len() + 1;
        self.at = (self.at + if back { count - 1 } else { 1 }) % count;
        self
    }

    fn line(&self) -> (String, usize) {
        let (word, passed) =
            self.completions.get(self.at).map_or((&self.word, 0), |completion| (&completion.text, completion.passed));
        ([&*self.before, word, &self.behind].concat(), self.before.len() + word.len() + passed)
    }

    fn is_shown(&self, text: &str, cursor: usize) -> bool {
        let (line, at) = self.line();
        at == cursor && line == text
    }
}

impl Completion {
    /// Writes neither a suffix that already follows the word, nor its space.
    fn new(word: &str, suffix: &str, behind: &str) -> Self {
        let (added, passed) = match () {
            () if behind.starts_with(suffix) => ("", suffix.len()),
            () if behind.starts_with(' ') => (suffix.trim_end(), 1),
            () => (suffix, 0),
        };
        Completion { text: format!("{word}{added}"), passed }
    }
}

/// Returns the candidates for a word that stands behind `before`.
fn candidates_for(before: &str, word: &str, candidates: &Candidates) -> Vec<String> {
    let with = |mark: &str, names: Vec<&str>| names.into_iter().map(|name| format!("{mark}{name}")).collect();
    let command = command_before(before);
    let is_argument_of = |commands: &[&str]| command.as_deref().is_some_and(|command| commands.contains(&command));
    let is_behind_command = command.is_some() && !before.contains('#');
    match word.as_bytes() {
        [b'#', ..] if before.is_empty() || is_behind_command => with("#", matching(candidates.rooms, &word[1..])),
        [b'@', ..] if !is_argument_of(&NAME_COMMANDS) => {
            let name = word.trim_start_matches('@');
            with(&word[..word.len() - name.len()], matching(candidates.names, name))
        }
        _ if is_argument_of(&ROOM_COMMANDS) => with("", matching(candidates.rooms, word)),
        _ if is_argument_of(&NAME_COMMANDS) => with("", matching(candidates.names, word)),
        [] => Vec::new(),
        [b'/', prefix @ ..] if before.is_empty() && !prefix.starts_with(b"/") => {
            let prefix = word[1..].to_ascii_lowercase();
            with("/", candidates.commands.iter().copied().filter(|word| word.starts_with(&prefix)).collect())
        }
        _ => with("", matching(candidates.names, word)),
    }
}

/// Returns the command of which the next word is the first argument, or the first one behind `#room`.
fn command_before(before: &str) -> Option<String> {
    let (command, arguments) = before.strip_prefix('/')?.split_once(' ')?;
    let room = arguments.trim_matches(' ');
    (room.is_empty() || room.starts_with('#') && !room.contains(' ')).then(|| command.to_ascii_lowercase())
}

/// Whether the word addresses a user: a name at the beginning of a line.
fn is_addressing(before: &str, word: &str) -> bool {
    before.trim().is_empty() && !word.starts_with(['/', '@', '#'])
}

#[cfg(test)]
mod tests {
    use super::*;

    const CANDIDATES: Candidates = Candidates {
        names: &["alice", "bob", "albert", "ALAN", "Álvaro"],
        rooms: &["lobby", "kitchen"],
        commands: &["help", "join", "kick", "go", "close"],
    };

    /// Completes at the bar once for each mark in `tabs`: `>` is Tab, `<` is Shift-Tab.
    fn tab(line: &str, tabs: &str) -> String {
        let mut completer = Completer::default();
        let mut line = line.to_owned();
        for back in tabs.chars().map(|tab| tab == '<') {
            let cursor = line.find('|').unwrap();
            let text = line.replace('|', "");
            if let Some((text, cursor)) = completer.complete(&text, cursor, back, &CANDIDATES) {
                line = format!("{}|{}", &text[..cursor], &text[cursor..]);
            }
        }
        line
    }

    #[test]
    fn completion_depends_on_position_in_line() {
        for (line, completed) in [
            ("/he|", "/help |"),
            ("/HE|", "/help |"),
            ("say /he|", "say /he|"),
            ("//he|", "//he|"),
            ("@bo|", "@bob |"),
            ("ask @bo|", "ask @bob |"),
            ("@@bo|", "@@bob |"),
            ("@|", "@alice |"),
            ("bo|", "bob: |"),
            ("  bo|", "  bob: |"),
            ("ask BO|", "ask bob |"),
            ("/join |", "/join lobby |"),
            ("/JOIN  k|", "/JOIN  kitchen |"),
            ("/who k|", "/who kitchen |"),
            ("/who b|", "/who b|"),
            ("/follow #k|", "/follow #kitchen |"),
            ("/unfollow k|", "/unfollow kitchen |"),
            ("/go k|", "/go kitchen |"),
            ("/go #k|", "/go #kitchen |"),
            ("/go @b|", "/go @bob |"),
            ("/cl|", "/close |"),
            ("#k|", "#kitchen |"),
            ("  #k|", "  #k|"),
            ("say #k|", "say #k|"),
            ("#kitchen bo|", "#kitchen bob |"),
            ("/topic #|", "/topic #lobby |"),
            ("/topic #lobby #k|", "/topic #lobby #k|"),
            ("/topic |", "/topic |"),
            ("/kick bo|", "/kick bob |"),
            ("/Kick |", "/Kick alice |"),
            ("/kick #k|", "/kick #kitchen |"),
            ("/kick #kitchen |", "/kick #kitchen alice |"),
            ("/kick  #kitchen  BO|", "/kick  #kitchen  bob |"),
            ("/kick bob |", "/kick bob |"),
            ("/delete #kitchen @b|", "/delete #kitchen @bob |"),
            ("/msg |", "/msg alice |"),
            ("/ignore bo|", "/ignore bob |"),
            ("/unignore bo|", "/unignore bob |"),
            ("/msg bob al|", "/msg bob alice |"),
            ("/me hugs bo|", "/me hugs bob |"),
            ("álv|", "Álvaro: |"),
            ("问\u{3000}bo|", "问\u{3000}bob |"),
            ("|", "|"),
            ("x |", "x |"),
            ("nobody|", "nobody|"),
        ] {
            assert_eq!(tab(line, ">"), completed, "{line}");
        }
    }

    #[test]
    fn tab_and_shift_tab_cycle_through_candidates_and_original() {
        assert_eq!(tab("al|", ">"), "alice: |");
        assert_eq!(tab("al|", ">>"), "albert: |");
        assert_eq!(tab("al|", ">>>"), "ALAN: |");
        assert_eq!(tab("al|", ">>>>"), "al|");
        assert_eq!(tab("al|", ">>>>>"), "alice: |");
        assert_eq!(tab("al|", "<"), "ALAN: |");
        assert_eq!(tab("al|", "><"), "al|");
        assert_eq!(tab("al|", "><<"), "ALAN: |");
        assert_eq!(tab("bo|", ">>"), "bo|");
        assert_eq!(tab("bo|", ">>>"), "bob: |");
    }

    #[test]
    fn tab_after_single_candidate_completes_argument() {
        assert_eq!(tab("/jo|", ">>"), "/join lobby |");
        assert_eq!(tab("/jo|", ">>>"), "/join kitchen |");
        assert_eq!(tab("/jo|", "><"), "/jo|");
        assert_eq!(tab("/he|", ">>"), "/he|");
    }

    #[test]
    fn prefix_matching_folds_names() {
        let names = ["Ｗide", "Élan", "张三", "STRASSE", "각시"];
        for (prefix, name) in
            [("wi", "Ｗide"), ("é", "Élan"), ("e\u{301}L", "Élan"), ("张", "张三"), ("straß", "STRASSE")]
        {
            assert_eq!(matching(&names, prefix), [name]);
        }
        assert!(matching(&names, "x").is_empty());
    }

    #[test]
    fn completion_adds_no_second_space() {
        assert_eq!(tab("ask bo| now", ">"), "ask bob |now");
        assert_eq!(tab("bo| now", ">"), "bob: |now");
        assert_eq!(tab("bo|: now", ">"), "bob: |now");
        assert_eq!(tab("ask al| now", ">>>>"), "ask al| now");
        assert_eq!(tab("bo|now", ">"), "bob: |now");
    }

    #[test]
    fn edit_ends_completion_cycle() {
        let mut completer = Completer::default();
        assert_eq!(completer.complete("al", 2, false, &CANDIDATES), Some(("alice: ".into(), 7)));
        assert_eq!(completer.complete("alb", 3, false, &CANDIDATES), Some(("albert: ".into(), 8)));
        completer.reset();
        assert_eq!(completer.complete("albert: ", 8, false, &CANDIDATES), None);
    }
}
