//! The lines that equal the JSON about roles, settings, removals and deletions.

use serde_json::Value;

/// The kinds that programs of revision 1 do not know.
pub const KINDS: [&str; 8] = ["deleted", "role", "setting", "settings", "moderation", "mask", "removed", "invited"];

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}"))
}

/// Whether an object is an event of a room.
pub fn has_label(value: &Value) -> bool {
    ["deleted", "role", "setting", "moderation", "mask"].contains(&text(value, "t")) && !value["room"].is_null()
}

/// The words of an object; where persons and programs read different things, those of programs.
pub fn words(value: &Value) -> String {
    let text = |name| text(value, name);
    match text("t") {
        "deleted" => format!("deleted {} of {} by {}", value["ids"], text("name"), text("by")),
        "role" if value["room"].is_null() => match value["role"].as_str() {
            Some("moderator") => format!("{} made you a moderator.", text("by")),
            None => format!("{} took the moderator role from you.", text("by")),
            Some(role) => panic!("a role {role} on the server"),
        },
        "role" => {
            format!("{} gives {} the role {}", text("by"), text("name"), value["role"].as_str().unwrap_or("none"))
        }
        "setting" => {
            let shown = match &value["value"] {
                Value::Null => " off".to_owned(),
                Value::Bool(true) => String::new(),
                number => format!(" {}", number.as_u64().expect("a number")),
            };
            format!("{} changed the settings: {}{shown}", text("by"), text("setting"))
        }
        "settings" => settings(value),
        "moderation" => format!("{} was {} by {}", text("name"), text("act"), text("by")),
        "mask" => {
            let (by, mask, is_mute) = (text("by"), text("mask"), text("mask").starts_with("m:"));
            assert_eq!(text("kind"), "ban");
            match value["added"].as_bool().expect("a flag") {
                true => format!("{by} {} {mask}", if is_mute { "muted" } else { "banned" }),
                false => format!("{by} lifted the {} of {mask}", if is_mute { "mute" } else { "ban" }),
            }
        }
        "removed" => {
            let end = value["why"].as_str().map_or(".".to_owned(), |why| format!(": {why}"));
            format!("You were {} from {} by {}{end}", text("cause"), text("room"), text("by"))
        }
        "invited" => format!("{} is invited to {} by {}", text("name"), text("room"), text("by")),
        other => panic!("what is {other}?"),
    }
}

/// The answer to `/room`.
fn settings(value: &Value) -> String {
    let mut values = Vec::new();
    match &value["key"] {
        Value::Null => {}
        Value::Bool(true) => values.push("key".to_owned()),
        key => values.push(format!("key {}", key.as_str().expect("a key"))),
    }
    for name in ["invite_only", "moderated", "secret", "topic_lock"] {
        if value[name].as_bool().expect("a flag") {
            values.push(name.replace('_', "-"));
        }
    }
    for name in ["limit", "slow"] {
        values.extend(value[name].as_u64().map(|number| format!("{name} {number}")));
    }
    let values = if values.is_empty() { "none".into() } else { values.join(", ") };
    let mut words = format!("Settings of {}: {values}.", text(value, "room"));
    for (title, list) in [("Operators", "operators"), ("Voice", "voices")] {
        let names: Vec<&str> = value[list].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
        if !names.is_empty() {
            words += &format!(" {title}: {}.", names.join(", "));
        }
    }
    words
}
