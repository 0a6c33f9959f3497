//! The places in the kernel where a program is attached to a cgroup, by the kernel's numbers.

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hook {
    /// The name of the section in an object file, without `cgroup/`.
    pub name: &'static str,
    /// `enum bpf_prog_type`.
    pub program_type: u32,
    /// `enum bpf_attach_type`.
    pub attach_type: u32,
}

const SKB: u32 = 8;
const SOCK_OPS: u32 = 13;
const SOCK_ADDR: u32 = 18;

/// Those where a connection is seen, in the order in which it meets them.
pub const HOOKS: [Hook; 7] = [
    hook("connect4", SOCK_ADDR, 10),
    hook("connect6", SOCK_ADDR, 11),
    hook("sendmsg4", SOCK_ADDR, 14),
    hook("sendmsg6", SOCK_ADDR, 15),
    hook("sock_ops", SOCK_OPS, 3),
    hook("ingress", SKB, 0),
    hook("egress", SKB, 1),
];

const fn hook(name: &'static str, program_type: u32, attach_type: u32) -> Hook {
    Hook {
        name,
        program_type,
        attach_type,
    }
}

/// The hook of this name.
pub fn by_name(name: &str) -> Option<Hook> {
    HOOKS.into_iter().find(|hook| hook.name == name)
}

/// The hook of this `enum bpf_attach_type`.
pub fn by_attach_type(attach_type: u32) -> Option<Hook> {
    HOOKS
        .into_iter()
        .find(|hook| hook.attach_type == attach_type)
}
