//! The program that makes the rules.

/// `Backend` is the program that the rules are made with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Backend {
    /// `iptables-restore` and `ip6tables-restore`: without IPv6 rules there is no rule for IPv6.
    #[default]
    Iptables,
    /// `nft` with tables of family `inet`: rules without addresses are for IPv6, too, always.
    Nftables,
}

impl Backend {
    /// The backend by `--native-nftables`, which the injector renders from `global.nativeNftables`.
    pub const fn of(native_nftables: bool) -> Self {
        if native_nftables {
            Self::Nftables
        } else {
            Self::Iptables
        }
    }
}
