//! Where istiod itself has no order.

/// Which way istiod goes through what has no order of its own: its maps. Where the two ways lead to
/// different places, nobody can tell where a connection goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Forward,
    Backward,
}
