//! ServiceEntries.

use serde_json::json;

use super::{by_version, faults, refused, taken};
use crate::{objects::Kind, validation::NEWEST};

/// Ports that most cases have.
fn spell(spec: &str) -> String {
    spec.replace("$web", "{number: 80, name: web, protocol: http}")
        .replace("$alt", "{number: 8080, name: alt, protocol: HTTP}")
        .replace("$tls", "{number: 443, name: tls, protocol: HTTPS}")
        .replace("$tcp", "{number: 5432, name: db, protocol: TCP}")
        .replace(
            "$two",
            "[{address: a.test, ports: {web: 8080}}, {address: b.test, ports: {alt: 9090}}]",
        )
}

#[test]
fn entries_that_istio_takes() {
    taken(
        Kind::ServiceEntry,
        &[
            // By resolution.
            "{hosts: [a.test], ports: [$web, $alt]}",
            "{hosts: [a.test], ports: [$web, $alt], resolution: NONE}",
            "{hosts: [a.test]}",
            "{hosts: [a.test], ports: [$web, $alt], resolution: DNS}",
            "{hosts: ['*.a.test'], ports: [$web, $alt], resolution: DNS, endpoints: $two}",
            "{hosts: ['*.a.test'], ports: [$web], resolution: DNS_ROUND_ROBIN, endpoints: [{address: b.test, ports: {web: 8080}}]}",
            "{hosts: [a.test], ports: [$web], resolution: DNS_ROUND_ROBIN, endpoints: []}",
            "{hosts: ['*.a.test'], ports: [$web], resolution: DNS, endpoints: [{address: b.test, ports: {web: 80}, labels: {security.istio.io/tlsMode: istio}}]}",
            "{hosts: ['*.a.test'], ports: [$web, $alt], resolution: DNS, endpoints: [{address: 192.0.2.1, ports: {web: 80}}, {address: b.test}]}",
            "{hosts: [a.test], addresses: [192.0.2.1], ports: [$web], resolution: STATIC}",
            "{hosts: [a.test], addresses: [192.0.2.1], ports: [$web, $alt], resolution: STATIC, endpoints: [{address: 192.0.2.2, ports: {web: 8080}}, {address: '2001:db8::1', ports: {alt: 9090}}]}",
            "{hosts: [a.test], ports: [$tls], resolution: STATIC, endpoints: [{network: other}]}",
            // By addresses.
            "{hosts: [a.test], addresses: [192.0.2.1], ports: [$web, $tls], resolution: DNS}",
            "{hosts: [a.test, b.test], addresses: [192.0.2.1], ports: [$web, $tls], resolution: DNS}",
            "{hosts: ['*.a.test'], addresses: [192.0.2.1], ports: [$web, $alt], resolution: DNS, endpoints: $two}",
            "{hosts: [a.test], addresses: [172.16.2.16/16], ports: [$web, $tcp]}",
            "{hosts: [a.test], addresses: [172.16.2.16/16, '2001:db8::/32'], ports: [$web], resolution: STATIC, endpoints: [{address: 192.0.2.2}]}",
            "{hosts: [a.test], addresses: [], ports: [$web, {number: 81, name: tcp, protocol: TCP}]}",
            // By hosts.
            "{hosts: [short, b.test], ports: [$web], resolution: DNS, endpoints: [{address: c.test, ports: {web: 9080}}]}",
            "{hosts: [a.test, a.test], ports: [$tls], resolution: DNS}",
            "{hosts: [a.test., A.Test], ports: [$tls], resolution: DNS}",
            "{hosts: ['*.a.test', '*b.test'], ports: [$tls], resolution: NONE}",
            "{hosts: [a.test, b.test], ports: [$tcp], resolution: NONE}",
            // By ports.
            "{hosts: [a.test], addresses: [172.16.0.0/16], ports: [$web, {number: 81, name: guessed}]}",
            "{hosts: [a.test], ports: [$web, {number: 81, name: guessed}]}",
            "{hosts: [a.test], resolution: DNS, ports: [{number: 80, name: a, protocol: HTTP, targetPort: 80}, {number: 81, name: b, protocol: HTTP, targetPort: 80}]}",
            "{hosts: [a.test], resolution: DNS, ports: [{number: 80, name: a, protocol: GRPC-Web, targetPort: 81}]}",
            "{hosts: [a.test], resolution: STATIC, ports: [{number: 80, name: a, protocol: HTTP, targetPort: 81}], endpoints: [{address: 192.0.2.1, ports: {a: 8081}}]}",
            // Unix sockets.
            "{hosts: [a.cluster.local], ports: [{number: 6553, name: rpc, protocol: grpc}], resolution: STATIC, endpoints: [{address: 'unix:///run/a.sock'}]}",
            "{hosts: [a.test], ports: [$web], resolution: STATIC, endpoints: [{address: 'unix://@a'}]}",
            // Selectors.
            "{hosts: [a.test], ports: [$web], workloadSelector: {labels: {app: a}}}",
            "{hosts: [a.test], ports: [$web], workloadSelector: {}}",
            "{hosts: [a.test], ports: [$web], workloadSelector: {labels: {app: a}}, resolution: NONE}",
            "{hosts: [a.test], ports: [$web], workloadSelector: {labels: {app: a}}, resolution: DNS}",
            "{hosts: [a.test], ports: [{number: 80, name: a, protocol: HTTP, targetPort: 1234}], workloadSelector: {labels: {app: a}}}",
            // Hosts that are looked up as requests name them.
            "{hosts: ['*.a.test'], ports: [$web, $alt], resolution: DYNAMIC_DNS}",
            "{hosts: ['*.a.test', '*.b.test'], ports: [$web], resolution: DYNAMIC_DNS}",
            "{hosts: ['*.svc.cluster.local'], ports: [{number: 9090, name: rpc, protocol: GRPC}], resolution: DYNAMIC_DNS}",
            "{hosts: ['*.a.test'], ports: [$web], resolution: DYNAMIC_DNS, location: MESH_INTERNAL}",
            // To whom.
            "{hosts: [a.test], ports: [$web], exportTo: ['*']}",
            "{hosts: [a.test], ports: [$web], exportTo: ['~']}",
            "{hosts: [a.test], ports: [$web], exportTo: [., other]}",
        ],
        spell,
    );
}

#[test]
fn entries_that_istio_refuses_for_hosts_and_addresses() {
    refused(
        Kind::ServiceEntry,
        &[
            ("{hosts: [], ports: [$web]}", "spec.hosts"),
            ("{ports: [$web]}", "spec"),
            (
                "{hosts: ['-'], ports: [$web], resolution: DNS, endpoints: [{address: b.test}]}",
                "spec.hosts[0]",
            ),
            (
                "{hosts: [a.test, '*'], ports: [$web], resolution: DNS, endpoints: [{address: b.test}]}",
                "spec.hosts[1]",
            ),
            ("{hosts: [a_b.test], ports: [$tls]}", "spec.hosts[0]"),
            (
                "{hosts: [192.0.2.1], addresses: [192.0.2.1/32], ports: [$tcp]}",
                "spec.hosts[0]",
            ),
            ("{hosts: ['2001:db8::1'], ports: [$tcp]}", "spec.hosts[0]"),
            ("{hosts: [a.*.test], ports: [$tls]}", "spec.hosts[0]"),
            (
                "{hosts: ['*.a.test'], ports: [$web, $alt], resolution: DNS}",
                "spec.hosts[0]",
            ),
            (
                "{hosts: ['*.a.test'], ports: [$tls], resolution: DNS_ROUND_ROBIN}",
                "spec.hosts[0]",
            ),
            (
                "{hosts: [a.test], addresses: [b.test], ports: [$tls]}",
                "spec.addresses[0]",
            ),
            (
                "{hosts: [a.test], addresses: [192.0.2.0/33], ports: [$tls]}",
                "spec.addresses[0]",
            ),
            (
                "{hosts: [a.test], addresses: [192.0.2.1/32], ports: [$tls], resolution: DNS}",
                "spec.addresses[0]",
            ),
            // A single one of several, where nothing tells the hosts apart.
            (
                "{hosts: [a.test, b.test], ports: [$web, $tcp], resolution: DNS}",
                "spec.ports[1]",
            ),
            (
                "{hosts: [a.test, b.test], addresses: [192.0.2.1], ports: [$tcp], resolution: STATIC}",
                "spec.ports[0]",
            ),
            (
                "{hosts: [a.test, b.test], ports: [{number: 80, name: guessed}], resolution: DNS}",
                "spec.ports[0]",
            ),
        ],
        spell,
    );
}

#[test]
fn entries_that_istio_refuses_for_ports() {
    refused(
        Kind::ServiceEntry,
        &[
            (
                "{hosts: [a.test], ports: [{number: 80, name: a}, {number: 81, name: a}]}",
                "spec.ports[1].name",
            ),
            (
                "{hosts: [a.test], ports: [{number: 80, name: a}, {number: 80, name: b}]}",
                "spec.ports[1].number",
            ),
            (
                "{hosts: [a.test], ports: [{number: 0, name: a}]}",
                "spec.ports[0].number",
            ),
            (
                "{hosts: [a.test], ports: [{name: a}]}",
                "spec.ports[0].number",
            ),
            (
                "{hosts: [a.test], ports: [{number: 65536, name: a}]}",
                "spec.ports[0].number",
            ),
            (
                "{hosts: [a.test], ports: [{number: 80}]}",
                "spec.ports[0].name",
            ),
            (
                "{hosts: [a.test], ports: [{number: 80, name: a_b}]}",
                "spec.ports[0].name",
            ),
            (
                "{hosts: [a.test], ports: [{number: 80, name: a, protocol: SSL}]}",
                "spec.ports[0].protocol",
            ),
            (
                "{hosts: [a.test], ports: [{number: 80, name: a, targetPort: 65536}], resolution: DNS}",
                "spec.ports[0].targetPort",
            ),
            ("{hosts: [a.test], ports: [null]}", "spec.ports[0]"),
            (
                "{hosts: [a.test], addresses: [192.0.2.1], ports: [null], resolution: DNS}",
                "spec.ports[0]",
            ),
            (
                "{hosts: ['*.a.test'], ports: [null], resolution: DYNAMIC_DNS}",
                "spec.ports[0]",
            ),
        ],
        spell,
    );
}

#[test]
fn entries_that_istio_refuses_for_endpoints() {
    refused(
        Kind::ServiceEntry,
        &[
            (
                "{hosts: [a.test], ports: [$web], endpoints: [{address: b.test, ports: {web: 8080}}]}",
                "spec.endpoints",
            ),
            (
                "{hosts: [a.test], ports: [$web], workloadSelector: {labels: {app: a}}, resolution: STATIC, endpoints: [{address: 192.0.2.1}]}",
                "spec.endpoints",
            ),
            (
                "{hosts: [a.test], ports: [$web], resolution: DNS_ROUND_ROBIN, endpoints: [{address: b.test}, {address: 192.0.2.1}]}",
                "spec.endpoints",
            ),
            (
                "{hosts: [a.test], ports: [$web], resolution: DNS, endpoints: [{address: b.test, ports: {other: 9080}}]}",
                "spec.endpoints[0].ports[other]",
            ),
            (
                "{hosts: [a.test], ports: [$web], resolution: DNS, endpoints: [{address: '*.b.test', ports: {web: 80}}]}",
                "spec.endpoints[0].address",
            ),
            (
                "{hosts: [a.test], ports: [$web], resolution: DNS, endpoints: [{address: 'unix:///run/a'}]}",
                "spec.endpoints[0].address",
            ),
            (
                "{hosts: [a.test], ports: [$web], resolution: DNS, endpoints: [{ports: {web: 80}}]}",
                "spec.endpoints[0].address",
            ),
            (
                "{hosts: [a.test], ports: [$web], resolution: DNS, endpoints: [{address: b.test, labels: {a b: c}}]}",
                "spec.endpoints[0].labels[a b]",
            ),
            (
                "{hosts: [a.test], ports: [$web], resolution: STATIC, endpoints: [{address: b.test, ports: {web: 80}}, {address: 192.0.2.1}]}",
                "spec.endpoints[0].address",
            ),
            (
                "{hosts: [a.test], ports: [$web], resolution: STATIC, endpoints: [{}]}",
                "spec.endpoints[0].address",
            ),
            (
                "{hosts: [a.test], ports: [$web], resolution: STATIC, endpoints: [{address: 192.0.2.1, ports: {other: 80}}]}",
                "spec.endpoints[0].ports[other]",
            ),
            (
                "{hosts: [a.test], ports: [$web], resolution: STATIC, endpoints: [{address: 192.0.2.1, ports: {web: 0}}]}",
                "spec.endpoints[0].ports[web]",
            ),
            (
                "{hosts: [a.test], ports: [$web], resolution: STATIC, endpoints: [{address: 192.0.2.1, ports: {web: 65536}}]}",
                "spec.endpoints[0].ports.web",
            ),
            (
                "{hosts: [a.test], ports: [$web], resolution: STATIC, endpoints: [{address: 192.0.2.1, weight: many}]}",
                "spec.endpoints[0].weight",
            ),
            (
                "{hosts: [a.test], ports: [$web], resolution: STATIC, endpoints: [{address: 'unix://./a.sock'}]}",
                "spec.endpoints[0].address",
            ),
            (
                "{hosts: [a.test], ports: [$web], resolution: STATIC, endpoints: [{address: 'unix:///run/'}]}",
                "spec.endpoints[0].address",
            ),
            (
                "{hosts: [a.test], ports: [$web], resolution: STATIC, endpoints: [{address: 'unix:///run/a', ports: {web: 80}}]}",
                "spec.endpoints[0].ports",
            ),
            (
                "{hosts: [a.test], ports: [$web, $alt], resolution: STATIC, endpoints: [{address: 'unix:///run/a'}]}",
                "spec.endpoints[0].address",
            ),
        ],
        spell,
    );
}

#[test]
fn entries_that_istio_refuses_for_settings() {
    refused(
        Kind::ServiceEntry,
        &[
            (
                "{hosts: [a.test], ports: [$web], resolution: dns}",
                "spec.resolution",
            ),
            (
                "{hosts: [a.test], ports: [$web], location: OUTSIDE}",
                "spec.location",
            ),
            (
                "{hosts: [a.test], ports: [$web], workloadSelector: {labels: {'': a}}}",
                "spec.workloadSelector.labels[]",
            ),
            (
                "{hosts: [a.test], ports: [$web], workloadSelector: {labels: {app: a*}}}",
                "spec.workloadSelector.labels[app]",
            ),
            (
                "{hosts: [a.test], ports: [$web], exportTo: ['*', .]}",
                "spec.exportTo",
            ),
            (
                "{hosts: [a.test], ports: [$web], exportTo: ['~', other]}",
                "spec.exportTo",
            ),
            (
                "{hosts: [a.test], ports: [$web], exportTo: [., shop]}",
                "spec.exportTo[1]",
            ),
            (
                "{hosts: [a.test], ports: [$web], exportTo: [a, a]}",
                "spec.exportTo[1]",
            ),
            (
                "{hosts: [a.test], ports: [$web], exportTo: [a_b]}",
                "spec.exportTo[0]",
            ),
            (
                "{hosts: ['*.a.test'], ports: [$web, $tcp], resolution: DYNAMIC_DNS}",
                "spec.ports[1].protocol",
            ),
            (
                "{hosts: [a.test], ports: [$web], resolution: DYNAMIC_DNS}",
                "spec.hosts[0]",
            ),
            (
                "{hosts: ['*.a.test'], ports: [$web], resolution: DYNAMIC_DNS, endpoints: [{address: b.test}]}",
                "spec.endpoints",
            ),
            (
                "{hosts: ['*.a.test'], addresses: [192.0.2.1], ports: [$web], resolution: DYNAMIC_DNS}",
                "spec.addresses",
            ),
            (
                "{hosts: [], ports: [$web], resolution: DYNAMIC_DNS}",
                "spec.hosts",
            ),
        ],
        spell,
    );
}

#[test]
fn entries_by_version() {
    by_version(
        Kind::ServiceEntry,
        &[
            (
                "{hosts: [a.test], ports: [$web], resolution: DNS_ROUND_ROBIN}",
                16,
                false,
            ),
            (
                "{hosts: [a.test], ports: [$web], resolution: DNS_ROUND_ROBIN}",
                17,
                true,
            ),
            (
                "{hosts: [a.test], ports: [$web], resolution: STATIC, endpoints: [{address: 192.0.2.1, ports: {web: 0}}]}",
                17,
                true,
            ),
            (
                "{hosts: [a.test], ports: [$web], resolution: STATIC, endpoints: [{address: 192.0.2.1, ports: {web: 0}}]}",
                18,
                false,
            ),
            (
                "{hosts: [a.test], ports: [$web], resolution: STATIC, endpoints: [{network: other}]}",
                18,
                false,
            ),
            (
                "{hosts: [a.test], ports: [$web], resolution: STATIC, endpoints: [{network: other}]}",
                19,
                true,
            ),
            (
                "{hosts: ['*.a.test'], ports: [$web], resolution: DYNAMIC_DNS}",
                27,
                false,
            ),
            (
                "{hosts: ['*.a.test'], ports: [$web], resolution: DYNAMIC_DNS}",
                28,
                true,
            ),
            (
                "{hosts: ['*.a.test'], ports: [$web], resolution: DYNAMIC_DNS, location: MESH_INTERNAL}",
                29,
                false,
            ),
            (
                "{hosts: ['*.a.test'], ports: [{number: 80, name: a, protocol: HTTP2}], resolution: DYNAMIC_DNS}",
                29,
                false,
            ),
            (
                "{hosts: ['*.a.test'], ports: [{number: 80, name: a, protocol: HTTP2}], resolution: DYNAMIC_DNS}",
                30,
                true,
            ),
        ],
        spell,
    );
}

#[test]
fn metadata_is_refused_too() {
    let spec =
        "{hosts: ['*.a.test'], ports: [$web], resolution: DYNAMIC_DNS, location: MESH_INTERNAL}";
    let cases = [
        (
            json!({"labels": {"istio.io/use-waypoint": "w"}}),
            "spec.location",
        ),
        (json!({"labels": {"istio.io/use-waypoint": "None"}}), ""),
        (
            json!({"annotations": {"istio.io/dry-run": "true"}}),
            "metadata.annotations[istio.io/dry-run]",
        ),
    ];
    for (metadata, expected) in cases {
        let found = faults(Kind::ServiceEntry, metadata, &spell(spec), NEWEST);
        let fields: Vec<&str> = found.iter().map(|one| one.field.as_str()).collect();
        assert_eq!(fields.join(" "), expected);
    }
}
