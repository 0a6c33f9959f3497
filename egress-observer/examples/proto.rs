use egress_observer::kernel::*;
fn main() {
    let root = preflight::cgroup_root(&std::fs::read_to_string("/proc/self/mountinfo").unwrap()).unwrap();
    println!("{root:?}");
    tracing_subscriber::fmt().init();
    let o = Options { cgroup: root, pin_dir: None, sizes: Sizes { flows: 65536, attempts: 65536, proofs: 65536 }, capture_ports: vec![15001] };
    let k = match Kernel::start(&o) { Ok(k) => k, Err(e) => { println!("{:#}", anyhow::Error::from(e)); return; } };
    std::thread::sleep(std::time::Duration::from_secs(std::env::args().nth(1).map_or(3, |a| a.parse().unwrap())));
    for i in 0..k.tables.n_slots() { println!("{:?}", k.tables.slot(i)); }
    println!("{:?} {:?}", k.tables.attempts().collect::<Vec<_>>(), k.tables.proofs().collect::<Vec<_>>());
}
