use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr as _,
};

use domain::{
    base::{
        Message, MessageBuilder, Name, Rtype, StaticCompressor, Ttl, iana::Rcode,
        message_builder::AnswerBuilder,
    },
    rdata::{
        A, Aaaa, Cname, Txt,
        svcb::{Https, SvcParams, value::Ipv4Hint},
    },
};
use proptest::prelude::*;

use super::*;

type Builder = AnswerBuilder<StaticCompressor<Vec<u8>>>;

fn name(text: &str) -> Name<Vec<u8>> {
    Name::from_str(text).unwrap()
}

/// An answer to a question, compressed as servers do.
fn message(question: &str, asked_for: Rtype, fill: impl FnOnce(&mut Builder)) -> Vec<u8> {
    let target = StaticCompressor::new(Vec::new());
    let mut message = MessageBuilder::from_target(target).unwrap();
    message.header_mut().set_qr(true);
    let mut questions = message.question();
    questions.push((name(question), asked_for)).unwrap();
    let mut answers = questions.answer();
    fill(&mut answers);
    answers.finish().into_target()
}

fn a(builder: &mut Builder, owner: &str, last_byte: u8) {
    let record = (name(owner), Ttl::from_secs(60), A::new(v4(last_byte)));
    builder.push(record).unwrap();
}

fn cname(builder: &mut Builder, owner: &str, target: &str) {
    let record = (name(owner), Ttl::from_secs(60), Cname::new(name(target)));
    builder.push(record).unwrap();
}

fn v4(last_byte: u8) -> Ipv4Addr {
    Ipv4Addr::new(192, 0, 2, last_byte)
}

/// The name, and its addresses.
fn told(message: &[u8]) -> Result<(String, Vec<IpAddr>), DnsResult> {
    let DnsAnswer { name, addresses } = parse(message)?;
    Ok((name, addresses.into_iter().map(|(ip, _)| ip).collect()))
}

fn named(name: &str, last_bytes: &[u8]) -> Result<(String, Vec<IpAddr>), DnsResult> {
    let ips = last_bytes.iter().map(|byte| v4(*byte).into());
    Ok((name.to_owned(), ips.collect()))
}

#[test]
fn the_question_gets_the_addresses_that_its_name_leads_to() {
    let plain = message("Www.Example.COM", Rtype::A, |out| {
        a(out, "www.example.com", 1);
        a(out, "WWW.example.com", 2);
        a(out, "other.example.com", 3);
    });
    assert_eq!(told(&plain), named("www.example.com", &[1, 2]));
    // In whatever order the records are.
    let chain = message("a.test", Rtype::A, |out| {
        a(out, "c.cdn.test", 7);
        cname(out, "b.test", "c.cdn.test");
        cname(out, "a.test", "b.test");
    });
    assert_eq!(told(&chain), named("a.test", &[7]));
}

#[test]
fn an_address_lasts_as_long_as_its_record_says() {
    let plain = message("a.test", Rtype::A, |out| a(out, "a.test", 1));
    let answer = parse(&plain).unwrap();
    assert_eq!(answer.addresses, [(v4(1).into(), Duration::from_secs(60))]);
}

#[test]
fn ipv6_is_read_and_mapped_addresses_are_ipv4() {
    let text = message("a.test", Rtype::AAAA, |out| {
        for ip in ["2001:db8::1", "::ffff:192.0.2.9"] {
            let ip: Ipv6Addr = ip.parse().unwrap();
            let record = (name("a.test"), Ttl::from_secs(1), Aaaa::new(ip));
            out.push(record).unwrap();
        }
    });
    let expected = ["2001:db8::1", "192.0.2.9"].map(|ip| ip.parse().unwrap());
    assert_eq!(told(&text), Ok(("a.test".to_owned(), expected.to_vec())));
}

#[test]
fn a_name_completed_from_the_search_list_is_the_name_that_was_meant() {
    let completed = message("httpbin.org.shop.svc.cluster.local", Rtype::A, |out| {
        cname(out, "httpbin.org.shop.svc.cluster.local", "httpbin.org");
        a(out, "httpbin.org", 1);
    });
    assert_eq!(told(&completed), named("httpbin.org", &[1]));
    // A name that only begins with the same letters is another one.
    let other = message("httpbin.organic.test", Rtype::A, |out| {
        cname(out, "httpbin.organic.test", "httpbin.org");
        a(out, "httpbin.org", 1);
    });
    assert_eq!(told(&other), named("httpbin.organic.test", &[1]));
}

/// An answer to a question for HTTPS records, with hints, and an address of another name.
fn https(question: &str, target: &str) -> Vec<u8> {
    let hint = Ipv4Hint::<Vec<u8>>::from_addrs([v4(5), v4(6)]).unwrap();
    let params = SvcParams::<Vec<u8>>::from_values(|out| out.push(&hint)).unwrap();
    let data = Https::new(1, name(target), params).unwrap();
    message(question, Rtype::HTTPS, |out| {
        out.push((name(question), Ttl::from_secs(60), data))
            .unwrap();
        a(out, "svc.cdn.test", 7);
    })
}

#[test]
fn hints_of_https_records_are_addresses() {
    assert_eq!(told(&https("a.test", ".")), named("a.test", &[5, 6]));
    assert_eq!(
        told(&https("_8443._https.a.test", ".")),
        named("a.test", &[5, 6])
    );
    assert_eq!(
        told(&https("a.test", "svc.cdn.test")),
        named("a.test", &[5, 6, 7])
    );
}

#[test]
fn what_names_nothing_is_told_apart() {
    let txt = message("a.test", Rtype::TXT, |out| {
        let text = Txt::<Vec<u8>>::build_from_slice(b"x").unwrap();
        out.push((name("a.test"), Ttl::from_secs(1), text)).unwrap();
    });
    assert_eq!(told(&txt), Err(DnsResult::NoAddress));
    let no_host = message("a\\032b.test", Rtype::A, |out| a(out, "a\\032b.test", 1));
    assert_eq!(told(&no_host), Err(DnsResult::NoAddress));
    let mut refused = message("a.test", Rtype::A, |out| a(out, "a.test", 1));
    let mut header = *Message::from_slice(&refused)
        .unwrap()
        .header_section()
        .header();
    header.set_rcode(Rcode::REFUSED);
    refused[..4].copy_from_slice(&header.as_slice()[..4]);
    assert_eq!(told(&refused), Err(DnsResult::NoAddress));
    let mut question = message("a.test", Rtype::A, |out| a(out, "a.test", 1));
    question[2] &= 0x7f;
    assert_eq!(told(&question), Err(DnsResult::Malformed));
    assert_eq!(told(b""), Err(DnsResult::Malformed));
}

#[test]
fn what_stands_before_the_end_of_a_cut_answer_counts() {
    let whole = message("a.test", Rtype::A, |out| {
        (1..=20).for_each(|byte| a(out, "a.test", byte));
    });
    assert_eq!(told(&whole[..whole.len() / 2]).unwrap().1[0], v4(1));
    // Header and question, and half of the first record.
    assert_eq!(told(&whole[..30]), Err(DnsResult::Malformed));
}

#[test]
fn names_that_lead_in_circles_lead_nowhere() {
    let circle = message("a.test", Rtype::A, |out| {
        cname(out, "a.test", "b.test");
        cname(out, "b.test", "a.test");
        a(out, "c.test", 1);
    });
    assert_eq!(told(&circle), Err(DnsResult::NoAddress));
    // A compression pointer to itself.
    let mut loops = message("a.test", Rtype::A, |out| a(out, "a.test", 1));
    loops.truncate(12);
    loops.extend([0xc0, 12, 0, 1, 0, 1]);
    assert_eq!(told(&loops), Err(DnsResult::Malformed));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        drop(parse(&bytes));
    }

    #[test]
    fn what_is_changed_on_the_way_makes_no_name_that_no_host_has(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        len in any::<prop::sample::Index>(),
    ) {
        let mut bytes = message("www.example.com", Rtype::A, |out| {
            cname(out, "www.example.com", "cdn.test");
            a(out, "cdn.test", 1);
        });
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(len.index(bytes.len()) + 1);
        if let Ok(answer) = parse(&bytes) {
            prop_assert_eq!(dns_name(&answer.name), Some(answer.name.clone()));
            prop_assert!(!answer.addresses.is_empty());
        }
    }
}
