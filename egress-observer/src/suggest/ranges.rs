//! This cluster's own ranges as a value for `includeIPRanges`, each with where the figure comes
//! from and how sure it is. Pure: objects in, a suggestion out.
//!
//! ```text
//! objects -> sources -> statements -> weigh -> ranges -> cover -> value -> text
//!         -> platform                              \-> today
//! ```

mod answer;
mod cover;
mod platform;
mod sources;
mod statement;
mod text;
mod today;
mod weigh;

use self::{
    answer::{Missing, RangeSuggestion},
    cover::merged,
    platform::{KnownPlatform, detect},
    today::compare,
    weigh::{Weighed, weigh},
};
use crate::{
    api_version::API_VERSION,
    install::{RangeList, Spellings},
};
use egress_observer_istio::{
    manifests::Object,
    mesh::Mesh,
    vocabulary::{Platform, RangeOf},
};

/// What is asked for.
#[derive(Debug, Default)]
pub(crate) struct Question {
    /// Instead of the one that the objects show.
    pub(crate) platform: Option<Platform>,
    /// Whether ranges that only addresses in use speak for are in the value.
    pub(crate) include_observed: bool,
    /// Where the objects are from, for a command line. None: only the platform is asked about.
    pub(crate) manifests: Vec<String>,
}

/// The ranges that these objects say the cluster has.
#[cfg(feature = "agent")]
pub(crate) fn of_cluster(objects: &[Object]) -> Vec<ipnet::IpNet> {
    let ranges = weigh(objects, false).ranges.into_iter();
    ranges
        .filter(|range| range.in_value)
        .map(|range| range.cidr)
        .collect()
}

/// Answers from objects.
pub(crate) fn suggest(objects: &[Object], question: &Question) -> RangeSuggestion {
    let platform = match question.platform {
        Some(name) => Some(KnownPlatform::new(name, "--platform".to_owned())),
        None => detect(objects),
    };
    let asked = !question.manifests.is_empty();
    let Weighed {
        ranges,
        gaps,
        mut notes,
    } = if asked {
        weigh(objects, question.include_observed)
    } else {
        Weighed::default()
    };
    let in_value = ranges.iter().filter(|range| range.in_value);
    let value = merged(in_value.map(|range| range.cidr));
    let known = merged(ranges.iter().map(|range| range.cidr));
    if value.len() > MANY {
        let n = value.len();
        notes.push(format!(
            "the value has {n} ranges, and every pod gets a rule for each: ask for the range around \
             them, and set that"
        ));
    }
    let mut mesh = Mesh::default();
    for object in objects {
        if let Object::ConfigMap(map) = object {
            mesh.apply(map);
        }
    }
    let spellings = (!value.is_empty()).then(|| Spellings::of_ranges(RangeList::Include, &value));
    let ask = platform.as_ref().map_or(ASK, |known| known.ask);
    let missing = gaps.into_iter().map(|(of, ip_version)| Missing {
        of,
        ip_version,
        breaks: breaks(of),
        ask: ask.to_vec(),
    });
    RangeSuggestion {
        api_version: API_VERSION,
        kind: "RangeSuggestion",
        missing: missing.collect(),
        today: compare(&mesh, &value, &known),
        try_it: spellings.as_ref().map(|spelt| try_it(question, spelt)),
        value: spellings.as_ref().map(|spelt| spelt.plain.clone()),
        spellings,
        platform,
        ranges,
        notes,
    }
}

/// Ranges in a value that nobody writes by hand: the parts of nodes.
const MANY: usize = 20;

/// Where to ask on any platform, given the rights.
const ASK: &[&str] = &[
    "kubectl get servicecidrs -o yaml   # Kubernetes 1.33 and later: Services",
    "kubectl get pods -n kube-system -o yaml | grep -e service-cluster-ip-range -e cluster-cidr",
    "kubectl get nodes -o yaml | grep -A2 podCIDRs   # parts of the pods' range",
];

const fn breaks(of: RangeOf) -> &'static str {
    match of {
        RangeOf::Pods => {
            "Connections to pods' addresses would go around the sidecar: headless Services, \
             StatefulSets, clients that balance by themselves, and with Cilium's socket load \
             balancing all of them. No mTLS: a server with STRICT refuses them."
        }
        RangeOf::Services => {
            "Connections to Services would go around the sidecar: inside the cluster the mesh would \
             do nothing, neither mTLS nor routing nor telemetry."
        }
    }
}

/// `what-if` with the value, ready for a shell.
fn try_it(question: &Question, spelt: &Spellings) -> String {
    let paths: Vec<_> = question.manifests.iter().map(|path| quoted(path)).collect();
    let value = &spelt.plain;
    format!(
        "egress-observer what-if --manifests {} --cluster-cidrs {value} --set includeIPRanges={value}",
        paths.join(" ")
    )
}

/// A word for a shell.
fn quoted(word: &str) -> String {
    let mut chars = word.chars();
    if !word.is_empty() && chars.all(|c| c.is_ascii_alphanumeric() || "/._-,=:@%+".contains(c)) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::{sources::tests::objects, today::Standing, *};

    fn answer(text: &str) -> RangeSuggestion {
        let question = Question {
            manifests: vec!["k8s/it's here".to_owned()],
            ..Question::default()
        };
        suggest(&objects(text), &question)
    }

    const SERVICES: &str = "apiVersion: networking.k8s.io/v1\nkind: ServiceCIDR\n\
                            metadata: {name: kubernetes}\nspec: {cidrs: [10.7.240.0/20]}\n";

    #[test]
    fn no_range_is_no_value() {
        let answer = answer("kind: Namespace\nmetadata: {name: a}\n");
        assert_eq!((answer.value, answer.try_it), (None, None));
        let missing: Vec<_> = answer.missing.iter().map(|one| one.of).collect();
        assert_eq!(missing, [RangeOf::Pods, RangeOf::Services]);
        assert_eq!(answer.missing[0].ask, ASK);
    }

    #[test]
    fn what_is_missing_is_said_with_where_to_ask_on_this_platform() {
        let node =
            "---\nkind: Node\nmetadata: {name: a, labels: {eks.amazonaws.com/nodegroup: x}}\n";
        let answer = answer(&(SERVICES.to_owned() + node));
        assert_eq!(answer.value.as_deref(), Some("10.7.240.0/20"));
        let [missing] = answer.missing.as_slice() else {
            panic!("{:?}", answer.missing)
        };
        assert_eq!(missing.of, RangeOf::Pods);
        assert!(missing.breaks.contains("headless"));
        assert!(missing.ask[0].starts_with("aws eks describe-cluster"));
    }

    #[test]
    fn usual_ranges_are_never_in_the_value() {
        for platform in Platform::ALL {
            let question = Question {
                platform: Some(*platform),
                ..Question::default()
            };
            let answer = suggest(&[], &question);
            assert_eq!(answer.value, None);
            assert_eq!(answer.missing, [], "nothing was asked of a cluster");
            assert_eq!(answer.platform.unwrap().name, *platform);
        }
    }

    #[test]
    fn overlaps_are_written_once_and_the_command_is_ready_for_a_shell() {
        let pool = "---\napiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata: {name: a}\n\
                    spec: {cidr: 10.4.0.0/14}\n";
        let answer = answer(&(SERVICES.to_owned() + pool));
        assert_eq!(answer.value.as_deref(), Some("10.4.0.0/14"));
        assert_eq!(answer.ranges.len(), 2);
        assert_eq!(
            answer.try_it.as_deref(),
            Some(
                "egress-observer what-if --manifests 'k8s/it'\\''s here' --cluster-cidrs 10.4.0.0/14 \
                 --set includeIPRanges=10.4.0.0/14"
            )
        );
    }

    #[test]
    fn todays_value_is_compared_by_revision() {
        let map = |name: &str, value: &str| {
            format!(
                "---\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: istio-system}}\n\
                 data: {{values: '{{\"global\":{{\"proxy\":{{\"includeIPRanges\":\"{value}\"}}}}}}'}}\n"
            )
        };
        let text = SERVICES.to_owned()
            + &map("istio-sidecar-injector", "*")
            + &map("istio-sidecar-injector-canary", "10.7.240.1/20");
        let found: Vec<_> = answer(&text)
            .today
            .into_iter()
            .map(|today| (today.revision, today.standing))
            .collect();
        let expected = [
            (String::new(), Standing::Everything),
            ("canary".to_owned(), Standing::Same),
        ];
        assert_eq!(found, expected);
    }
}
