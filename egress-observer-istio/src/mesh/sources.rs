//! Which ConfigMaps a revision's mesh configuration comes from, and what they amount to
//! (`pilot/pkg/bootstrap/mesh.go` `getConfigurationSources`; up to 1.26 `pkg/config/mesh/watcher.go`
//! `merged`): with `SHARED_MESH_CONFIG` in istiod's environment that ConfigMap first, and the revision's
//! own on top of it.

use super::{
    config::{MeshConfig, MeshText, OutboundMode},
    coverage::Absence,
    known::Known,
};
use crate::vocabulary::Reason;

/// What the mesh's ConfigMaps say about a revision.
#[derive(Clone, Debug)]
pub(super) struct RevisionConfig {
    /// Namespace and name of the revision's own ConfigMap, which may not be there.
    pub(super) own: String,
    /// Namespace and name of the one that says what becomes of unknown destinations.
    pub(super) of_policy: String,
    /// What istiod goes on with, or begins with, for what is in doubt.
    pub(super) mesh: MeshConfig,
    /// What sidecars do with what the mesh does not know; `None` if it is in doubt.
    pub(super) mode: Option<OutboundMode>,
    /// Why not everything can be said.
    pub(super) doubt: Option<MeshDoubt>,
}

/// A `MeshDoubt` is why a mesh configuration cannot be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeshDoubt {
    /// Refused, or not given.
    pub reason: Reason,
    /// The same for people.
    pub text: String,
}

/// A ConfigMap, as far as it is known.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    /// Namespace and name.
    pub(super) name: &'a str,
    /// What it says, or why that is not known.
    pub(super) text: Result<&'a Known<MeshText>, Absence>,
}

/// The ConfigMap below the revision's own, if there is one.
#[derive(Clone, Copy)]
pub(super) enum Shared<'a> {
    /// istiod reads none, as far as is known.
    No,
    /// One by its usual name, and no istiod is known that would say whether it reads it.
    Perhaps(Source<'a>),
    /// There may be one, of any name, for this reason.
    Unseen(&'static str),
    /// The one that istiod's environment names.
    Named(Source<'a>),
}

/// Nobody says whether there is a ConfigMap below.
pub(super) const ISTIOD_HIDDEN: &str = "Deployments of the control plane's namespace may not be read, and \
     the environment of istiod says whether it reads another ConfigMap first (SHARED_MESH_CONFIG)";
/// Somebody says so where it cannot be read.
pub(super) const NAMED_ELSEWHERE: &str = "istiod takes SHARED_MESH_CONFIG, which names a ConfigMap that it \
     reads first, from somewhere else (valueFrom, envFrom or another variable)";

/// What a revision's own ConfigMap and the shared one amount to; nothing, if neither is there.
pub(super) fn revision_config(own: Source<'_>, shared: Shared<'_>) -> Option<RevisionConfig> {
    let below = match (shared, own.text) {
        (Shared::Named(below), _) => below,
        (_, Err(_)) => return None,
        (Shared::No, Ok(text)) => return Some(alone(own.name, text)),
        (Shared::Perhaps(below), Ok(text)) => {
            return Some(perhaps(alone(own.name, text), text, below));
        }
        (Shared::Unseen(why), Ok(text)) => return Some(unseen(alone(own.name, text), text, why)),
    };
    if own.text.is_err() && below.text.is_err() {
        return None;
    }
    // Without the revision's own istiod goes on with what is below it, and the other way round.
    let own_text = match own.text {
        Ok(known) => known.taken().cloned(),
        Err(Absence::NotGiven | Absence::NotThere) => Some(MeshText::default()),
        Err(Absence::Hidden) => None,
    };
    let below_text = match below.text {
        Ok(known) => known.taken().cloned(),
        Err(Absence::NotThere) => Some(MeshText::default()),
        Err(Absence::NotGiven | Absence::Hidden) => None,
    };
    let merged = match (&own_text, &below_text) {
        (Some(own), Some(below)) => own.over(below),
        (one, other) => one.as_ref().or(other.as_ref()).cloned().unwrap_or_default(),
    };
    let mesh = merged.config();
    // What the upper one says counts, whatever stands below it.
    let by_own = own_text.as_ref().is_some_and(MeshText::has_policy);
    let known = by_own || own_text.is_some() && below_text.is_some();
    let by_below = !by_own && merged.has_policy();
    Some(RevisionConfig {
        own: own.name.to_owned(),
        of_policy: if by_below { below.name } else { own.name }.to_owned(),
        mode: known.then(|| mesh.outbound_mode()),
        mesh,
        doubt: doubt(own, OF_TWO)
            .or_else(|| doubt(below, OF_TWO))
            .or_else(|| missing(own, below)),
    })
}

/// What cannot be said where one of two ConfigMaps is not known.
fn missing(own: Source<'_>, below: Source<'_>) -> Option<MeshDoubt> {
    let text = match (own.text, below.text) {
        (Err(Absence::Hidden), _) => format!("ConfigMap {} may not be read", own.name),
        (_, Err(Absence::NotGiven)) => format!(
            "ConfigMap {}, which istiod reads first (SHARED_MESH_CONFIG), is not given",
            below.name
        ),
        (_, Err(Absence::Hidden)) => format!(
            "ConfigMap {}, which istiod reads first (SHARED_MESH_CONFIG), may not be read",
            below.name
        ),
        (_, Ok(_) | Err(Absence::NotThere)) => return None,
    };
    Some(MeshDoubt {
        reason: Reason::NotSynced,
        text,
    })
}

/// A revision's own ConfigMap alone. If it is refused, istiod goes on with the last state, or takes the
/// defaults after a start: what both say is known.
fn alone(name: &str, text: &Known<MeshText>) -> RevisionConfig {
    let mesh = text.last.as_ref().map(MeshText::config);
    let last = mesh.as_ref().map(MeshConfig::outbound_mode);
    let default = MeshConfig::default().outbound_mode();
    let is_known = text.refused.is_none() || last == Some(default);
    RevisionConfig {
        own: name.to_owned(),
        of_policy: name.to_owned(),
        mesh: mesh.unwrap_or_default(),
        mode: last.filter(|_| is_known),
        doubt: doubt(
            Source {
                name,
                text: Ok(text),
            },
            ALONE,
        ),
    }
}

/// The same where another ConfigMap may be below it: what the two would say alike is known.
fn perhaps(alone: RevisionConfig, own: &Known<MeshText>, below: Source<'_>) -> RevisionConfig {
    let below_text = below.text.ok().and_then(Known::taken);
    let (Some(own), Some(below_text)) = (own.taken(), below_text) else {
        return alone;
    };
    let merged = own.over(below_text).config();
    RevisionConfig {
        mode: alone.mode.filter(|mode| *mode == merged.outbound_mode()),
        doubt: alone.doubt.or_else(|| {
            Some(MeshDoubt {
                reason: Reason::NotSynced,
                text: format!(
                    "istiod may read ConfigMap {}, too: its environment would tell (SHARED_MESH_CONFIG)",
                    below.name
                ),
            })
        }),
        ..alone
    }
}

/// The same where any other ConfigMap may be below it: what the own one says itself is known.
fn unseen(alone: RevisionConfig, own: &Known<MeshText>, why: &str) -> RevisionConfig {
    let says = own.taken().is_some_and(MeshText::has_policy);
    RevisionConfig {
        mode: alone.mode.filter(|_| says),
        doubt: alone.doubt.or_else(|| {
            Some(MeshDoubt {
                reason: Reason::NotSynced,
                text: why.to_owned(),
            })
        }),
        ..alone
    }
}

/// What becomes of a text that is refused: alone, it leaves what there was before
/// (`pkg/config/mesh/meshwatcher/collection.go` `NewCollection`; up to 1.24
/// `pkg/config/mesh/kubemesh/watcher.go` `NewConfigMapWatcher`).
const ALONE: &str =
    "an istiod that runs goes on with what it had before, one that starts takes the defaults";
/// One of two is left out, but for the fields that were taken before the one that cannot be
/// (`NewCollection`; up to 1.24 `pkg/config/mesh/watcher.go` `merged`).
const OF_TWO: &str =
    "of two ConfigMaps it is left out, but for the fields that were taken before that one";

/// Why what a ConfigMap says does not count.
fn doubt(source: Source<'_>, then: &str) -> Option<MeshDoubt> {
    let refused = source.text.ok()?.refused.as_ref()?;
    Some(MeshDoubt {
        reason: Reason::ConfigRefused,
        text: format!(
            "Istio refuses the mesh configuration of ConfigMap {} as a whole ({refused}): {then}",
            source.name
        ),
    })
}
