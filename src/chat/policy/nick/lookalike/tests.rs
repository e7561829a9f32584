use super::*;
use crate::chat::policy::nick::{InvalidNick, Name};
use crate::util::test_support::Random;

/// Ordinary names of many scripts.
const ORDINARY: &[&str] = &[
    "alice",
    "Иван",
    "Владимир",
    "Ελένη",
    "Γιώργος",
    "محمد",
    "فاطمة",
    "שרה",
    "小明",
    "王芳",
    "さくら",
    "タロウ",
    "山田たろう",
    "佐々木",
    "김민수",
    "金민수",
    "ㄅㄆㄇ小明",
    "นภา",
    "अमित",
    "ਗੁਰਪ੍ਰੀਤ",
    "রহিম",
    "தமிழ்",
    "గీత",
    "მარიამ",
    "Արմեն",
    "ሰላም",
    "ខ្មែរ",
    "မောင်",
    "Ñandú",
    "Zoë",
    "Åsa",
    "İpek",
    "Łukasz",
    "Nguyễn",
    "Søren",
    "Þór",
    "straße",
    "ﬁona",
    "ＡＬＩＣＥ",
    "ᏣᎳᎩ",
    "ᚠᚢᚦ",
    "ⲁⲃⲅ",
    "𐍈𐌰𐌹",
    "𝒜lice",
    "Ђорђе",
    "Ґанна",
    "Ѣ",
];

/// Ordinary names with letters of two scripts that are not easily confused.
const ORDINARY_MIXTURES: &[&str] = &[
    "张san",
    "小明_2",
    "DJさくら",
    "Kim김민수",
    "ali_محمد",
    "שרה.s",
    "นภา99",
    "अमित-a",
    "Xさくら山",
    "bobㄅ小",
    "Արմեն7",
    "Gურამი",
    "Владимир_2",
    "Ελένη.7",
    "৩rahim",
    "محمد٣",
];

#[test]
fn names_of_one_script_and_harmless_mixtures_are_valid() {
    for name in ORDINARY.iter().chain(ORDINARY_MIXTURES) {
        assert!(!is_mixed(name), "{name}");
        assert!(Name::new(name).is_ok(), "{name}: {:?}", Name::new(name));
    }
}

#[test]
fn mixtures_that_are_easily_confused_are_refused() {
    for name in [
        "sеrvers",
        "аlice",
        "bоb",
        "Ελeνη",
        "ivaн",
        "Ивan",
        "aλpha",
        "ᏣAlice",
        "Ꭺlice",
        "ИванΩ",
        "ᚠred",
        "שרהمحمد",
        "小明Иван",
        "김민수Ω",
    ] {
        assert!(is_mixed(name), "{name}");
        assert_eq!(Name::new(name), Err(InvalidNick::Mixed), "{name}");
        assert!(Name::room(name).is_ok() && Name::stored(name).is_ok(), "{name}");
    }
}

fn looks_alike(a: &str, b: &str) -> bool {
    let (a, b) = (Looks::of(a), Looks::of(b));
    a.forms().any(|form| b.forms().any(|other| form == other))
}

#[test]
fn names_that_can_be_mistaken_look_alike() {
    for (a, b) in [
        ("alice", "aIice"),
        ("alice", "a1ice"),
        ("alice", "A1ICE"),
        ("bob", "b0b"),
        ("BOB", "b0b"),
        ("tom", "torn"),
        ("TOM", "tOrN"),
        ("coco", "сосо"),
        ("coco", "СОСО"),
        ("Ivan", "lvan"),
        ("IVAN", "1van"),
        ("ivan", "Ivan"),
        ("Zoë", "zoë"),
        ("ＡＬＩＣＥ", "A1lCE"),
        ("Åsa", "åsа"),
        ("o", "ο"),
        ("3", "З"),
        ("x", "х"),
        ("пух", "ПУХ"),
        ("alice", "ali\u{307}\u{307}ce"),
        ("İpek", "ipek"),
    ] {
        assert!(looks_alike(a, b), "{a} {b}: {:?} {:?}", Looks::of(a), Looks::of(b));
    }
    // Only the name as shown, with its capital I, looks like one with an l.
    assert!(!looks_alike("ivan", "lvan") && !looks_alike("alice", "aliçe"));
    let ordinary: Vec<&str> = ORDINARY.iter().chain(ORDINARY_MIXTURES).copied().collect();
    for (index, a) in ordinary.iter().enumerate() {
        let equal = |b: &&str| fold(a) == fold(b);
        for b in ordinary[..index].iter().filter(|b| !equal(b)) {
            assert!(!looks_alike(a, b), "{a} {b}");
        }
    }
}

#[test]
fn small_l_among_capitals_looks_like_a_capital_i() {
    let is_found = |typed: &str, other: &str| {
        let other = Looks::of(other);
        Looks::find_map(typed, |form| other.forms().any(|other| form == other).then_some(())).is_some()
    };
    for (typed, other) in
        [("ALlCE", "alice"), ("ΝΙΝΑ", "nina"), ("МАХІМ", "maxim"), ("ꓮꓡꓲꓚꓰ", "alice"), ("BlLL_2", "Bill_2")]
    {
        assert!(is_found(typed, other), "{typed} {other}");
    }
    for (typed, other) in [("lan", "ian"), ("Bill", "Biii"), ("11", "ii"), ("10", "io")] {
        assert!(!is_found(typed, other), "{typed} {other}");
    }
}

#[test]
fn lookalikes_of_reserved_words_are_refused() {
    for (name, word) in [
        ("y0u", "you"),
        ("rne", "me"),
        ("a11", "all"),
        ("AIl", "all"),
        ("sуstеm", "system"),
        ("sеrver", "server"),
        ("adrnin", "admin"),
        ("ADMlN", "admin"),
        ("admi\u{307}n", "admin"),
    ] {
        assert_eq!(Name::new(name), Err(InvalidNick::LooksLike(word)), "{name}");
    }
    assert!(Name::stored("y0u").is_ok());
    for word in RESERVED {
        assert_eq!(fold(word), *word, "each word is its own key");
    }
}

#[test]
fn fast_path_for_ascii_equals_the_tables_of_the_crate() {
    let check = |text: &str| {
        assert_eq!(canonical(text), any_form(text), "{text:?}");
        assert_eq!(canonical_key(text), any_form(&fold(text)), "{text:?}");
        let looks = Looks::of(text);
        assert_eq!(looks.shown.as_ref().unwrap_or(&looks.key), &any_form(text), "{text:?}");
    };
    let ascii: Vec<char> = (0..128_u8).map(char::from).collect();
    check("");
    for &first in &ascii {
        check(&first.to_string());
        ascii.iter().for_each(|&second| check(&format!("{first}{second}")));
    }
    let mut random = Random(1);
    for _ in 0..10_000 {
        let length = random.below(2 * MAX_ASCII);
        let letters: String = (0..length).map(|_| *random.pick(&ascii)).filter(|c| c.is_ascii_graphic()).collect();
        check(&letters);
        check(&letters.replace(|c: char| !c.is_ascii_alphanumeric(), "_"));
    }
}

#[test]
fn names_that_are_addresses_do_not_look_alike() {
    // Digits, and the letters a to f of IPv6, map one to one.
    let forms: std::collections::BTreeSet<CompactString> =
        "0123456789abcdef.:#[]".chars().map(|c| canonical(&c.to_string())).collect();
    assert_eq!(forms.len(), 21);
    assert!(forms.iter().all(|form| form.len() == 1), "{forms:?}");
}
