//! The situations.

use super::Situation;
use crate::explain::answer::Method;
use egress_observer_istio::vocabulary::Verdict;

const NOTHING: Situation = Situation {
    what: "",
    objects: "",
    to: "",
    verdict: Verdict::Blocked,
    ways: &[],
    never: &[],
    then: Verdict::Mediated,
};

pub(super) fn all() -> Vec<Situation> {
    hidden()
        .into_iter()
        .chain(incomplete())
        .chain(inside())
        .chain(elsewhere())
        .chain(nowhere())
        .collect()
}

fn hidden() -> [Situation; 6] {
    [
        Situation {
            what: "a host that nobody declares",
            to: "api.test:443",
            ways: &[(Method::ServiceEntry, &["hosts: [api.test]"])],
            ..NOTHING
        },
        Situation {
            what: "an entry that the Sidecar of the pod hides",
            objects: "
kind: ServiceEntry
metadata: {name: api, namespace: app}
spec: {hosts: [api.test], ports: [{number: 443, name: tls, protocol: TLS}], resolution: DNS}
---
kind: Sidecar
metadata: {name: narrow, namespace: app}
spec: {egress: [{hosts: ['./other.test']}]}
",
            to: "api.test:443",
            ways: &[(Method::LetThrough, &["Sidecar app/narrow", "\"./api.test\"", "/spec/egress/0/hosts/-"])],
            never: &["kind: ServiceEntry"],
            ..NOTHING
        },
        Situation {
            what: "an entry of another namespace that a Sidecar for the port hides",
            objects: "
kind: ServiceEntry
metadata: {name: api, namespace: shared}
spec: {hosts: [api.test], ports: [{number: 443, name: tls, protocol: TLS}], resolution: DNS}
---
kind: Sidecar
metadata: {name: narrow, namespace: app}
spec: {egress: [{port: {number: 443, protocol: TLS, name: tls}, hosts: ['./other.test']}, {hosts: ['./*']}]}
",
            to: "api.test:443",
            ways: &[
                (Method::LetThrough, &["shared/api.test", "/spec/egress/0/hosts/-"]),
                (Method::ServiceEntry, &["hosts: [api.test]"]),
            ],
            ..NOTHING
        },
        Situation {
            what: "a host that nobody declares, behind a Sidecar that would hide it",
            objects: "
kind: Sidecar
metadata: {name: narrow, namespace: app}
spec: {egress: [{hosts: ['istio-system/*']}], outboundTrafficPolicy: {mode: REGISTRY_ONLY}}
",
            to: "api.test:443",
            ways: &[(Method::ServiceEntry, &["hosts: [api.test]", "./api.test", "Sidecar app/narrow"])],
            never: &["meshConfig"],
            ..NOTHING
        },
        Situation {
            what: "an entry that is not exported",
            objects: "
kind: ServiceEntry
metadata: {name: api, namespace: shared}
spec: {hosts: [api.test], ports: [{number: 443, name: tls, protocol: TLS}], resolution: DNS, exportTo: ['.']}
",
            to: "api.test:443",
            ways: &[
                (Method::Export, &["Export ServiceEntry shared/api to namespace app", "[\".\",\"app\"]"]),
                (Method::ServiceEntry, &["hosts: [api.test]"]),
            ],
            ..NOTHING
        },
        Situation {
            what: "an entry that is not exported and lacks the port",
            objects: "
kind: ServiceEntry
metadata: {name: api, namespace: shared}
spec: {hosts: [api.test], ports: [{number: 443, name: tls, protocol: TLS}], resolution: DNS, exportTo: ['.']}
",
            to: "api.test:8443",
            ways: &[
                (Method::Export, &["Export ServiceEntry shared/api", "add port 8443 (TLS)"]),
                (Method::ServiceEntry, &["hosts: [api.test]"]),
            ],
            ..NOTHING
        },
    ]
}

fn incomplete() -> [Situation; 6] {
    [
        Situation {
            what: "an entry of the own namespace that lacks the port",
            objects: "
kind: ServiceEntry
metadata: {name: api, namespace: app}
spec: {hosts: [api.test], ports: [{number: 443, name: tls, protocol: TLS}], resolution: NONE}
",
            to: "api.test:8443",
            ways: &[(Method::Extend, &["Add port 8443 (TLS) to ServiceEntry app/api"])],
            never: &["kind: ServiceEntry"],
            ..NOTHING
        },
        Situation {
            what: "of two entries that Istio does not merge, the one that counts gets the port",
            objects: "
kind: ServiceEntry
metadata: {name: second, namespace: app, creationTimestamp: '2025-01-02T00:00:00Z'}
spec: {hosts: [api.test], ports: [{number: 80, name: http, protocol: HTTP}], resolution: NONE}
---
kind: ServiceEntry
metadata: {name: first, namespace: app, creationTimestamp: '2025-01-01T00:00:00Z'}
spec: {hosts: [api.test], ports: [{number: 443, name: tls, protocol: TLS}], resolution: DNS}
",
            to: "api.test:8443",
            ways: &[(Method::Extend, &["ServiceEntry app/first"])],
            ..NOTHING
        },
        Situation {
            what: "an entry of another namespace that lacks the port",
            objects: "
kind: ServiceEntry
metadata: {name: api, namespace: shared}
spec:
  hosts: [api.test]
  ports: [{number: 443, name: tls, protocol: TLS}, {number: 50051, name: grpc, protocol: GRPC, targetPort: 50052}]
  resolution: DNS
",
            to: "api.test:8443",
            ways: &[
                (Method::Extend, &["Add port 8443 (TLS) to ServiceEntry shared/api", "of namespace shared"]),
                (Method::ServiceEntry, &["hides ServiceEntry shared/api", "number: 443", "protocol: GRPC, targetPort: 50052", "exportTo: [\".\"]"]),
            ],
            ..NOTHING
        },
        Situation {
            what: "one with endpoints cannot be copied",
            objects: "
kind: ServiceEntry
metadata: {name: api, namespace: shared}
spec:
  hosts: [api.test]
  ports: [{number: 443, name: tls, protocol: TLS}]
  resolution: STATIC
  endpoints: [{address: 192.0.2.7}]
",
            to: "api.test:8443",
            ways: &[(Method::Extend, &["ServiceEntry shared/api"])],
            never: &["kind: ServiceEntry"],
            ..NOTHING
        },
        Situation {
            what: "an entry with other addresses",
            objects: "
kind: ServiceEntry
metadata: {name: db, namespace: app}
spec: {hosts: [db.test], addresses: [192.0.2.1], ports: [{number: 5432, name: tcp, protocol: TCP}], resolution: DNS}
",
            to: "db.test@192.0.2.2:5432",
            ways: &[(Method::Extend, &["Add the address 192.0.2.2 to ServiceEntry app/db", "[\"192.0.2.1\",\"192.0.2.2\"]"])],
            ..NOTHING
        },
        Situation {
            what: "an address without a name",
            to: "192.0.2.2:5432",
            ways: &[(Method::ServiceEntry, &["192-0-2-2.external", "addresses: [\"192.0.2.2\"]"])],
            ..NOTHING
        },
    ]
}

const SERVICE: &str = "
kind: Service
metadata: {name: reviews, namespace: app}
spec: {clusterIP: 10.96.0.20, ports: [{name: http, port: 9080}]}
";

fn inside() -> [Situation; 4] {
    [
        Situation {
            what: "a Service's name at another port",
            objects: SERVICE,
            to: "reviews.app.svc.cluster.local:9090",
            ways: &[(Method::Extend, &["Service app/reviews", "\"port\":9090"])],
            never: &["kind: ServiceEntry"],
            ..NOTHING
        },
        Situation {
            what: "a ClusterIP at another port",
            objects: SERVICE,
            to: "10.96.0.20:8080",
            ways: &[(Method::Extend, &["Service app/reviews"])],
            never: &["kind: ServiceEntry"],
            ..NOTHING
        },
        Situation {
            what: "an address of the cluster's ranges that no Service has",
            objects: SERVICE,
            to: "10.96.0.99:8080",
            never: &["kind: ServiceEntry"],
            ..NOTHING
        },
        Situation {
            what: "a Service that is not exported",
            objects: "
kind: Service
metadata: {name: reviews, namespace: other, annotations: {networking.istio.io/exportTo: '.'}}
spec: {clusterIP: 10.96.0.20, ports: [{name: http, port: 9080}]}
",
            to: "reviews.other.svc.cluster.local:9080",
            ways: &[(
                Method::Export,
                &["Export Service other/reviews to namespace app", "annotate"],
            )],
            never: &["kind: ServiceEntry"],
            ..NOTHING
        },
    ]
}

fn elsewhere() -> [Situation; 2] {
    [
        Situation {
            what: "an entry without addresses takes the port of a host that is declared",
            objects: "
kind: ServiceEntry
metadata: {name: queue, namespace: app, creationTimestamp: '2025-01-01T00:00:00Z'}
spec: {hosts: [queue.test], ports: [{number: 5672, name: tcp, protocol: TCP}], resolution: DNS}
---
kind: ServiceEntry
metadata: {name: other, namespace: app, creationTimestamp: '2025-01-02T00:00:00Z'}
spec: {hosts: [other.test], ports: [{number: 5672, name: tls, protocol: TLS}], addresses: [192.0.2.9/32, 192.0.2.8/29], resolution: NONE}
",
            to: "third.test@198.51.100.4:5672",
            verdict: Verdict::Misrouted,
            ways: &[
                (Method::Addresses, &["ServiceEntry app/queue", "spec.addresses", "declare the host that is dialled"]),
                (Method::ServiceEntry, &["third.test"]),
            ],
            ..NOTHING
        },
        Situation {
            what: "with TLS the declaration of the host is enough, and the entry's addresses are better",
            objects: "
kind: ServiceEntry
metadata: {name: takes-all, namespace: app}
spec: {hosts: [db.test], ports: [{number: 443, name: tcp, protocol: TCP}], resolution: DNS}
",
            to: "api.test:443",
            verdict: Verdict::Misrouted,
            ways: &[
                (Method::Addresses, &["ServiceEntry app/takes-all"]),
                (Method::ServiceEntry, &["hosts: [api.test]"]),
            ],
            ..NOTHING
        },
    ]
}

fn nowhere() -> [Situation; 4] {
    [
        Situation {
            what: "two entries of a host that differ",
            objects: "
kind: ServiceEntry
metadata: {name: first, namespace: app, creationTimestamp: '2025-01-01T00:00:00Z'}
spec: {hosts: [api.test], ports: [{number: 443, name: tls, protocol: TLS}], resolution: DNS}
---
kind: ServiceEntry
metadata: {name: second, namespace: app, creationTimestamp: '2025-01-02T00:00:00Z'}
spec: {hosts: [api.test], ports: [{number: 8443, name: tls, protocol: TLS}], resolution: NONE}
",
            to: "api.test:8443",
            verdict: Verdict::Unreachable,
            ways: &[
                (
                    Method::MakeEqual,
                    &["Make ServiceEntry app/second equal to ServiceEntry app/first in resolution"],
                ),
                (
                    Method::Extend,
                    &["Add port 8443 (TLS) to ServiceEntry app/first"],
                ),
            ],
            ..NOTHING
        },
        Situation {
            what: "a VirtualService that leads to a port that the Service lacks",
            objects: "
kind: Service
metadata: {name: reviews, namespace: app}
spec: {clusterIP: 10.96.0.20, ports: [{name: http, port: 9080}]}
---
kind: VirtualService
metadata: {name: reviews, namespace: app}
spec:
  hosts: [reviews]
  http: [{route: [{destination: {host: reviews, port: {number: 9999}}}]}]
",
            to: "reviews:9080",
            verdict: Verdict::Unreachable,
            ways: &[(Method::Extend, &["Service app/reviews"])],
            never: &["kind: ServiceEntry"],
            ..NOTHING
        },
        Situation {
            what: "an allocated address at a port that the entry lacks",
            objects: "# dns
kind: ServiceEntry
metadata: {name: api, namespace: app}
spec: {hosts: [api.test], ports: [{number: 443, name: tls, protocol: TLS}], resolution: DNS}
status: {addresses: [{value: 240.240.0.1, host: api.test}]}
",
            to: "api.test:8443",
            verdict: Verdict::Blocked,
            ways: &[(
                Method::Extend,
                &["Add port 8443 (TLS) to ServiceEntry app/api"],
            )],
            ..NOTHING
        },
        Situation {
            what: "an allocated address at a port that goes around the sidecar",
            objects: "# dns
kind: ServiceEntry
metadata: {name: api, namespace: app}
spec: {hosts: [api.test], ports: [{number: 9000, name: http, protocol: HTTP}], resolution: DNS}
status: {addresses: [{value: 240.240.0.1, host: api.test}]}
",
            to: "api.test:9000",
            verdict: Verdict::Unreachable,
            ways: &[(
                Method::NoAllocation,
                &["ServiceEntry app/api", "enable-autoallocate-ip=false"],
            )],
            then: Verdict::DeclaredBypass,
            ..NOTHING
        },
    ]
}
