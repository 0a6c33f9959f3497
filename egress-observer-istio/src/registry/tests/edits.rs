//! Changes of single objects do what the changed objects would, and leave nothing behind.

use std::collections::BTreeMap;

use super::*;
use crate::registry::{DeclaredPort, EgressPlace, EntryEdit, ObjectKind, ObjectRef, Undo};

const ASKED: [&str; 9] = [
    "api.test:443",
    "api.test:8443",
    "late.test:443",
    "db.test:5432",
    "db.test=192.0.2.1:5432",
    "db.test=192.0.2.2:5432",
    "any.test=198.51.100.1:5432",
    "far.test:443",
    "any.test:9000",
];

fn mesh() -> Registry {
    let port = |number: u16, protocol: &str| json!({"number": number, "protocol": protocol});
    let mut registry = registry(&[
        (
            "shop",
            "api",
            json!({"hosts": ["api.test"], "ports": [port(443, "TLS")], "resolution": "DNS"}),
        ),
        (
            "shop",
            "late",
            json!({"hosts": ["api.test"], "ports": [port(8443, "TLS")], "resolution": "NONE"}),
        ),
        (
            "shop",
            "db",
            json!({"hosts": ["db.test"], "ports": [port(5432, "TCP")], "addresses": ["192.0.2.1"]}),
        ),
        (
            "bank",
            "far",
            json!({"hosts": ["far.test"], "ports": [port(443, "TLS")], "exportTo": ["."]}),
        ),
        (
            "bank",
            "seen",
            json!({"hosts": ["*.seen.test"], "ports": [port(443, "TLS")]}),
        ),
        (
            "shop",
            "queue",
            json!({"hosts": ["queue.test"], "ports": [port(9000, "TCP")], "resolution": "DNS"}),
        ),
    ]);
    let egress = json!({"egress": [
        {"port": {"number": 8443, "protocol": "TLS"}, "hosts": ["./api.test"]},
        {"hosts": ["shop/*"]},
    ]});
    registry.set_sidecar(&sidecar("shop", "default", egress));
    registry
}

fn object(kind: ObjectKind, namespace: &str, name: &str) -> ObjectRef {
    ObjectRef::new(kind, namespace, name)
}

/// What clients with and without a Sidecar get.
fn answers(registry: &Registry) -> Vec<String> {
    let bound = Viewer {
        sidecar: registry.sidecar_for("shop", &BTreeMap::new()),
        ..SHOP
    };
    let asked = ASKED.iter().chain(&["x.seen.test:443"]);
    let both = asked.flat_map(|to| [ask(registry, &SHOP, to), ask(registry, &bound, to)]);
    both.collect()
}

#[test]
fn what_is_taken_back_is_as_it_was() {
    let address = ["192.0.2.2/32".parse().unwrap()];
    let ports = [DeclaredPort::new(8443, "tls")];
    let of = |name: &str| object(ObjectKind::ServiceEntry, "shop", name);
    let model = of("api");
    let far = object(ObjectKind::ServiceEntry, "bank", "far");
    let edits: [(&ObjectRef, EntryEdit<'_>); 6] = [
        (&of("api"), EntryEdit::Ports(&ports)),
        (&of("db"), EntryEdit::Addresses(&address)),
        (&of("queue"), EntryEdit::Addresses(&address)),
        (&of("late"), EntryEdit::Alike(&model)),
        (&far, EntryEdit::Export("shop")),
        (&of("queue"), EntryEdit::NotAllocated),
    ];
    let mut registry = mesh();
    let before = answers(&registry);
    for (object, edit) in edits {
        let undo = registry.edit(object, edit).expect("it is there");
        let changed = answers(&registry) != before;
        let allocated = matches!(edit, EntryEdit::NotAllocated);
        assert_eq!(changed, !allocated, "{object} {edit:?}");
        registry.undo(undo);
        assert_eq!(answers(&registry), before, "{object} {edit:?}");
    }
    assert!(
        registry
            .edit(&of("none"), EntryEdit::NotAllocated)
            .is_none()
    );
}

#[test]
fn a_host_is_let_through_where_it_is_asked_for_and_hidden_again() {
    let sidecar = object(ObjectKind::Sidecar, "shop", "default");
    let cases = [
        (
            EgressPlace::Listener(1),
            "bank/*.seen.test",
            "x.seen.test:443",
            "bank/seen *.seen.test sni",
        ),
        (
            EgressPlace::Listener(1),
            "bank/far.test",
            "far.test:443",
            "no",
        ),
    ];
    let mut registry = mesh();
    let before = answers(&registry);
    for (place, host, to, expected) in cases {
        let undo = registry
            .let_through(&sidecar, place, host)
            .expect("it can be read");
        let viewer = Viewer {
            sidecar: registry.sidecar_for("shop", &BTreeMap::new()),
            ..SHOP
        };
        assert_eq!(ask(&registry, &viewer, to), expected, "{host}");
        registry.undo(undo);
        assert_eq!(answers(&registry), before, "{host}");
    }
    assert!(
        registry
            .let_through(&sidecar, EgressPlace::New, "no-slash")
            .is_none()
    );
    let scope = registry
        .sidecar_for("shop", &BTreeMap::new())
        .expect("it is there");
    let places = [8443, 443].map(|port| scope.place_for(port));
    assert_eq!(places, [EgressPlace::Listener(0), EgressPlace::Listener(1)]);
}

#[test]
fn a_sidecar_for_one_port_gets_a_listener_for_the_others() {
    let mut registry = mesh();
    let egress = json!({"egress": [
        {"port": {"number": 8443, "protocol": "TLS"}, "hosts": ["./api.test"]},
    ]});
    registry.set_sidecar(&sidecar("shop", "default", egress));
    let before = answers(&registry);
    let scope = registry
        .sidecar_for("shop", &BTreeMap::new())
        .expect("it is there");
    assert_eq!(scope.place_for(443), EgressPlace::New);
    let object = object(ObjectKind::Sidecar, "shop", "default");
    let undo = registry
        .let_through(&object, EgressPlace::New, "*/*.seen.test")
        .expect("it is read");
    let viewer = Viewer {
        sidecar: registry.sidecar_for("shop", &BTreeMap::new()),
        ..SHOP
    };
    assert_eq!(
        ask(&registry, &viewer, "x.seen.test:443"),
        "bank/seen *.seen.test sni"
    );
    registry.undo(undo);
    assert_eq!(answers(&registry), before);
}

#[test]
fn several_changes_are_taken_back_in_reverse_order() {
    let mut registry = mesh();
    let before = answers(&registry);
    let far = object(ObjectKind::ServiceEntry, "bank", "far");
    let sidecar = object(ObjectKind::Sidecar, "shop", "default");
    let new = service_entry("shop", "api", json!({"hosts": ["api.test"], "ports": []}));
    let mut undos: Vec<Undo> = vec![registry.add(&new)];
    undos.extend(registry.edit(&far, EntryEdit::Export("shop")));
    undos.extend(registry.let_through(&sidecar, EgressPlace::Listener(1), "bank/far.test"));
    let viewer = Viewer {
        sidecar: registry.sidecar_for("shop", &BTreeMap::new()),
        ..SHOP
    };
    assert_eq!(
        ask(&registry, &viewer, "far.test:443"),
        "bank/far far.test sni"
    );
    assert_eq!(ask(&registry, &viewer, "api.test:443"), "no");
    for undo in undos.into_iter().rev() {
        registry.undo(undo);
    }
    assert_eq!(answers(&registry), before);
}
