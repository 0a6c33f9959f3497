//! Where lists of ranges and ports stand: in the mesh's values, in annotations, and in what
//! `istio-init` was told.

use super::{
    finding::ObjectPlace,
    list::List,
    lists::{CaptureLists, ListOrigin},
    mesh_maps::by_cni,
    scene::Scene,
    subject::LintSubject,
};
use egress_observer_istio::{
    injection::{
        pod::INIT,
        setup::{self, EXCLUDE, EXCLUDE_PORTS, INCLUDE, INCLUDE_PORTS, TRAFFIC},
    },
    mesh::{Injector, ProxyValues},
    rules::{Backend, Version, flags},
};

/// Every place with lists of its own. A pod's lists are left out where they only repeat its template
/// or the mesh: those are judged there.
pub(super) fn written<'a>(scene: &'a Scene<'_>) -> Vec<CaptureLists<'a>> {
    let mesh = scene.injectors.iter().map(|map| {
        let proxy = &map.injector.values.global.proxy;
        let whom = "pods without annotations of their own".to_owned();
        let from = (map.place.clone(), ListOrigin::Mesh, whom);
        lists(from, Some(&map.injector), |name| {
            let field = format!("data.values: {}", mesh_name(name));
            Some((mesh_text(proxy, name), field))
        })
    });
    let others = scene.subjects.iter().flat_map(|subject| {
        let annotations = of_annotations(scene, subject);
        let arguments = of_arguments(scene, subject);
        annotations.into_iter().chain(arguments)
    });
    mesh.chain(others).collect()
}

/// Lists of `own` text, the rest from the injector or the chart.
fn lists<'a>(
    (place, origin, whom): (ObjectPlace, ListOrigin, String),
    injector: Option<&'a Injector>,
    own: impl Fn(&'static str) -> Option<(&'a str, String)>,
) -> CaptureLists<'a> {
    let [include, exclude, include_ports, exclude_ports] =
        [INCLUDE, EXCLUDE, INCLUDE_PORTS, EXCLUDE_PORTS].map(|name| match own(name) {
            Some((text, field)) => List {
                name,
                text,
                field,
                own: true,
            },
            None => List {
                name,
                text: default_text(injector, name),
                field: mesh_name(name),
                own: false,
            },
        });
    let nftables = injector.is_some_and(|injector| injector.values.global.native_nftables);
    CaptureLists {
        place,
        origin,
        whom,
        include,
        exclude,
        include_ports,
        exclude_ports,
        version: injector.and_then(|injector| Version::of_tag(&injector.values.global.tag)),
        backend: Backend::of(nftables),
        cni: injector.is_some_and(by_cni),
    }
}

fn of_annotations<'a>(
    scene: &'a Scene<'_>,
    subject: &'a LintSubject<'_>,
) -> Option<CaptureLists<'a>> {
    if subject.has_template {
        return None;
    }
    let injector = scene.injector(subject);
    let from = (
        subject.place.clone(),
        ListOrigin::Annotations,
        subject.workload(),
    );
    let lists = lists(from, injector, |name| {
        let key = format!("{TRAFFIC}{name}");
        let text = subject.metadata.annotations.get(&key)?;
        // Under the CNI plugin the injector itself writes annotations, from the mesh's values.
        let repeated = subject.runs && said_by_mesh(injector, name, text);
        (!repeated).then(|| (&**text, subject.annotation_field(&key)))
    });
    lists.all().iter().any(|list| list.own).then_some(lists)
}

fn of_arguments<'a>(
    scene: &'a Scene<'_>,
    subject: &'a LintSubject<'_>,
) -> Option<CaptureLists<'a>> {
    let init = setup::container(subject.spec, INIT)?;
    let args = flags::arguments(&init.command, &init.args);
    let injector = scene.injector(subject);
    let from = (
        subject.place.clone(),
        ListOrigin::Arguments,
        subject.workload(),
    );
    let mut lists = lists(from, injector, |name| {
        let [short, long] = flag_names(name);
        let mut pairs = args.windows(2);
        let found = pairs.rfind(|pair| {
            let flag = pair.first().copied().unwrap_or_default();
            flag == short || flag.strip_prefix("--") == Some(long)
        });
        let text = found.and_then(|pair| pair.get(1).copied()).unwrap_or("");
        let field = format!("initContainers[{INIT}].args: {short}");
        Some((text, subject.spec_field(&field)))
    });
    lists.cni = false;
    lists.version = Version::of_image(&init.image).or(lists.version);
    let something_new = lists.all().iter().any(|list| {
        let stock = list.text.is_empty() && list.name != INCLUDE;
        !stock && !list.is_star() && !is_repeated(list, subject, injector)
    });
    something_new.then_some(lists)
}

/// Whether an argument is what an annotation or the mesh says: it is judged there.
fn is_repeated(list: &List<'_>, subject: &LintSubject<'_>, injector: Option<&Injector>) -> bool {
    let key = format!("{TRAFFIC}{}", list.name);
    match subject.metadata.annotations.get(&key) {
        Some(text) => text == list.text,
        None => said_by_mesh(injector, list.name, list.text),
    }
}

fn said_by_mesh(injector: Option<&Injector>, name: &str, text: &str) -> bool {
    injector.is_some_and(|injector| mesh_text(&injector.values.global.proxy, name) == text)
}

/// What counts where nothing is written: the mesh's values, or those of the chart.
fn default_text<'a>(injector: Option<&'a Injector>, name: &str) -> &'a str {
    match injector {
        Some(injector) => mesh_text(&injector.values.global.proxy, name),
        None if name == INCLUDE => "*",
        None => "",
    }
}

fn mesh_text<'a>(proxy: &'a ProxyValues, name: &str) -> &'a str {
    match name {
        INCLUDE => &proxy.include_ip_ranges,
        EXCLUDE => &proxy.exclude_ip_ranges,
        INCLUDE_PORTS => &proxy.include_outbound_ports,
        _ => &proxy.exclude_outbound_ports,
    }
}

fn mesh_name(name: &str) -> String {
    let value = match name {
        INCLUDE => "includeIPRanges",
        EXCLUDE => "excludeIPRanges",
        other => other,
    };
    format!("global.proxy.{value}")
}

/// Short and long spelling, without dashes for the latter.
fn flag_names(name: &str) -> [&'static str; 2] {
    match name {
        INCLUDE => ["-i", "istio-service-cidr"],
        EXCLUDE => ["-x", "istio-service-exclude-cidr"],
        INCLUDE_PORTS => ["-q", "istio-outbound-ports"],
        _ => ["-o", "istio-local-outbound-ports-exclude"],
    }
}
