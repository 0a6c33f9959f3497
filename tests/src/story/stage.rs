//! Node and agent while the story is played: a step, or a change of the configuration, at a time.

use std::path::Path;

use anyhow::Result;

use super::{
    cast::{Cast, make_node_with, start_agent, start_agent_pod},
    observed::observe,
    predicted::predict,
    row::Row,
    step::{NAMESPACE, Step},
};
use crate::{agent::Agent, envoy::Policy, node::Node, pod::Runtime};

pub(super) struct Stage<'a> {
    /// The agent's, which is also the commands'.
    pub(super) binary: &'a Path,
    pub(super) node: Node,
    pub(super) agent: Agent,
    policy: Policy,
    /// Gets a line for everything that happens.
    pub(super) say: &'a mut dyn FnMut(&str),
}

impl<'a> Stage<'a> {
    /// Everything that the story needs, under REGISTRY_ONLY.
    pub(super) fn set(cast: Cast<'a>, say: &'a mut dyn FnMut(&str)) -> Result<Self> {
        say("making the node: network, servers, DNS, pods");
        let runtime = match cast.pods {
            Some(_) => Runtime::Runc { shared: Vec::new() },
            None => Runtime::Processes,
        };
        let mut node = make_node_with(cast.envoy, runtime)?;
        let policy = Policy::RegistryOnly;
        say(&format!(
            "starting the sidecars, outboundTrafficPolicy {}",
            policy.as_str()
        ));
        node.set_policy(policy)?;
        for workload in ["sleep", "ranges", "broken"] {
            node.start_sidecar(NAMESPACE, workload, policy)?;
        }
        say("starting the agent");
        let agent = match &cast.pods {
            Some(settings) => start_agent_pod(&mut node, settings)?,
            None => start_agent(&node, cast.binary)?,
        };
        Ok(Self {
            binary: cast.binary,
            node,
            agent,
            policy,
            say,
        })
    }

    /// Makes the step's connection, under its policy.
    pub(super) fn play(&mut self, step: Step) -> Result<Row> {
        self.change_policy(step.policy)?;
        (self.say)(&format!(
            "{NAMESPACE}/{}: {}",
            step.workload,
            step.command_line()
        ));
        let predicted = predict(self.binary, &self.node, &step)?;
        let before = self.agent.scrape()?;
        let saw = step.ask(&self.node)?;
        let observed = observe(&mut self.agent, &before, &step)?;
        Ok(Row::new(step, predicted, saw, observed))
    }

    /// The operator edits the mesh's configuration.
    pub(super) fn change_policy(&mut self, policy: Policy) -> Result<()> {
        if policy == self.policy {
            return Ok(());
        }
        (self.say)(&format!(
            "outboundTrafficPolicy becomes {}",
            policy.as_str()
        ));
        self.policy = policy;
        self.change(|node| node.set_policy(policy))
    }

    /// Something is applied, the agent reads it, and istiod configures the sidecars anew (here:
    /// they start again).
    pub(super) fn change(&mut self, apply: impl FnOnce(&mut Node) -> Result<()>) -> Result<()> {
        let (node, policy) = (&mut self.node, self.policy);
        self.agent.read_changed(|| {
            apply(node)?;
            for workload in ["sleep", "ranges"] {
                node.start_sidecar(NAMESPACE, workload, policy)?;
            }
            Ok(())
        })
    }
}
