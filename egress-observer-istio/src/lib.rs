//! What Istio does with a pod's outbound connection.
#![forbid(unsafe_code)]

pub mod injection;
pub mod judgement;
pub mod manifests;
pub mod mesh;
pub mod objects;
pub mod registry;
pub mod rules;
pub mod view;
pub mod vocabulary;
