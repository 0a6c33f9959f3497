//! The version of Istio whose rules a pod has.

use std::fmt;

/// The minor version of an Istio 1.x.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Version(pub u16);

impl Version {
    /// What stands for a version that nobody names. The rules for outbound connections have been
    /// the same since 1.25; 1.27 reads their input more strictly.
    pub const CURRENT: Self = Self(27);
    /// One version of each set of rules that decides differently, the newest first.
    pub const REGIMES: [Self; 4] = [Self::CURRENT, Self(24), Self(22), Self(17)];

    /// The version that an image's tag names: `docker.io/istio/proxyv2:1.22.3-distroless`,
    /// `proxyv2:1.24-alpha.0f3a@sha256:..`.
    pub fn of_image(image: &str) -> Option<Self> {
        let name = image.split('@').next()?;
        // A colon before the last slash belongs to a registry's port.
        let (_, tag) = name.rsplit('/').next()?.split_once(':')?;
        Self::of_tag(tag)
    }

    /// The version that a tag names: `1.22.3`, `v1.24-dev`.
    pub fn of_tag(tag: &str) -> Option<Self> {
        let minor = tag.strip_prefix('v').unwrap_or(tag).strip_prefix("1.")?;
        let digits = minor.len() - minor.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        minor.get(..digits)?.parse().ok().map(Self)
    }
}

/// A release of an Istio 1.x: its minor version, and the patch level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Release(pub u16, pub u16);

impl Release {
    /// The release that an image's tag names.
    pub fn of_image(image: &str) -> Option<Self> {
        let name = image.split('@').next()?;
        let (_, tag) = name.rsplit('/').next()?.split_once(':')?;
        Self::of_tag(tag)
    }

    /// The release that a tag names; one without a patch level is the first.
    pub fn of_tag(tag: &str) -> Option<Self> {
        let Version(minor) = Version::of_tag(tag)?;
        let (_, rest) = tag.split_once('.')?;
        let patch = rest.split_once('.').map_or("", |(_, patch)| patch);
        let digits = patch.len() - patch.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        Some(Self(minor, patch[..digits].parse().unwrap_or(0)))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1.{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_name_releases() {
        for (image, release) in [
            ("docker.io/istio/proxyv2:1.12.5", Some(Release(12, 5))),
            ("proxyv2:1.13.2-distroless", Some(Release(13, 2))),
            ("proxyv2:v1.24-alpha.0f3a", Some(Release(24, 0))),
            ("proxyv2:latest", None),
        ] {
            assert_eq!(Release::of_image(image), release, "{image}");
        }
    }

    #[test]
    fn tags_name_versions() {
        let cases = [
            ("docker.io/istio/proxyv2:1.22.3", Some(22)),
            ("docker.io/istio/proxyv2:1.25.0-distroless", Some(25)),
            ("registry.example:5000/proxyv2:v1.5.10@sha256:00", Some(5)),
            ("gcr.io/istio-testing/proxyv2:1.28-alpha.0f3a", Some(28)),
            ("registry.example:5000/proxyv2", None),
            ("proxyv2:latest", None),
            ("proxyv2@sha256:00", None),
            ("auto", None),
            ("", None),
        ];
        for (image, minor) in cases {
            assert_eq!(Version::of_image(image), minor.map(Version), "{image}");
        }
    }
}
