//! The page, which is built into the program, and its content security policy.

use data_encoding::{BASE64, HEXLOWER};
use sha2::{Digest, Sha256};

const HTML: &str = include_str!("page.html");

/// The served page.
pub struct ServedPage {
    pub html: &'static str,
    /// The entity tag, which changes with the page.
    pub tag: String,
    /// The Content-Security-Policy: nothing but the page's own script and style, and a WebSocket to here.
    pub policy: String,
}

impl ServedPage {
    /// Computes what is the same for every answer.
    pub fn new() -> Self {
        let hash = |element| format!("'sha256-{}'", BASE64.encode(&Sha256::digest(content(HTML, element))));
        let policy = format!(
            "default-src 'none'; script-src {}; style-src {}; img-src data:; connect-src 'self'; base-uri 'none'; \
             form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
            hash("script"),
            hash("style")
        );
        let tag = format!("\"{}\"", HEXLOWER.encode(&Sha256::digest(HTML)[..16]));
        ServedPage { html: HTML, tag, policy }
    }
}

/// The content of the only element of that name, which has no attributes.
fn content<'a>(html: &'a str, element: &str) -> &'a str {
    let after = html.split_once(&format!("<{element}>")).map_or("", |(_, after)| after);
    after.split_once(&format!("</{element}>")).map_or("", |(content, _)| content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_has_one_script_and_style_and_loads_nothing() {
        for element in ["script", "style"] {
            assert_eq!(HTML.matches(&format!("<{element}")).count(), 1, "{element}");
            assert!(!content(HTML, element).is_empty(), "{element}");
        }
        for attribute in [" src=\"", " style=\"", " onclick=", "@import", "url("] {
            assert!(!HTML.contains(attribute), "{attribute}");
        }
    }

    #[test]
    fn policy_contains_hashes_of_script_and_style() {
        // printf alert | openssl dgst -sha256 -binary | base64
        assert_eq!(content("<p><script>alert</script>", "script"), "alert");
        let hash = BASE64.encode(&Sha256::digest("alert"));
        assert_eq!(hash, "35BQWN1npAn++BSA6B5HNlcrDttNf7mHxpXNB+Jg7IE=");
        let policy = ServedPage::new().policy;
        assert_eq!(policy.matches("'sha256-").count(), 2, "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
    }
}
