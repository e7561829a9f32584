//! The messages between the server and the process that hashes passwords: lines of JSON.

use serde::{Deserialize, Serialize};

use crate::chat::password::{MAX_PASSWORD, Password, PasswordAnswer, PasswordJob};

/// Maximum bytes of a password, of a verifier and of keys.
const MAX_TEXT: usize = MAX_PASSWORD;

/// Maximum bytes of a line with its end: three texts of control characters, each of which takes six bytes in JSON.
pub const MAX_LINE: usize = 3 * 6 * MAX_TEXT + 128;

/// A numbered piece of work; the answer has the same number.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request<J = PasswordJob> {
    pub number: u64,
    pub job: J,
}

/// The answer to the request of this number.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    pub number: u64,
    #[serde(with = "AnswerText")]
    pub answer: PasswordAnswer,
}

/// How an answer is written.
#[derive(Serialize, Deserialize)]
#[serde(remote = "PasswordAnswer", deny_unknown_fields)]
enum AnswerText {
    Right { verifier: Option<Box<str>>, scram: Option<Box<str>> },
    Wrong,
    Failed,
}

/// The line of a request; `None` if a text in it is too long.
pub fn request_line(number: u64, job: &PasswordJob) -> Option<Vec<u8>> {
    is_within_bounds(job).then(|| line(&Request { number, job }))
}

/// The line of an answer.
pub fn answer_line(number: u64, answer: PasswordAnswer) -> Vec<u8> {
    line(&Answer { number, answer })
}

fn line(message: &impl Serialize) -> Vec<u8> {
    let mut line = serde_json::to_vec(message).unwrap_or_default();
    line.push(b'\n');
    line
}

/// The request of a line; `None` if it is none, or a text in it is too long.
pub fn parse_request(line: &[u8]) -> Option<Request> {
    let request: Request = serde_json::from_slice(line).ok()?;
    is_within_bounds(&request.job).then_some(request)
}

/// The answer of a line; `None` if it is none.
pub fn parse_answer(line: &[u8]) -> Option<Answer> {
    serde_json::from_slice(line).ok()
}

fn is_within_bounds(job: &PasswordJob) -> bool {
    let fits = |password: &Password| password.text().len() <= MAX_TEXT;
    match job {
        PasswordJob::Hash { password } => fits(password),
        PasswordJob::Verify { password, verifier, new, .. } => {
            fits(password) && verifier.len() <= MAX_TEXT && new.iter().all(fits)
        }
    }
}

/// Whether this can be the answer to this work: it has a verifier and keys if and only if they are to be made.
pub fn is_answer_to(answer: &PasswordAnswer, job: &PasswordJob) -> bool {
    match answer {
        PasswordAnswer::Right { verifier, scram } => {
            let fits = |text: &Option<Box<str>>| text.as_ref().is_none_or(|text| text.len() <= MAX_TEXT);
            (verifier.is_some(), scram.is_some()) == job.makes() && fits(verifier) && fits(scram)
        }
        PasswordAnswer::Wrong => matches!(job, PasswordJob::Verify { .. }),
        PasswordAnswer::Failed => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verify(password: &str, verifier: &str, new: Option<&str>) -> PasswordJob {
        PasswordJob::Verify {
            password: Password::new(password),
            verifier: verifier.into(),
            new: new.map(Password::new),
            scram: false,
        }
    }

    fn asking_for_keys(mut job: PasswordJob) -> PasswordJob {
        if let PasswordJob::Verify { scram, .. } = &mut job {
            *scram = true;
        }
        job
    }

    #[test]
    fn requests_survive_the_way_through_a_line() {
        let worst = "\u{1}".repeat(MAX_TEXT);
        for job in [
            PasswordJob::Hash { password: Password::new("a \"b\"\n\\ й") },
            verify("a", "$argon2id$", None),
            asking_for_keys(verify("a", "$argon2id$", None)),
            asking_for_keys(verify(&worst, &worst, Some(&worst))),
        ] {
            let line = request_line(u64::MAX, &job).unwrap();
            assert!(line.len() <= MAX_LINE, "{} bytes", line.len());
            assert_eq!(line.iter().position(|&byte| byte == b'\n'), Some(line.len() - 1));
            let request = parse_request(&line).unwrap();
            assert_eq!((request.number, request.job), (u64::MAX, job));
        }
    }

    #[test]
    fn answers_survive_the_way_through_a_line() {
        let worst: Option<Box<str>> = Some("\u{1}".repeat(MAX_TEXT).into());
        for answer in [
            PasswordAnswer::Right { verifier: worst.clone(), scram: worst },
            PasswordAnswer::Right { verifier: None, scram: None },
            PasswordAnswer::Wrong,
            PasswordAnswer::Failed,
        ] {
            let line = answer_line(u64::MAX, answer.clone());
            assert!(line.len() <= MAX_LINE && line.ends_with(b"\n"));
            let read = parse_answer(&line).unwrap();
            assert_eq!((read.number, read.answer), (u64::MAX, answer));
        }
    }

    #[test]
    fn long_texts_are_refused_on_both_sides() {
        let (fits, long) = ("x".repeat(MAX_TEXT), "x".repeat(MAX_TEXT + 1));
        for job in [
            PasswordJob::Hash { password: Password::new(&long) },
            verify(&long, &fits, Some(&fits)),
            verify(&fits, &long, Some(&fits)),
            verify(&fits, &fits, Some(&long)),
        ] {
            assert!(request_line(1, &job).is_none());
            assert!(parse_request(&line(&Request { number: 1, job })).is_none());
        }
        assert!(request_line(1, &verify(&fits, &fits, Some(&fits))).is_some());
    }

    #[test]
    fn nonsense_is_no_message() {
        for line in ["", "\n", "{}", "null", "{\"number\":1}", "{\"number\":-1,\"job\":{}}", "\u{0}", "[1,2]"] {
            assert!(parse_request(line.as_bytes()).is_none(), "{line}");
            assert!(parse_answer(line.as_bytes()).is_none(), "{line}");
        }
        assert!(parse_answer(br#"{"number":1,"answer":"Perhaps"}"#).is_none());
        assert!(parse_answer(br#"{"number":1,"answer":"Wrong","more":1}"#).is_none());
        assert!(parse_answer(br#"{"number":1,"answer":"Wrong"}{}"#).is_none());
        assert!(parse_answer(b"{\"number\":1,\"answer\":{\"Right\":{\"verifier\":\"\xff\"}}}").is_none());
    }

    #[test]
    fn answer_has_exactly_what_is_made() {
        let hash = PasswordJob::Hash { password: Password::new("a") };
        let right = |verifier: Option<&str>, scram: Option<&str>| PasswordAnswer::Right {
            verifier: verifier.map(Into::into),
            scram: scram.map(Into::into),
        };
        let long = "v".repeat(MAX_TEXT + 1);
        for (job, makes, wrong) in [
            (hash, (Some("v"), Some("s")), false),
            (verify("a", "v", None), (None, None), true),
            (asking_for_keys(verify("a", "v", None)), (None, Some("s")), true),
            (verify("a", "v", Some("b")), (Some("v"), Some("s")), true),
            (asking_for_keys(verify("a", "v", Some("b"))), (Some("v"), Some("s")), true),
        ] {
            for made in [(None, None), (Some("v"), None), (None, Some("s")), (Some("v"), Some("s"))] {
                assert_eq!(is_answer_to(&right(made.0, made.1), &job), made == makes, "{job:?} {made:?}");
            }
            assert_eq!(is_answer_to(&PasswordAnswer::Wrong, &job), wrong);
            assert!(is_answer_to(&PasswordAnswer::Failed, &job));
            let (verifier, scram) = (makes.0.map(|_| &*long), makes.1.map(|_| &*long));
            assert_eq!(is_answer_to(&right(verifier, makes.1), &job), verifier.is_none());
            assert_eq!(is_answer_to(&right(makes.0, scram), &job), scram.is_none());
        }
    }
}
