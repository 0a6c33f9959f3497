//! How a watch is started: a task of its own that sends what it learns.

use std::{sync::Arc, time::Duration};

use kube::Client;
use tokio::{sync::mpsc, task::AbortHandle, time::sleep};

use super::{
    failure::Pace,
    groups::Groups,
    hints,
    message::Message,
    selection::Selection,
    status::{WatchId, Watches},
    watch::Watch,
};
use egress_observer_istio::objects::kinds::OneKind;

/// What starts watches.
pub(super) struct Start {
    client: Client,
    pace: Pace,
    groups: Arc<Groups>,
    timeout: Duration,
    send: mpsc::Sender<Message>,
}

impl Start {
    pub(super) fn new(
        (client, pace): (Client, Pace),
        timeout: Duration,
        send: mpsc::Sender<Message>,
    ) -> Self {
        Self {
            groups: Arc::new(Groups::new(client.clone())),
            client,
            pace,
            timeout,
            send,
        }
    }

    /// Starts a watch after a while, and enters it among the others.
    pub(super) fn watch<K: OneKind>(
        &self,
        watches: &mut Watches,
        selection: Selection,
        wait: Duration,
    ) -> (WatchId, AbortHandle) {
        let id = watches.add(K::KIND, &selection);
        let watch = Watch::<K>::new(
            id,
            (self.client.clone(), self.pace.clone()),
            Arc::clone(&self.groups),
            selection,
            self.timeout,
            self.send.clone(),
        );
        let task = tokio::spawn(async move {
            sleep(wait).await;
            watch.run().await;
        });
        (id, task.abort_handle())
    }

    /// Looks for the ranges of pods and Services after a while.
    pub(super) fn find_ranges(&self, wait: Duration) {
        let (client, send) = (self.client.clone(), self.send.clone());
        tokio::spawn(async move {
            sleep(wait).await;
            let ranges = hints::ranges(&client).await;
            // The agent may have ended.
            drop(send.send(Message::Ranges(ranges)).await);
        });
    }
}
