//! How a list of ranges is given to Istio: the same value for `istioctl`, for Helm, and as an
//! annotation.

use ipnet::IpNet;
use serde::Serialize;

/// Which list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RangeList {
    /// What sidecars get.
    Include,
    /// What they do not get.
    Exclude,
}

impl RangeList {
    /// The value's name below `global.proxy`.
    pub(crate) const fn value_name(self) -> &'static str {
        match self {
            Self::Include => "includeIPRanges",
            Self::Exclude => "excludeIPRanges",
        }
    }

    /// The annotation that replaces the value for one workload.
    pub(crate) const fn annotation(self) -> &'static str {
        match self {
            Self::Include => "traffic.sidecar.istio.io/includeOutboundIPRanges",
            Self::Exclude => "traffic.sidecar.istio.io/excludeOutboundIPRanges",
        }
    }
}

/// One value in its spellings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Spellings {
    #[serde(skip)]
    list: RangeList,
    /// As in an IstioOperator and an annotation.
    pub(crate) plain: String,
    /// For `istioctl install`.
    pub(crate) istioctl: String,
    /// For `helm upgrade`.
    pub(crate) helm: String,
    /// A line of `metadata.annotations` of a pod template.
    pub(crate) annotation: String,
}

impl Spellings {
    /// Elements of a list. `--set` takes a comma for the end of the value, unless it is escaped.
    pub(crate) fn new(list: RangeList, elements: &[String]) -> Self {
        let (name, plain) = (list.value_name(), elements.join(","));
        let escaped = elements.join("\\,");
        Self {
            list,
            istioctl: format!("--set values.global.proxy.{name}=\"{escaped}\""),
            helm: format!("--set global.proxy.{name}=\"{escaped}\""),
            annotation: format!("{}: \"{plain}\"", list.annotation()),
            plain,
        }
    }

    /// The same for ranges.
    pub(crate) fn of_ranges<'a>(
        list: RangeList,
        ranges: impl IntoIterator<Item = &'a IpNet>,
    ) -> Self {
        let elements: Vec<_> = ranges.into_iter().map(ToString::to_string).collect();
        Self::new(list, &elements)
    }

    /// Commands that set it for the mesh, each behind a comment.
    pub(crate) fn commands(&self) -> String {
        let Self { istioctl, helm, .. } = self;
        format!(
            "# for the mesh, with istioctl:\n\
             istioctl install {istioctl}\n\
             # or with Helm:\n\
             helm upgrade istiod istio/istiod -n istio-system --reuse-values \\\n\
             \x20 {helm}\n"
        )
    }

    /// The same as a value of the installation's file.
    pub(crate) fn as_value(&self) -> String {
        format!(
            "# or in an IstioOperator:\n\
             #   spec: {{values: {{global: {{proxy: {{{}: \"{}\"}}}}}}}}\n",
            self.list.value_name(),
            self.plain
        )
    }

    /// The annotation, as a comment.
    pub(crate) fn as_annotation(&self) -> String {
        format!(
            "# or for one workload, as an annotation of its pod template:\n\
             #   {}\n",
            self.annotation
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comma_is_escaped_for_set_and_nowhere_else() {
        let ranges = ["10.4.0.0/14", "10.7.240.0/20"].map(|range| range.parse().unwrap());
        let spelt = Spellings::of_ranges(RangeList::Include, &ranges);
        let expected = Spellings {
            list: RangeList::Include,
            plain: "10.4.0.0/14,10.7.240.0/20".to_owned(),
            istioctl: "--set values.global.proxy.includeIPRanges=\"10.4.0.0/14\\,10.7.240.0/20\""
                .to_owned(),
            helm: "--set global.proxy.includeIPRanges=\"10.4.0.0/14\\,10.7.240.0/20\"".to_owned(),
            annotation: "traffic.sidecar.istio.io/includeOutboundIPRanges: \
                         \"10.4.0.0/14,10.7.240.0/20\""
                .to_owned(),
        };
        assert_eq!(spelt, expected);
    }
}
