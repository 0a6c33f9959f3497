//! Every request that arrived, in order.

use std::{fs::File, io::Write as _, path::Path};

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use serde::Serialize;

use super::request::Verb;

/// A request, and the status of its answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Request {
    pub time: Timestamp,
    pub method: String,
    pub path: String,
    /// As it was sent.
    pub query: String,
    /// The id of a resource that is known; else the path's group and plural.
    pub resource: Option<String>,
    pub verb: Option<Verb>,
    pub namespace: Option<String>,
    pub name: Option<String>,
    pub label_selector: String,
    pub field_selector: String,
    pub resource_version: Option<String>,
    pub limit: usize,
    /// `sendInitialEvents=true`.
    pub initial_events: bool,
    /// PartialObjectMetadata was asked for.
    pub metadata_only: bool,
    pub user_agent: String,
    /// None of a request that hangs.
    pub status: Option<u16>,
}

#[derive(Debug, Default)]
pub(super) struct Log {
    requests: Vec<Request>,
    file: Option<File>,
}

impl Log {
    /// Also writes to a file, one JSON object a line.
    pub(super) fn to(file: Option<&Path>) -> Result<Self> {
        let file = file.map(|path| {
            let file = File::options().create(true).append(true).open(path);
            file.with_context(|| format!("cannot write {}", path.display()))
        });
        Ok(Self {
            requests: Vec::new(),
            file: file.transpose()?,
        })
    }

    pub(super) fn add(&mut self, request: Request) {
        if let Some(file) = &mut self.file
            && let Ok(line) = serde_json::to_string(&request)
            && let Err(error) = writeln!(file, "{line}")
        {
            // Requests stay in memory; a full disk is no reason to stop answering.
            drop(error);
        }
        self.requests.push(request);
    }

    pub(super) fn requests(&self) -> &[Request] {
        &self.requests
    }

    pub(super) fn clear(&mut self) {
        self.requests.clear();
    }
}
