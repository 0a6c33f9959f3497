//! What is advised in each situation, and that it helps when somebody follows it.

mod follow;
mod situations;

use self::follow::{explained, followed};
use crate::explain::answer::Method;
use egress_observer_istio::vocabulary::Verdict;

/// A situation, and what is advised.
struct Situation {
    what: &'static str,
    objects: &'static str,
    to: &'static str,
    verdict: Verdict,
    /// Every way through the registry in order, with words of what it says or of what is to be applied.
    ways: &'static [(Method, &'static [&'static str])],
    /// What stands nowhere in the advice.
    never: &'static [&'static str],
    /// The verdict when any of the ways is followed.
    then: Verdict,
}

/// Ways that anybody may take, whatever the registry has.
fn is_through_the_registry(method: Method) -> bool {
    !matches!(
        method,
        Method::AllowAny | Method::Bypass | Method::Restart | Method::Route | Method::Capture
    )
}

#[test]
fn what_is_advised_is_what_the_situation_needs_and_helps_when_it_is_followed() {
    let all = situations::all().into_iter();
    let wrong: Vec<String> = all.flat_map(|situation| wrong(&situation)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is not as the situation says.
fn wrong(situation: &Situation) -> Vec<String> {
    let Situation {
        what, objects, to, ..
    } = *situation;
    let explanation = explained(objects, to);
    let mut wrong = Vec::new();
    if explanation.verdict != situation.verdict {
        wrong.push(format!("{what}: it is {}", explanation.verdict));
    }
    let told = explanation.advice.iter();
    let told: Vec<_> = told
        .filter(|one| is_through_the_registry(one.method))
        .collect();
    let methods: Vec<Method> = told.iter().map(|one| one.method).collect();
    let expected: Vec<Method> = situation.ways.iter().map(|(method, _)| *method).collect();
    if methods != expected {
        wrong.push(format!("{what}: {told:#?}"));
    }
    for (advice, (_, words)) in told.iter().zip(situation.ways) {
        let apply = advice.apply.as_deref().unwrap_or_default();
        let text = format!("{} {} {apply}", advice.what, advice.price);
        let lacking = words.iter().filter(|word| !text.contains(**word));
        wrong.extend(lacking.map(|word| format!("{what}: no `{word}` in {text}")));
        let after = followed(objects, apply, to);
        if after.verdict != situation.then {
            wrong.push(format!("{what}: {} after {apply}", after.verdict));
        }
    }
    let all = format!("{:?}", explanation.advice);
    let said = situation.never.iter().filter(|word| all.contains(**word));
    wrong.extend(said.map(|word| format!("{what}: `{word}` in {all}")));
    wrong
}

#[test]
fn what_breaks_something_says_so_and_only_where_nothing_better_is_found() {
    let takes_all = "
kind: ServiceEntry
metadata: {name: queue, namespace: app}
spec: {hosts: [queue.test], ports: [{number: 80, name: http, protocol: HTTP}], resolution: DNS}
";
    let explanation = explained(takes_all, "queue.test:5672");
    let told: Vec<_> = explanation
        .advice
        .iter()
        .filter(|one| is_through_the_registry(one.method))
        .collect();
    let [only] = told.as_slice() else {
        panic!("{told:#?}")
    };
    assert_eq!(only.method, Method::Extend);
    assert!(
        only.price
            .contains("It breaks what works today: every host on port 5672"),
        "{only:#?}"
    );
}

#[test]
fn the_sidecar_that_decides_is_opened_and_never_the_whole_mesh() {
    let sidecar = "
kind: Sidecar
metadata: {name: strict, namespace: app}
spec: {egress: [{hosts: ['./*']}], outboundTrafficPolicy: {mode: REGISTRY_ONLY}}
";
    let explanation = explained(sidecar, "any.test:443");
    let open: Vec<_> = explanation
        .advice
        .iter()
        .filter(|one| one.method == Method::AllowAny)
        .collect();
    let [open] = open.as_slice() else {
        panic!("{open:#?}")
    };
    assert!(open.what.contains("Sidecar app/strict"), "{open:#?}");
    let apply = open.apply.as_deref().unwrap_or_default();
    assert!(!apply.contains("meshConfig"), "{apply}");
    let after = followed(sidecar, apply, "any.test:443");
    assert_eq!(after.verdict, Verdict::Passthrough);
}

#[test]
fn what_goes_around_the_sidecar_to_an_allocated_address_is_to_be_captured_again() {
    let api = "# dns
kind: ServiceEntry
metadata: {name: api, namespace: app}
spec: {hosts: [api.test], ports: [{number: 9000, name: http, protocol: HTTP}], resolution: DNS}
";
    let first = |to| explained(api, to).advice.first().map(|one| one.method);
    assert_eq!(first("api.test:9000"), Some(Method::Capture));
    // The entry has no such port, so that the sidecar would lead nowhere, either.
    let other = api.replace("9000", "9001");
    let explanation = explained(&other, "api.test:9000");
    assert_eq!(explanation.verdict, Verdict::Unreachable);
    let mut methods = explanation.advice.iter().map(|one| one.method);
    assert!(methods.all(|method| method != Method::Capture));
}

#[test]
fn an_address_that_is_not_known_is_left_to_be_filled_in() {
    let explanation = explained("", "db.test:5432");
    let first = explanation.advice.first().expect("there is a way");
    assert_eq!(first.method, Method::ServiceEntry);
    let apply = first.apply.as_deref().unwrap_or_default();
    assert!(apply.contains("addresses: [\"<its address>\"]"), "{apply}");
    let after = followed("", apply, "db.test@192.0.0.8:5432");
    assert_eq!(after.verdict, Verdict::Mediated);
}

/// Up to 1.23 the entry that is listed first counts, and private ones are listed before public ones.
#[test]
fn an_own_entry_beside_a_shared_one_helps_in_older_versions_too() {
    let shared = "# 1.22
kind: ServiceEntry
metadata: {name: api, namespace: shared}
spec: {hosts: [api.test], ports: [{number: 443, name: tls, protocol: TLS}], resolution: DNS}
";
    let explanation = explained(shared, "api.test:8443");
    let own = explanation.advice.iter();
    let own = own.filter(|one| one.method == Method::ServiceEntry);
    let applied: Vec<&str> = own.filter_map(|one| one.apply.as_deref()).collect();
    let [apply] = applied.as_slice() else {
        panic!("{:#?}", explanation.advice)
    };
    for to in ["api.test:443", "api.test:8443"] {
        assert_eq!(
            followed(shared, apply, to).verdict,
            Verdict::Mediated,
            "{to}"
        );
    }
}

#[test]
fn a_trial_leaves_no_trace() {
    let objects = situations::all().into_iter().map(|one| one.objects);
    for objects in objects {
        let first = explained(objects, "nobody.test:443");
        let (again, between) = follow::explained_again(objects, "nobody.test:443");
        assert_eq!(first.advice, again.advice, "{objects}");
        assert_eq!(first.verdict, between, "{objects}");
    }
}
