//! The same rules as in `lookup`, over all objects one after another: what the index is tested
//! against, and timed against. It shares the answers' types with it, and nothing else.

mod answer;
mod client;
mod egress;
mod list;
mod row;
mod rows;
mod sample;
mod scan;

pub use self::{
    answer::{ScanAnswer, ScanHit},
    client::ScanClient,
    list::Linear,
    sample::SampleRegistry,
};
