//! What Istio's webhook refuses: ServiceEntries and Sidecars that never come to be.

use super::{
    code::LintCode,
    finding::{LintFinding, ObjectPlace},
    scene::Scene,
};
use egress_observer_istio::{
    manifests::{Located, Object},
    rules::Version,
    validation::{self, Refusal, RefusedPart},
};

pub(super) fn findings(scene: &Scene<'_>) -> Vec<LintFinding> {
    let version = scene.version();
    let objects = scene.objects.iter();
    objects
        .flat_map(|located| of_object(located, version))
        .collect()
}

fn of_object(located: &Located, version: Version) -> Vec<LintFinding> {
    let (kind, metadata, refusals) = if let Object::ServiceEntry(object) = &located.object {
        let refusals = validation::service_entry(object, version);
        ("ServiceEntry", &object.metadata, refusals)
    } else if let Object::Sidecar(object) = &located.object {
        (
            "Sidecar",
            &object.metadata,
            validation::sidecar(object, version),
        )
    } else {
        return Vec::new();
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
        RefusedPart::Ingress | RefusedPart::Scope => LintCode::RefusedSidecar,
    }
}
