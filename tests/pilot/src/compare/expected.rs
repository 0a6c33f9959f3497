//! What the oracle says of a world's destinations.

use crate::generate::{self, World};
use crate::matcher::{Envoy, Outcome, Says};
use crate::{Config, Order, write};

/// What the oracle says of a destination, for each way to begin. Several where istiod's own order is open.
#[derive(Clone, Debug)]
pub struct Expected {
    pub outcomes: Vec<(Says, Outcome)>,
}

/// What the oracle says.
pub fn expected(world: &World) -> Vec<Expected> {
    let configs: Vec<Config> = [Order::Forward, Order::Backward]
        .into_iter()
        .map(|order| write(&world.manifests, &world.client, order))
        .collect();
    let envoys: Vec<Envoy<'_>> = configs.iter().map(Envoy::new).collect();
    let (names, _) = generate::known(&world.manifests);
    world
        .destinations
        .iter()
        .map(|destination| {
            let mut outcomes: Vec<(Says, Outcome)> = Vec::new();
            let named: Vec<Says> = match destination.name {
                Some(_) => Vec::new(),
                // Whoever tells the address alone does not tell what the client asks for.
                None => names
                    .iter()
                    .flat_map(|name| asks(name, destination.to.port()))
                    .collect(),
            };
            for says in destination.says().into_iter().chain(named) {
                for envoy in &envoys {
                    let outcome = (says.clone(), envoy.ask(destination.to, &says));
                    if !outcomes.contains(&outcome) {
                        outcomes.push(outcome);
                    }
                }
            }
            Expected { outcomes }
        })
        .collect()
}

fn asks(name: &str, port: u16) -> [Says; 2] {
    [
        Says::Http(format!("{name}:{port}")),
        Says::Tls(Some(name.to_owned())),
    ]
}
