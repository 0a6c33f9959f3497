{{/* The end of a container that runs our image: resources, rights and mounts. The second item of the
list says whether it is the agent, which needs capabilities; removing pins needs none. */}}
{{- define "egress-observer.containerEnd" -}}
{{- $root := index . 0 }}
{{- $agent := index . 1 }}
{{- with $root -}}
{{- with .Values.resources -}}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
terminationMessagePolicy: FallbackToLogsOnError
securityContext:
  privileged: false
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  # Owner of the pins. What root may do is what the capabilities below say, and no more.
  runAsUser: 0
  runAsGroup: 0
  runAsNonRoot: false
  capabilities:
    drop: [ALL]
    {{- if $agent }}
    add:
      - BPF # load programs, make tables
      - PERFMON # read owners of sockets and names of cgroups from the kernel's structures
      - NET_ADMIN # attach to cgroups
    {{- end }}
  {{- with .Values.securityContext.seccompProfile }}
  seccompProfile:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if and .Values.securityContext.appArmorProfile (semverCompare ">=1.30-0" .Capabilities.KubeVersion.Version) }}
  appArmorProfile:
    {{- toYaml .Values.securityContext.appArmorProfile | nindent 4 }}
  {{- end }}
  {{- with .Values.securityContext.seLinuxOptions }}
  seLinuxOptions:
    {{- toYaml . | nindent 4 }}
  {{- end }}
volumeMounts:
  - name: bpf
    mountPath: /sys/fs/bpf
  {{- if $agent }}
  - name: cgroup
    mountPath: /host/sys/fs/cgroup
    readOnly: true
    {{- if semverCompare ">=1.31-0" .Capabilities.KubeVersion.Version }}
    # In hybrid layouts the v2 hierarchy is a mount of its own below.
    recursiveReadOnly: IfPossible
    {{- end }}
  - name: run
    mountPath: /run/egress-observer
  {{- with .Values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- end }}
{{- end }}
{{- end }}
