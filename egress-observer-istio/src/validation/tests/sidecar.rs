//! Sidecars.

use super::{by_version, refused, taken};
use crate::objects::Kind;

/// Parts that many cases have.
fn spell(spec: &str) -> String {
    spec.replace("$all", "egress: [{hosts: ['*/*']}]")
        .replace("$port", "{number: 90, name: web, protocol: HTTP}")
        .replace("$tls", "{number: 90, name: tls, protocol: HTTPS}")
        .replace("$uds", "{number: 0, name: uds, protocol: http}")
        .replace("$files", "serverCertificate: /a, privateKey: /b")
        .replace(
            "$http",
            "{http1MaxPendingRequests: 1024, http2MaxRequests: 1024, maxRetries: 3}",
        )
}

#[test]
fn sidecars_that_istio_takes() {
    taken(
        Kind::Sidecar,
        &[
            "{$all}",
            "{$all, workloadSelector: {}}",
            "{$all, workloadSelector: {labels: {app: a}}}",
            "{egress: [{hosts: [./*]}]}",
            "{egress: [{hosts: [./a.test]}]}",
            "{egress: [{hosts: [~/*]}]}",
            "{egress: [{hosts: ['*/*', ~other/*]}]}",
            "{egress: [{hosts: ['*/*', ~/a.test]}]}",
            // What Istio only warns of.
            "{egress: [{hosts: ['*/*', shop/a.test]}]}",
            "{egress: [{hosts: ['*/b.test', shop/a.test]}]}",
            "{egress: [{hosts: [shop/*, shop/a.test]}]}",
            "{egress: [{hosts: [./*, shop/a.test]}]}",
            "{egress: [{hosts: ['./*.a.test']}]}",
            // Listeners.
            "{egress: [{port: {number: 8080, protocol: http}, hosts: [shop/a.test]}]}",
            "{egress: [{port: $port, hosts: [shop/a.test]}, {hosts: [./*]}]}",
            "{egress: [{port: $port, bind: 127.0.0.1, captureMode: NONE, hosts: [shop/a.test]}]}",
            "{egress: [{port: $uds, bind: 'unix:///@a/b', hosts: [shop/a.test]}]}",
            "{egress: [{port: $uds, bind: 'unix:///a/b', captureMode: NONE, hosts: [shop/a.test]}]}",
            "{$all, ingress: [{port: $port}]}",
            "{$all, ingress: [{port: $port, defaultEndpoint: '127.0.0.1:9999'}]}",
            "{$all, ingress: [{port: $port, defaultEndpoint: '[::1]:9999'}]}",
            "{ingress: [{port: $port, defaultEndpoint: '127.0.0.1:9999'}]}",
            "{ingress: [{port: $port, defaultEndpoint: '[::1]:9999'}]}",
            "{$all, ingress: [{port: {number: 90, name: web}, defaultEndpoint: '127.0.0.1:9999'}]}",
            "{$all, ingress: [{port: {number: 90, name: web}, defaultEndpoint: '[::1]:9999'}]}",
            "{ingress: [{port: $tls, tls: {mode: SIMPLE, $files}}]}",
            "{ingress: [{port: $tls, tls: {mode: MUTUAL, $files, caCertificates: /c, caCrl: /d}}]}",
            // Policies.
            "{outboundTrafficPolicy: {mode: ALLOW_ANY}}",
            "{outboundTrafficPolicy: {}}",
            "{$all, outboundTrafficPolicy: {mode: ALLOW_ANY}}",
            "{$all, outboundTrafficPolicy: {mode: ALLOW_ANY, egressProxy: {host: a.b, subset: v1, port: {number: 5000}}}}",
            // Connection pools.
            "{inboundConnectionPool: {http: $http}}",
            "{inboundConnectionPool: {http: $http}, ingress: [{port: $port, connectionPool: {http: $http}}]}",
            "{ingress: [{port: $port, connectionPool: {http: $http}}]}",
            "{ingress: [{port: {number: 90, name: raw, protocol: tcp}, connectionPool: {http: $http}}]}",
            "{inboundConnectionPool: {tcp: {maxConnections: 10, connectTimeout: 30ms, idleTimeout: 0s, tcpKeepalive: {probes: 3, time: 2h, interval: 75s}}}}",
        ],
        spell,
    );
}

#[test]
fn sidecars_that_istio_refuses_for_what_leaves() {
    refused(
        Kind::Sidecar,
        &[
            ("{}", "spec"),
            ("{egress: []}", "spec"),
            ("{workloadSelector: {labels: {app: a}}}", "spec"),
            (
                "{$all, workloadSelector: {labels: {'app*': a}}}",
                "spec.workloadSelector.labels[app*]",
            ),
            // Hosts.
            (
                "{egress: [{hosts: ['*/*', ~Not_One/*]}]}",
                "spec.egress[0].hosts[1]",
            ),
            ("{egress: [{hosts: ['*']}]}", "spec.egress[0].hosts[0]"),
            ("{egress: [{hosts: [/]}]}", "spec.egress[0].hosts[0]"),
            ("{egress: [{hosts: [shop/]}]}", "spec.egress[0].hosts[0]"),
            (
                "{egress: [{hosts: [shop/cart]}]}",
                "spec.egress[0].hosts[0]",
            ),
            (
                "{egress: [{hosts: [shop/192.0.2.1]}]}",
                "spec.egress[0].hosts[0]",
            ),
            (
                "{egress: [{hosts: [shop/a/b.test]}]}",
                "spec.egress[0].hosts[0]",
            ),
            (
                "{egress: [{hosts: [shop/*a.test]}]}",
                "spec.egress[0].hosts[0]",
            ),
            (
                "{egress: [{hosts: [a_b/a.test]}]}",
                "spec.egress[0].hosts[0]",
            ),
            ("{egress: [{hosts: []}]}", "spec.egress[0].hosts"),
            ("{egress: [{}]}", "spec.egress[0].hosts"),
            ("{egress: [null]}", "spec.egress[0]"),
            // The listener for all that is left.
            (
                "{egress: [{hosts: ['*/a.test']}, {hosts: [shop/b.test]}]}",
                "spec.egress[0].port",
            ),
            (
                "{egress: [{hosts: ['*/a.test']}, {port: $port, hosts: [shop/b.test]}]}",
                "spec.egress[0].port",
            ),
            // Ports and sockets.
            (
                "{egress: [{port: {number: 1000000, protocol: http1}, hosts: [shop/a.test]}]}",
                "spec.egress[0].port.number",
            ),
            (
                "{egress: [{port: {number: 80, protocol: http1}, hosts: [shop/a.test]}]}",
                "spec.egress[0].port.protocol",
            ),
            (
                "{egress: [{port: {number: 80, name: a_b}, hosts: [shop/a.test]}]}",
                "spec.egress[0].port.name",
            ),
            (
                "{egress: [{port: {number: 80, targetPort: 81}, hosts: [shop/a.test]}]}",
                "spec.egress[0].port.targetPort",
            ),
            (
                "{egress: [{port: {}, hosts: [shop/a.test]}]}",
                "spec.egress[0].bind",
            ),
            (
                "{egress: [{port: $uds, bind: 'other:///a/b', hosts: [shop/a.test]}]}",
                "spec.egress[0].bind",
            ),
            (
                "{egress: [{port: $uds, bind: 'unix://a', hosts: [shop/a.test]}]}",
                "spec.egress[0].bind",
            ),
            (
                "{egress: [{port: $port, bind: 'unix:///a', hosts: [shop/a.test]}]}",
                "spec.egress[0].bind",
            ),
            (
                "{egress: [{port: $uds, bind: 'unix:///a/b', captureMode: IPTABLES, hosts: [shop/a.test]}]}",
                "spec.egress[0].captureMode",
            ),
            (
                "{egress: [{port: $port, captureMode: iptables, hosts: [shop/a.test]}]}",
                "spec.egress[0].captureMode",
            ),
            (
                "{egress: [{port: $uds, bind: 'unix:///a', hosts: [a/a.test]}, {port: $uds, bind: 'unix:///a', hosts: [b/b.test]}]}",
                "spec.egress[1].bind",
            ),
            (
                "{egress: [{port: $port, hosts: [a/a.test]}, {port: {number: 90, protocol: TCP}, hosts: [b/b.test]}]}",
                "spec.egress[1].port.number",
            ),
            // The policy.
            (
                "{$all, outboundTrafficPolicy: {egressProxy: {host: a.b, port: {number: 5000}}}}",
                "spec.outboundTrafficPolicy.egressProxy",
            ),
            (
                "{$all, outboundTrafficPolicy: {mode: ALLOW_ANY, egressProxy: {host: 'ab*1', port: {number: 5000}}}}",
                "spec.outboundTrafficPolicy.egressProxy.host",
            ),
            (
                "{$all, outboundTrafficPolicy: {mode: ALLOW_ANY, egressProxy: {host: a.b, subset: a_b, port: {number: 5000}}}}",
                "spec.outboundTrafficPolicy.egressProxy.subset",
            ),
            (
                "{$all, outboundTrafficPolicy: {mode: ALLOW_ANY, egressProxy: {host: a.b, subset: v1}}}",
                "spec.outboundTrafficPolicy.egressProxy.port",
            ),
            (
                "{$all, outboundTrafficPolicy: {mode: ALLOW_ANY_DYNAMIC_DNS}}",
                "spec.outboundTrafficPolicy.mode",
            ),
            (
                "{$all, outboundTrafficPolicy: {mode: allow_any}}",
                "spec.outboundTrafficPolicy.mode",
            ),
        ],
        spell,
    );
}

#[test]
fn sidecars_that_istio_refuses_for_what_arrives() {
    refused(
        Kind::Sidecar,
        &[
            (
                "{ingress: [{port: $uds, bind: 'unix:///a', defaultEndpoint: '127.0.0.1:80'}]}",
                "spec.ingress[0].port.number spec.ingress[0].bind",
            ),
            (
                "{$all, ingress: [{defaultEndpoint: '127.0.0.1:110'}]}",
                "spec.ingress[0].port",
            ),
            (
                "{$all, ingress: [{defaultEndpoint: '[::1]:110'}]}",
                "spec.ingress[0].port",
            ),
            (
                "{$all, ingress: [{port: $port, defaultEndpoint: '127.0.0.1:1'}, {port: {number: 90, protocol: tcp}, defaultEndpoint: '127.0.0.1:1'}]}",
                "spec.ingress[1].port.number",
            ),
            (
                "{$all, ingress: [{port: $port, defaultEndpoint: '[::1]:1'}, {port: {number: 90, protocol: tcp}, defaultEndpoint: '[::1]:1'}]}",
                "spec.ingress[1].port.number",
            ),
            (
                "{ingress: [{port: $port, defaultEndpoint: '192.0.2.1:90'}]}",
                "spec.ingress[0].defaultEndpoint",
            ),
            (
                "{ingress: [{port: $port, defaultEndpoint: '[2001:db8::1]:90'}]}",
                "spec.ingress[0].defaultEndpoint",
            ),
            (
                "{$all, ingress: [{port: $port, defaultEndpoint: 'unix:///'}]}",
                "spec.ingress[0].defaultEndpoint",
            ),
            (
                "{$all, ingress: [{port: $port, defaultEndpoint: '127.0.0.1:web'}]}",
                "spec.ingress[0].defaultEndpoint",
            ),
            (
                "{$all, ingress: [{port: $port, defaultEndpoint: '[::1]:web'}]}",
                "spec.ingress[0].defaultEndpoint",
            ),
            (
                "{ingress: [{port: $port, bind: localhost}]}",
                "spec.ingress[0].bind",
            ),
            (
                "{ingress: [{port: {number: 90, targetPort: 91}}]}",
                "spec.ingress[0].port.targetPort",
            ),
            (
                "{ingress: [{port: $port, captureMode: ALL}]}",
                "spec.ingress[0].captureMode",
            ),
            // As a server of TLS.
            (
                "{ingress: [{port: $port, tls: {mode: ISTIO_MUTUAL}}]}",
                "spec.ingress[0].tls.mode spec.ingress[0].tls.mode",
            ),
            (
                "{ingress: [{port: $tls, tls: {mode: ISTIO_MUTUAL}}]}",
                "spec.ingress[0].tls.mode",
            ),
            (
                "{ingress: [{port: $tls, tls: {mode: AUTO_PASSTHROUGH}}]}",
                "spec.ingress[0].tls.mode",
            ),
            (
                "{ingress: [{port: $tls, tls: {mode: TLS}}]}",
                "spec.ingress[0].tls.mode",
            ),
            (
                "{ingress: [{port: {number: 90, protocol: tcp}, tls: {mode: SIMPLE, $files}}]}",
                "spec.ingress[0].tls.mode",
            ),
            (
                "{ingress: [{port: $tls, tls: {mode: SIMPLE, $files, httpsRedirect: true}}]}",
                "spec.ingress[0].tls.httpsRedirect",
            ),
            (
                "{ingress: [{port: $tls, tls: {mode: SIMPLE, $files, subjectAltNames: [a.test]}}]}",
                "spec.ingress[0].tls.subjectAltNames",
            ),
            (
                "{ingress: [{port: $tls, tls: {mode: SIMPLE, credentialName: a}}]}",
                "spec.ingress[0].tls.credentialName",
            ),
            (
                "{ingress: [{port: $tls, tls: {mode: SIMPLE, credentialNames: [a]}}]}",
                "spec.ingress[0].tls.credentialNames",
            ),
            (
                "{ingress: [{port: $tls, tls: {mode: SIMPLE, tlsCertificates: [{$files}, {$files}]}}]}",
                "spec.ingress[0].tls.tlsCertificates",
            ),
            (
                "{ingress: [{port: $tls, tls: {mode: SIMPLE}}]}",
                "spec.ingress[0].tls.serverCertificate spec.ingress[0].tls.privateKey",
            ),
            (
                "{ingress: [{port: $tls, tls: {mode: MUTUAL, $files}}]}",
                "spec.ingress[0].tls.caCertificates",
            ),
            (
                "{ingress: [{port: $tls, tls: {mode: SIMPLE, $files, caCrl: /c}}]}",
                "spec.ingress[0].tls.caCrl",
            ),
            // Connection pools.
            ("{inboundConnectionPool: {}}", "spec.inboundConnectionPool"),
            (
                "{ingress: [{port: {number: 90, protocol: tcp}, connectionPool: {}}]}",
                "spec.ingress[0].connectionPool",
            ),
            (
                "{inboundConnectionPool: {http: {maxRetries: -1}}}",
                "spec.inboundConnectionPool.http.maxRetries",
            ),
            (
                "{inboundConnectionPool: {http: {idleTimeout: 0s}}}",
                "spec.inboundConnectionPool.http.idleTimeout",
            ),
            (
                "{inboundConnectionPool: {http: {h2UpgradePolicy: UPGRADE, useClientProtocol: true}}}",
                "spec.inboundConnectionPool.http.useClientProtocol",
            ),
            (
                "{inboundConnectionPool: {http: {http2KeepAlive: {interval: 1s}}}}",
                "spec.inboundConnectionPool.http.http2KeepAlive.timeout",
            ),
            (
                "{inboundConnectionPool: {tcp: {connectTimeout: soon}}}",
                "spec.inboundConnectionPool.tcp.connectTimeout",
            ),
            (
                "{inboundConnectionPool: {tcp: {maxConnections: -1}}}",
                "spec.inboundConnectionPool.tcp.maxConnections",
            ),
            (
                "{inboundConnectionPool: {tcp: {tcpKeepalive: {interval: 1us}}}}",
                "spec.inboundConnectionPool.tcp.tcpKeepalive.interval",
            ),
            // Types, wherever they stand.
            (
                "{inboundConnectionPool: {tcp: {connectTimeout: 5}}}",
                "spec.inboundConnectionPool.tcp.connectTimeout",
            ),
            (
                "{ingress: [{port: $tls, tls: {httpsRedirect: 'yes'}}]}",
                "spec.ingress[0].tls.httpsRedirect",
            ),
            (
                "{outboundTrafficPolicy: {egressProxy: {port: {number: 'http'}}}}",
                "spec.outboundTrafficPolicy.egressProxy.port.number",
            ),
        ],
        spell,
    );
}

#[test]
fn sidecars_by_version() {
    by_version(
        Kind::Sidecar,
        &[
            ("{egress: [{hosts: [shop/*a.test]}]}", 16, true),
            ("{egress: [{hosts: [shop/*a.test]}]}", 17, false),
            (
                "{ingress: [{port: {number: 90, targetPort: 91}}]}",
                19,
                true,
            ),
            (
                "{ingress: [{port: {number: 90, targetPort: 91}}]}",
                20,
                false,
            ),
            ("{inboundConnectionPool: {http: $http}}", 20, false),
            ("{inboundConnectionPool: {http: $http}}", 21, true),
            (
                "{inboundConnectionPool: {tcp: {idleTimeout: 0s}}}",
                25,
                false,
            ),
            (
                "{inboundConnectionPool: {tcp: {idleTimeout: 0s}}}",
                26,
                true,
            ),
            (
                "{ingress: [{port: $tls, tls: {$files, credentialNames: [a]}}]}",
                26,
                true,
            ),
            (
                "{ingress: [{port: $tls, tls: {$files, credentialNames: [a]}}]}",
                27,
                false,
            ),
            ("{egress: [{hosts: ['*/*', ~other/*]}]}", 30, false),
            ("{egress: [{hosts: ['*/*', ~other/*]}]}", 31, true),
        ],
        spell,
    );
}
