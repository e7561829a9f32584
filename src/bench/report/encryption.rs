//! The cost of a server's TLS records, compared with a bare send and with encryption alone.

use rustls::{CipherSuite, ProtocolVersion};
use serde::{Serialize, Serializer};

use super::figures::rounded;
use super::ratio::Ratio;
use super::rows::Rows;
use crate::bench::driver::tls::Negotiated;

/// What encryption costs.
#[derive(Clone, Debug, Serialize)]
pub struct EncryptionCost {
    /// What the connections have agreed on.
    #[serde(flatten)]
    pub session: TlsSession,
    /// How much longer than its data a record is.
    pub overhead_bytes: usize,
    /// CPU time per line to encrypt it alone: in memory, with one session.
    pub aead_cpu_us: Option<f64>,
    /// The server's CPU time as a multiple of the sum of the baseline's and that of encryption.
    pub ratio: Option<Ratio>,
}

impl EncryptionCost {
    /// From the CPU time per line of the server, of the baseline, and of encryption alone, in each slice.
    pub fn of(negotiated: Negotiated, overhead_bytes: usize, slices: impl Iterator<Item = (f64, f64, f64)>) -> Self {
        let slices: Vec<_> = slices.collect();
        let sum: f64 = slices.iter().map(|slice| slice.2).sum();
        EncryptionCost {
            session: negotiated.into(),
            overhead_bytes,
            aead_cpu_us: (!slices.is_empty()).then(|| rounded(sum / slices.len() as f64, 4)),
            ratio: Ratio::of(slices.iter().map(|&(server, baseline, aead)| (server, baseline + aead))),
        }
    }

    /// Adds rows of the table.
    pub fn rows(&self, rows: &mut Rows) {
        let name = self.session.name();
        rows.cpu("encryption alone", self.aead_cpu_us, &format!("a line ({name}, {} bytes more)", self.overhead_bytes));
        rows.ratio("server to sum", "bare send plus encryption", self.ratio.as_ref());
    }
}

/// The version and the cipher suite of TLS connections.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct TlsSession {
    #[serde(serialize_with = "version_name")]
    pub version: ProtocolVersion,
    #[serde(serialize_with = "suite_name")]
    pub suite: CipherSuite,
}

impl From<Negotiated> for TlsSession {
    fn from(Negotiated { version, suite }: Negotiated) -> Self {
        TlsSession { version, suite }
    }
}

impl TlsSession {
    /// Both names, for the table.
    pub fn name(&self) -> String {
        format!("{} {}", name_of_version(self.version), name_of_suite(self.suite))
    }
}

fn name_of_version(version: ProtocolVersion) -> &'static str {
    if version == ProtocolVersion::TLSv1_2 { "TLS 1.2" } else { "TLS 1.3" }
}

/// The name in the registry of IANA. rustls marks the suites of TLS 1.3, whose names say less.
fn name_of_suite(suite: CipherSuite) -> String {
    suite.as_str().unwrap_or("unknown").replacen("TLS13_", "TLS_", 1)
}

fn version_name<S: Serializer>(version: &ProtocolVersion, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(name_of_version(*version))
}

fn suite_name<S: Serializer>(suite: &CipherSuite, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&name_of_suite(*suite))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_is_compared_with_the_sum_of_send_and_encryption() {
        let negotiated = Negotiated { version: ProtocolVersion::TLSv1_3, suite: CipherSuite::TLS13_AES_256_GCM_SHA384 };
        let cost = EncryptionCost::of(negotiated, 22, [(6.0, 3.0, 1.0), (8.0, 3.0, 2.0)].into_iter());
        assert_eq!(cost.aead_cpu_us, Some(1.5));
        assert_eq!(cost.ratio.as_ref().map(|ratio| (ratio.lowest, ratio.highest)), Some((1.5, 1.6)));
        let json = serde_json::to_value(&cost).unwrap();
        assert_eq!((&json["version"], &json["suite"]), (&"TLS 1.3".into(), &"TLS_AES_256_GCM_SHA384".into()));
        let nothing = EncryptionCost::of(negotiated, 22, std::iter::empty());
        assert_eq!((nothing.aead_cpu_us, nothing.ratio), (None, None));
    }
}
