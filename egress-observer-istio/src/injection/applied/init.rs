//! What `istio-init` has set up: by its command line and environment.

use std::net::IpAddr;

use crate::{
    injection::{
        names::INIT,
        setup::{Membership, Setup},
        spec::{has_ipv6, version},
    },
    objects::{ContainerSpec, PodObject},
    rules::{
        CaptureConfig,
        flags::{self, FlagContext, FlagError, FlagVariable},
    },
};

/// What tells what `istio-init` did, for people.
pub(super) fn source() -> String {
    format!("init container {INIT}: its arguments")
}

/// Whether `istio-init` has failed.
pub(super) fn failed(object: &PodObject) -> bool {
    let mut statuses = object.status.init_container_statuses.iter();
    statuses.any(|status| {
        let terminated = status.state.terminated.as_ref();
        status.name == INIT && terminated.is_some_and(|ended| ended.exit_code != 0)
    })
}

/// The setup that the command line and environment of `istio-init` stand for.
pub(super) fn setup(
    init: &ContainerSpec,
    proxy: &ContainerSpec,
    ips: &[IpAddr],
    nameservers: (Vec<IpAddr>, bool),
) -> Setup {
    if !flags::is_known(&init.image, &init.command, &init.args) {
        let problem = format!(
            "init container {INIT} does not call istio-iptables as Istio does: what its image {:?} does \
             is in no manifest",
            init.image
        );
        return Setup::unreadable(source(), &problem);
    }
    let env = init.env.iter();
    let env: Vec<_> = env
        .map(|entry| FlagVariable {
            name: &entry.name,
            value: entry.value_from.is_none().then_some(&entry.value),
        })
        .collect();
    let context = FlagContext {
        version: version(&[Some(init), Some(proxy)]),
        env: &env,
        nameservers,
    };
    let words = flags::arguments(&init.command, &init.args);
    match flags::parse(&words, &context) {
        Ok(parsed) => {
            let config = CaptureConfig {
                ipv6: has_ipv6(ips, parsed.dual_stack),
                ..parsed.config
            };
            let mut origins = parsed.origins;
            for (_, origin) in &mut origins {
                *origin = format!("init container {INIT}: {origin}");
            }
            Setup {
                origins,
                notes: parsed.notes,
                ..Setup::new(Membership::Sidecar(Box::new(config)), source())
            }
        }
        Err(FlagError::NotApplied(flag)) => {
            Setup::not_redirected(format!("init container {INIT}: {flag}"))
        }
        Err(problem) => Setup::unreadable(source(), &problem),
    }
}
