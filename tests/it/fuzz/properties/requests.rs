//! HTTP request heads are parsed or refused, however the input is split.

use chinwag::wire::host::Host;
use chinwag::wire::http::{self, HttpError, MAX_CONTENT, MAX_HEAD, Methods, Request};

/// A head found in the whole input is found in every long enough prefix, and in no shorter one.
pub fn check(input: &[u8]) {
    let found = http::parse(input);
    if let Ok(Some((request, length))) = &found {
        assert!((1..=input.len().min(MAX_HEAD)).contains(length), "{length} bytes");
        assert!(request.path.starts_with('/') && !request.path.contains(['?', ' ']), "{:?}", request.path);
        assert_eq!(http::parse(&input[..*length]), found, "without what follows");
        for shorter in 0..*length {
            assert_eq!(http::parse(&input[..shorter]), Ok(None), "the first {shorter} bytes");
        }
        if let Some(host) = &request.host {
            assert!(Host::parse(host).is_some(), "{host:?}");
        }
        for name in ["room", "run", "after"] {
            let _ = http::parameter(&request.query, name);
        }
        if let Some(upgrade) = &request.upgrade
            && let Ok(answer) = http::accept(upgrade, Some("chinwag.v1"))
        {
            let answer = String::from_utf8(answer).expect("ASCII");
            assert!(answer.starts_with("HTTP/1.1 101 ") && answer.ends_with("\r\n\r\n"), "{answer}");
            assert_eq!(answer.matches("\r\n\r\n").count(), 1, "{answer}");
        }
    }
    check_post(input, &found);
}

/// Where a POST is allowed, its head is found as other heads are, which are the same as elsewhere.
fn check_post(input: &[u8], elsewhere: &Result<Option<(Request, usize)>, HttpError>) {
    let parse = |input| http::parse_head(input, Methods::ReadAndPost);
    let found = parse(input);
    match &found {
        Ok(Some((Request { post: Some(post), keep_alive, .. }, length))) => {
            assert_eq!(*elsewhere, Err(HttpError::MethodNotAllowed));
            assert_eq!(parse(&input[..*length]), found, "without what follows");
            assert!((0..*length).all(|shorter| parse(&input[..shorter]) == Ok(None)));
            assert!(post.readable().is_none_or(|length| length <= MAX_CONTENT), "{post:?}");
            assert!(post.readable().is_some() || !keep_alive, "the end of the content is not known");
        }
        Ok(_) => assert_eq!(found, *elsewhere),
        Err(_) => assert!(elsewhere.is_err()),
    }
}
