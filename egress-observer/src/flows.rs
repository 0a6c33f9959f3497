//! Flows as they are recorded: one JSON object a line, of which only what matters is kept. An agent
//! writes such lines ([`crate::record`]), `explain -o json` prints them, and people may.

use thiserror::Error;

use crate::{
    explain::{To, ToError},
    finding::{
        field::LineText,
        line::{DestinationLine, FindingLine},
    },
};
use egress_observer_istio::vocabulary::{
    Actor, ObservedPath, Protocol, RegistryMatch, Scope, Verdict,
};

/// Connections of one process to one destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RecordedFlow {
    pub(crate) from: Caller,
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
    pub(crate) seen: RecordedJudgement,
}

/// What an agent made of it, as far as it is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RecordedJudgement {
    pub(crate) scope: Option<Scope>,
    pub(crate) path: Option<ObservedPath>,
    pub(crate) registry: Option<RegistryMatch>,
    pub(crate) verdict: Option<Verdict>,
    /// When the last of these connections was seen, RFC 3339.
    pub(crate) last: Option<String>,
}

/// Whose they are. One that is missing is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Caller {
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

impl RecordedFlow {
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
        self.names
            .iter()
            .map(|name| To {
                host: Some(name.clone()),
                ..self.to.clone()
            })
            .collect()
    }
}

/// Reads one line.
pub(crate) fn parse(line: &[u8]) -> Result<RecordedFlow, FlowError> {
    let line: FindingLine<'_> = serde_json::from_slice(line).map_err(|problem| {
        // Which line it is, the caller knows better.
        let text = problem.to_string();
        FlowError::Json(text.replace(" at line 1 column ", ", column "))
    })?;
    let from = origin(line.pod, line.namespace, line.workload)?;
    let destination = line.destination.ok_or(FlowError::NoDestination)?;
    let scope = destination.scope;
    let (to, names) = target(destination)?;
    let source = line.source.unwrap_or_default();
    Ok(RecordedFlow {
        from,
        container: source.container.map(LineText::into_string),
        actor: source.actor.map(actor).transpose()?,
        uid: source.uid,
        gid: source.gid,
        names: spelt_alike(names, &to)?,
        to,
        n: line.count.unwrap_or(1),
        seen: RecordedJudgement {
            scope,
            path: line.path,
            registry: line.registry,
            verdict: line.verdict,
            last: line.last_time.map(LineText::into_string),
        },
    })
}

/// `pod` is namespace/name, or a name beside `namespace`.
fn origin(
    pod: Option<LineText<'_>>,
    namespace: Option<LineText<'_>>,
    workload: Option<LineText<'_>>,
) -> Result<Caller, FlowError> {
    let [pod, namespace, workload] =
        [pod, namespace, workload].map(|text| text.map_or_else(String::new, LineText::into_string));
    let (namespace, pod) = match pod.split_once('/') {
        Some((namespace, name)) => (namespace.to_owned(), name.to_owned()),
        None => (namespace, pod),
    };
    if pod.is_empty() && (workload.is_empty() || namespace.is_empty()) {
        return Err(FlowError::NoSource);
    }
    Ok(Caller {
        namespace: if namespace.is_empty() {
            "default".to_owned()
        } else {
            namespace
        },
        pod,
        workload,
    })
}

/// The destination, and the names as they are listed.
fn target(line: DestinationLine<'_>) -> Result<(To, Vec<LineText<'_>>), FlowError> {
    let [host, ip, protocol] =
        [line.host, line.ip, line.protocol].map(|text| text.map(LineText::into_text));
    if host.is_none() && ip.is_none() {
        return Err(FlowError::NoPlace);
    }
    let port = line
        .port
        .filter(|port| *port != 0)
        .ok_or(FlowError::NoPort)?;
    let protocol = protocol.map_or(Ok(Protocol::Tcp), |text| {
        Protocol::parse(&text.to_ascii_lowercase())
            .ok_or_else(|| FlowError::Protocol(text.into_owned()))
    })?;
    let to = To::of_parts(host.as_deref(), ip.as_deref(), port, protocol)?;
    Ok((to, line.names))
}

/// All names in one spelling. One that is the destination's own needs no list.
fn spelt_alike(listed: Vec<LineText<'_>>, to: &To) -> Result<Vec<String>, ToError> {
    if let Some(host) = &to.host {
        return Ok(vec![host.clone()]);
    }
    listed
        .into_iter()
        .map(|name| To::of_parts(Some(&name.into_text()), None, to.port, Protocol::Tcp))
        .filter_map(|named| named.map(|named| named.host).transpose())
        .collect()
}

fn actor(text: LineText<'_>) -> Result<Actor, FlowError> {
    let text = text.into_text();
    Actor::parse(&text).ok_or_else(|| FlowError::Actor(text.into_owned()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn flow(text: &str) -> Result<RecordedFlow, String> {
        parse(text.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn fields_that_do_not_matter_are_passed_over() {
        let text = r#"{"pod": "shop/sleep", "source": {"container": "sleep", "uid": 100, "gid": null, "x": 1},
            "destination": {"host": "HTTPbin.org", "ip": "198.18.0.10", "port": 443, "protocol": "TCP"},
            "count": 12, "verdict": "blocked"}"#;
        let expected = RecordedFlow {
            from: Caller {
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
            seen: RecordedJudgement {
                verdict: Some(Verdict::Blocked),
                ..RecordedJudgement::default()
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
        let expected = RecordedJudgement {
            scope: Some(Scope::External),
            path: Some(ObservedPath::Captured),
            registry: Some(RegistryMatch::Undeclared),
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
        assert_eq!(seen.registry, Some(RegistryMatch::Undeclared));
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
