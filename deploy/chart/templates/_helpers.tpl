{{- /* The front part of the names of all objects. */}}
{{- define "gumshoe.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- /* The labels by which a component's pods are selected: (list $ "collector"). They must never change. */}}
{{- define "gumshoe.selectorLabels" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ $root.Chart.Name }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{- /* The labels of a component's objects: (list $ "collector"). */}}
{{- define "gumshoe.labels" -}}
{{- $root := index . 0 -}}
{{ include "gumshoe.selectorLabels" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{- /* The name of a component's service account: (list $ "collector"). */}}
{{- define "gumshoe.serviceAccountName" -}}
{{- $root := index . 0 -}}
{{- $component := index . 1 -}}
{{- $account := (index $root.Values $component).serviceAccount -}}
{{- if $account.name -}}
{{- $account.name -}}
{{- else if $account.create -}}
{{- printf "%s-%s" (include "gumshoe.fullname" $root) $component -}}
{{- else -}}
{{- fail (printf "%s.serviceAccount.name is required where %s.serviceAccount.create is false" $component $component) -}}
{{- end -}}
{{- end -}}

{{- /* A component's image: (list $ "collector"). */}}
{{- define "gumshoe.image" -}}
{{- $root := index . 0 -}}
{{- $image := (index $root.Values (index . 1)).image -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository ($image.tag | default $root.Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{- /* What each kind needs, by its name in `collector.kinds`: the collector's own list is in services/collector/src/kinds/mod.rs. */}}
{{- define "gumshoe.kinds" -}}
pods:
  - {apiGroups: [""], resources: ["pods"], verbs: ["get", "list"]}
logs:
  # The pod says which containers there are. Those of a workload or a service are listed; what selects them is read where its own kind
  # is on.
  - {apiGroups: [""], resources: ["pods"], verbs: ["get", "list"]}
  - {apiGroups: [""], resources: ["pods/log"], verbs: ["get"]}
events:
  - {apiGroups: [""], resources: ["events"], verbs: ["get", "list"]}
namespaces:
  - {apiGroups: [""], resources: ["namespaces"], verbs: ["get", "list"]}
nodes:
  - {apiGroups: [""], resources: ["nodes"], verbs: ["get", "list"]}
services:
  - {apiGroups: [""], resources: ["services"], verbs: ["get", "list"]}
configmaps:
  - {apiGroups: [""], resources: ["configmaps"], verbs: ["get", "list"]}
secrets:
  # The collector asks for no values; but there is no smaller right than to list them with their values.
  - {apiGroups: [""], resources: ["secrets"], verbs: ["get", "list"]}
persistentvolumeclaims:
  - {apiGroups: [""], resources: ["persistentvolumeclaims"], verbs: ["get", "list"]}
deployments:
  - {apiGroups: ["apps"], resources: ["deployments"], verbs: ["get", "list"]}
replicasets:
  - {apiGroups: ["apps"], resources: ["replicasets"], verbs: ["get", "list"]}
statefulsets:
  - {apiGroups: ["apps"], resources: ["statefulsets"], verbs: ["get", "list"]}
daemonsets:
  - {apiGroups: ["apps"], resources: ["daemonsets"], verbs: ["get", "list"]}
jobs:
  - {apiGroups: ["batch"], resources: ["jobs"], verbs: ["get", "list"]}
cronjobs:
  - {apiGroups: ["batch"], resources: ["cronjobs"], verbs: ["get", "list"]}
endpointslices:
  - {apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["get", "list"]}
ingresses:
  - {apiGroups: ["networking.k8s.io"], resources: ["ingresses"], verbs: ["get", "list"]}
horizontalpodautoscalers:
  - {apiGroups: ["autoscaling"], resources: ["horizontalpodautoscalers"], verbs: ["get", "list"]}
# Walks over the kinds that are read anyway.
topology: []
{{- end -}}

{{- /* The kinds that are served, separated by commas. */}}
{{- define "gumshoe.enabledKinds" -}}
{{- $known := include "gumshoe.kinds" . | fromYaml -}}
{{- $enabled := list -}}
{{- range $kind, $wanted := .Values.collector.kinds -}}
{{- if not (hasKey $known $kind) -}}
{{- fail (printf "collector.kinds.%s: there is no such kind; there are %s" $kind (keys $known | sortAlpha | join ", ")) -}}
{{- end -}}
{{- /* With namespaces, nothing is read that is in none. */ -}}
{{- if and $wanted (not (and $.Values.collector.namespaces (has $kind (list "namespaces" "nodes")))) -}}
{{- $enabled = append $enabled $kind -}}
{{- end -}}
{{- end -}}
{{- $enabled | sortAlpha | join "," -}}
{{- end -}}

{{- /* What the collector may do: what the kinds need that are served, and nothing else. */}}
{{- define "gumshoe.collectorRules" -}}
{{- $known := include "gumshoe.kinds" . | fromYaml -}}
{{- range $kind := include "gumshoe.enabledKinds" . | splitList "," -}}
{{- with index $known $kind -}}
# For {{ $kind }}.
{{ toYaml . }}
{{ end }}
{{- end }}
{{- if .Values.collector.rbac.getNamespaces -}}
# To tell a namespace that does not exist from an empty one.
- apiGroups: [""]
  resources: ["namespaces"]
  verbs: ["get"]
{{- end }}
{{- end -}}

{{- /* What both pods have in common, before their containers: (list $ "collector"). Pod Security Standard "restricted". */}}
{{- define "gumshoe.podSpec" -}}
{{- $root := index . 0 -}}
{{- $values := index $root.Values (index . 1) -}}
serviceAccountName: {{ include "gumshoe.serviceAccountName" . | quote }}
{{- with $root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . | quote }}
  {{- end }}
{{- end }}
# Else a Service called gumshoe-… would set variables GUMSHOE_…, which are our flags.
enableServiceLinks: false
# The collector drains for 20 s; the bridge for 25 s, and to give back what is not done then can take it 30 s more.
terminationGracePeriodSeconds: 60
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  seccompProfile:
    type: RuntimeDefault
volumes:
  - name: tls
    secret:
      secretName: {{ $values.tls.secretName | quote }}
      # For the group, which is the fsGroup.
      defaultMode: 0440
{{- with $values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* What both containers have in common: (list $ "collector"). */}}
{{- define "gumshoe.container" -}}
{{- $root := index . 0 -}}
{{- $values := index $root.Values (index . 1) -}}
image: {{ include "gumshoe.image" . | quote }}
imagePullPolicy: {{ $values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: ["ALL"]
livenessProbe:
  httpGet:
    path: /livez
    port: admin
  periodSeconds: 10
  failureThreshold: 3
readinessProbe:
  httpGet:
    path: /readyz
    port: admin
  periodSeconds: 5
  failureThreshold: 2
volumeMounts:
  # The whole directory, not single files: only so does the kubelet bring a new certificate.
  - name: tls
    mountPath: /etc/gumshoe/tls
    readOnly: true
resources:
  {{- toYaml $values.resources | nindent 2 }}
{{- end -}}
