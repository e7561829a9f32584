//! The schema of the result, which is beside the code that writes it.

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::{Value, json};

const SCHEMA: &str = include_str!("../../../src/bench/report/schema.json");

static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| {
    let schema = serde_json::from_str(SCHEMA).expect("JSON");
    jsonschema::draft202012::new(&schema).expect("a schema")
});

/// Asserts that the report fits the schema.
#[track_caller]
pub fn check(report: &Value) {
    let errors: Vec<String> =
        VALIDATOR.iter_errors(report).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}\n{report:#}");
}

/// Asserts that the schema is strict: no member may be missing, of another type, or additional.
#[track_caller]
pub fn check_strictness(report: &Value) {
    let mut pointers = Vec::new();
    objects(report, String::new(), &mut pointers);
    let refused = |changed: &Value, what: &str| assert!(!VALIDATOR.is_valid(changed), "{what} passes");
    for pointer in pointers {
        let change = |change: &dyn Fn(&mut serde_json::Map<String, Value>)| {
            let mut changed = report.clone();
            change(changed.pointer_mut(&pointer).and_then(Value::as_object_mut).expect("an object"));
            changed
        };
        refused(
            &change(&|object| drop(object.insert("surplus".into(), json!(1)))),
            &format!("{pointer} with a surplus"),
        );
        for name in report.pointer(&pointer).and_then(Value::as_object).expect("an object").keys() {
            refused(&change(&|object| drop(object.remove(name))), &format!("{pointer} without {name}"));
            for wrong in [json!(true), json!({"surplus": 1}), json!([{"surplus": 1}]), json!(-0.5), json!("")] {
                let changed = change(&|object| drop(object.insert(name.clone(), wrong.clone())));
                // Memory may have become less.
                if name != "user_bytes" || !wrong.is_number() {
                    refused(&changed, &format!("{pointer}/{name} = {wrong}"));
                }
            }
        }
    }
}

/// Pointers to the objects in it; for arrays, only to the first.
fn objects(value: &Value, pointer: String, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                objects(value, format!("{pointer}/{name}"), found);
            }
            found.push(pointer);
        }
        Value::Array(array) => {
            if let Some(first) = array.first() {
                objects(first, pointer + "/0", found);
            }
        }
        _ => {}
    }
}

#[test]
fn schema_is_valid() {
    let schema = serde_json::from_str(SCHEMA).expect("JSON");
    jsonschema::draft202012::meta::validate(&schema).expect("a schema");
}
