//! The story once more: it makes no difference that everything is a container.

use egress_observer_tests::{
    run,
    story::{self, Cast, Played},
};

use crate::bed::{Delivery, envoy};

#[test]
fn in_containers_every_connection_gets_the_same_verdict() {
    let delivery = Delivery::unpack().unwrap();
    let binary = delivery.binary();
    let envoy = envoy();
    let cast = Cast {
        binary: &binary,
        envoy: &envoy,
        pods: Some(delivery.settings()),
    };
    let mut said = Vec::new();
    let mut say = |line: &str| said.push(line.to_owned());
    let played = story::play_with(cast, &mut say);
    let played = played.unwrap_or_else(|error| panic!("{error:#}\nafter {said:#?}"));

    assert_eq!(played.rows.len(), story::steps().len());
    for row in &played.rows {
        let log = played.agent.log();
        assert!(row.is_right(), "{row:#?}\nthe agent's log:\n{log}");
    }
    assert!(played.fix.is_right(), "{:#?}", played.fix);
    assert_eq!(played.n_proxy_upstream, played.n_forwarded());

    let Played { agent, node, .. } = played;
    agent.stop().unwrap();
    let id = node.run().id().to_owned();
    drop(node);
    assert_eq!(run::leftovers(&id).unwrap(), [] as [String; 0]);
}
