//! What Istio does with a pod's outbound connection: a model of its configuration, and nothing else.
//!
//! The model takes Kubernetes and Istio objects in, one at a time, and says of a connection what the
//! pod was set up to do with it when it started (*applied*), what it would be set up to do today
//! (*desired*), what the mesh knows of the destination, and what follows from that and from what was
//! seen: a [`Verdict`](vocabulary::Verdict) with a [`Reason`](vocabulary::Reason). It has no tasks, no
//! client of any API and no kernel in it, and builds on every operating system.
//!
//! ```text
//! YAML -> manifests::Reading -> objects::Object --> view::Live -> view::Snapshot
//!         what the API tells -------------------/        |  pods (injection, rules), mesh, registry
//!                                                        v
//!                 judgement::assess(snapshot, asker, endpoint, names, evidence) -> Judgement
//! ```
//!
//! | module | what |
//! |---|---|
//! | [`vocabulary`] | closed sets of words, and one reading each of hosts, protocols of ports and `exportTo` |
//! | [`objects`] | the list of kinds, and the fields of them that are read |
//! | [`manifests`] | objects from files, each document apart |
//! | [`yaml_fault`] | what is wrong with a text that is not YAML, in words |
//! | [`protojson`] | text as Istio decodes it into protobuf messages, and what refuses it |
//! | [`installation`] | Helm values and the operators' objects, as the ConfigMaps that come of them |
//! | [`mesh`] | mesh configuration and injector values, by revision |
//! | [`injection`] | pods: what was set up for them, and what would be today |
//! | [`rules`] | which connections such a setup captures, version by version |
//! | [`registry`] | what the mesh knows, who sees it, and which entry takes a connection |
//! | [`validation`] | what Istio refuses |
//! | [`view`] | all of that as objects come and go |
//! | [`judgement`] | from configuration and evidence to a verdict: the one public verb |
//!
//! Every rule names its place in Istio's source.
//!
//! # From YAML to a verdict
//!
//! ```
//! use egress_observer_istio::{
//!     judgement::{Asker, ClientSocket, Endpoint, Evidence, assess},
//!     manifests::Reading,
//!     view::live::Live,
//!     vocabulary::{Protocol, Verdict},
//! };
//!
//! let yaml = r#"
//! kind: ConfigMap
//! metadata: {name: istio, namespace: istio-system}
//! data: {mesh: "outboundTrafficPolicy: {mode: REGISTRY_ONLY}"}
//! ---
//! kind: Pod
//! metadata: {name: sleep, namespace: shop}
//! spec:
//!   initContainers: [{name: istio-init, args: [istio-iptables, -p, "15001", -u, "1337", -i, "*"]}]
//!   containers: [{name: sleep}, {name: istio-proxy}]
//! "#;
//! let objects = Reading::of("shop.yaml".as_ref(), yaml).complete()?;
//! let snapshot = Live::of(objects, &[]).into_snapshot();
//! let pod = snapshot.pods().next().expect("it is in the text");
//! let asker = Asker::new(&snapshot, pod, pod.role(None, 1000, 1000), ClientSocket::default());
//! let to = Endpoint { ip: None, port: 443, protocol: Protocol::Tcp };
//! let judgement = assess(&snapshot, &asker, &to, &["www.example.com"], Evidence::AsApplied);
//! assert_eq!(judgement.verdict, Verdict::Blocked);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

pub mod vocabulary;

pub mod objects;

pub mod manifests;

pub mod installation;

pub mod yaml_fault;

pub mod protojson;

pub mod mesh;

pub mod injection;

pub mod rules;

pub mod registry;

pub mod validation;

pub mod view;

pub mod judgement;
