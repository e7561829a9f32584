//! The options of `chinwag export`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use time::format_description::well_known::{Iso8601, Rfc3339};
use time::{Date, OffsetDateTime, PrimitiveDateTime, UtcOffset};

use crate::transfer;

/// Write the messages of a store file to standard output
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "A server that uses the store goes on; it makes a copy beside the store, which is removed afterwards."
)]
pub struct Export {
    /// The store file of a server
    #[arg(long, env = "CHINWAG_STORE", value_name = "FILE")]
    store: PathBuf,

    /// The control socket of the server that uses the store [default: FILE.control]
    #[arg(long, env = "CHINWAG_CONTROL", value_name = "PATH")]
    control: Option<PathBuf>,

    /// Only the messages of this room
    #[arg(long, value_name = "ROOM")]
    room: Option<String>,

    /// Only messages from this time on: 2026-11-20, 2026-11-20T11:58:02 or 2026-11-20T11:58:02+01:00
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    since: Option<OffsetDateTime>,

    /// json: one object per line, for `chinwag import`; text: as shown in the chat
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: FormatArg,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum FormatArg {
    #[default]
    Json,
    Text,
}

impl Export {
    /// The settings of the export.
    pub fn settings(self) -> transfer::ExportSettings {
        let format = match self.format {
            FormatArg::Json => transfer::Format::Json,
            FormatArg::Text => transfer::Format::Text,
        };
        transfer::ExportSettings {
            store: self.store,
            control: self.control,
            room: self.room,
            since: self.since,
            format,
        }
    }
}

/// Parses a day, or a time with or without UTC offset; the default is the offset of this machine.
fn parse_time(text: &str) -> Result<OffsetDateTime, String> {
    if let Ok(at) = OffsetDateTime::parse(text, &Rfc3339) {
        return Ok(at);
    }
    // The time format goes first: the day format may also accept a day with a time behind it.
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
    fn since_accepts_a_day_or_a_time() {
        let with_offset = parse_time("2026-11-20T11:58:02+01:00").unwrap();
        assert_eq!(with_offset.unix_timestamp(), 1_795_172_282);
        let [day, local] = ["2026-11-20", "2026-11-20T11:58:02"].map(|text| parse_time(text).unwrap());
        assert_eq!((local - day).whole_seconds(), (11 * 60 + 58) * 60 + 2);
        for text in ["", "yesterday", "2026-13-01", "2026-11-20 11:58", "11:58", "2026-11-20T11:58:02+99:00"] {
            assert!(parse_time(text).unwrap_err().contains("2026-11-20"), "{text}");
        }
    }
}
