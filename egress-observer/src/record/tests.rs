use std::{fs, sync::Arc};

use jiff::Timestamp;
use serde_json::Value;

use egress_observer_istio::vocabulary::{
    Actor, ObservedPath, Protocol, Reason, RegistryMatch, Scope, Verdict,
};

use super::{file::RecordFile, *};
use crate::{finding::Service, flows};

fn finding(last_byte: u8, names: &[&str]) -> Finding {
    let kind = FindingKind {
        client: None,
        namespace: "shop".into(),
        workload: "cart".into(),
        service: Service::Ip([192, 0, 2, last_byte].into()),
        ip: [192, 0, 2, last_byte].into(),
        names: names.iter().map(|name| Arc::from(*name)).collect(),
        port: 443,
        protocol: Protocol::Tcp,
        actor: Actor::App,
        scope: Scope::External,
        path: ObservedPath::Captured,
        registry: RegistryMatch::Undeclared,
        verdict: Verdict::Blocked,
        reason: Reason::IncludedRange,
        failure: None,
    };
    Finding { kind, n: 2 }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn lines(record: &Record) -> Vec<Value> {
    let mut text = Vec::new();
    record.write(&mut text).unwrap();
    let lines = text
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    lines
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

#[test]
fn connections_of_one_kind_are_one_line() {
    let mut record = Record::new(10);
    record.add(finding(1, &["a.test"]), at(100));
    record.add(finding(2, &["b.test", "a.test"]), at(101));
    record.add(finding(1, &["a.test"]), at(160));
    let lines = lines(&record);
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[1]["count"], 4);
    assert_eq!(lines[1]["firstTime"], "1970-01-01T00:01:40Z");
    assert_eq!(lines[1]["lastTime"], "1970-01-01T00:02:40Z");
    assert_eq!(lines[1]["destination"]["host"], "a.test");
    assert_eq!(lines[0]["destination"]["host"], Value::Null);
    assert_eq!(lines[0]["destination"]["names"][0], "b.test");
}

#[test]
fn what_is_written_can_be_read_as_a_flow() {
    let mut record = Record::new(10);
    record.add(finding(1, &["b.test", "a.test"]), at(0));
    let mut text = Vec::new();
    record.write(&mut text).unwrap();
    let flow = flows::parse(&text).unwrap();
    assert_eq!((flow.from.workload.as_str(), flow.n), ("cart", 2));
    assert_eq!(flow.names, ["b.test", "a.test"]);
    assert_eq!(flow.seen.verdict, Some(Verdict::Blocked));
    assert_eq!(flow.seen.scope, Some(Scope::External));
}

#[test]
fn the_oldest_make_room() {
    let mut record = Record::new(8);
    for n in 0..9 {
        record.add(finding(n, &[]), at(i64::from(n)));
    }
    // A quarter, and one: 0, 1 and 2.
    assert_eq!((record.n_kinds(), record.n_evicted()), (6, 3));
    assert_eq!(lines(&record)[0]["destination"]["ip"], "192.0.2.3");
    // All of the same age: not one more than has to go.
    for n in 9..40 {
        record.add(finding(n, &[]), at(9));
    }
    assert_eq!(record.n_kinds() as u64 + record.n_evicted(), 40);
    assert!(record.n_kinds() >= 5, "{}", record.n_kinds());
}

#[test]
fn a_full_file_makes_room_and_the_last_ones_stay() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("findings.jsonl");
    let rotation = Rotation {
        max_bytes: 1,
        n_old: 2,
    };
    let file = RecordFile::open(&path, rotation).unwrap();
    let mut record = Record::new(10);
    for n in 0..5 {
        record.add(finding(n, &[]), at(0));
        file.write(&mut record).unwrap();
        assert_eq!(record.n_kinds(), 0);
    }
    for (name, ip) in [
        ("findings.jsonl", "192.0.2.4"),
        ("findings.jsonl.1", "192.0.2.3"),
        ("findings.jsonl.2", "192.0.2.2"),
    ] {
        let text = fs::read_to_string(dir.path().join(name)).unwrap();
        let line: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["destination"]["ip"], ip);
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3);
}

#[test]
fn a_line_that_broke_off_is_cut_away() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("findings.jsonl");
    fs::write(&path, "{\"a\": 1}\n{\"b\":").unwrap();
    let rotation = Rotation {
        max_bytes: 1 << 20,
        n_old: 0,
    };
    let file = RecordFile::open(&path, rotation).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "{\"a\": 1}\n");
    let mut record = Record::new(10);
    record.add(finding(1, &[]), at(0));
    file.write(&mut record).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 2);
}

#[test]
fn what_cannot_be_written_stays() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("findings.jsonl");
    let rotation = Rotation {
        max_bytes: 1 << 20,
        n_old: 0,
    };
    let file = RecordFile::open(&path, rotation).unwrap();
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let mut record = Record::new(10);
    record.add(finding(1, &[]), at(0));
    assert!(file.write(&mut record).is_err());
    assert_eq!(record.n_kinds(), 1);
}
