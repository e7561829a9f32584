//! The encodings of events, and their renderers.

use serde::{Deserialize, Serialize};

use super::event::Event;

/// The encoding of a session's events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Encoding {
    /// Lines of text.
    #[default]
    Plain,
    /// JSON in the frames of a WebSocket.
    WebSocket,
}

impl Encoding {
    /// The number of encodings.
    pub const COUNT: usize = 2;
    /// All encodings.
    pub const ALL: [Encoding; Self::COUNT] = [Encoding::Plain, Encoding::WebSocket];
}

/// Renders events in one encoding.
pub trait Render {
    /// Appends `event` to `out`, with the end of the line or frame.
    fn render(&self, event: &Event, out: &mut Vec<u8>);
}

/// The renderer of each encoding.
pub struct Renderers {
    pub plain: Box<dyn Render>,
    /// `None` if the server has no WebSockets.
    pub web: Option<Box<dyn Render>>,
}

impl Renderers {
    /// The renderer of `encoding`.
    ///
    /// # Panics
    /// If the server does not have this encoding.
    pub fn of(&self, encoding: Encoding) -> &dyn Render {
        match encoding {
            Encoding::Plain => &*self.plain,
            Encoding::WebSocket => self.web.as_deref().expect("an encoding that the server has"),
        }
    }
}
