//! What only environment variables say.

use ipnet::{IpNet, Ipv4Net};

use super::{
    error::FlagError,
    lookup::Lookup,
    table::{LOOPBACK, OWNER_GROUPS, OWNER_GROUPS_EXCLUDE},
};
use crate::rules::{
    config::{CaptureConfig, OwnerGroups},
    list::{elements, prefix},
};

/// Whose connections are captured, by the variables that say so.
pub(super) fn owner_groups(given: &Lookup<'_>) -> Result<OwnerGroups, FlagError> {
    let include = given.variable(OWNER_GROUPS)?.unwrap_or("*");
    let exclude = given.variable(OWNER_GROUPS_EXCLUDE)?.unwrap_or("");
    let everybody = include == "*";
    let (ids, named) = groups(if everybody { exclude } else { include });
    Ok(if everybody {
        OwnerGroups {
            include: None,
            exclude: ids,
            named,
        }
    } else {
        OwnerGroups {
            include: Some(ids),
            exclude: Vec::new(),
            named,
        }
    })
}

/// The groups of a list that are numbers, and those that are names.
fn groups(text: &str) -> (Vec<u32>, Vec<String>) {
    let (mut ids, mut names) = (Vec::new(), Vec::new());
    for group in elements(text) {
        match group.parse() {
            Ok(id) => ids.push(id),
            Err(_) => names.push(group.to_owned()),
        }
    }
    (ids, names)
}

/// The range that counts as IPv4's localhost.
pub(super) fn loopback(given: &Lookup<'_>) -> Result<Ipv4Net, FlagError> {
    let Some(text) = given.variable(LOOPBACK)? else {
        return Ok(CaptureConfig::default().loopback);
    };
    match prefix(text) {
        Some(IpNet::V4(range)) if range.addr().is_loopback() => Ok(range),
        _ => Err(FlagError::Value {
            from: format!("environment variable {LOOPBACK}"),
            value: text.to_owned(),
            expected: "an IPv4 loopback range",
        }),
    }
}
