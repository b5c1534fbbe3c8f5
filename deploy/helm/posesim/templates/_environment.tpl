{{/* What `posesim serve` is told by the chart, as its variables. */}}
{{- define "posesim.environment" -}}
POSESIM_HOST: "0.0.0.0"
POSESIM_PORT: "8080"
POSESIM_NODE_URL: https://$(POD_NAME).{{ .Values.domain }}
POSESIM_CLUSTER_ORIGINS: {{ include "posesim.origins" . }}
POSESIM_OBJECTS: {{ .Values.objects.url }}
{{- with .Values.objects.endpoint }}
POSESIM_OBJECTS_ENDPOINT: {{ . }}
{{- end }}
{{- with .Values.objects.publicUrl }}
POSESIM_OBJECTS_PUBLIC_URL: {{ . }}
{{- end }}
POSESIM_MEDIA_PORTS: {{ int .Values.media.firstPort }}-{{ int .Values.media.lastPort }}
{{- with include "posesim.turnUrls" . }}
POSESIM_TURN_URLS: {{ . }}
POSESIM_TURN_SECRET_FILE: /run/secrets/turn_secret
{{- end }}
{{- if eq .Values.media.mode "stunner" }}
POSESIM_RELAY_ONLY: "1"
{{- end }}
POSESIM_TRUST_PROXIES: {{ join " " .Values.trustedProxies | quote }}
POSESIM_DRAIN_S: {{ .Values.drainS | quote }}
POSESIM_LOG_FORMAT: json
{{- if .Values.ray.enabled }}
POSESIM_ENGINE: ray
POSESIM_RAY_ADDRESS: {{ include "posesim.rayAddress" . }}
POSESIM_MAX_WORKERS: {{ .Values.ray.workers.maxReplicas | quote }}
{{- end }}
{{- end -}}

{{/* Ray runs what it is given, from whoever has this token; KubeRay makes it. */}}
{{- define "posesim.rayToken" -}}
- name: RAY_AUTH_MODE
  value: token
- name: RAY_AUTH_TOKEN
  valueFrom:
    secretKeyRef:
      name: {{ include "posesim.ray" . }}
      key: auth_token
{{- end -}}

{{/* Ray tells its makers nothing, and puts no picture onto a disk. */}}
{{- define "posesim.rayManners" -}}
- name: RAY_USAGE_STATS_ENABLED
  value: "0"
- name: RAY_automatic_object_spilling_enabled
  value: "0"
{{- end -}}
