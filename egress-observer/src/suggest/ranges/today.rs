//! The value of today beside the suggested one.

use ipnet::IpNet;
use serde::Serialize;

use super::cover::{hold, merged, touch};
use crate::{lint::output::plain, suggest::as_texts};
use egress_observer_istio::{
    mesh::Mesh,
    rules::{elements, prefix},
};

/// How today's value stands to the suggested one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Standing {
    /// It holds the same addresses.
    Same,
    /// `*`: every address.
    Everything,
    /// Empty: no address.
    Nothing,
    /// Some ranges are missing, or too many.
    Differs,
    /// There is no value to compare with.
    Open,
}

/// A revision's value of today.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TodayRanges {
    /// The control plane's; empty for the default one.
    pub(crate) revision: String,
    /// Where it stands.
    pub(crate) source: String,
    pub(crate) value: String,
    pub(crate) standing: Standing,
    /// Ranges of the cluster that it leaves out, or a part of which it does.
    #[serde(serialize_with = "as_texts")]
    pub(crate) leaves_out: Vec<IpNet>,
    /// Ranges of it that are not the cluster's, as far as is known.
    #[serde(serialize_with = "as_texts")]
    pub(crate) beyond: Vec<IpNet>,
}

/// What every revision has today. `suggested` and `known` are merged: what the value is made of,
/// and all that is known of the cluster.
pub(super) fn compare(mesh: &Mesh, suggested: &[IpNet], known: &[IpNet]) -> Vec<TodayRanges> {
    let all = mesh.injectors().into_iter();
    all.map(|(revision, injector)| {
        let text = &injector.values.global.proxy.include_ip_ranges;
        let source = format!("ConfigMap {}", plain(&injector.name));
        against(revision, source, text, suggested, known)
    })
    .collect()
}

fn against(
    revision: &str,
    source: String,
    text: &str,
    suggested: &[IpNet],
    known: &[IpNet],
) -> TodayRanges {
    let today = merged(elements(text).filter_map(|element| prefix(element.trim())));
    let star = text == "*";
    let (mut leaves_out, mut beyond) = (Vec::new(), Vec::new());
    if !star {
        leaves_out.extend(suggested.iter().filter(|range| !hold(&today, range)));
        beyond.extend(today.iter().filter(|range| !touch(known, range)));
    }
    let standing = match text {
        "*" => Standing::Everything,
        "" => Standing::Nothing,
        _ if suggested.is_empty() => Standing::Open,
        _ if today == suggested => Standing::Same,
        _ => Standing::Differs,
    };
    TodayRanges {
        revision: plain(revision),
        source,
        value: plain(text),
        standing,
        leaves_out,
        beyond,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn todays_value_leaves_ranges_out_or_has_ranges_of_nobody() {
        let nets = |text: &str| -> Vec<IpNet> {
            text.split_whitespace()
                .map(|net| net.parse().unwrap())
                .collect()
        };
        let suggested = nets("10.96.0.0/12 10.244.0.0/16");
        let cases = [
            ("10.244.0.0/16,10.96.0.1/12", Standing::Same, "", ""),
            ("*", Standing::Everything, "", ""),
            ("", Standing::Nothing, "10.96.0.0/12 10.244.0.0/16", ""),
            ("10.96.0.0/12", Standing::Differs, "10.244.0.0/16", ""),
            (
                "10.96.0.0/16,10.244.0.0/16,172.16.0.0/12",
                Standing::Differs,
                "10.96.0.0/12",
                "172.16.0.0/12",
            ),
            ("10.0.0.0/8", Standing::Differs, "", ""),
        ];
        for (text, standing, leaves_out, beyond) in cases {
            let found = against("", String::new(), text, &suggested, &suggested);
            let expected = TodayRanges {
                revision: String::new(),
                source: String::new(),
                value: text.to_owned(),
                standing,
                leaves_out: nets(leaves_out),
                beyond: nets(beyond),
            };
            assert_eq!(found, expected);
        }
    }
}
