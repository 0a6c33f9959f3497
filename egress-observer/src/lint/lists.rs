//! The four lists of ranges and ports that decide what is captured, as they are written: in the
//! mesh's values, in annotations, and in what `istio-init` was told.

use ipnet::IpNet;

use super::{
    Code,
    finding::{Finding, Place},
    scene::{Scene, Subject, by_cni},
};
use egress_observer_istio::{
    injection::{
        pod::INIT,
        setup::{self, EXCLUDE, EXCLUDE_PORTS, INCLUDE, INCLUDE_PORTS, TRAFFIC},
    },
    mesh::{Injector, ProxyValues},
    rules::{Backend, CaptureConfig, PortRange, Ports, Version, elements, flags, prefix},
};

/// The lists that count together.
pub(super) struct Lists<'a> {
    pub(super) place: Place,
    pub(super) origin: Origin,
    /// Whom they are for, as words.
    pub(super) whom: String,
    pub(super) include: List<'a>,
    pub(super) exclude: List<'a>,
    pub(super) include_ports: List<'a>,
    pub(super) exclude_ports: List<'a>,
    /// The version that reads them, if it is known.
    pub(super) version: Option<Version>,
    pub(super) backend: Backend,
    /// Whether the CNI plugin makes the rules.
    pub(super) cni: bool,
}

/// Where lists stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The injector's values.
    Mesh,
    /// Annotations; some lists may come from the values.
    Annotations,
    /// The arguments of `istio-init`.
    Arguments,
}

/// One list.
#[derive(Clone)]
pub(super) struct List<'a> {
    /// As in the annotation.
    pub(super) name: &'static str,
    pub(super) text: &'a str,
    pub(super) field: String,
    /// Whether it stands in this place, and not in another one that counts here, too.
    pub(super) own: bool,
}

impl<'a> List<'a> {
    pub(super) fn is_star(&self) -> bool {
        self.text == "*"
    }

    /// What stands between commas, and the range that Istio reads from it.
    pub(super) fn elements(&self) -> impl Iterator<Item = (&'a str, Option<IpNet>)> + use<'a> {
        let star = self.is_star();
        let all = elements(self.text).map(|text| (text, prefix(text)));
        all.filter(move |_| !star)
    }

    /// Every range that Istio reads.
    pub(super) fn ranges(&self) -> Vec<IpNet> {
        self.elements().filter_map(|(_, range)| range).collect()
    }

    /// What stands between commas, and the ports that are read from it.
    pub(super) fn ports(&self, backend: Backend) -> Vec<(&'a str, Option<PortRange>)> {
        let read = |text| Some(Ports::parse(text, backend).ok()?.list().first()?.clone());
        elements(self.text).map(|text| (text, read(text))).collect()
    }
}

impl Lists<'_> {
    /// A fault of a list.
    pub(super) fn finding(
        &self,
        code: Code,
        list: &List<'_>,
        value: impl ToString,
        message: impl Into<String>,
        fix: impl Into<String>,
    ) -> Finding {
        self.place.finding(code, &*list.field, value, message, fix)
    }

    /// Rules that are made from these, as far as they are read.
    pub(super) fn config(&self) -> CaptureConfig {
        let ports = |list: &List<'_>| {
            let ports = list.ports(self.backend).into_iter();
            ports.filter_map(|(_, ports)| ports).collect()
        };
        // An empty value of the mesh is no annotation, and the CNI plugin's default is `*`.
        let of_mesh = self.origin == Origin::Mesh || !self.include.own;
        let by_default = self.cni && of_mesh && self.include.text.is_empty();
        CaptureConfig {
            version: self.version.or(Some(Version::CURRENT)),
            backend: self.backend,
            include: if self.include.is_star() || by_default {
                egress_observer_istio::rules::Ranges::all()
            } else {
                self.include.ranges().into_iter().collect()
            },
            exclude: self.exclude.ranges().into_iter().collect(),
            include_ports: ports(&self.include_ports),
            exclude_ports: ports(&self.exclude_ports),
            ..CaptureConfig::default()
        }
    }
}

impl<'a> Lists<'a> {
    /// Every place with lists of its own. A pod's lists are left out where they only repeat its
    /// template or the mesh: those are judged there.
    pub(super) fn of(scene: &'a Scene<'_>) -> Vec<Self> {
        let mesh = scene.injectors.iter().map(|map| {
            let (proxy, field) = (&map.injector.values.global.proxy, "data.values: ");
            Self::new(
                map.place.clone(),
                Origin::Mesh,
                "pods without annotations of their own".to_owned(),
                Some(&map.injector),
                |name| {
                    Some((
                        mesh_text(proxy, name),
                        format!("{field}{}", mesh_name(name)),
                    ))
                },
            )
        });
        let subjects = scene.subjects.iter();
        let others = subjects.flat_map(|subject| {
            let annotations = Self::of_annotations(scene, subject);
            let arguments = Self::of_arguments(scene, subject);
            annotations.into_iter().chain(arguments)
        });
        mesh.chain(others).collect()
    }

    /// Lists of `own` text, the rest from the injector or the chart.
    fn new(
        place: Place,
        origin: Origin,
        whom: String,
        injector: Option<&'a Injector>,
        own: impl Fn(&'static str) -> Option<(&'a str, String)>,
    ) -> Self {
        let list = |name: &'static str| {
            let written = own(name);
            let is_own = written.is_some();
            let (text, field) = written.unwrap_or_else(|| {
                let text = match injector {
                    Some(injector) => mesh_text(&injector.values.global.proxy, name),
                    None if name == INCLUDE => "*",
                    None => "",
                };
                (text, mesh_name(name))
            });
            List {
                name,
                text,
                field,
                own: is_own,
            }
        };
        let nftables = injector.is_some_and(|injector| injector.values.global.native_nftables);
        Self {
            place,
            origin,
            whom,
            include: list(INCLUDE),
            exclude: list(EXCLUDE),
            include_ports: list(INCLUDE_PORTS),
            exclude_ports: list(EXCLUDE_PORTS),
            version: injector.and_then(|injector| Version::of_tag(&injector.values.global.tag)),
            backend: Backend::of(nftables),
            cni: injector.is_some_and(by_cni),
        }
    }

    fn of_annotations(scene: &'a Scene<'_>, subject: &'a Subject<'_>) -> Option<Self> {
        let injector = scene.injector(subject);
        // Under the CNI plugin the injector itself writes annotations, from the mesh's values.
        let repeated = |name: &str, text: &str| {
            let mesh = injector.map(|injector| mesh_text(&injector.values.global.proxy, name));
            subject.runs && mesh == Some(text)
        };
        if subject.has_template {
            return None;
        }
        let lists = Self::new(
            subject.place.clone(),
            Origin::Annotations,
            subject.workload(),
            injector,
            |name| {
                let key = format!("{TRAFFIC}{name}");
                let text = subject.metadata.annotations.get(&key)?;
                (!repeated(name, text)).then(|| (&**text, subject.annotation_field(&key)))
            },
        );
        lists.all().iter().any(|list| list.own).then_some(lists)
    }

    fn of_arguments(scene: &'a Scene<'_>, subject: &'a Subject<'_>) -> Option<Self> {
        let init = setup::container(subject.spec, INIT)?;
        let args = flags::arguments(&init.command, &init.args);
        let injector = scene.injector(subject);
        let mut lists = Self::new(
            subject.place.clone(),
            Origin::Arguments,
            subject.workload(),
            injector,
            |name| {
                let [short, long] = flag_names(name);
                let mut pairs = args.windows(2);
                let found = pairs.rfind(|pair| {
                    let flag = pair.first().copied().unwrap_or_default();
                    flag == short || flag.strip_prefix("--") == Some(long)
                });
                let text = found.and_then(|pair| pair.get(1).copied()).unwrap_or("");
                let field = format!("initContainers[{INIT}].args: {short}");
                Some((text, subject.spec_field(&field)))
            },
        );
        lists.cni = false;
        lists.version = Version::of_image(&init.image).or(lists.version);
        // What an annotation or the mesh says is judged there.
        let repeated = |list: &List<'_>| {
            let key = format!("{TRAFFIC}{}", list.name);
            match subject.metadata.annotations.get(&key) {
                Some(text) => text == list.text,
                None => injector.is_some_and(|injector| {
                    mesh_text(&injector.values.global.proxy, list.name) == list.text
                }),
            }
        };
        let stock = |list: &List<'_>| list.text.is_empty() && list.name != INCLUDE;
        let said = |list: &List<'_>| repeated(list) || stock(list) || list.is_star();
        let nothing_new = lists.all().into_iter().all(said);
        (!nothing_new).then_some(lists)
    }

    pub(super) fn all(&self) -> [&List<'a>; 4] {
        [
            &self.include,
            &self.exclude,
            &self.include_ports,
            &self.exclude_ports,
        ]
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

/// Whether one range holds another.
pub(super) fn holds(outer: &IpNet, inner: &IpNet) -> bool {
    outer.contains(inner)
}

/// Whether ranges together hold one.
pub(super) fn together_hold(ranges: &[IpNet], inner: &IpNet) -> bool {
    let merged = IpNet::aggregate(&ranges.iter().map(IpNet::trunc).collect());
    merged.iter().any(|range| range.contains(inner))
}
