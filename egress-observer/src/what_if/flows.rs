//! Flows as they are recorded: one JSON object a line, of which only what matters is read.

use serde::Deserialize;
use thiserror::Error;

use crate::{
    explain::{To, ToError},
    model::{Actor, Protocol},
};

/// Connections of one process to one destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flow {
    pub(crate) from: From,
    pub(crate) container: Option<String>,
    /// What the container is, where its name is not given.
    pub(crate) actor: Option<Actor>,
    pub(crate) uid: Option<u32>,
    pub(crate) gid: Option<u32>,
    pub(crate) to: To,
    /// How many connections.
    pub(crate) n: u64,
}

/// Whose they are. One that is missing is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct From {
    pub(crate) namespace: String,
    pub(crate) pod: String,
    /// Any pod of it stands for the one that is not given, or gone.
    pub(crate) workload: String,
}

/// Why a line is no flow.
#[derive(Debug, Error)]
pub(crate) enum FlowError {
    #[error("not a JSON object: {0}")]
    Json(String),
    #[error("it has neither `pod` nor `namespace` and `workload`")]
    NoSource,
    #[error("it has no `destination`")]
    NoDestination,
    #[error("its destination has neither `host` nor `ip`")]
    NoPlace,
    #[error("its destination has no port")]
    NoPort,
    #[error("`{0}` is neither `tcp` nor `udp`")]
    Protocol(String),
    #[error("`{0}` is none of `app`, `proxy` and `init`")]
    Actor(String),
    #[error(transparent)]
    Destination(#[from] ToError),
}

#[derive(Deserialize)]
struct Line {
    pod: Option<String>,
    namespace: Option<String>,
    workload: Option<String>,
    source: Option<SourceLine>,
    destination: Option<DestinationLine>,
    count: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct SourceLine {
    container: Option<String>,
    actor: Option<String>,
    uid: Option<u32>,
    gid: Option<u32>,
}

#[derive(Deserialize)]
struct DestinationLine {
    host: Option<String>,
    ip: Option<String>,
    port: Option<u16>,
    protocol: Option<String>,
}

/// Reads one line.
pub(crate) fn parse(line: &[u8]) -> Result<Flow, FlowError> {
    let line: Line = serde_json::from_slice(line).map_err(|problem| {
        // Which line it is, the caller knows better.
        let text = problem.to_string();
        FlowError::Json(text.replace(" at line 1 column ", ", column "))
    })?;
    let from = source(&line)?;
    let to = line.destination.ok_or(FlowError::NoDestination)?;
    if to.host.is_none() && to.ip.is_none() {
        return Err(FlowError::NoPlace);
    }
    let port = to.port.filter(|port| *port != 0).ok_or(FlowError::NoPort)?;
    let protocol = protocol(to.protocol.as_deref())?;
    let source = line.source.unwrap_or_default();
    Ok(Flow {
        from,
        container: source.container,
        actor: source.actor.map(actor).transpose()?,
        uid: source.uid,
        gid: source.gid,
        to: To::of_parts(to.host.as_deref(), to.ip.as_deref(), port, protocol)?,
        n: line.count.unwrap_or(1),
    })
}

/// `pod` is namespace/name, or a name beside `namespace`.
fn source(line: &Line) -> Result<From, FlowError> {
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    let pod = text(&line.pod);
    let (namespace, pod) = match pod.split_once('/') {
        Some((namespace, name)) => (namespace.to_owned(), name.to_owned()),
        None => (text(&line.namespace), pod),
    };
    let workload = text(&line.workload);
    if pod.is_empty() && (workload.is_empty() || namespace.is_empty()) {
        return Err(FlowError::NoSource);
    }
    Ok(From {
        namespace: if namespace.is_empty() {
            "default".to_owned()
        } else {
            namespace
        },
        pod,
        workload,
    })
}

fn protocol(text: Option<&str>) -> Result<Protocol, FlowError> {
    let Some(text) = text else {
        return Ok(Protocol::Tcp);
    };
    let known = |protocol: &&Protocol| text.eq_ignore_ascii_case(protocol.as_str());
    let found = Protocol::ALL.iter().find(known).copied();
    found.ok_or_else(|| FlowError::Protocol(text.to_owned()))
}

fn actor(text: String) -> Result<Actor, FlowError> {
    let known = Actor::ALL.iter().find(|actor| actor.as_str() == text);
    known.copied().ok_or(FlowError::Actor(text))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn flow(text: &str) -> Result<Flow, String> {
        parse(text.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn fields_that_do_not_matter_are_passed_over() {
        let text = r#"{"pod": "shop/sleep", "source": {"container": "sleep", "uid": 100, "gid": null, "x": 1},
            "destination": {"host": "HTTPbin.org", "ip": "198.18.0.10", "port": 443, "protocol": "TCP"},
            "count": 12, "verdict": "blocked"}"#;
        let expected = Flow {
            from: From {
                namespace: "shop".to_owned(),
                pod: "sleep".to_owned(),
                workload: String::new(),
            },
            container: Some("sleep".to_owned()),
            actor: None,
            uid: Some(100),
            gid: None,
            to: "httpbin.org@198.18.0.10:443/tcp".parse().unwrap(),
            n: 12,
        };
        assert_eq!(flow(text), Ok(expected));
    }

    #[test]
    fn a_workload_stands_for_its_pods() {
        let text = r#"{"workload": "sleep", "namespace": "shop", "destination": {"ip": "::ffff:192.0.2.1", "port": 53, "protocol": "udp"}}"#;
        let flow = flow(text).unwrap();
        assert_eq!(
            (&*flow.from.namespace, &*flow.from.workload),
            ("shop", "sleep")
        );
        assert_eq!(flow.to, "192.0.2.1:53/udp".parse().unwrap());
        assert_eq!(flow.n, 1);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let cases = [
            ("", "not a JSON object: EOF"),
            ("[]", "not a JSON object"),
            (r#"{"destination": {}}"#, "neither `pod` nor"),
            (
                r#"{"workload": "a", "destination": {}}"#,
                "neither `pod` nor",
            ),
            (r#"{"pod": "a"}"#, "no `destination`"),
            (
                r#"{"pod": "a", "destination": {"port": 80}}"#,
                "neither `host` nor `ip`",
            ),
            (
                r#"{"pod": "a", "destination": {"ip": "1.2.3.4"}}"#,
                "no port",
            ),
            (
                r#"{"pod": "a", "destination": {"ip": "1.2.3.4", "port": 0}}"#,
                "no port",
            ),
            (
                r#"{"pod": "a", "destination": {"ip": "1.2.3", "port": 1}}"#,
                "cannot be read",
            ),
            (
                r#"{"pod": "a", "destination": {"host": "a b", "port": 1}}"#,
                "no host name",
            ),
            (
                r#"{"pod": "a", "destination": {"host": "a", "port": 1, "protocol": "sctp"}}"#,
                "neither `tcp` nor `udp`",
            ),
            (
                r#"{"pod": "a", "source": {"actor": "me"}, "destination": {"host": "a", "port": 1}}"#,
                "none of `app`",
            ),
        ];
        for (text, expected) in cases {
            let said = flow(text).unwrap_err();
            assert!(said.contains(expected), "{text}: {said}");
        }
    }

    proptest! {
        #[test]
        fn no_line_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..80), host in ".{0,20}") {
            drop(parse(&bytes));
            let line = serde_json::json!({"pod": "a", "destination": {"host": host, "port": 1}});
            drop(parse(line.to_string().as_bytes()));
        }
    }
}
