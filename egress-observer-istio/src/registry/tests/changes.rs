//! Objects come, change and go, one at a time.

use super::*;

#[test]
fn a_changed_entry_takes_the_place_of_its_earlier_state() {
    let mut registry = registry(&[(
        "shop",
        "e",
        json!({
            "hosts": ["a.test"], "addresses": ["192.0.2.1", "198.51.100.0/24"],
            "ports": [{"number": 443, "protocol": "TLS"}],
        }),
    )]);
    let changed = json!({"hosts": ["b.test"], "ports": [{"number": 80, "protocol": "HTTP"}]});
    registry.set_service_entry(&service_entry("shop", "e", changed));
    expect(
        &registry,
        &[
            ("192.0.2.1:443", "no"),
            ("198.51.100.1:443", "no"),
            ("a.test:443", "no"),
            ("b.test:80", "shop/e b.test host"),
        ],
    );
}

#[test]
fn nothing_is_left_of_what_is_removed() {
    let spec = json!({
        "hosts": ["a.test", "*.b.test"], "addresses": ["192.0.2.1", "198.51.100.0/24", "bad"],
        "ports": [{"number": 443, "protocol": "TLS"}, {"number": 80, "protocol": "HTTP"}],
    });
    let mut registry = registry(&[("shop", "e", spec)]);
    add_service(
        &mut registry,
        "shop",
        "web",
        json!({"clusterIP": "10.96.0.1", "ports": [{"name": "http", "port": 80}]}),
    );
    assert!(registry.remove_service_entry("shop", "e"));
    assert!(!registry.remove_service_entry("shop", "e"));
    assert!(registry.remove_service("shop", "web"));
    assert!(!registry.remove_service("shop", "web"));
    assert_eq!(registry.problems().count(), 0);
    let empty = crate::registry::index::Index::default();
    assert_eq!(format!("{:?}", registry.index), format!("{empty:?}"));
}
