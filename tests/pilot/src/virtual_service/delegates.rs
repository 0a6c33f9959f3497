//! Delegates become part of those that delegate to them (`mergeVirtualServices` in
//! `pilot/pkg/model/virtualservice_controller.go`, `MergeHTTPRoutes` in `virtualservice.go`).

use std::collections::BTreeSet;

use super::{HttpMatch, HttpRoute, StringMatch, VirtualService};
use crate::mesh::Mesh;
use crate::objects::Labels;

/// Those with hosts, complete.
pub(super) fn merge(all: &[VirtualService], mesh: &Mesh) -> Vec<VirtualService> {
    all.iter()
        .filter(|one| !one.spec.hosts.is_empty())
        .map(|root| {
            let mut merged = root.clone();
            merged.spec.http = root
                .spec
                .http
                .iter()
                .flat_map(|route| routes_of(route, root, all, mesh))
                .collect();
            merged
        })
        .collect()
}

/// The routes that stand in a route's place: none where the delegate is missing or not exported.
fn routes_of(
    route: &HttpRoute,
    root: &VirtualService,
    all: &[VirtualService],
    mesh: &Mesh,
) -> Vec<HttpRoute> {
    let Some(delegate) = &route.delegate else {
        return vec![route.clone()];
    };
    let namespace = if delegate.namespace.is_empty() {
        &root.object.namespace
    } else {
        &delegate.namespace
    };
    let found = all.iter().find(|one| {
        one.spec.hosts.is_empty()
            && one.object.namespace == *namespace
            && one.object.name == delegate.name
    });
    let Some(found) = found else {
        return Vec::new();
    };
    let export_to = export_to(found, mesh);
    if !export_to.contains("*") && !export_to.contains(&root.object.namespace) {
        return Vec::new();
    }
    found
        .spec
        .http
        .iter()
        .filter_map(|of_delegate| merged(route, of_delegate))
        .collect()
}

/// With `.` as the namespace that it stands for.
pub(super) fn export_to(of: &VirtualService, mesh: &Mesh) -> BTreeSet<String> {
    let own: BTreeSet<String> = of.spec.export_to.iter().cloned().collect();
    let written = if own.is_empty() {
        &mesh.virtual_service_export_to
    } else {
        &own
    };
    written
        .iter()
        .map(|one| match one.as_str() {
            "." => of.object.namespace.clone(),
            one => one.to_owned(),
        })
        .collect()
}

/// `mergeHTTPRoute`: nothing where the two exclude each other.
fn merged(root: &HttpRoute, delegate: &HttpRoute) -> Option<HttpRoute> {
    let mut merged = delegate.clone();
    merged.matches = merged_matches(&root.matches, &delegate.matches)?;
    merged.direct_response = delegate
        .direct_response
        .clone()
        .or_else(|| root.direct_response.clone());
    merged.mirror = delegate.mirror.clone().or_else(|| root.mirror.clone());
    if merged.mirrors.is_empty() {
        merged.mirrors.clone_from(&root.mirrors);
    }
    Some(merged)
}

fn merged_matches(root: &[HttpMatch], delegate: &[HttpMatch]) -> Option<Vec<HttpMatch>> {
    if root.is_empty() {
        return Some(delegate.to_vec());
    }
    if delegate.is_empty() {
        return Some(root.to_vec());
    }
    let mut merged = Vec::new();
    for leaf in delegate {
        let before = merged.len();
        merged.extend(
            root.iter()
                .filter(|of_root| !has_conflict(of_root, leaf))
                .map(|of_root| merged_match(of_root, leaf)),
        );
        if merged.len() == before {
            return None;
        }
    }
    Some(merged)
}

fn merged_match(root: &HttpMatch, leaf: &HttpMatch) -> HttpMatch {
    let mut merged = leaf.clone();
    let texts = [
        (&mut merged.uri, &root.uri),
        (&mut merged.scheme, &root.scheme),
        (&mut merged.method, &root.method),
        (&mut merged.authority, &root.authority),
    ];
    for (of_leaf, of_root) in texts {
        if of_leaf.is_none() {
            of_leaf.clone_from(of_root);
        }
    }
    let maps = [
        (&mut merged.headers, &root.headers),
        (&mut merged.without_headers, &root.without_headers),
        (&mut merged.query_params, &root.query_params),
    ];
    for (of_leaf, of_root) in maps {
        for (name, value) in of_root {
            of_leaf.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
    let mut labels: Labels = root.source_labels.clone();
    labels.extend(leaf.source_labels.clone());
    merged.source_labels = labels;
    if merged.port == 0 {
        merged.port = root.port;
    }
    if merged.source_namespace.is_empty() {
        merged.source_namespace.clone_from(&root.source_namespace);
    }
    if merged.gateways.is_empty() {
        merged.gateways.clone_from(&root.gateways);
    }
    merged
}

fn has_conflict(root: &HttpMatch, leaf: &HttpMatch) -> bool {
    let texts = [
        (&root.uri, &leaf.uri),
        (&root.scheme, &leaf.scheme),
        (&root.method, &leaf.method),
        (&root.authority, &leaf.authority),
    ];
    let maps = [
        (&root.headers, &leaf.headers),
        (&root.without_headers, &leaf.without_headers),
        (&root.query_params, &leaf.query_params),
    ];
    let in_texts = texts
        .iter()
        .any(|(root, leaf)| excludes(root.as_ref(), leaf.as_ref()));
    let in_maps = maps.iter().any(|(root, leaf)| {
        leaf.iter()
            .any(|(name, value)| excludes(root.get(name), Some(value)))
    });
    let in_labels = leaf.source_labels.iter().any(|(name, value)| {
        root.source_labels
            .get(name)
            .is_some_and(|of_root| of_root != value)
    });
    let in_gateways = !root.gateways.is_empty()
        && !leaf.gateways.is_empty()
        && (root.gateways.len() < leaf.gateways.len()
            || leaf.gateways.iter().any(|one| !root.gateways.contains(one)));
    let in_ports = root.port > 0 && leaf.port > 0 && root.port != leaf.port;
    let in_namespaces =
        !root.source_namespace.is_empty() && leaf.source_namespace != root.source_namespace;
    let in_case = root.ignore_uri_case != leaf.ignore_uri_case;
    in_texts || in_maps || in_labels || in_gateways || in_ports || in_namespaces || in_case
}

/// `stringMatchConflict`: whether the leaf is no part of the root.
fn excludes(root: Option<&StringMatch>, leaf: Option<&StringMatch>) -> bool {
    let (Some(root), Some(leaf)) = (root, leaf) else {
        return false;
    };
    let [root, leaf] = [root, leaf].map(|of| {
        [&of.exact, &of.prefix, &of.regex].map(|text| text.as_deref().unwrap_or_default())
    });
    let [root_is_set, leaf_is_set] = [root, leaf].map(|of| of.iter().any(|text| !text.is_empty()));
    let ([exact, prefix, regex], [leaf_exact, leaf_prefix, leaf_regex]) = (root, leaf);
    if !regex.is_empty() && leaf_is_set || !leaf_regex.is_empty() && root_is_set {
        return true;
    }
    if !exact.is_empty() {
        return !leaf_prefix.is_empty() || leaf_exact != exact;
    }
    if !prefix.is_empty() {
        if !leaf_prefix.is_empty() {
            return !leaf_prefix.starts_with(prefix);
        }
        if !leaf_exact.is_empty() {
            return !leaf_exact.starts_with(prefix);
        }
    }
    true
}
