//! Flows as they are recorded: one JSON object a line, of which only what matters is read. An agent
//! writes such lines ([`crate::record`]), `explain -o json` prints them, and people may.

use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use crate::explain::{To, ToError};
use egress_observer_istio::vocabulary::{Actor, Path, Protocol, Registry, Scope, Verdict};

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
    /// Every name that may have been meant, the one that was asked for last first. With more than
    /// one, `to` has none.
    pub(crate) names: Vec<String>,
    /// How many connections.
    pub(crate) n: u64,
    pub(crate) seen: Seen,
}

/// What an agent made of it, as far as it is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) scope: Option<Scope>,
    pub(crate) path: Option<Path>,
    pub(crate) registry: Option<Registry>,
    pub(crate) verdict: Option<Verdict>,
    /// When the last of these connections was seen, RFC 3339.
    pub(crate) last: Option<String>,
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
#[serde(rename_all = "camelCase")]
struct Line {
    pod: Option<String>,
    namespace: Option<String>,
    workload: Option<String>,
    source: Option<SourceLine>,
    destination: Option<DestinationLine>,
    count: Option<u64>,
    path: Option<Value>,
    registry: Option<Value>,
    verdict: Option<Value>,
    last_time: Option<Value>,
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
    #[serde(default)]
    names: Vec<String>,
    scope: Option<Value>,
}

impl Flow {
    /// The names of which one is meant: the one that is given, else all that lead to the address.
    pub(crate) fn names_meant(&self) -> &[String] {
        match &self.to.host {
            Some(host) => std::slice::from_ref(host),
            None => &self.names,
        }
    }

    /// The destinations of which one is meant: one for each name that leads to the address, where none
    /// of them is given as the one; else the destination itself. Never empty.
    pub(crate) fn meant(&self) -> Vec<To> {
        if self.to.host.is_some() || self.names.is_empty() {
            return vec![self.to.clone()];
        }
        let named = |name: &String| To {
            host: Some(name.clone()),
            ..self.to.clone()
        };
        self.names.iter().map(named).collect()
    }
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
    let seen = Seen {
        scope: word(to.scope.as_ref(), Scope::parse),
        path: word(line.path.as_ref(), Path::parse),
        // An explanation has an object here.
        registry: word(line.registry.as_ref(), Registry::parse).or_else(|| {
            let matched = line.registry.as_ref()?.get("match");
            word(matched, Registry::parse)
        }),
        verdict: word(line.verdict.as_ref(), Verdict::parse),
        last: line
            .last_time
            .as_ref()
            .and_then(Value::as_str)
            .map(str::to_owned),
    };
    let source = line.source.unwrap_or_default();
    let target = To::of_parts(to.host.as_deref(), to.ip.as_deref(), port, protocol)?;
    Ok(Flow {
        from,
        container: source.container,
        actor: source.actor.map(actor).transpose()?,
        uid: source.uid,
        gid: source.gid,
        names: names(to.names, &target)?,
        to: target,
        n: line.count.unwrap_or(1),
        seen,
    })
}

/// All names in one spelling. One that is the destination's own needs no list.
fn names(listed: Vec<String>, to: &To) -> Result<Vec<String>, ToError> {
    if let Some(host) = &to.host {
        return Ok(vec![host.clone()]);
    }
    let spelt = |name: String| To::of_parts(Some(&name), None, to.port, Protocol::Tcp);
    let names = listed.into_iter().map(spelt);
    names
        .filter_map(|named| named.map(|named| named.host).transpose())
        .collect()
}

fn word<T>(value: Option<&Value>, parse: fn(&str) -> Option<T>) -> Option<T> {
    parse(value?.as_str()?)
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
    Protocol::parse(&text.to_ascii_lowercase()).ok_or_else(|| FlowError::Protocol(text.to_owned()))
}

fn actor(text: String) -> Result<Actor, FlowError> {
    Actor::parse(&text).ok_or(FlowError::Actor(text))
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
            names: vec!["httpbin.org".to_owned()],
            n: 12,
            seen: Seen {
                verdict: Some(Verdict::Blocked),
                ..Seen::default()
            },
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

    #[test]
    fn what_an_agent_made_of_it_is_kept() {
        let text = r#"{"namespace": "shop", "workload": "a", "path": "captured", "registry": "undeclared",
            "verdict": "blocked", "lastTime": "2026-01-05T08:00:00Z",
            "destination": {"ip": "192.0.2.1", "port": 443, "names": ["B.test", "a.test."], "scope": "external"}}"#;
        let flow = flow(text).unwrap();
        assert_eq!(flow.to.host, None);
        assert_eq!(flow.names, ["b.test", "a.test"]);
        let expected = Seen {
            scope: Some(Scope::External),
            path: Some(Path::Captured),
            registry: Some(Registry::Undeclared),
            verdict: Some(Verdict::Blocked),
            last: Some("2026-01-05T08:00:00Z".to_owned()),
        };
        assert_eq!(flow.seen, expected);
    }

    #[test]
    fn an_explanation_is_a_flow() {
        let text = r#"{"pod": "shop/a", "registry": {"match": "undeclared"}, "verdict": "passthrough",
            "destination": {"host": "a.test", "ip": null, "port": 443, "scope": "external"}}"#;
        let seen = flow(text).unwrap().seen;
        assert_eq!(seen.registry, Some(Registry::Undeclared));
        assert_eq!(seen.verdict, Some(Verdict::Passthrough));
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
