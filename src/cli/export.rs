//! The options of `chinwag export`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use time::format_description::well_known::{Iso8601, Rfc3339};
use time::{Date, OffsetDateTime, PrimitiveDateTime, UtcOffset};

use crate::transfer;

/// Write what was said, as it is kept in a file, to standard output
#[derive(Clone, Debug, Args)]
#[command(after_help = "The server that uses the file must have been stopped.")]
pub struct Export {
    /// The file in which a server keeps it
    #[arg(long, env = "CHINWAG_STORE", value_name = "FILE")]
    store: PathBuf,

    /// That room alone
    #[arg(long, value_name = "ROOM")]
    room: Option<String>,

    /// Only what was said then or later: 2026-11-20, 2026-11-20T11:58:02 or 2026-11-20T11:58:02+01:00
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<OffsetDateTime>,

    /// json: one object a line, which `chinwag import` reads; text: as people read it
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Format {
    #[default]
    Json,
    Text,
}

impl Export {
    /// What the options come to.
    pub fn settings(self) -> transfer::Export {
        let format = match self.format {
            Format::Json => transfer::Format::Json,
            Format::Text => transfer::Format::Text,
        };
        transfer::Export { store: self.store, room: self.room, since: self.since, format }
    }
}

/// A day, or a time with or without its offset from UTC; that of this machine is meant without.
fn moment(text: &str) -> Result<OffsetDateTime, String> {
    if let Ok(at) = OffsetDateTime::parse(text, &Rfc3339) {
        return Ok(at);
    }
    // A time is tried first: a day may be taken for one with something behind it.
    let time = PrimitiveDateTime::parse(text, &Iso8601::DATE_TIME);
    let local = time.or_else(|_| Date::parse(text, &Iso8601::DATE).map(Date::midnight));
    let local = local.map_err(|_| "write it as 2026-11-20 or 2026-11-20T11:58:02")?;
    let offset = UtcOffset::local_offset_at(local.assume_utc()).unwrap_or(UtcOffset::UTC);
    Ok(local.assume_offset(offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_day_or_more_exact() {
        let with_offset = moment("2026-11-20T11:58:02+01:00").unwrap();
        assert_eq!(with_offset.unix_timestamp(), 1_795_172_282);
        let [day, local] = ["2026-11-20", "2026-11-20T11:58:02"].map(|text| moment(text).unwrap());
        assert_eq!((local - day).whole_seconds(), (11 * 60 + 58) * 60 + 2);
        for text in ["", "yesterday", "2026-13-01", "2026-11-20 11:58", "11:58", "2026-11-20T11:58:02+99:00"] {
            assert!(moment(text).unwrap_err().contains("2026-11-20"), "{text}");
        }
    }
}
