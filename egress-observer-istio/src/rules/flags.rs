//! The command line and environment of `istio-iptables`, which `istio-init` made a pod's rules
//! with (`tools/istio-iptables/pkg/cmd/root.go`, `pkg/flag/flag.go`, `tools/common/config`).

mod boolean;
mod context;
mod error;
mod lists;
mod lookup;
mod parse;
mod table;
mod variables;
mod words;

pub(crate) use self::boolean::parse_bool;
pub use self::{
    context::{FlagContext, FlagVariable},
    error::FlagError,
    parse::{ParsedFlags, parse},
    words::{arguments, is_known},
};

#[cfg(test)]
mod tests;
