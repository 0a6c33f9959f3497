//! Names of public types that mean two things.

use std::collections::BTreeMap;

use crate::places::Place;

/// What the prelude brings, and the types of the standard library that everybody knows by their
/// bare name. `Error` is missing: every module may have one.
const STANDARD: &[&str] = &[
    "Any",
    "Arc",
    "AsMut",
    "AsRef",
    "BTreeMap",
    "BTreeSet",
    "Box",
    "Cell",
    "Clone",
    "Command",
    "Copy",
    "Cow",
    "Debug",
    "Default",
    "Display",
    "DoubleEndedIterator",
    "Drop",
    "Duration",
    "Eq",
    "ExactSizeIterator",
    "Extend",
    "File",
    "Fn",
    "FnMut",
    "FnOnce",
    "From",
    "FromIterator",
    "FromStr",
    "Future",
    "Hash",
    "HashMap",
    "HashSet",
    "Hasher",
    "Instant",
    "Into",
    "IntoFuture",
    "IntoIterator",
    "IpAddr",
    "Ipv4Addr",
    "Ipv6Addr",
    "Iterator",
    "Mutex",
    "None",
    "Option",
    "Ord",
    "Ordering",
    "OsStr",
    "OsString",
    "PartialEq",
    "PartialOrd",
    "Path",
    "PathBuf",
    "Pin",
    "Range",
    "Rc",
    "Read",
    "RefCell",
    "Result",
    "RwLock",
    "Send",
    "Sized",
    "SocketAddr",
    "Some",
    "String",
    "Sync",
    "SystemTime",
    "TcpListener",
    "TcpStream",
    "ToOwned",
    "ToString",
    "TryFrom",
    "TryInto",
    "UdpSocket",
    "Unpin",
    "Vec",
    "VecDeque",
    "Write",
];

/// A name and all places that define it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeated {
    pub name: String,
    pub places: Vec<Place>,
}

/// Names that are defined at more than one place.
pub(crate) fn repeated(types: &[Place]) -> Vec<Repeated> {
    let mut by_name: BTreeMap<&str, Vec<Place>> = BTreeMap::new();
    for place in types {
        by_name.entry(&place.name).or_default().push(place.clone());
    }
    by_name
        .into_iter()
        .filter(|(_, places)| places.len() > 1)
        .map(|(name, places)| Repeated {
            name: name.to_owned(),
            places,
        })
        .collect()
}

/// Those that hide a name of the standard library.
pub(crate) fn shadowing(types: &[Place]) -> Vec<Place> {
    types
        .iter()
        .filter(|place| STANDARD.contains(&place.name.as_str()))
        .cloned()
        .collect()
}
