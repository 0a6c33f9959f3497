//! The settings that a command line stands for.

use super::{
    context::FlagContext,
    error::FlagError,
    lists::{Lists, ids},
    lookup::Lookup,
    table::{
        ALL_DNS, CLEANUP, DNS, DRY_RUN, DUAL_STACK, EXCLUDE, EXCLUDE_PORTS, GID, INBOUND_PORT,
        INCLUDE, INCLUDE_PORTS, INTERFACES, NFTABLES, OWNER_GROUPS, PROXY_PORT, SKIP, TUNNEL_PORT,
        UID,
    },
    variables::{loopback, owner_groups},
    words::read_flags,
};
use crate::rules::{
    backend::Backend, config::CaptureConfig, dns::DnsCapture, list::elements, rule::RuleSetting,
};

/// `ParsedFlags` is what a command line stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParsedFlags {
    /// The rules' settings; addresses of the pod are not looked at.
    pub config: CaptureConfig,
    /// Whether addresses other than the first count for IPv6.
    pub dual_stack: bool,
    /// Where each setting comes from, as in the pod.
    pub origins: Vec<(RuleSetting, String)>,
    /// What counts for nothing, and why.
    pub notes: Vec<String>,
}

/// The settings that a command line stands for are read as pflag reads them: a flag before a
/// variable before the default, the last of several spellings, an empty value as a value. `-i`
/// absent is the empty list: nothing captured.
pub fn parse(args: &[&str], context: &FlagContext<'_>) -> Result<ParsedFlags, FlagError> {
    let mut notes = Vec::new();
    let given = Lookup {
        flags: read_flags(args, &mut notes)?,
        env: context.env,
    };
    for flag in [DRY_RUN, SKIP, CLEANUP] {
        if given.switch(flag)? {
            return Err(FlagError::NotApplied(format!("--{flag}")));
        }
    }
    let mut lists = Lists {
        given: &given,
        version: context.version,
        backend: Backend::of(given.switch(NFTABLES)?),
        origins: Vec::new(),
        notes,
    };
    let include = lists.ranges(INCLUDE, RuleSetting::Include)?;
    let exclude = lists.ranges(EXCLUDE, RuleSetting::Exclude)?;
    let include_ports = lists.ports(INCLUDE_PORTS, RuleSetting::IncludePorts)?;
    let exclude_ports = lists.ports(EXCLUDE_PORTS, RuleSetting::ExcludePorts)?;
    let proxy_uids = ids(&lists.value(UID, RuleSetting::Proxy)?)?.unwrap_or_else(|| vec![1337]);
    let proxy_gids = ids(&given.value(GID)?)?.unwrap_or_else(|| proxy_uids.clone());
    let interfaces = lists.value(INTERFACES, RuleSetting::Interfaces)?;
    let Lists {
        backend,
        mut origins,
        notes,
        ..
    } = lists;
    let groups = format!("environment variable {OWNER_GROUPS}");
    origins.push((RuleSetting::OwnerGroups, groups));
    origins.push((RuleSetting::Dns, given.origin_of_switch(DNS)));
    let config = CaptureConfig {
        version: context.version,
        backend,
        ipv6: false,
        proxy_port: given.port(PROXY_PORT, 15_001)?,
        inbound_port: given.port(INBOUND_PORT, 15_006)?,
        tunnel_port: given.port(TUNNEL_PORT, 15_008)?,
        proxy_uids,
        proxy_gids,
        exclude_interfaces: elements(&interfaces.value).map(str::to_owned).collect(),
        exclude_ports,
        owner_groups: owner_groups(&given)?,
        dns: dns(&given, context)?,
        loopback: loopback(&given)?,
        exclude,
        include_ports,
        include,
    };
    Ok(ParsedFlags {
        config,
        dual_stack: given.switch(DUAL_STACK)?,
        origins,
        notes,
    })
}

fn dns(given: &Lookup<'_>, context: &FlagContext<'_>) -> Result<Option<DnsCapture>, FlagError> {
    if !given.switch(DNS)? {
        // `--capture-all-dns` alone does nothing.
        return Ok(None);
    }
    if given.switch(ALL_DNS)? {
        return Ok(Some(DnsCapture::All));
    }
    let (known, others) = context.nameservers.clone();
    Ok(Some(DnsCapture::Nameservers { known, others }))
}
