//! What the head of a POST says of its content.

use std::fmt::{self, Debug, Formatter};

use super::{HttpError, once};

/// Maximum bytes of the content of a request.
pub const MAX_CONTENT: usize = 64 * 1024;

/// What a POST has besides what each request has.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Post {
    /// The `Authorization` field, as it was sent.
    pub authorization: Option<String>,
    /// The `Content-Type` field, as it was sent.
    pub content_type: Option<String>,
    /// The bytes of the content, if the request says how many there are.
    pub length: Option<u64>,
    /// The client waits for `100 Continue` before it sends the content (RFC 9110, section 10.1.1).
    pub expects_continue: bool,
    /// The content, once it has been read.
    pub content: Vec<u8>,
    /// The content has a coding, such as `chunked`, in which it is not read.
    pub has_transfer_encoding: bool,
}

/// Without the secret and the content.
impl Debug for Post {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        f.debug_struct("Post").field("content_type", &self.content_type).field("length", &self.length).finish()
    }
}

impl Post {
    /// The bytes of the content that follow the head; `None` if it is not read: it is too long, or its length is not known.
    pub fn readable(&self) -> Option<usize> {
        let length = usize::try_from(self.length?).ok()?;
        (length <= MAX_CONTENT).then_some(length)
    }

    /// Takes a field of the head; `false` if it is not about the content.
    ///
    /// # Errors
    /// If the field is not valid, or contradicts another one: such a request could be read in two ways (RFC 9112, section 6.3).
    pub(super) fn take_field(&mut self, name: &str, value: &dyn Fn() -> String) -> Result<bool, HttpError> {
        let is = |wanted: &str| name.eq_ignore_ascii_case(wanted);
        match () {
            () if is("authorization") => once(&mut self.authorization, value())?,
            () if is("content-type") => once(&mut self.content_type, value())?,
            () if is("content-length") => {
                if self.length.is_some() || self.has_transfer_encoding {
                    return Err(HttpError::BadRequest);
                }
                self.length = Some(parse_length(&value())?);
            }
            () if is("transfer-encoding") => {
                if self.length.is_some() {
                    return Err(HttpError::BadRequest);
                }
                self.has_transfer_encoding = true;
            }
            () if is("expect") => self.expects_continue = value().eq_ignore_ascii_case("100-continue"),
            () => return Ok(false),
        }
        Ok(true)
    }
}

/// A length of digits alone; one that is too great for any content counts as the greatest.
fn parse_length(text: &str) -> Result<u64, HttpError> {
    match !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => Ok(text.parse().unwrap_or(u64::MAX)),
        false => Err(HttpError::BadRequest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::http::{Methods, parse, parse_head};

    /// The POST with these fields, and whether the connection stays open.
    fn post(fields: &str) -> Result<(Post, bool), HttpError> {
        let text = format!("POST /api HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n");
        let (request, length) = parse_head(text.as_bytes(), Methods::ReadAndPost)?.expect("a whole head");
        assert_eq!(length, text.len());
        Ok((*request.post.expect("a POST"), request.keep_alive))
    }

    #[test]
    fn head_tells_how_long_the_content_is() {
        for (fields, length, readable) in [
            ("Content-Length: 0\r\n", Some(0), Some(0)),
            ("content-length: 007\r\n", Some(7), Some(7)),
            ("Content-Length: 65536\r\n", Some(65536), Some(65536)),
            ("Content-Length: 65537\r\n", Some(65537), None),
            ("Content-Length: 99999999999999999999\r\n", Some(u64::MAX), None),
            ("Transfer-Encoding: chunked\r\n", None, None),
            ("", None, None),
        ] {
            let (post, keep_alive) = post(fields).unwrap();
            assert_eq!((post.length, post.readable(), keep_alive), (length, readable, readable.is_some()), "{fields}");
        }
    }

    #[test]
    fn content_that_could_be_read_in_two_ways_is_refused() {
        for fields in [
            "Content-Length: 1\r\nContent-Length: 1\r\n",
            "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n",
            "Content-Length: +1\r\n",
            "Content-Length: 1, 1\r\n",
            "Content-Length:\r\n",
            "Authorization: Bearer a\r\nAuthorization: Bearer b\r\n",
        ] {
            assert_eq!(post(fields), Err(HttpError::BadRequest), "{fields}");
        }
    }

    #[test]
    fn fields_of_a_post_are_read_and_its_secret_is_not_shown() {
        let fields = "Authorization: Bearer secret-token\r\nContent-Type: application/json\r\nExpect: 100-Continue\r\n\
            Content-Length: 2\r\n";
        let (post, _) = post(fields).unwrap();
        assert_eq!(post.authorization.as_deref(), Some("Bearer secret-token"));
        assert_eq!(post.content_type.as_deref(), Some("application/json"));
        assert!(post.expects_continue && !format!("{post:?}").contains("secret"));
    }

    #[test]
    fn other_listeners_take_no_post() {
        let text = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(parse(text), Err(HttpError::MethodNotAllowed));
    }
}
