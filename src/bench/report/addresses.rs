//! Latency of lines by the addresses of a chat: of those from a sender at the reader's address, and of those from
//! another address.

use std::net::SocketAddr;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::figures::{count, milliseconds};
use super::latency::{Spans, new_histogram, quantile_ms};
use super::rows::Rows;
use crate::bench::driver::clock::Nanos;

/// The latency of the lines that readers at one address have read.
#[derive(Clone, Debug, Serialize)]
pub struct AddressFigures {
    /// The address of the readers.
    pub addr: SocketAddr,
    /// Of lines from senders at the same address; `None` if there were none.
    pub local: Option<ShortLatency>,
    /// Of lines from senders at other addresses; `None` if there were none.
    pub across: Option<ShortLatency>,
}

/// A latency distribution in short; milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ShortLatency {
    /// Number of measurements.
    pub count: u64,
    /// Median.
    pub p50_ms: f64,
    /// 99th percentile.
    pub p99_ms: f64,
    /// Maximum.
    pub max_ms: f64,
}

/// Records latencies by the address of the reader, and by whether the sender is at the same one.
pub struct AddressLatencies {
    /// The number of the sender's address, by stream.
    senders: Vec<usize>,
    /// By the number of the reader's address: of lines from there, and of lines from elsewhere.
    spans: Vec<[Histogram<u64>; 2]>,
}

impl AddressLatencies {
    /// For this number of addresses; `senders` has the number of the sender's address for each stream.
    pub fn new(addresses: usize, senders: Vec<usize>) -> Self {
        let spans = (0..addresses).map(|_| [new_histogram(), new_histogram()]).collect();
        AddressLatencies { senders, spans }
    }

    /// Records how long a message of a stream took to a reader at an address.
    #[inline]
    pub fn record(&mut self, address: usize, stream: usize, span: Nanos) {
        let is_across = self.senders.get(stream) != Some(&address);
        self.spans[address][usize::from(is_across)].saturating_record(span);
    }

    /// What was measured, for [`AddressLatencies::merge`].
    pub fn counts(&self) -> Vec<[Spans; 2]> {
        let counts = |histogram: &Histogram<u64>| {
            histogram.iter_recorded().map(|value| (value.value_iterated_to(), value.count_at_value())).collect()
        };
        self.spans.iter().map(|[local, across]| [counts(local), counts(across)]).collect()
    }

    /// Adds what [`AddressLatencies::counts`] returned.
    pub fn merge(&mut self, counts: &[[Spans; 2]]) {
        for (to, from) in self.spans.iter_mut().flatten().zip(counts.iter().flatten()) {
            from.iter().for_each(|&(value, count)| to.saturating_record_n(value, count));
        }
    }

    /// The figures of these addresses, in their order.
    pub fn figures(&self, addrs: &[SocketAddr]) -> Vec<AddressFigures> {
        let figures = |(&addr, [local, across]): (&SocketAddr, &[Histogram<u64>; 2])| AddressFigures {
            addr,
            local: ShortLatency::of(local),
            across: ShortLatency::of(across),
        };
        addrs.iter().zip(&self.spans).map(figures).collect()
    }
}

impl ShortLatency {
    fn of(histogram: &Histogram<u64>) -> Option<Self> {
        (!histogram.is_empty()).then(|| ShortLatency {
            count: histogram.len(),
            p50_ms: quantile_ms(histogram, 0.5),
            p99_ms: quantile_ms(histogram, 0.99),
            max_ms: quantile_ms(histogram, 1.0),
        })
    }

    fn shown(&self) -> String {
        let ShortLatency { count: number, p50_ms, p99_ms, .. } = *self;
        format!("p50 {}  p99 {}  ({} measured)", milliseconds(p50_ms), milliseconds(p99_ms), count(number))
    }
}

impl AddressFigures {
    /// Adds rows for all addresses.
    pub fn rows(all: &[AddressFigures], rows: &mut Rows) {
        for AddressFigures { addr, local, across } in all {
            rows.add("readers at", addr.to_string());
            rows.add_some("  local lines", local.map(|it| it.shown()));
            rows.add_some("  lines across", across.map(|it| it.shown()));
        }
    }

    /// A note about the addresses without a sender; `None` if each has one.
    pub fn note(addrs: &[SocketAddr], senders: usize) -> Option<String> {
        let silent: Vec<String> = addrs.iter().skip(senders).map(SocketAddr::to_string).collect();
        let text = format!(
            "nobody spoke at {}, since there are fewer senders than addresses: add --senders {}",
            silent.join(", "),
            addrs.len()
        );
        (!silent.is_empty()).then_some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::driver::clock::MILLISECOND;

    fn addrs() -> Vec<SocketAddr> {
        ["127.0.0.1:1", "127.0.0.1:2"].map(|addr| addr.parse().unwrap()).into()
    }

    #[test]
    fn latency_is_told_by_address_of_reader_and_sender() {
        // The sender of streams 0 and 1 is at the first address, that of stream 2 at the second.
        let mut latencies = AddressLatencies::new(2, vec![0, 0, 1]);
        for (address, stream, ms) in [(0, 0, 1), (0, 1, 1), (0, 2, 3), (1, 0, 5)] {
            latencies.record(address, stream, ms * MILLISECOND);
        }
        let mut there = AddressLatencies::new(2, vec![0, 0, 1]);
        there.record(1, 1, 5 * MILLISECOND);
        latencies.merge(&there.counts());
        let figures = latencies.figures(&addrs());
        let shown = figures.iter().map(|it| [it.local, it.across].map(|it| it.map(|it| (it.count, it.p99_ms.round()))));
        assert_eq!(shown.collect::<Vec<_>>(), [[Some((2, 1.0)), Some((1, 3.0))], [None, Some((2, 5.0))]]);
    }

    #[test]
    fn addresses_without_sender_are_noted() {
        assert_eq!(AddressFigures::note(&addrs(), 2), None);
        let note = AddressFigures::note(&addrs(), 1).unwrap();
        assert!(note.starts_with("nobody spoke at 127.0.0.1:2,") && note.ends_with("--senders 2"), "{note}");
    }
}
