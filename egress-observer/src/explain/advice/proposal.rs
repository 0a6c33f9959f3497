//! A way out before it was tried, and what becomes of it when it is.

use std::net::IpAddr;

use super::case::{AdviceCase, Tried};
use crate::{
    explain::answer::{Advice, Method},
    trial::TriedChange,
};
use egress_observer_istio::{registry::ObjectRef, vocabulary::Verdict};

/// How many ways through the registry are told.
const TOLD: usize = 2;

/// A way out, not tried yet.
#[derive(Clone, Debug)]
pub(super) struct Proposal {
    pub(super) method: Method,
    /// What to do; none is what its changes say.
    pub(super) what: Option<String>,
    pub(super) price: String,
    pub(super) changes: Vec<TriedChange>,
    /// The host that a Sidecar has to let through for it, as in `spec.egress[].hosts`, and the ports of
    /// its entry.
    pub(super) import: Option<(String, Vec<u16>)>,
    /// The address that the connection is taken to go to.
    pub(super) at: Option<IpAddr>,
}

/// One that was tried, and helps.
struct Helpful {
    advice: Advice,
    lost: Vec<String>,
}

/// Those that help and take nothing else away. If there is none, the first one that helps, with what it
/// breaks.
pub(super) fn checked(
    case: &AdviceCase<'_>,
    proposals: impl IntoIterator<Item = Proposal>,
    wanted: fn(Verdict) -> bool,
) -> Vec<Advice> {
    let mut best: Vec<Advice> = Vec::new();
    let mut worse: Option<Helpful> = None;
    for proposal in proposals {
        let Some(helpful) = proposal.tried(case, wanted) else {
            continue;
        };
        if helpful.lost.is_empty() {
            best.push(helpful.advice);
        } else if worse.is_none() {
            worse = Some(helpful);
        }
        if best.len() == TOLD {
            break;
        }
    }
    if best.is_empty() {
        best.extend(worse.map(Helpful::with_breaks));
    }
    best
}

impl Helpful {
    fn with_breaks(mut self) -> Advice {
        let lost = self.lost.join("; ");
        let price = &mut self.advice.price;
        price.push_str(&format!(" It breaks what works today: {lost}."));
        self.advice
    }
}

impl Proposal {
    /// What there is to say of it if it helps, by itself or with the Sidecar letting its host through.
    fn tried(mut self, case: &AdviceCase<'_>, wanted: fn(Verdict) -> bool) -> Option<Helpful> {
        let helps = |tried: &Tried| wanted(tried.verdict);
        if !self.changes.is_empty()
            && let Some(tried) = case.with(&self.changes, self.at).filter(helps)
        {
            return Some(self.helpful(case, tried));
        }
        let sidecar = case.asker.viewer().sidecar?;
        let (host, ports) = self.import.take()?;
        if self.changes.is_empty() {
            self.method = Method::LetThrough;
        }
        let place = sidecar.place_for(case.to.port);
        self.changes.push(TriedChange::LetThrough {
            sidecar: sidecar.object.clone(),
            place,
            host,
            ports,
        });
        let tried = case.with(&self.changes, self.at).filter(helps)?;
        let selected = "The Sidecar's other pods see it, too.";
        self.price = format!("{} {selected}", self.price).trim().to_owned();
        Some(self.helpful(case, tried))
    }

    fn helpful(self, case: &AdviceCase<'_>, tried: Tried) -> Helpful {
        let texts = self
            .changes
            .iter()
            .map(|change| change.apply_text(case.registry()));
        let texts: Vec<String> = texts.map(|text| text.trim_end().to_owned()).collect();
        let apply = texts.join("\n# and:\n");
        Helpful {
            advice: Advice {
                method: self.method,
                what: self.what(),
                price: self.price,
                apply: (!apply.trim().is_empty()).then_some(apply),
            },
            lost: tried.lost,
        }
    }

    /// What its changes say, but for what is said already.
    fn what(&self) -> String {
        let mut words = self.changes.iter().map(TriedChange::told);
        let mut text = match &self.what {
            Some(what) => {
                words.next();
                what.clone()
            }
            None => capitalized(&words.next().unwrap_or_default()) + ".",
        };
        for more in words {
            text.push_str(&format!(" And {more}: without, it stays hidden."));
        }
        text
    }
}

/// What changes of an object cost whoever else sees it.
pub(super) fn price_of(object: &ObjectRef, case: &AdviceCase<'_>) -> String {
    if object.namespace == case.pod.namespace {
        return "Takes effect at once.".to_owned();
    }
    let namespace = &object.namespace;
    format!("It is of namespace {namespace}, for all who see it. Takes effect at once.")
}

pub(super) fn capitalized(text: &str) -> String {
    let mut rest = text.chars();
    let first = rest.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(rest).collect()
}
