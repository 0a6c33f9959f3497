//! What is there when a container starts: the rules, and the proxy that they lead to.

use super::names::{INIT, PROXY};
use crate::objects::PodSpec;

/// `Beginning` is what a container finds when it starts. Init containers run in the order of the spec, those
/// with `restartPolicy: Always` go on running. The injector puts `istio-init` last, or first with a native
/// proxy behind it (`pkg/kube/inject/webhook.go` `reorderPod`); a webhook that runs later puts its own
/// containers before. Before the proxy runs nobody listens where the rules lead to, and every captured
/// connection is refused, whatever the policy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beginning {
    /// It finds everything that it will ever have.
    Ready,
    /// It runs and ends before the proxy does.
    EndsBeforeProxy,
    /// It starts before the proxy and goes on running.
    StartsBeforeProxy,
    /// It starts before `istio-init` has made the rules, and goes on running.
    StartsBeforeRules,
}

/// What the init container at this place finds.
pub(super) fn of_init_container(spec: &PodSpec, place: usize) -> Beginning {
    let goes_on = spec
        .init_containers
        .get(place)
        .is_some_and(|container| container.restart_policy == "Always");
    let native = place_of(spec, PROXY);
    let has_proxy = native.is_some() || spec.containers.iter().any(|own| own.name == PROXY);
    let before_rules = place_of(spec, INIT).is_some_and(|rules| place < rules);
    let before_proxy = has_proxy && native.is_none_or(|proxy| place < proxy);
    match (before_rules, before_proxy, goes_on) {
        (true, _, true) => Beginning::StartsBeforeRules,
        (false, true, true) => Beginning::StartsBeforeProxy,
        (_, true, false) => Beginning::EndsBeforeProxy,
        (true, false, false) | (false, false, _) => Beginning::Ready,
    }
}

/// Where an init container stands among the others.
fn place_of(spec: &PodSpec, name: &str) -> Option<usize> {
    let mut all = spec.init_containers.iter();
    all.position(|container| container.name == name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Init containers in this order: i(stio-init), p(roxy), n(ative), c (plain); the proxy among the
    /// others if it is not one of them.
    fn beginning(order: &str, of: char) -> Beginning {
        let containers = order.chars().map(|c| match c {
            'i' => json!({"name": INIT}),
            'p' => json!({"name": PROXY, "restartPolicy": "Always"}),
            'n' => json!({"name": "n", "restartPolicy": "Always"}),
            other => json!({"name": other.to_string()}),
        });
        let init: Vec<_> = containers.collect();
        let late = if order.contains('p') {
            json!([])
        } else {
            json!([{"name": PROXY}])
        };
        let spec = json!({"initContainers": init, "containers": late});
        let spec: PodSpec = serde_json::from_value(spec).unwrap();
        of_init_container(&spec, order.find(of).unwrap())
    }

    #[test]
    fn the_order_says_what_is_there() {
        use Beginning as B;
        let cases = [
            ("ci", 'c', B::EndsBeforeProxy),
            ("ni", 'n', B::StartsBeforeRules),
            ("ic", 'c', B::EndsBeforeProxy),
            ("in", 'n', B::StartsBeforeProxy),
            ("ipc", 'c', B::Ready),
            ("ipn", 'n', B::Ready),
            ("icp", 'c', B::EndsBeforeProxy),
            ("inp", 'n', B::StartsBeforeProxy),
            ("nip", 'n', B::StartsBeforeRules),
            ("cp", 'c', B::EndsBeforeProxy),
            ("np", 'n', B::StartsBeforeProxy),
            ("pc", 'c', B::Ready),
            ("c", 'c', B::EndsBeforeProxy),
        ];
        for (order, of, expected) in cases {
            assert_eq!(beginning(order, of), expected, "{order} {of}");
        }
        let spec = json!({"initContainers": [{"name": "c"}], "containers": [{"name": "a"}]});
        let spec: PodSpec = serde_json::from_value(spec).unwrap();
        assert_eq!(of_init_container(&spec, 0), B::Ready);
    }
}
