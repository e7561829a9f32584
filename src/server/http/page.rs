//! The page, which is built into the program, and its content security policy.

use std::borrow::Cow;
use std::sync::LazyLock;

use data_encoding::{BASE64, HEXLOWER};
use sha2::{Digest, Sha256};

use super::exchange::Answer;
use crate::chat::{DEFAULT_NAME, Now};
use crate::wire::http::{self, Request, Response};

/// The markup. Its style is empty, and its script has only its first line.
const MARKUP: &str = include_str!("page/index.html");
const STYLE: &str = include_str!("page/style.css");
/// The files of the script, in their order. They are joined to one script, which runs from top to bottom: what runs at
/// the start can use constants and variables of earlier files only, but functions of all files.
const APP: [&str; 33] = [
    include_str!("page/app/i18n.js"),
    include_str!("page/app/tools.js"),
    include_str!("page/app/state.js"),
    include_str!("page/app/segment.js"),
    include_str!("page/app/views.js"),
    include_str!("page/app/colours.js"),
    include_str!("page/app/markup.js"),
    include_str!("page/app/text.js"),
    include_str!("page/app/code.js"),
    include_str!("page/app/line.js"),
    include_str!("page/app/log.js"),
    include_str!("page/app/message_tools.js"),
    include_str!("page/app/notifications.js"),
    include_str!("page/app/people.js"),
    include_str!("page/app/card.js"),
    include_str!("page/app/room_frames.js"),
    include_str!("page/app/answers.js"),
    include_str!("page/app/frames.js"),
    include_str!("page/app/messages.js"),
    include_str!("page/app/pages.js"),
    include_str!("page/app/room_keys.js"),
    include_str!("page/app/account.js"),
    include_str!("page/app/socket.js"),
    include_str!("page/app/sending.js"),
    include_str!("page/app/routing.js"),
    include_str!("page/app/composer.js"),
    include_str!("page/app/suggest.js"),
    include_str!("page/app/settings.js"),
    include_str!("page/app/lists.js"),
    include_str!("page/app/panel.js"),
    include_str!("page/app/search.js"),
    include_str!("page/app/login.js"),
    include_str!("page/app/start.js"),
];
/// The page, put together once. It is made in one allocation: after glibc has freed a large one, it gives less memory back
/// to the system (M_MMAP_THRESHOLD in mallopt(3)).
static HTML: LazyLock<String> = LazyLock::new(|| {
    let (head, rest) = MARKUP.split_at(MARKUP.find("</style>").unwrap_or(0));
    let (body, end) = rest.split_at(rest.find("</script>").unwrap_or(0));
    [&[head, STYLE, body], &APP[..], &[end]].concat().concat()
});
/// The two places of the page that show the name of the server.
const NAMED: [&str; 2] = ["<title>chinwag</title>", "id=\"brand\">chinwag</h1>"];
const HTML_TYPE: &str = "text/html; charset=utf-8";

/// What is the same for every answer with the page.
pub struct ServedPage {
    html: Cow<'static, str>,
    /// The entity tag, which changes with the page.
    tag: String,
    /// The Content-Security-Policy: nothing but the page's own script and style, and a WebSocket to here.
    policy: String,
}

impl ServedPage {
    /// The page of a server with this name, which has no characters that mean something in HTML.
    pub fn new(name: &str) -> Self {
        let html = match name {
            DEFAULT_NAME => Cow::Borrowed(HTML.as_str()),
            _ => NAMED.iter().fold(HTML.as_str().into(), |html: Cow<str>, place| {
                html.replacen(place, &place.replacen(DEFAULT_NAME, name, 1), 1).into()
            }),
        };
        let hash = |element| format!("'sha256-{}'", BASE64.encode(&Sha256::digest(content(&HTML, element))));
        let policy = format!(
            "default-src 'none'; script-src {}; style-src {}; img-src data:; connect-src 'self'; base-uri 'none'; \
             form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
            hash("script"),
            hash("style")
        );
        let tag = format!("\"{}\"", HEXLOWER.encode(&Sha256::digest(&*html)[..16]));
        ServedPage { html, tag, policy }
    }

    /// The answer to a request for the page.
    pub fn answer(&self, request: &Request, now: Now) -> Answer {
        let is_cached =
            request.if_none_match.as_deref().is_some_and(|tags| http::items(tags).any(|tag| tag == self.tag));
        let response = Response::new(if is_cached { "304 Not Modified" } else { "200 OK" }, now.local)
            .field("ETag", &self.tag)
            .field("Cache-Control", "no-cache")
            .field("Content-Security-Policy", &self.policy)
            .field("Referrer-Policy", "no-referrer")
            .field("Cross-Origin-Opener-Policy", "same-origin");
        if is_cached {
            return (response.without_body(request.keep_alive), Cow::default());
        }
        let head = response.with_body(HTML_TYPE, self.html.len(), request.keep_alive);
        let body = match &self.html {
            _ if request.is_head => Cow::default(),
            Cow::Borrowed(html) => Cow::Borrowed(html.as_bytes()),
            Cow::Owned(html) => Cow::Owned(html.clone().into_bytes()),
        };
        (head, body)
    }
}

/// The content of the only element of that name, which has no attributes.
fn content<'a>(html: &'a str, element: &str) -> &'a str {
    let after = html.split_once(&format!("<{element}>")).map_or("", |(_, after)| after);
    after.split_once(&format!("</{element}>")).map_or("", |(content, _)| content)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn page_has_one_script_and_style_and_loads_nothing() {
        for element in ["script", "style"] {
            assert_eq!(HTML.matches(&format!("<{element}")).count(), 1, "{element}");
            assert!(!content(&HTML, element).is_empty(), "{element}");
        }
        for attribute in [" src=\"", " style=\"", " onclick=", "@import", "url("] {
            assert!(!HTML.contains(attribute), "{attribute}");
        }
    }

    #[test]
    fn page_has_each_file_once() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/server/http/page");
        let scripts: Vec<_> = fs::read_dir(folder.join("app")).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(scripts.len(), APP.len());
        let scripts = scripts.into_iter().map(|file| (file, "script"));
        for (file, element) in scripts.chain([(folder.join("style.css"), "style")]) {
            let text = fs::read_to_string(&file).unwrap();
            assert_eq!(content(&HTML, element).matches(&text).count(), 1, "{}", file.display());
        }
        assert_eq!(HTML.matches("'use strict';").count(), 1);
    }

    #[test]
    fn page_has_the_name_of_the_server() {
        let (page, named) = (ServedPage::new(DEFAULT_NAME), ServedPage::new("chat.example"));
        assert_eq!(page.html, *HTML);
        for place in NAMED {
            assert_eq!(HTML.matches(place).count(), 1, "{place}");
            assert!(named.html.contains(&place.replace(DEFAULT_NAME, "chat.example")), "{place}");
        }
        assert!(page.tag != named.tag && page.policy == named.policy);
    }

    #[test]
    fn policy_allows_the_served_script_and_style() {
        for page in [ServedPage::new(DEFAULT_NAME), ServedPage::new("chat.example")] {
            for element in ["script", "style"] {
                let hash = BASE64.encode(&Sha256::digest(content(&page.html, element)));
                assert!(page.policy.contains(&format!("{element}-src 'sha256-{hash}';")), "{element}: {}", page.policy);
            }
        }
    }

    #[test]
    fn policy_contains_hashes_of_script_and_style() {
        // printf alert | openssl dgst -sha256 -binary | base64
        assert_eq!(content("<p><script>alert</script>", "script"), "alert");
        let hash = BASE64.encode(&Sha256::digest("alert"));
        assert_eq!(hash, "35BQWN1npAn++BSA6B5HNlcrDttNf7mHxpXNB+Jg7IE=");
        let policy = ServedPage::new(DEFAULT_NAME).policy;
        assert_eq!(policy.matches("'sha256-").count(), 2, "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
    }
}
