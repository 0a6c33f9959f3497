//! What the agent tells Prometheus: findings as counters, and how it is itself.

mod connections;
mod family;
pub mod health;
mod labels;
mod text;
pub mod workloads;

pub use self::{
    connections::{Destinations, Metrics, Unnamed},
    text::{PREFIX, Writer},
};
