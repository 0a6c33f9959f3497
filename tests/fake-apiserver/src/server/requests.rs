//! What a server serves, what goes wrong there, and what it was asked.

use std::time::Duration;

use anyhow::Result;

use super::ApiServer;
use crate::{
    faults::{Fault, Which},
    log::Request,
    rbac::Rbac,
    request::Verb,
    resources,
    shared::StreamingLists,
};

impl ApiServer {
    /// Serves a group in these versions only; in none, it is not there.
    pub fn serve_versions(&self, group: &str, versions: &[&str]) {
        self.shared
            .change(|state| state.served.set_versions(group, versions));
    }

    /// Takes a resource away, as if its CustomResourceDefinition were deleted. Watches end.
    pub fn remove_resource(&self, resource: &str) -> Result<()> {
        let resource = resources::known(resource)?;
        self.shared.change(|state| state.served.remove(resource));
        Ok(())
    }

    /// Serves it again.
    pub fn restore_resource(&self, resource: &str) -> Result<()> {
        let resource = resources::known(resource)?;
        self.shared.change(|state| state.served.restore(resource));
        Ok(())
    }

    pub fn set_streaming_lists(&self, streaming_lists: StreamingLists) {
        self.shared
            .change(|state| state.streaming_lists = streaming_lists);
    }

    /// What is allowed from now on; watches that run go on, as they do in a real cluster.
    pub fn set_rbac(&self, rbac: Option<Rbac>) {
        self.shared.change(|state| state.rbac = rbac);
    }

    pub fn set_latency(&self, latency: Duration) {
        self.shared.change(|state| state.latency = latency);
    }

    /// Lets requests fail from now on, after the faults that are set already.
    pub fn fail(&self, which: Which, fault: Fault) -> Result<()> {
        which.resource.map(resources::known).transpose()?;
        self.shared.change(|state| state.faults.set(which, fault));
        Ok(())
    }

    /// Ends all faults, but for requests that suffer already.
    pub fn clear_faults(&self) {
        self.shared.change(|state| state.faults.clear());
    }

    /// Breaks the connections of the running watches of a resource, in the middle of a line.
    pub fn cut_watches(&self, resource: &str) -> Result<()> {
        let resource = resources::known(resource)?;
        self.shared
            .change(|state| *state.cuts.entry(resource.id).or_default() += 1);
        Ok(())
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.state().log.requests().to_vec()
    }

    /// How many requests there were of a verb for a resource.
    pub fn count(&self, resource: &str, verb: Verb) -> usize {
        let state = self.shared.state();
        let of_both = state.log.requests().iter().filter(|request| {
            request.resource.as_deref() == Some(resource) && request.verb == Some(verb)
        });
        of_both.count()
    }

    /// Forgets them.
    pub fn clear_requests(&self) {
        self.shared.state().log.clear();
    }
}
