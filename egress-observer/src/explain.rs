//! Why a pod's connection to a destination goes the way it goes: what today's configuration would
//! do, what the pod was set up to do, what the sidecar makes of it, and the ways out. A pure
//! function of a snapshot.

mod advice;
mod answer;
mod anywhere;
mod destination;
mod parts;
pub(crate) mod recorded;
mod routed;
pub mod text;
mod who;
mod ztunnel;

use self::advice::AdviceCase;
pub use self::{
    answer::{
        Advice, ExplainedDestination, ExplainedSource, Explanation, Method, OtherEntry,
        RegistryAnswer, RoutedTo, Stand,
    },
    destination::{To, ToError},
    text::ToldAdvice,
    who::{Unanswered, Who},
};
use crate::{api_version::API_VERSION, trial::Trial};
use egress_observer_istio::{
    injection::pod::{DeclaredContainer, Pod, ProxyPresence},
    judgement::{Asker, Endpoint, Evidence, Judgement, Stage, assess},
    registry::{Match, NearMiss, ObjectKind},
    view::Snapshot,
    vocabulary::{Actor, Expected, Protocol, Reason},
};

/// Answers about one pod, with everything that is the same for all destinations prepared.
pub struct Explainer<'a> {
    snapshot: &'a Snapshot,
    pod: &'a Pod,
    container: Option<&'a DeclaredContainer>,
    asker: Asker<'a>,
    policy_source: Option<String>,
    /// Why the policy is not known, if it is not.
    policy_doubt: Option<String>,
    stale: Option<bool>,
    notes: Vec<String>,
    /// Where what is advised is tried first.
    trial: Trial<'a>,
}

impl<'a> Explainer<'a> {
    /// Answers about a pod. Without a container it is the first one of the application.
    pub fn new(snapshot: &'a Snapshot, pod: &'a Pod, who: Who) -> Result<Self, Unanswered> {
        let container = match who.container {
            Some(name) => Some(who::named(pod, &name)?),
            None => {
                let mut apps = pod.declared.iter();
                apps.find(|container| container.role.actor == Actor::App)
            }
        };
        let role = container.map_or_else(|| pod.role(None, u32::MAX, u32::MAX), |c| c.role);
        let socket = who::owned(who.socket, pod, role, container);
        let unknown = snapshot.policy(pod).is_none();
        Ok(Self {
            snapshot,
            pod,
            container,
            notes: who::notes(pod, socket.uid, container),
            asker: Asker::new(snapshot, pod, role, socket),
            policy_source: snapshot.policy_source(pod),
            policy_doubt: unknown.then(|| snapshot.policy_doubt(pod)),
            stale: pod.stale(),
            trial: Trial::new(
                snapshot,
                snapshot.viewer(pod).sidecar.map(|own| &own.object),
            ),
        })
    }

    /// Which part of the pod connects.
    pub fn actor(&self) -> Actor {
        self.asker.role().actor
    }

    /// The judgement over a destination. Where several names lead to it: what is the same for all.
    pub fn judged(&self, to: &Endpoint, names: &[impl AsRef<str>]) -> Judgement<'a> {
        assess(self.snapshot, &self.asker, to, names, Evidence::AsApplied)
    }

    /// The answer about a destination.
    pub fn explain(&self, to: &To, protocol: Protocol) -> Explanation {
        let dialled = to.endpoint(protocol);
        let judged = self.judged(&dialled, to.host.as_slice());
        let asked = Endpoint {
            ip: judged.ip,
            ..dialled
        };
        let applied = judged.applied;
        let desired = self.asker.decide(Stage::Desired, &asked, judged.reach);
        let near = self.near(&judged, to, &asked);
        let mut explanation = Explanation {
            api_version: API_VERSION,
            kind: "Explanation",
            pod: self.pod.to_string(),
            workload: self.pod.workload.to_string(),
            source: ExplainedSource {
                container: self.container.map(|container| container.name.clone()),
                actor: self.actor(),
                uid: self.asker.socket().uid,
                gid: self.asker.socket().gid,
            },
            destination: ExplainedDestination {
                host: to.host.clone(),
                ip: asked.ip,
                port: asked.port,
                protocol: asked.protocol,
                scope: judged.scope,
            },
            desired: parts::stand(&self.pod.desired, desired),
            applied: parts::stand(&self.pod.applied, applied),
            stale: self.stale,
            registry: parts::registry(&judged, near.iter().map(parts::other).collect()),
            routed: self.routed(&judged, asked.port),
            policy: self.asker.policy(),
            policy_source: self.policy_source.clone(),
            verdict: judged.verdict,
            reason: judged.reason,
            is_ambient: self.asker.viewer().is_ambient,
            outcome: String::new(),
            void: self.void(&judged),
            notes: self.notes.clone(),
            advice: Vec::new(),
        };
        explanation.notes.extend(self.of_name(&judged, to, &asked));
        let captured = applied.expected == Expected::Captured;
        let refused = captured && self.asker.role().proxy == ProxyPresence::Never;
        let unheard = captured && asked.ip.is_some_and(|ip| !self.pod.hears(ip));
        explanation.outcome = text::outcome(&explanation, &judged, (refused, unheard));
        if refused {
            explanation.advice = advice::before_the_proxy(&explanation, self.pod);
            return explanation;
        }
        explanation.advice = self.advice(&explanation, to, (&asked, &judged, &near));
        explanation
    }

    /// What there is to say where only a name is given.
    fn of_name(&self, judged: &Judgement<'_>, to: &To, asked: &Endpoint) -> Vec<String> {
        let rests = judged.rests_on_name
            || self
                .asker
                .rests_on_name(Stage::Desired, asked, judged.reach);
        let needed = judged.applied.reason == Reason::AddressNeeded;
        let cases = needed.then(|| anywhere::cases(&self.asker, &self.pod.applied, asked));
        let rests = rests.then(|| anywhere::rests_on(to));
        rests.into_iter().chain(cases.flatten()).collect()
    }

    /// The ways out.
    fn advice(
        &self,
        explanation: &Explanation,
        to: &To,
        (asked, judged, near): (&Endpoint, &Judgement<'_>, &[NearMiss<'_>]),
    ) -> Vec<Advice> {
        let case = AdviceCase {
            snapshot: self.snapshot,
            trial: &self.trial,
            pod: self.pod,
            asker: &self.asker,
            to: *asked,
            host: to.host.as_deref(),
            ip_is_given: to.ip.is_some(),
            judged,
            near,
        };
        advice::advice(explanation, &case, self.policy_doubt.as_deref())
    }

    /// Where it is sent.
    fn routed(&self, judged: &Judgement<'_>, port: u16) -> Option<RoutedTo> {
        let is_ambient = self.asker.viewer().is_ambient;
        routed::routed(judged, &self.otherwise(port), is_ambient)
    }

    /// The cluster of what the mesh does not know.
    fn otherwise(&self, port: u16) -> String {
        if let Some(proxy) = self.snapshot.egress_proxy(self.pod) {
            return proxy;
        }
        let resolves = self.snapshot.resolves_unknown_hosts(self.pod);
        routed::unknown(resolves, port).to_owned()
    }

    /// What would apply to the destination, and does not because it goes around the sidecar.
    fn void(&self, judged: &Judgement<'_>) -> Vec<String> {
        let Match::Declared(hit) = &judged.matched else {
            return Vec::new();
        };
        if judged.applied.expected != Expected::Direct {
            return Vec::new();
        }
        let entry =
            (hit.entry.object.kind == ObjectKind::ServiceEntry).then(|| hit.entry.object.clone());
        let routes = self.snapshot.registry.routes(self.asker.viewer(), hit.host);
        let objects = entry.into_iter().chain(routes);
        objects.map(|object| object.to_string()).collect()
    }

    /// Entries that one would think of.
    fn near(&self, judged: &Judgement<'_>, to: &To, asked: &Endpoint) -> Vec<NearMiss<'a>> {
        if judged.routed().is_some() {
            return Vec::new();
        }
        let asked = asked.query(to.host.as_deref());
        let registry = &self.snapshot.registry;
        registry.near_misses(self.asker.viewer(), &asked)
    }
}
