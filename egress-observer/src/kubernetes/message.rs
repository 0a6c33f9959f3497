//! What arrives at the agent's loop.

use ipnet::IpNet;

use super::status::News;

/// Something arrived.
#[derive(Debug)]
pub(crate) enum Message {
    /// Objects came, changed or went, or a watch did.
    News(News),
    /// Ranges of the cluster, as its installer and its network plugin have them.
    Ranges(Vec<IpNet>),
}
