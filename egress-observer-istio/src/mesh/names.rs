//! How Istio names the ConfigMaps of a revision.

/// `ROOT_NAMESPACE` is Istio's default for `rootNamespace`, and the namespace whose ConfigMaps win over those of the same
/// name elsewhere.
pub const ROOT_NAMESPACE: &str = "istio-system";

/// The annotation of a ConfigMap that is in no cluster: what it was made from, for people.
pub const MADE_FROM: &str = "egress-observer.io/made-from";

/// Whether what is known from one namespace stays when another has it, too.
pub(super) fn outranks(known: &str, other: &str) -> bool {
    known == ROOT_NAMESPACE && other != ROOT_NAMESPACE
}

/// The revision is the suffix of a ConfigMap's name. One called `-default`, as the charts make it where
/// the revision is set to that, is nobody's: istiod asks for the one without a suffix
/// (`pilot/pkg/bootstrap/mesh.go` `getMeshConfigMapName`, `sidecarinjector.go`
/// `getInjectorConfigMapName`).
pub fn revision_of<'a>(name: &'a str, base: &str) -> Option<&'a str> {
    let rest = name.strip_prefix(base)?;
    if rest.is_empty() {
        return Some("");
    }
    rest.strip_prefix('-')
        .filter(|revision| *revision != "default")
}

/// The name that Azure's add-on gives the ConfigMap below a revision's own, which its users edit.
pub(super) fn usual_shared(revision: &str) -> String {
    let revision = if revision.is_empty() {
        "default"
    } else {
        revision
    };
    format!("istio-shared-configmap-{revision}")
}

/// Istio names the default revision's objects without a suffix.
pub fn canonical(revision: &str) -> &str {
    if revision == "default" { "" } else { revision }
}
