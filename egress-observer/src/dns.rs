//! What a DNS answer says: which addresses belong to the name that was asked for.
//!
//! Answers come from the network: whatever is in them, reading one takes bounded time, and what comes
//! out is a name that a host can have.

use std::{net::IpAddr, time::Duration};

use domain::{
    base::{
        Message, ParsedName, ParsedRecord, Rtype,
        iana::{Class, Rcode},
        message::Section,
    },
    rdata::{
        A, Aaaa, Cname,
        svcb::{
            Https, SvcParams, Svcb,
            value::{Ipv4Hint, Ipv6Hint},
        },
    },
};

use egress_observer_istio::vocabulary::{DnsResult, host_name::dns_name};

/// The most records that are looked at, lest a crafted answer takes long.
const MAX_RECORDS: usize = 64;
/// The most names that lead from one to the next.
const MAX_CHAIN: usize = 16;

/// An answer with addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsAnswer {
    /// The name as the client meant it, in lower case and without the last dot.
    pub name: String,
    /// Its addresses, and how long they are good for.
    pub addresses: Vec<(IpAddr, Duration)>,
}

/// What a record says.
enum Fact {
    /// Its name stands for another one.
    Alias(String),
    Address(IpAddr),
}

struct Record {
    owner: String,
    ttl: Duration,
    fact: Fact,
}

/// Reads an answer, of which the end may be missing: what was read before it breaks off counts.
///
/// An error is what else came of it.
///
/// 1. The question's name leads to its addresses, over the names that it stands for (CNAME; the
///    target of HTTPS and SVCB records), wherever in the message they are.
/// 2. Addresses are those of A and AAAA records, and the hints of HTTPS and SVCB records (RFC 9460),
///    which clients may connect to.
/// 3. A name that stands for its own beginning was completed from the resolver's search list, and
///    the server saved the client the other questions (Istio's agent, CoreDNS's `autopath`): the
///    client meant the beginning.
/// 4. The labels before a host's name that say what HTTPS and SVCB records are asked for
///    (`_8443._https.`) are no part of it.
pub fn parse(message: &[u8]) -> Result<DnsAnswer, DnsResult> {
    let message = Message::from_slice(message).map_err(|_short| DnsResult::Malformed)?;
    let question = message.first_question().ok_or(DnsResult::Malformed)?;
    let header = message.header();
    if !header.qr() {
        return Err(DnsResult::Malformed);
    }
    if header.rcode() != Rcode::NOERROR || question.qclass() != Class::IN {
        return Err(DnsResult::NoAddress);
    }
    let asked = spelt(question.qname());
    let (records, broken) = records(message);
    let names = chain(&asked, &records);
    let addresses: Vec<_> = records
        .iter()
        .filter(|record| names.contains(&record.owner.as_str()))
        .filter_map(|record| match record.fact {
            Fact::Address(ip) => Some((ip.to_canonical(), record.ttl)),
            Fact::Alias(_) => None,
        })
        .collect();
    if addresses.is_empty() {
        return Err(if broken {
            DnsResult::Malformed
        } else {
            DnsResult::NoAddress
        });
    }
    let name = meant(&asked, question.qtype(), &records);
    let name = dns_name(name).ok_or(DnsResult::NoAddress)?;
    Ok(DnsAnswer { name, addresses })
}

/// The records, and whether they break off.
fn records(message: &Message<[u8]>) -> (Vec<Record>, bool) {
    let mut records = Vec::new();
    for item in message.iter().take(MAX_RECORDS) {
        let Ok((record, section)) = item else {
            return (records, true);
        };
        if section != Section::Authority
            && record.class() == Class::IN
            && !take(&record, &mut records)
        {
            return (records, true);
        }
    }
    (records, false)
}

/// Takes in what a record says. False if it is broken.
fn take(record: &ParsedRecord<'_, [u8]>, records: &mut Vec<Record>) -> bool {
    match record.rtype() {
        Rtype::A => match record.to_record::<A>() {
            Ok(Some(found)) => add(record, Fact::Address(found.data().addr().into()), records),
            _ => return false,
        },
        Rtype::AAAA => match record.to_record::<Aaaa>() {
            Ok(Some(found)) => add(record, Fact::Address(found.data().addr().into()), records),
            _ => return false,
        },
        Rtype::CNAME => match record.to_record::<Cname<ParsedName<&[u8]>>>() {
            Ok(Some(found)) => add(record, Fact::Alias(spelt(found.data().cname())), records),
            _ => return false,
        },
        Rtype::HTTPS => match record.to_record::<Https<&[u8], ParsedName<&[u8]>>>() {
            Ok(Some(found)) => {
                service(
                    record,
                    found.data().target(),
                    found.data().params(),
                    records,
                );
            }
            _ => return false,
        },
        Rtype::SVCB => match record.to_record::<Svcb<&[u8], ParsedName<&[u8]>>>() {
            Ok(Some(found)) => {
                service(
                    record,
                    found.data().target(),
                    found.data().params(),
                    records,
                );
            }
            _ => return false,
        },
        _ => {}
    }
    true
}

fn add(record: &ParsedRecord<'_, [u8]>, fact: Fact, records: &mut Vec<Record>) {
    records.push(Record {
        owner: spelt(&record.owner()),
        ttl: record.ttl().into_duration(),
        fact,
    });
}

/// Takes in what HTTPS and SVCB records say. The root stands for the record's own name.
fn service(
    record: &ParsedRecord<'_, [u8]>,
    target: &ParsedName<&[u8]>,
    params: &SvcParams<&[u8]>,
    records: &mut Vec<Record>,
) {
    if !target.is_root() {
        add(record, Fact::Alias(spelt(target)), records);
    }
    for hint in params.iter::<Ipv4Hint<&[u8]>>().flatten() {
        hint.iter()
            .for_each(|ip| add(record, Fact::Address(ip.into()), records));
    }
    for hint in params.iter::<Ipv6Hint<&[u8]>>().flatten() {
        hint.iter()
            .for_each(|ip| add(record, Fact::Address(ip.into()), records));
    }
}

/// A name in one spelling: in lower case, since servers may answer in another one than they were
/// asked in.
fn spelt(name: &ParsedName<&[u8]>) -> String {
    let mut text = name.to_string();
    text.make_ascii_lowercase();
    text
}

/// The names that the one that was asked for stands for, itself first.
fn chain<'a>(asked: &'a str, records: &'a [Record]) -> Vec<&'a str> {
    let mut names = vec![asked];
    let mut at = 0;
    while at < names.len() && names.len() < MAX_CHAIN {
        for target in aliases(names[at], records) {
            if !names.contains(&target) {
                names.push(target);
            }
        }
        at += 1;
    }
    names
}

fn aliases<'a>(name: &'a str, records: &'a [Record]) -> impl Iterator<Item = &'a str> {
    records
        .iter()
        .filter(move |record| record.owner == name)
        .filter_map(|record| match &record.fact {
            Fact::Alias(target) => Some(target.as_str()),
            Fact::Address(_) => None,
        })
}

/// Rules 3 and 4.
fn meant<'a>(asked: &'a str, asked_for: Rtype, records: &'a [Record]) -> &'a str {
    if matches!(asked_for, Rtype::HTTPS | Rtype::SVCB) {
        let mut name = asked;
        while let Some((label, rest)) = name.split_once('.')
            && label.starts_with('_')
        {
            name = rest;
        }
        return name;
    }
    aliases(asked, records)
        .find(|target| {
            let rest = asked.strip_prefix(target);
            rest.is_some_and(|rest| rest.starts_with('.'))
        })
        .unwrap_or(asked)
}

#[cfg(test)]
mod tests;
