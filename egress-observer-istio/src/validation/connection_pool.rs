//! Connection pools (`validateConnectionPool`).

use super::{
    duration,
    refusal::{Refusals, RefusedPart},
};
use crate::{
    objects::{ConnectionPool, HttpPool, TcpPool},
    rules::Version,
};

/// Since when there are connection pools, of the whole Sidecar and of its listeners.
pub(super) const POOLS: Version = Version(21);
/// Since when an idle timeout of 0 stands for none.
const NO_IDLE_TIMEOUT: Version = Version(26);

/// Empty pools, negative numbers, and what is no time.
pub(super) fn connection_pool(
    pool: &ConnectionPool,
    field: &str,
    version: Version,
    found: &mut Refusals,
) {
    if pool.http.is_none() && pool.tcp.is_none() {
        let message = "a connection pool that sets nothing";
        found.add(
            RefusedPart::Ingress,
            field,
            "{}",
            message,
            "add tcp or http, or remove it",
        );
    }
    if let Some(pool) = &pool.http {
        http(pool, &format!("{field}.http"), found);
    }
    if let Some(pool) = &pool.tcp {
        tcp(pool, &format!("{field}.tcp"), version, found);
    }
}

fn http(pool: &HttpPool, field: &str, found: &mut Refusals) {
    for (name, number) in [
        ("http1MaxPendingRequests", pool.http1_max_pending_requests),
        ("http2MaxRequests", pool.http2_max_requests),
        ("maxRequestsPerConnection", pool.max_requests_per_connection),
        ("maxRetries", pool.max_retries),
        ("maxConcurrentStreams", pool.max_concurrent_streams),
    ] {
        not_negative(name, number, field, found);
    }
    time("idleTimeout", pool.idle_timeout.as_deref(), field, found);
    let policy = pool.h2_upgrade_policy.as_str();
    if !["", "DEFAULT", "DO_NOT_UPGRADE", "UPGRADE"].contains(&policy) {
        let message = format!("Istio knows no policy `{policy}`");
        let fix = "write DEFAULT, DO_NOT_UPGRADE or UPGRADE";
        found.add(
            RefusedPart::Ingress,
            format!("{field}.h2UpgradePolicy"),
            policy,
            message,
            fix,
        );
    }
    if policy == "UPGRADE" && pool.use_client_protocol {
        let message = "with h2UpgradePolicy UPGRADE the client's protocol is not kept";
        let field = format!("{field}.useClientProtocol");
        found.add(
            RefusedPart::Ingress,
            field,
            true,
            message,
            "keep one of the two",
        );
    }
    if let Some(keepalive) = &pool.http2_keep_alive {
        let field = format!("{field}.http2KeepAlive");
        for (name, text) in [
            ("interval", &keepalive.interval),
            ("timeout", &keepalive.timeout),
        ] {
            if text.is_none() {
                let message = format!("a keepalive needs {name}");
                let field = format!("{field}.{name}");
                found.add(
                    RefusedPart::Ingress,
                    field,
                    "",
                    message,
                    "write a time such as `30s`",
                );
            }
            time(name, text.as_deref(), &field, found);
        }
    }
}

fn tcp(pool: &TcpPool, field: &str, version: Version, found: &mut Refusals) {
    not_negative("maxConnections", pool.max_connections, field, found);
    time(
        "connectTimeout",
        pool.connect_timeout.as_deref(),
        field,
        found,
    );
    time(
        "maxConnectionDuration",
        pool.max_connection_duration.as_deref(),
        field,
        found,
    );
    let idle = pool.idle_timeout.as_deref();
    let none = idle.is_some_and(duration::is_zero) && version >= NO_IDLE_TIMEOUT;
    time("idleTimeout", idle.filter(|_| !none), field, found);
    if let Some(keepalive) = &pool.tcp_keepalive {
        let field = format!("{field}.tcpKeepalive");
        time("time", keepalive.time.as_deref(), &field, found);
        time("interval", keepalive.interval.as_deref(), &field, found);
    }
}

fn not_negative(name: &str, number: i32, field: &str, found: &mut Refusals) {
    if number < 0 {
        let message = format!("{name} is less than nothing");
        let fix = "write a number from 0 on; 0 is the default";
        found.add(
            RefusedPart::Ingress,
            format!("{field}.{name}"),
            number,
            message,
            fix,
        );
    }
}

fn time(name: &str, text: Option<&str>, field: &str, found: &mut Refusals) {
    let Some(text) = text else { return };
    if let Some(fault) = duration::fault(text) {
        let message = format!("`{text}` is wrong for {name}: {fault}");
        let fix = "write a time such as `30s` or `500ms`";
        found.add(
            RefusedPart::Ingress,
            format!("{field}.{name}"),
            text,
            message,
            fix,
        );
    }
}
