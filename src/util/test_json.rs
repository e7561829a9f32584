//! A helper of unit tests: state as JSON and back.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The value after it was written as JSON and read again.
pub fn through_json<T: Serialize + DeserializeOwned>(value: &T) -> T {
    let json = serde_json::to_string(value).expect("a value that can be written");
    serde_json::from_str(&json).expect("a value that can be read")
}
