{{/* Name of the chart. */}}
{{- define "egress-observer.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* Name of most objects: at most 63 characters, since some of them become labels. */}}
{{- define "egress-observer.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- $name := include "egress-observer.name" . }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{- define "egress-observer.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "egress-observer.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* What a selector may have: these can never change. */}}
{{- define "egress-observer.selectorLabels" -}}
app.kubernetes.io/name: {{ include "egress-observer.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "egress-observer.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "egress-observer.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/component: agent
app.kubernetes.io/part-of: egress-observer
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* An image of values with repository, tag and digest; the digest wins. */}}
{{- define "egress-observer.image" -}}
{{- $image := index . 0 }}
{{- if $image.digest }}
{{- printf "%s@%s" $image.repository $image.digest }}
{{- else }}
{{- printf "%s:%s" $image.repository (default (index . 1) $image.tag) }}
{{- end }}
{{- end }}

{{/* ConfigMaps of Istio that the agent reads, by revision, as a list. */}}
{{- define "egress-observer.istioConfigMaps" -}}
{{- range .Values.config.istio.revisions }}
{{- if eq . "default" }}
- istio
- istio-sidecar-injector
{{- else }}
- istio-{{ . }}
- istio-sidecar-injector-{{ . }}
{{- end }}
- istio-shared-configmap-{{ . }}
{{- end }}
{{- range .Values.config.istio.sharedConfigMaps }}
- {{ . }}
{{- end }}
{{- end }}

{{/* The agent's settings as environment variables. */}}
{{- define "egress-observer.env" -}}
- name: EGRESS_OBSERVER_NODE_NAME
  valueFrom:
    fieldRef:
      fieldPath: spec.nodeName
- name: EGRESS_OBSERVER_METRICS_ADDRESS
  value: {{ printf "%s:%v" .Values.metrics.host .Values.metrics.port | quote }}
{{- with .Values.config }}
- name: EGRESS_OBSERVER_ISTIO_NAMESPACE
  value: {{ .istio.namespace | quote }}
- name: EGRESS_OBSERVER_ISTIO_REVISIONS
  value: {{ join "," .istio.revisions | quote }}
{{- with .clusterCIDRs }}
- name: EGRESS_OBSERVER_CLUSTER_CIDRS
  value: {{ join "," . | quote }}
{{- end }}
- name: EGRESS_OBSERVER_CAPTURE_PORTS
  value: {{ join "," .capturePorts | quote }}
- name: EGRESS_OBSERVER_METRICS_DESTINATIONS
  value: {{ .metrics.destinations | quote }}
- name: EGRESS_OBSERVER_METRICS_MAX_DESTINATIONS
  value: {{ .metrics.maxDestinations | int64 | quote }}
- name: EGRESS_OBSERVER_DNS
  value: {{ ternary "on" "off" .dns | quote }}
- name: EGRESS_OBSERVER_SERVICES
  value: {{ ternary "watch" "off" .services | quote }}
- name: EGRESS_OBSERVER_MAX_FLOWS
  value: {{ .maxFlows | int64 | quote }}
- name: EGRESS_OBSERVER_START_JITTER
  value: {{ .startJitter | int64 | quote }}
- name: EGRESS_OBSERVER_ATTRIBUTION_WAIT
  value: {{ .attributionWait | int64 | quote }}
{{- end }}
{{ include "egress-observer.logEnv" . }}
{{- end }}

{{- define "egress-observer.logEnv" -}}
- name: EGRESS_OBSERVER_LOG
  value: {{ .Values.config.log | quote }}
- name: EGRESS_OBSERVER_LOG_FORMAT
  value: {{ .Values.config.logFormat | quote }}
{{- end }}

{{/* AppArmor's profile as the annotation of clusters that have no field for it, before 1.30. */}}
{{- define "egress-observer.appArmorAnnotation" -}}
{{- $profile := .Values.securityContext.appArmorProfile }}
{{- if eq $profile.type "Localhost" }}
{{- printf "localhost/%s" $profile.localhostProfile }}
{{- else if eq $profile.type "RuntimeDefault" }}
{{- "runtime/default" }}
{{- else }}
{{- "unconfined" }}
{{- end }}
{{- end }}

{{/* Relabelings that rules and dashboards rely on. */}}
{{- define "egress-observer.relabelings" -}}
- targetLabel: job
  replacement: egress-observer
- sourceLabels: [__meta_kubernetes_pod_node_name]
  targetLabel: node
{{- end }}

{{/* What an endpoint of a PodMonitor and of a ServiceMonitor have in common. */}}
{{- define "egress-observer.endpoint" -}}
path: /metrics
scheme: http
{{- with .interval }}
interval: {{ . }}
{{- end }}
{{- with .scrapeTimeout }}
scrapeTimeout: {{ . }}
{{- end }}
relabelings:
  {{- include "egress-observer.relabelings" . | nindent 2 }}
  {{- with .relabelings }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .metricRelabelings }}
metricRelabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
