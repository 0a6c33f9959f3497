//! Which VirtualServices a namespace sees (`initVirtualServices` in `pilot/pkg/model/push_context.go`).

use std::collections::BTreeMap;
use std::rc::Rc;

use super::delegates;
use super::{Shared, VirtualService};
use crate::mesh::{Client, Mesh};
use crate::objects::Object;

/// Those for sidecars, by who sees them, each list by age.
#[derive(Debug, Default)]
pub(crate) struct VirtualServices {
    private: BTreeMap<String, Shared>,
    exported: BTreeMap<String, Shared>,
    public: Shared,
}

impl VirtualServices {
    pub(crate) fn new(objects: &[Object], mesh: &Mesh, client: &Client) -> Self {
        let all: Vec<VirtualService> = mesh
            .discovered(objects, client.version)
            .iter()
            .filter(|object| object.is("VirtualService"))
            .filter_map(|object| VirtualService::read(object, client))
            .collect();
        let mut merged = delegates::merge(&all, mesh);
        merged.sort_by_key(|one| {
            (
                one.created.clone(),
                one.object.name.clone(),
                one.object.namespace.clone(),
            )
        });
        let mut index = Self::default();
        for one in merged.into_iter().filter(VirtualService::is_for_mesh) {
            index.add(Rc::new(one), mesh, client);
        }
        index
    }

    fn add(&mut self, one: Rc<VirtualService>, mesh: &Mesh, client: &Client) {
        let namespace = one.object.namespace.clone();
        let export_to = delegates::export_to(&one, mesh);
        let is_by_default = one.spec.export_to.is_empty();
        if is_by_default && !client.version.has_virtual_service_controller() {
            // "We only honor ., *".
            if mesh.virtual_service_export_to.contains(".") {
                self.private.entry(namespace).or_default().push(one);
            } else if mesh.virtual_service_export_to.contains("*") {
                self.public.push(one);
            }
            return;
        }
        if export_to.contains("*") {
            self.public.push(one);
            return;
        }
        if export_to.contains("~") {
            return;
        }
        for to in export_to {
            let list = if to == namespace {
                &mut self.private
            } else {
                &mut self.exported
            };
            list.entry(to).or_default().push(Rc::clone(&one));
        }
    }

    /// In the order of `SelectVirtualServices`.
    pub(crate) fn seen_from(&self, namespace: &str) -> impl Iterator<Item = &Rc<VirtualService>> {
        let private = self.private.get(namespace).into_iter().flatten();
        let exported = self.exported.get(namespace).into_iter().flatten();
        private.chain(exported).chain(&self.public)
    }
}
