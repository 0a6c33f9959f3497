//! Text as Istio decodes it into protobuf messages: YAML becomes JSON as `sigs.k8s.io/yaml` has it, and
//! JSON becomes a message as `golang/protobuf/jsonpb` has it (`pkg/util/protomarshal/protomarshal.go`
//! `ApplyYAML`, `ApplyJSON`). A field of the wrong type anywhere refuses the whole document.

mod decode;
mod message;
mod plain;
mod refused;
mod yaml;

pub(crate) use self::{
    decode::{decode, decode_yaml},
    message::{FieldType, MessageFields, messages},
    yaml::yaml_to_json,
};
pub use self::{refused::Refused, yaml::YamlError};
