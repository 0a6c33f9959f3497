//! Whether an object is seen, and whether what it declares is found: the two are one rule.

use std::collections::BTreeMap;

use super::*;

#[test]
fn an_entry_is_shown_to_those_whose_lookup_finds_it() {
    let exports: [&[&str]; 6] = [&[], &["*"], &["."], &["~"], &["shop"], &["~", "shop"]];
    let egress = ["*/*", "./*", "bank/*", "~/*", "*/*.a.test", "bank/b.a.test"];
    let ports = json!([{"number": 443, "protocol": "TLS"}]);
    for export_to in exports {
        for host in egress {
            for default in ["*", ".", "~"] {
                for namespace in ["shop", "bank"] {
                    let spec =
                        json!({"hosts": ["b.a.test"], "exportTo": export_to, "ports": ports});
                    let entry = service_entry(namespace, "e", spec.clone());
                    let mut registry = registry(&[(namespace, "e", spec)]);
                    registry.set_defaults(exported_by_default(&[default]));
                    let spec = json!({"egress": [{"hosts": [host]}]});
                    registry.set_sidecar(&sidecar("shop", "default", spec));
                    let viewer = Viewer {
                        sidecar: registry.sidecar_for("shop", &BTreeMap::new()),
                        ..SHOP
                    };
                    let found = ask(&registry, &viewer, "b.a.test:443") != "no";
                    assert_eq!(
                        registry.shows(&viewer, &entry),
                        found,
                        "{namespace} {export_to:?}, {host}, by default {default}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_host_that_the_registry_does_not_read_is_let_through_by_what_holds_it() {
    let entry = service_entry("shop", "e", json!({"hosts": ["*-b.a.test"]}));
    let mut registry = Registry::default();
    registry.set_service_entry(&entry);
    assert!(registry.shows(&SHOP, &entry));
    let cases = [
        ("*/*", true),
        ("./*", true),
        ("./*.a.test", true),
        ("./*.b.test", false),
        ("bank/*", false),
    ];
    for (host, expected) in cases {
        let spec = json!({"egress": [{"hosts": [host]}]});
        registry.set_sidecar(&sidecar("shop", "default", spec));
        let viewer = Viewer {
            sidecar: registry.sidecar("shop", "default"),
            ..SHOP
        };
        assert_eq!(registry.shows(&viewer, &entry), expected, "{host}");
    }
}
