//! The fields of protobuf messages, as tables.

/// The fields of a message, those of one type together, by the names that the `.proto` file gives them.
pub(crate) type MessageFields = [(FieldType, &'static [&'static str])];

/// A message's table, where it is referred to.
pub(crate) type MessageType = &'static MessageFields;

/// What a field takes. A wrapper (`google.protobuf.BoolValue`) takes what its value does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum FieldType {
    /// `bool`: neither a number nor text.
    Bool,
    /// `int32`.
    Int32,
    /// `uint32`.
    Uint32,
    /// `int64` and `uint64`.
    Int64,
    /// `double`.
    Double,
    /// `string`.
    Text,
    /// `google.protobuf.Duration`: text such as `10s`.
    Duration,
    /// `google.protobuf.Struct`: fields of any names.
    Struct,
    /// Anything: `google.protobuf.Value`, or a type that reads itself.
    Any,
    /// An enum: its names, and the number of each.
    Words(&'static [(&'static str, i32)]),
    /// Another message.
    Fields(MessageType),
    /// `repeated`.
    Many(&'static Self),
    /// `map<string, ...>`.
    Map(&'static Self),
}

impl FieldType {
    /// `repeated string`.
    pub(crate) const TEXTS: Self = Self::Many(&Self::Text);
    /// `map<string, string>`.
    pub(crate) const TEXT_MAP: Self = Self::Map(&Self::Text);
}

/// Declares messages: `NAME { TYPE: field field; ... }`.
macro_rules! messages {
    ($($(#[$doc:meta])* $name:ident { $($type:expr => $($field:literal)+;)* })*) => {
        $($(#[$doc])* pub(crate) static $name: &$crate::protojson::MessageFields = &[
            $(($type, &[$($field),+]),)*
        ];)*
    };
}
pub(crate) use messages;

/// The name that JSON has for a field: `proxy_metadata` is `proxyMetadata`.
pub(super) fn json_name(proto: &str) -> String {
    let mut name = String::with_capacity(proto.len());
    let mut raise = false;
    for c in proto.chars() {
        if c == '_' {
            raise = true;
        } else if raise {
            name.push(c.to_ascii_uppercase());
            raise = false;
        } else {
            name.push(c);
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_names_are_those_of_protoc() {
        for (proto, json) in [
            ("root_namespace", "rootNamespace"),
            ("mesh_mTLS", "meshMTLS"),
            ("enable_64bit_trace_id", "enable64bitTraceId"),
            ("k8s_sa_jwt_path", "k8sSaJwtPath"),
            ("matchLabels", "matchLabels"),
        ] {
            assert_eq!(json_name(proto), json);
        }
    }
}
