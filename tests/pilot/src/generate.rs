//! Random clusters: manifests, a client among them, and destinations near what they declare.

mod destinations;
mod entries;
mod kubernetes;
mod making;
mod sidecars;
mod virtual_services;

use serde_json::Value;

use self::making::{CLIENT, Making};
use crate::mesh::Client;
use crate::random::Random;
use crate::version::Version;

pub use self::destinations::Destination;
pub(crate) use self::destinations::known;

/// One case.
#[derive(Clone, Debug)]
pub struct World {
    pub manifests: Vec<Value>,
    pub client: Client,
    pub destinations: Vec<Destination>,
}

const VERSIONS: [Version; 7] = [
    Version(20),
    Version(21),
    Version(24),
    Version(27),
    Version(30),
    Version(31),
    Version::LATEST,
];

/// The case of that number.
pub fn world(seed: u64, case: u64) -> World {
    let mut random = Random::of_case(seed, case);
    let version = VERSIONS[random.below(VERSIONS.len())];
    let mut client = Client::new(CLIENT, version);
    client.labels = [("app".to_owned(), "client".to_owned())].into();
    client.dns_capture = random.percent(25);
    client.auto_allocate = client.dns_capture && version.allocates_in_status();
    let mut making = Making::new(random, client);
    let mut manifests = making.frame();
    for _ in 0..making.random.between(1, 6) {
        manifests.push(making.service_entry());
    }
    for _ in 0..making.random.between(0, 4) {
        manifests.extend(making.service());
    }
    for _ in 0..making.random.below(3) {
        manifests.push(making.sidecar());
    }
    for _ in 0..making.random.below(4) {
        manifests.push(making.virtual_service());
    }
    manifests.extend(making.delegates());
    manifests.extend(making.workers());
    let destinations = making.destinations(&manifests);
    World {
        manifests,
        client: making.client,
        destinations,
    }
}
