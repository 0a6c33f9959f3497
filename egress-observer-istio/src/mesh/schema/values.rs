//! The Helm values that the injector reads (`operator/pkg/apis/values_types.proto`): what the chart
//! puts into the ConfigMap, that is `global`, `pilot`, `sidecarInjectorWebhook`, `istio_cni`, `gateways`
//! and a few words (`manifests/charts/istio-control/istio-discovery/templates/istiod-injector-configmap.yaml`).

use crate::protojson::{
    FieldType::{
        self, Any, Bool, Double, Duration, Fields, Int32, Int64, Many, Struct, Text, Uint32, Words,
    },
    messages,
};

const TRACER: FieldType = Words(&[
    ("zipkin", 0),
    ("lightstep", 1),
    ("datadog", 2),
    ("stackdriver", 3),
    ("openCensusAgent", 4),
    ("none", 5),
]);

const RESOURCE_SCOPE: FieldType = Words(&[
    ("undefined", 0),
    ("all", 1),
    ("cluster", 2),
    ("namespace", 3),
]);

const STRUCTS: FieldType = Many(&Struct);

messages! {
    ENABLED { Bool => "enabled"; }

    LOGGING { Text => "level"; }

    RESOURCES { FieldType::TEXT_MAP => "limits" "requests"; }

    UTILIZATION { Int32 => "targetAverageUtilization"; }

    ARCH { Uint32 => "amd64" "ppc64le" "s390x" "arm64"; }

    REQUESTS { Text => "cpu" "memory"; }

    DEFAULT_RESOURCES { Fields(REQUESTS) => "requests"; }

    MULTI_CLUSTER {
        Bool => "enabled" "includeEnvoyFilter";
        Text => "clusterName" "globalDomainSuffix";
    }

    STARTUP_PROBE { Bool => "enabled"; Uint32 => "failureThreshold"; }

    PROXY {
        Text => "autoInject" "clusterDomain" "componentLogLevel" "excludeInboundPorts"
            "excludeIPRanges" "image" "includeIPRanges" "logLevel" "outlierLogPath"
            "excludeOutboundPorts" "includeInboundPorts" "includeOutboundPorts";
        Bool => "enableCoreDump" "privileged" "holdApplicationUntilProxyStarts";
        Uint32 => "readinessInitialDelaySeconds" "readinessPeriodSeconds"
            "readinessFailureThreshold" "statusPort";
        Struct => "seccompProfile" "lifecycle";
        Fields(STARTUP_PROBE) => "startupProbe";
        Fields(RESOURCES) => "resources";
        TRACER => "tracer";
    }

    PROXY_INIT { Text => "image"; Fields(RESOURCES) => "resources"; }

    SDS { Struct => "token"; }

    ADDRESS { Text => "address"; }

    LIGHTSTEP { Text => "address" "accessToken"; }

    STACKDRIVER {
        Bool => "debug";
        Uint32 => "maxNumberOfAttributes" "maxNumberOfAnnotations" "maxNumberOfMessageEvents";
    }

    TRACERS {
        Fields(ADDRESS) => "datadog" "zipkin";
        Fields(LIGHTSTEP) => "lightstep";
        Fields(STACKDRIVER) => "stackdriver";
    }

    ISTIOD { Bool => "enableAnalysis"; }

    STS { Uint32 => "servicePort"; }

    WAYPOINT {
        Fields(RESOURCES) => "resources";
        Struct => "affinity" "nodeSelector";
        STRUCTS => "topologySpreadConstraints" "toleration";
    }

    NAMED { Text => "name" "namespace" "image"; }

    GLOBAL {
        Fields(ARCH) => "arch";
        FieldType::TEXTS => "certSigners" "imagePullSecrets" "podDNSSearchNamespaces" "ipFamilies";
        Bool => "configValidation" "logAsJson" "omitSidecarInjectorConfigMap"
            "operatorManageWebhooks" "mountMtlsCerts" "externalIstiod" "configCluster"
            "nativeNftables" "enableReaderRBAC";
        Struct => "defaultNodeSelector" "meshNetworks";
        STRUCTS => "defaultTolerations";
        Fields(ENABLED) => "defaultPodDisruptionBudget" "networkPolicy";
        Fields(DEFAULT_RESOURCES) => "defaultResources";
        Text => "hub" "imagePullPolicy" "istioNamespace" "meshID" "network" "priorityClassName"
            "variant" "remotePilotAddress" "pilotCertProvider" "jwtPolicy" "revision" "caAddress"
            "caName" "platform" "ipFamilyPolicy" "trustBundleName";
        Fields(LOGGING) => "logging";
        Fields(MULTI_CLUSTER) => "multiCluster";
        Fields(PROXY) => "proxy";
        Fields(PROXY_INIT) => "proxy_init";
        Fields(SDS) => "sds";
        Any => "tag";
        Fields(TRACERS) => "tracer";
        Fields(ISTIOD) => "istiod";
        Fields(STS) => "sts";
        Fields(WAYPOINT) => "waypoint";
        RESOURCE_SCOPE => "resourceScope";
        Fields(NAMED) => "agentgateway" "readerServiceAccount";
    }

    CNI_USAGE { Bool => "enabled" "chained"; Text => "provider"; }

    TAINT { Bool => "enabled"; Text => "namespace" "name"; }

    REMOTE {
        Text => "injectionURL" "injectionPath" "injectionCABundle";
        Bool => "enabled" "enabledLocalInjectorIstiod";
    }

    PILOT {
        Bool => "enabled" "autoscaleEnabled" "configMap";
        Uint32 => "autoscaleMin" "autoscaleMax" "replicaCount";
        Struct => "autoscaleBehavior" "nodeSelector" "deploymentLabels" "podLabels" "env" "affinity"
            "podAnnotations" "serviceAnnotations" "serviceAccountAnnotations" "seccompProfile";
        Text => "image" "jwksResolverExtraRootCA" "hub" "variant" "ipFamilyPolicy"
            "trustedZtunnelNamespace" "crlConfigMapName";
        Double => "traceSampling";
        Fields(RESOURCES) => "resources";
        Fields(UTILIZATION) => "cpu" "memory";
        Duration => "keepaliveMaxServerConnectionAge";
        Any => "rollingMaxSurge" "rollingMaxUnavailable" "tag";
        STRUCTS => "tolerations" "topologySpreadConstraints" "extraContainerArgs" "volumeMounts"
            "volumes" "envVarFrom";
        FieldType::TEXTS => "ipFamilies";
        Fields(CNI_USAGE) => "cni";
        Fields(TAINT) => "taint";
        Fields(REMOTE) => "istiodRemote";
    }

    WEBHOOK {
        Bool => "enableNamespacesByDefault" "rewriteAppHTTPProbe";
        Text => "reinvocationPolicy" "injectionURL";
        STRUCTS => "neverInjectSelector" "alwaysInjectSelector";
        Struct => "injectedAnnotations" "templates";
        FieldType::TEXTS => "defaultTemplates";
    }

    REPAIR {
        Bool => "enabled" "labelPods" "repairPods" "deletePods";
        Text => "hub" "image" "createEvents" "brokenPodLabelKey" "brokenPodLabelValue"
            "initContainerName";
        Any => "tag";
    }

    QUOTAS { Bool => "enabled"; Int64 => "pods"; }

    CNI_AMBIENT {
        Bool => "enabled" "dnsCapture" "ipv6" "reconcileIptablesOnStartup"
            "shareHostNetworkNamespace" "enableAmbientDetectionRetry";
        Text => "configDir";
        STRUCTS => "enablementSelectors";
    }

    CNI {
        Bool => "enabled" "chained" "privileged" "istioOwnedCNIConfig" "useAppArmorAnnotation";
        Text => "hub" "variant" "image" "pullPolicy" "cniBinDir" "cniConfDir" "cniConfFileName"
            "cniNetnsDir" "psp_cluster_role" "logLevel" "provider" "istioOwnedCNIConfigFileName";
        Any => "tag" "rollingMaxUnavailable";
        FieldType::TEXTS => "excludeNamespaces";
        Struct => "affinity" "env" "daemonSetLabels" "podAnnotations" "podLabels" "seccompProfile";
        Fields(LOGGING) => "logging";
        Fields(REPAIR) => "repair";
        Fields(QUOTAS) => "resource_quotas";
        Fields(RESOURCES) => "resources";
        Fields(CNI_AMBIENT) => "ambient";
    }

    GATEWAYS {
        Bool => "enabled";
        Any => "securityContext" "seccompProfile";
    }

    BASE {
        Bool => "enableCRDTemplates" "enableIstioConfigCRDs" "validateGateway";
        FieldType::TEXTS => "excludedCRDs";
        Text => "validationURL" "validationCABundle";
    }

    STABLE_POLICY { Bool => "stableValidationPolicy"; }

    /// `Values`.
    VALUES {
        Fields(CNI) => "cni";
        Fields(GATEWAYS) => "gateways";
        Fields(GLOBAL) => "global";
        Fields(PILOT) => "pilot";
        Fields(WEBHOOK) => "sidecarInjectorWebhook";
        Fields(CNI_USAGE) => "istio_cni";
        Text => "revision" "ownerName" "defaultRevision" "profile" "compatibilityVersion";
        Any => "ztunnel" "meshConfig" "gatewayClasses";
        Fields(BASE) => "base";
        Fields(REMOTE) => "istiodRemote";
        FieldType::TEXTS => "revisionTags";
        Fields(STABLE_POLICY) => "experimental";
    }
}
