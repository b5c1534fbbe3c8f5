{{/* Names that several objects use. */}}

{{- define "posesim.name" -}}
{{- if contains "posesim" .Release.Name -}}
{{ .Release.Name | trunc 30 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-posesim" (.Release.Name | trunc 22 | trimSuffix "-") }}
{{- end -}}
{{- end -}}

{{- define "posesim.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}

{{- define "posesim.common" -}}
app.kubernetes.io/name: posesim
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* What never changes of a node. */}}
{{- define "posesim.selector" -}}
{{ include "posesim.common" . }}
app.kubernetes.io/component: node
{{- end -}}

{{- define "posesim.raySelector" -}}
{{ include "posesim.common" . }}
app.kubernetes.io/component: ray
{{- end -}}

{{- define "posesim.labels" -}}
{{ include "posesim.common" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}

{{- define "posesim.serviceAccount" -}}
{{ .Values.serviceAccount.name | default (include "posesim.name" .) }}
{{- end -}}

{{- define "posesim.turnHost" -}}
{{ .Values.media.stunner.host | default (printf "turn.%s" .Values.domain) }}
{{- end -}}

{{- define "posesim.turnUrls" -}}
{{- if eq .Values.media.mode "stunner" -}}
{{- $place := printf "turn:%s:%d" (include "posesim.turnHost" .) (int .Values.media.stunner.port) -}}
{{ $place }}?transport=udp{{ if .Values.media.stunner.tcp }} {{ $place }}?transport=tcp{{ end }}
{{- else -}}
{{ join " " .Values.media.turnUrls }}
{{- end -}}
{{- end -}}

{{/* How many nodes there may be: each has a Service and a name. */}}
{{- define "posesim.most" -}}
{{- if .Values.autoscaling.enabled -}}
{{ max (int .Values.replicas) (int .Values.autoscaling.maxReplicas) }}
{{- else -}}
{{ int .Values.replicas }}
{{- end -}}
{{- end -}}

{{/* The origins of all pages and nodes. */}}
{{- define "posesim.origins" -}}
https://{{ .Values.domain }}
{{- range $number := until (int (include "posesim.most" .)) }} https://{{ include "posesim.name" $ }}-{{ $number }}.{{ $.Values.domain }}{{ end -}}
{{- end -}}

{{- define "posesim.ray" -}}
{{- $build := printf "%s %s" (include "posesim.image" .) .Values.ray.version -}}
{{ include "posesim.name" . }}-ray-{{ sha256sum $build | trunc 6 }}
{{- end -}}

{{/* KubeRay names the head's Service so. */}}
{{- define "posesim.rayAddress" -}}
{{ include "posesim.ray" . }}-head-svc:6379
{{- end -}}

{{/* Neither root nor anything that only root needs. */}}
{{- define "posesim.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "posesim.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}
