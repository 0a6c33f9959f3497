//! Versions of Istio, as far as they decide differently.

/// The minor version of Istio 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u16);

impl Version {
    /// What Istio's main branch will be.
    pub const LATEST: Self = Self(32);

    /// Reads `1.27`, `1.27.3` or `latest`.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "latest" {
            return Some(Self::LATEST);
        }
        text.strip_prefix("1.")?
            .split(['.', '-'])
            .next()?
            .parse()
            .ok()
            .map(Self)
    }

    /// Hosts of virtual hosts come with and without the port: before `SIDECAR_IGNORE_PORT_IN_HOST_MATCH`.
    pub const fn has_ports_in_domains(self) -> bool {
        self.0 < 15
    }

    /// `ENABLE_EXTERNAL_NAME_ALIAS`: ExternalName Services are aliases, not DNS clusters.
    pub const fn has_aliases(self) -> bool {
        self.0 >= 21
    }

    /// Aliases are left out of a port's routes only when virtual hosts are built (`httproute.go` of 1.24), and
    /// not from the start: VirtualServices can be for them.
    pub const fn routes_aliases(self) -> bool {
        self.0 >= 24
    }

    /// `mostSpecificWildcardVsIndex`: of several VirtualServices for a service, the one with the most specific
    /// host counts.
    pub const fn has_most_specific(self) -> bool {
        self.0 >= 21
    }

    /// `appendSidecarServices`: services of a scope are merged by host, and a Kubernetes Service wins.
    pub const fn merges_services(self) -> bool {
        self.0 >= 22
    }

    /// `PILOT_UNIFIED_SIDECAR_SCOPE`: no Sidecar is the same as one with `*/*`.
    pub const fn has_unified_scope(self) -> bool {
        self.0 >= 24
    }

    /// The first service of a host in a namespace is kept, or a Kubernetes Service, in `HostnameAndNamespace`;
    /// before, the last one was.
    pub const fn keeps_first_of_host(self) -> bool {
        self.0 >= 21
    }

    /// `destinationCIDRs = match.DestinationSubnets` in `tls.go` outlives the match that it is from.
    pub const fn keeps_subnets(self) -> bool {
        self.0 >= 23
    }

    /// `virtualServiceDestinationsFilteredBySourceNamespace`.
    pub const fn filters_destinations(self) -> bool {
        self.0 >= 24
    }

    /// `EnableAbsoluteFqdnVhostDomain`, and hosts in lower case.
    pub const fn has_absolute_domains(self) -> bool {
        self.0 >= 27
    }

    /// `PILOT_ENABLE_IP_AUTOALLOCATE`: addresses come from `status.addresses`.
    pub const fn allocates_in_status(self) -> bool {
        self.0 >= 25
    }

    /// `VirtualServiceController`: the mesh's default of `exportTo` may name namespaces.
    pub const fn has_virtual_service_controller(self) -> bool {
        self.0 >= 30
    }

    /// `SidecarPickBestServiceNamespace`.
    pub const fn picks_best_namespace(self) -> bool {
        self.0 >= 30
    }

    /// `serviceExportTo`: what is exported to a namespace by name is one list with what is private to it, and
    /// the mesh's default may name namespaces.
    pub const fn exports_by_one_list(self) -> bool {
        self.0 >= 31
    }

    /// A `~` before a namespace of a Sidecar's hosts excludes.
    pub const fn has_excluded_hosts(self) -> bool {
        self.0 >= 31
    }

    /// `servicesForExactHosts`: the fast path where all hosts of an egress listener are exact.
    pub const fn looks_up_exact_hosts(self) -> bool {
        self.0 >= 31
    }

    /// Two services whose protocol is not known, at the same address: their TCP chains are merged.
    pub const fn merges_auto_over_auto(self) -> bool {
        self.0 >= 32
    }

    /// The ports of the sidecar's own listeners for captured traffic are no services' ports.
    pub const fn reserves_capture_ports(self) -> bool {
        self.0 >= 23
    }

    /// `ENABLE_ENHANCED_RESOURCE_SCOPING`: `discoverySelectors` are also about Istio's objects.
    pub const fn scopes_istio_objects(self) -> bool {
        self.0 >= 22
    }

    /// Blanks around the namespaces of a Service's `networking.istio.io/exportTo` count for nothing.
    pub const fn trims_export_to(self) -> bool {
        self.0 >= 24
    }
}
