//! A proxy for TCP that can hold back what passes, delay it, and end its connections.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// How a gate treats its connections.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Open,
    /// Nothing passes. What has come passes later.
    Held,
    /// Connections end as soon as they begin.
    Shut,
}

struct State {
    mode: Mode,
    delay: Duration,
    connections: Vec<TcpStream>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

/// A proxy in threads, which end with the test program.
pub struct Gate {
    port: u16,
    shared: Arc<Shared>,
}

impl Gate {
    /// Starts a gate to this address, where perhaps no server listens yet.
    pub fn to(target: String) -> Gate {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let state = State { mode: Mode::Open, delay: Duration::ZERO, connections: Vec::new() };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let gate = Gate { port, shared: Arc::clone(&shared) };
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.expect("a connection");
                let Ok(server) = TcpStream::connect(&target) else { continue };
                shared.connect(client, server);
            }
        });
        gate
    }

    /// `HOST:PORT`.
    pub fn addr(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub fn url(&self) -> String {
        format!("nats://{}", self.addr())
    }

    /// Holds everything back until [`Gate::open`]; connections stay.
    pub fn hold(&self) {
        self.set(Mode::Held);
    }

    /// Ends all connections, and each new one at once, until [`Gate::open`].
    pub fn shut(&self) {
        self.set(Mode::Shut);
        self.cut();
    }

    /// Ends all connections; new ones are served.
    pub fn cut(&self) {
        for connection in self.shared.lock().connections.drain(..) {
            // The other side may have ended it before.
            let _ = connection.shutdown(Shutdown::Both);
        }
    }

    /// Lets everything pass again, first what was held back.
    pub fn open(&self) {
        self.set(Mode::Open);
    }

    /// What comes from now on takes this time in each direction.
    pub fn delay(&self, delay: Duration) {
        self.shared.lock().delay = delay;
    }

    fn set(&self, mode: Mode) {
        self.shared.lock().mode = mode;
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread of a gate panics")
    }

    fn connect(self: &Arc<Shared>, client: TcpStream, server: TcpStream) {
        let mut state = self.lock();
        if state.mode == Mode::Shut {
            return;
        }
        for (from, to) in [(&client, &server), (&server, &client)] {
            let [from, to] = [from, to].map(|stream| stream.try_clone().expect("a socket"));
            let (shared, (sender, receiver)) = (Arc::clone(self), channel());
            state.connections.push(from.try_clone().expect("a socket"));
            std::thread::spawn(move || shared.pass(&receiver, to));
            let (shared, mut from) = (Arc::clone(self), from);
            std::thread::spawn(move || {
                let mut block = [0; 65536];
                while let Ok(count @ 1..) = from.read(&mut block) {
                    let due = Instant::now() + shared.lock().delay;
                    if sender.send((due, block[..count].to_vec())).is_err() {
                        break;
                    }
                }
            });
        }
    }

    /// Writes what the other thread has read, when it is due; then ends the connection.
    fn pass(&self, blocks: &Receiver<(Instant, Vec<u8>)>, mut to: TcpStream) {
        for (due, block) in blocks {
            let mut state = self.lock();
            loop {
                let left = due.saturating_duration_since(Instant::now());
                state = if state.mode == Mode::Held {
                    self.changed.wait(state).expect("no thread of a gate panics")
                } else if !left.is_zero() {
                    self.changed.wait_timeout(state, left).expect("no thread of a gate panics").0
                } else {
                    break;
                };
            }
            drop(state);
            if to.write_all(&block).is_err() {
                break;
            }
        }
        // The other side may have ended it before.
        let _ = to.shutdown(Shutdown::Both);
    }
}
