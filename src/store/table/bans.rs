//! Table of bans.

use ipnet::IpNet;
use rusqlite::Connection;

use super::checksum::Checksum;
use crate::store::error::{DbError, DbResult};

/// Reads the bans that have not expired, sorted by network.
pub(in crate::store) fn read_all(connection: &Connection, now: i64) -> DbResult<Vec<(IpNet, Option<i64>)>> {
    let mut statement = connection.prepare_cached("SELECT network, until, sum FROM bans")?;
    let mut rows = statement.query([])?;
    let mut bans = Vec::new();
    while let Some(row) = rows.next()? {
        let (network, until): (String, Option<i64>) = (row.get(0)?, row.get(1)?);
        let damaged = || DbError::Damage("a ban does not match its checksum".into());
        if sum(&network, until) != row.get::<_, i64>(2)? {
            return Err(damaged());
        }
        bans.push((network.parse().map_err(|_| damaged())?, until));
    }
    bans.retain(|(_, until)| until.is_none_or(|until| until > now));
    bans.sort_unstable();
    Ok(bans)
}

/// Adds a ban, or replaces the ban of that network.
pub(in crate::store) fn add(connection: &Connection, network: IpNet, until: Option<i64>) -> DbResult<()> {
    let network = network.to_string();
    let mut statement =
        connection.prepare_cached("INSERT OR REPLACE INTO bans (network, until, sum) VALUES (?1, ?2, ?3)")?;
    statement.execute((&network, until, sum(&network, until)))?;
    Ok(())
}

pub(in crate::store) fn remove(connection: &Connection, network: IpNet) -> DbResult<()> {
    connection.prepare_cached("DELETE FROM bans WHERE network = ?1")?.execute([network.to_string()])?;
    Ok(())
}

/// Whether any ban has expired.
pub(in crate::store) fn any_expired(connection: &Connection, now: i64) -> DbResult<bool> {
    Ok(connection.prepare_cached("SELECT 1 FROM bans WHERE until <= ?1 LIMIT 1")?.exists([now])?)
}

/// Deletes expired bans.
pub(in crate::store) fn prune(connection: &Connection, now: i64) -> DbResult<()> {
    connection.prepare_cached("DELETE FROM bans WHERE until <= ?1")?.execute([now])?;
    Ok(())
}

fn sum(network: &str, until: Option<i64>) -> i64 {
    Checksum::of("bans").text(network).int(until.is_some().into()).int(until.unwrap_or_default()).finish()
}
