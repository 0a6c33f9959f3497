//! What Istio refuses: ServiceEntries and Sidecars that never come to be.

use super::{
    code::LintCode,
    finding::{LintFinding, ObjectPlace},
    scene::Scene,
};
use egress_observer_istio::{
    manifests::{Located, Object},
    rules::Version,
    validation::{self, NEWEST, Refusal, RefusedPart},
};

pub(super) fn findings(scene: &Scene<'_>) -> Vec<LintFinding> {
    let version = version(scene);
    let objects = scene.objects.iter();
    objects
        .flat_map(|located| of_object(located, version))
        .collect()
}

/// That of the default revision, which is the one whose webhook looks at objects without a revision.
fn version(scene: &Scene<'_>) -> Version {
    let injector = scene.snapshot.mesh().injector("");
    let version = injector.and_then(|injector| Version::of_tag(&injector.values.global.tag));
    version.unwrap_or(NEWEST)
}

fn of_object(located: &Located, version: Version) -> Vec<LintFinding> {
    let (kind, metadata, refusals) = match &located.object {
        Object::ServiceEntry(object) => {
            let refusals = validation::service_entry(object, version);
            ("ServiceEntry", &object.metadata, refusals)
        }
        Object::Sidecar(object) => (
            "Sidecar",
            &object.metadata,
            validation::sidecar(object, version),
        ),
        _ => return Vec::new(),
    };
    if refusals.is_empty() {
        return Vec::new();
    }
    let place = ObjectPlace::of(located, kind, metadata);
    refusals
        .into_iter()
        .map(|refusal| finding(&place, refusal))
        .collect()
}

fn finding(place: &ObjectPlace, refusal: Refusal) -> LintFinding {
    let Refusal {
        part,
        field,
        value,
        message,
        fix,
    } = refusal;
    let message = format!("{message}: Istio refuses the object");
    place.finding(code(part), field, value, message, fix)
}

fn code(part: RefusedPart) -> LintCode {
    match part {
        RefusedPart::Host => LintCode::BadHost,
        RefusedPart::SeveralHosts => LintCode::SeveralTcpHosts,
        RefusedPart::Address => LintCode::BadAddress,
        RefusedPart::Range => LintCode::RangeResolved,
        RefusedPart::Port => LintCode::RefusedPort,
        RefusedPart::Endpoints => LintCode::EndpointsConflict,
        RefusedPart::Endpoint => LintCode::RefusedEndpoint,
        RefusedPart::ExportTo => LintCode::RefusedExport,
        RefusedPart::Setting => LintCode::RefusedSetting,
        RefusedPart::Egress => LintCode::RefusedEgress,
        RefusedPart::Ingress => LintCode::RefusedIngress,
        RefusedPart::Scope => LintCode::RefusedSidecar,
    }
}
