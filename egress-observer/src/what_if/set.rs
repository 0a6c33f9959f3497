//! `--set KEY=VALUE`: a value of Istio's installation, edited in the ConfigMaps that it ends up in.

use std::{fmt, str::FromStr};

use serde_json::{Map, Value};
use thiserror::Error;

use egress_observer_istio::{
    manifests::Object,
    mesh::{canonical, revision_of},
    objects::ConfigMap,
    yaml_fault::YamlFault,
};

/// A value to set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    text: String,
    holder: Holder,
    path: Vec<String>,
    value: Value,
}

/// Which ConfigMap holds a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holder {
    /// `istio-sidecar-injector`, key `values`.
    Injector,
    /// `istio`, key `mesh`.
    Mesh,
}

impl Holder {
    const fn name(self) -> &'static str {
        match self {
            Self::Injector => "istio-sidecar-injector",
            Self::Mesh => "istio",
        }
    }

    const fn key(self) -> &'static str {
        match self {
            Self::Injector => "values",
            Self::Mesh => "mesh",
        }
    }

    /// The revision of a ConfigMap that holds such values.
    fn revision(self, object: &ConfigMap) -> Option<&str> {
        let revision = revision_of(&object.metadata.name, self.name())?;
        object
            .data
            .contains_key(self.key())
            .then(|| canonical(revision))
    }
}

/// Text that sets nothing.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(crate) enum SettingError {
    #[error("`{0}` is not KEY=VALUE, such as includeIPRanges=10.96.0.0/12")]
    NoValue(String),
    #[error(
        "`{0}` is not a key that decides about egress; known are includeIPRanges, excludeIPRanges, \
         includeOutboundPorts and excludeOutboundPorts (also behind `global.proxy.`), \
         pilot.cni.enabled, global.nativeNftables, and below `meshConfig.`: \
         outboundTrafficPolicy.mode, defaultConfig.interceptionMode, \
         defaultConfig.proxyMetadata.NAME"
    )]
    UnknownKey(String),
    #[error("{key}: `{value}` is none of {known}")]
    UnknownValue {
        key: String,
        value: String,
        known: &'static str,
    },
}

/// Why a value cannot be set.
#[derive(Debug, Error)]
pub(crate) enum SetError {
    #[error(
        "--set {setting}: there is no ConfigMap {name} with the key `{key}` among the manifests; \
         add it, for example from: kubectl get configmap -n istio-system {name} -o yaml"
    )]
    NoConfigMap {
        setting: String,
        name: String,
        key: &'static str,
    },
    #[error("--set {setting}: ConfigMap {name}: its `{key}` is not YAML: {problem}")]
    NotYaml {
        setting: String,
        name: String,
        key: &'static str,
        problem: String,
    },
    #[error("--set {setting}: ConfigMap {name}: `{place}` in its `{key}` holds no fields")]
    NoFields {
        setting: String,
        name: String,
        key: &'static str,
        place: String,
    },
}

impl FromStr for Setting {
    type Err = SettingError;

    fn from_str(text: &str) -> Result<Self, SettingError> {
        let no_value = || SettingError::NoValue(text.to_owned());
        let (given, value) = text.split_once('=').ok_or_else(no_value)?;
        let unknown = || SettingError::UnknownKey(given.to_owned());
        let key = given.trim();
        let key = key.strip_prefix("values.").unwrap_or(key);
        let (holder, path) = place(key).ok_or_else(unknown)?;
        Ok(Self {
            text: text.to_owned(),
            holder,
            value: read_value(key, path.last().map_or("", |last| last), value)?,
            path,
        })
    }
}

/// Where a key is held.
fn place(key: &str) -> Option<(Holder, Vec<String>)> {
    let path = |path: &[&str]| path.iter().map(|part| (*part).to_owned()).collect();
    let bare = key.strip_prefix("global.proxy.").unwrap_or(key);
    if let "includeIPRanges" | "excludeIPRanges" | "includeOutboundPorts" | "excludeOutboundPorts" =
        bare
    {
        return Some((Holder::Injector, path(&["global", "proxy", bare])));
    }
    match key {
        "pilot.cni.enabled" => {
            return Some((Holder::Injector, path(&["pilot", "cni", "enabled"])));
        }
        "global.nativeNftables" => {
            return Some((Holder::Injector, path(&["global", "nativeNftables"])));
        }
        _ => {}
    }
    let key = key.strip_prefix("meshConfig.").unwrap_or(key);
    if key == "outboundTrafficPolicy.mode" {
        return Some((Holder::Mesh, path(&["outboundTrafficPolicy", "mode"])));
    }
    let key = key.strip_prefix("defaultConfig.").unwrap_or(key);
    if key == "interceptionMode" {
        return Some((Holder::Mesh, path(&["defaultConfig", "interceptionMode"])));
    }
    let name = key.strip_prefix("proxyMetadata.")?;
    (!name.is_empty()).then(|| {
        let place = path(&["defaultConfig", "proxyMetadata", name]);
        (Holder::Mesh, place)
    })
}

/// A value as its field has it. In lists, Helm's escape of a comma is undone.
fn read_value(key: &str, field: &str, value: &str) -> Result<Value, SettingError> {
    let known = match field {
        "enabled" | "nativeNftables" => {
            let flag: Option<bool> = value.parse().ok();
            return flag
                .map(Value::Bool)
                .ok_or_else(|| SettingError::UnknownValue {
                    key: key.to_owned(),
                    value: value.to_owned(),
                    known: "true, false",
                });
        }
        "mode" => "ALLOW_ANY, REGISTRY_ONLY, ALLOW_ANY_DYNAMIC_DNS",
        "interceptionMode" => "REDIRECT, TPROXY, NONE",
        _ => return Ok(value.replace("\\,", ",").into()),
    };
    if known.split(", ").any(|word| word == value) {
        return Ok(value.into());
    }
    Err(SettingError::UnknownValue {
        key: key.to_owned(),
        value: value.to_owned(),
        known,
    })
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Setting {
    /// Sets the value in the ConfigMaps of a revision, or of all.
    pub(crate) fn edit(
        &self,
        objects: &mut [Object],
        revision: Option<&str>,
    ) -> Result<(), SetError> {
        let revision = revision.map(canonical);
        let mut n_edited = 0_usize;
        for object in objects {
            let Object::ConfigMap(object) = object else {
                continue;
            };
            let Some(of) = self.holder.revision(object) else {
                continue;
            };
            if revision.is_none_or(|revision| revision == of) {
                self.edit_one(object)?;
                n_edited += 1;
            }
        }
        if n_edited > 0 {
            return Ok(());
        }
        let base = self.holder.name();
        Err(SetError::NoConfigMap {
            setting: self.text.clone(),
            name: match revision {
                None | Some("") => base.to_owned(),
                Some(revision) => format!("{base}-{revision}"),
            },
            key: self.holder.key(),
        })
    }

    fn edit_one(&self, object: &mut ConfigMap) -> Result<(), SetError> {
        let key = self.holder.key();
        let name = object.metadata.name.clone();
        let Some(text) = object.data.get_mut(key) else {
            return Ok(());
        };
        let read: Result<Option<Value>, _> = serde_saphyr::from_str(text);
        let mut root = match read {
            Ok(root) => root.unwrap_or(Value::Null),
            Err(problem) => {
                return Err(SetError::NotYaml {
                    setting: self.text.clone(),
                    name,
                    key,
                    problem: YamlFault::of(&problem.to_string(), "").to_string(),
                });
            }
        };
        let no_fields = |place: &str| SetError::NoFields {
            setting: self.text.clone(),
            name: name.clone(),
            key,
            place: place.to_owned(),
        };
        put(&mut root, &self.path, self.value.clone()).map_err(no_fields)?;
        // The name up to 1.21, which would still say yes.
        if self.path == ["pilot", "cni", "enabled"] && root.get("istio_cni").is_some() {
            let old = ["istio_cni".to_owned(), "enabled".to_owned()];
            put(&mut root, &old, self.value.clone()).map_err(no_fields)?;
        }
        // JSON is YAML: whoever reads it need not know.
        *text = root.to_string();
        Ok(())
    }
}

/// Sets a field, making those above it; the name of one that cannot have fields.
fn put<'p>(root: &mut Value, path: &'p [String], value: Value) -> Result<(), &'p str> {
    let mut place = root;
    let mut above = "the whole";
    for part in path {
        if place.is_null() {
            *place = Value::Object(Map::new());
        }
        let fields = place.as_object_mut().ok_or(above)?;
        place = fields.entry(part).or_insert(Value::Null);
        above = part;
    }
    *place = value;
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn config_map(name: &str, key: &str, text: &str) -> Object {
        let value = json!({
            "metadata": {"name": name, "namespace": "istio-system"}, "data": {key: text},
        });
        Object::ConfigMap(serde_json::from_value(value).unwrap())
    }

    fn text<'a>(object: &'a Object, key: &str) -> &'a str {
        let Object::ConfigMap(object) = object else {
            return "";
        };
        &object.data[key]
    }

    #[test]
    fn each_key_has_its_place() {
        let values = [
            (
                "includeIPRanges=*",
                json!({"global": {"proxy": {"includeIPRanges": "*"}}}),
            ),
            (
                "includeIPRanges=",
                json!({"global": {"proxy": {"includeIPRanges": ""}}}),
            ),
            (
                r"global.proxy.excludeIPRanges=10.4.0.0/14\,10.7.240.0/20",
                json!({"global": {"proxy": {"excludeIPRanges": "10.4.0.0/14,10.7.240.0/20"}}}),
            ),
            (
                "values.global.proxy.excludeOutboundPorts=22,25",
                json!({"global": {"proxy": {"excludeOutboundPorts": "22,25"}}}),
            ),
            (
                "includeOutboundPorts=80",
                json!({"global": {"proxy": {"includeOutboundPorts": "80"}}}),
            ),
            (
                "pilot.cni.enabled=true",
                json!({"pilot": {"cni": {"enabled": true}}}),
            ),
            (
                "values.global.nativeNftables=false",
                json!({"global": {"nativeNftables": false}}),
            ),
        ];
        let mesh = [
            (
                "outboundTrafficPolicy.mode=ALLOW_ANY",
                json!({"outboundTrafficPolicy": {"mode": "ALLOW_ANY"}}),
            ),
            (
                "meshConfig.outboundTrafficPolicy.mode=REGISTRY_ONLY",
                json!({"outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"}}),
            ),
            (
                "interceptionMode=NONE",
                json!({"defaultConfig": {"interceptionMode": "NONE"}}),
            ),
            (
                "meshConfig.defaultConfig.interceptionMode=TPROXY",
                json!({"defaultConfig": {"interceptionMode": "TPROXY"}}),
            ),
            (
                "meshConfig.defaultConfig.proxyMetadata.ISTIO_META_DNS_CAPTURE=true",
                json!({"defaultConfig": {"proxyMetadata": {"ISTIO_META_DNS_CAPTURE": "true"}}}),
            ),
        ];
        let holders = [
            ("istio-sidecar-injector", "values", "{}"),
            ("istio", "mesh", ""),
        ];
        let cases = [(&holders[0], &values[..]), (&holders[1], &mesh[..])];
        for ((name, key, empty), settings) in cases {
            for (setting, expected) in settings {
                let mut objects = [config_map(name, key, empty)];
                let parsed: Setting = setting.parse().unwrap();
                parsed.edit(&mut objects, None).unwrap();
                let found: Value = serde_json::from_str(text(&objects[0], key)).unwrap();
                assert_eq!(found, *expected, "{setting}");
            }
        }
    }

    #[test]
    fn the_rest_of_the_text_stays() {
        let mesh = "accessLogFile: /dev/stdout\noutboundTrafficPolicy: {mode: ALLOW_ANY, x: 1}\n";
        let mut objects = [config_map("istio", "mesh", mesh)];
        let setting: Setting = "outboundTrafficPolicy.mode=REGISTRY_ONLY".parse().unwrap();
        setting.edit(&mut objects, None).unwrap();
        let found: Value = serde_json::from_str(text(&objects[0], "mesh")).unwrap();
        let policy = json!({"mode": "REGISTRY_ONLY", "x": 1});
        let expected = json!({"accessLogFile": "/dev/stdout", "outboundTrafficPolicy": policy});
        assert_eq!(found, expected);
    }

    #[test]
    fn the_old_name_of_the_cni_switch_is_switched_too() {
        let values = r#"{"istio_cni":{"enabled":true}}"#;
        let mut objects = [config_map("istio-sidecar-injector", "values", values)];
        let setting: Setting = "pilot.cni.enabled=false".parse().unwrap();
        setting.edit(&mut objects, None).unwrap();
        let found: Value = serde_json::from_str(text(&objects[0], "values")).unwrap();
        assert_eq!(found["istio_cni"]["enabled"], false);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let said = |text: &str| text.parse::<Setting>().unwrap_err().to_string();
        assert!(said("includeIPRanges").contains("not KEY=VALUE"));
        assert!(said("includeIpRanges=*").contains("known are includeIPRanges"));
        assert!(said("proxyMetadata.=1").contains("not a key"));
        assert!(said("outboundTrafficPolicy.mode=DENY").contains("ALLOW_ANY, REGISTRY_ONLY"));
        assert!(said("pilot.cni.enabled=yes").contains("none of true, false"));
        assert!(said("interceptionMode=redirect").contains("REDIRECT, TPROXY, NONE"));
    }

    #[test]
    fn a_revision_limits_it_and_a_missing_config_map_is_named() {
        let setting: Setting = "includeIPRanges=10.0.0.0/8".parse().unwrap();
        let mut objects = [
            config_map("istio-sidecar-injector", "values", "{}"),
            config_map("istio-sidecar-injector-1-27", "values", "{}"),
            config_map("istio", "mesh", ""),
        ];
        setting.edit(&mut objects, Some("1-27")).unwrap();
        assert_eq!(text(&objects[0], "values"), "{}");
        assert_ne!(text(&objects[1], "values"), "{}");
        setting.edit(&mut objects, Some("default")).unwrap();
        assert_ne!(text(&objects[0], "values"), "{}");
        let said = setting.edit(&mut objects, Some("x")).unwrap_err();
        assert!(
            said.to_string()
                .contains("kubectl get configmap -n istio-system istio-sidecar-injector-x")
        );
        let mesh: Setting = "outboundTrafficPolicy.mode=ALLOW_ANY".parse().unwrap();
        let said = mesh.edit(&mut objects[..2], None).unwrap_err();
        assert!(
            said.to_string()
                .contains("no ConfigMap istio with the key `mesh`")
        );
    }

    #[test]
    fn text_that_has_no_such_fields_is_named() {
        let setting: Setting = "pilot.cni.enabled=true".parse().unwrap();
        let edit = |values| {
            let mut objects = [config_map("istio-sidecar-injector", "values", values)];
            setting.edit(&mut objects, None).unwrap_err().to_string()
        };
        assert!(edit("{").contains("is not YAML"));
        assert!(edit(r#"{"pilot": 3}"#).contains("`pilot` in its `values` holds no fields"));
        assert!(edit("[]").contains("holds no fields"));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(
            setting in ".{0,40}", likely in "(values\\.|meshConfig\\.)?[a-zA-Z.]{0,30}=?.{0,10}",
            held in ".{0,40}",
        ) {
            let known = ["includeIPRanges=x", "pilot.cni.enabled=true", "interceptionMode=NONE"];
            for text in [setting.as_str(), likely.as_str()].into_iter().chain(known) {
                if let Ok(setting) = text.parse::<Setting>() {
                    let mut objects = [
                        config_map("istio-sidecar-injector", "values", &held),
                        config_map("istio", "mesh", &held),
                    ];
                    drop(setting.edit(&mut objects, None));
                }
            }
        }
    }
}
