//! Names of persons and rooms, and texts.

use crate::util::test_support::Random;

/// Typed names; some are equal, some look like others. One is all Cyrillic.
const NAMES: &[&str] = &[
    "alice",
    "Alice",
    "ＡＬＩＣＥ",
    "bob",
    "carol",
    "dave",
    "张三",
    "É",
    "E\u{301}",
    "straße",
    "STRASSE",
    "erin",
    "frank",
    "A1ice",
    "b0b",
    "coco",
    "сосо",
    "Ivan",
    "lvan",
];

/// Names that no member can have; the last ones look like reserved words, or have Cyrillic letters among Latin ones.
const BAD_NAMES: &[&str] = &[
    "a b",
    "a@b",
    "You",
    "server",
    "Admin",
    "10.0.0.1",
    "x!",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "y0u",
    "rne",
    "AIl",
    "sеrver",
    "саrоl",
    "аlice",
];

/// Rooms in the commands about several rooms.
pub const MORE_ROOMS: &[&str] =
    &["lobby", "games", "Games", "den", "DEN", "attic", "tea", "chess", "Lobby", "GARNES", "Iobby", "lоbby", "chеss"];

/// A name; with many persons mostly a unique one.
pub fn name(random: &mut Random, people: usize) -> String {
    match random.below(24) {
        0 => (*random.pick(BAD_NAMES)).into(),
        _ if people > 12 && random.one_in(12) => format!("p{}", random.below(2 * people)).replace('1', "l"),
        _ if people > 12 => format!("p{}", random.below(2 * people)),
        _ => (*random.pick(NAMES)).into(),
    }
}

/// The name of a room.
pub fn room(random: &mut Random) -> &'static str {
    random.pick::<&str>(MORE_ROOMS)
}

/// A text with a word that no other text has: `n` and six digits. `texts` counts them.
pub fn words(random: &mut Random, texts: &mut u32, long: usize, max_line: usize) -> String {
    *texts += 1;
    let word = format!("n{}", 100_000 + *texts);
    match random.below(12) {
        _ if random.one_in(long) => format!("{word} {}", "long ".repeat(random.below(max_line / 10))).trim().into(),
        0 => format!("{word} 你好 é ß 👋"),
        1 => format!("  {word}  "),
        _ => word,
    }
}
