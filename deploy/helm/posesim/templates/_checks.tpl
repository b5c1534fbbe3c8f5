{{/* What a schema can't say, or only in a way that helps nobody. Each refusal says what to do. */}}

{{- define "posesim.checks" -}}
{{- $values := .Values -}}
{{- if not $values.domain -}}
{{- fail "domain is the name by which people reach the service, as in pose.example.org. Say it: --set domain=..." -}}
{{- end -}}
{{- if not (regexMatch "^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$" $values.domain) -}}
{{- fail (printf "domain must be a name such as pose.example.org, without https:// and in small letters; got %q." $values.domain) -}}
{{- end -}}
{{- if not $values.image.repository -}}
{{- fail "image.repository is where your cluster gets the image from. Build it from deploy/Dockerfile with EXTRAS=postgresql,s3,cluster and push it to a registry of yours." -}}
{{- end -}}
{{- if not (regexMatch "^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9_./-]*)?$" $values.objects.url) -}}
{{- fail (printf "objects.url must look like s3://bucket or s3://bucket/prefix, got %q. Several nodes can't keep clips in folders of their own." $values.objects.url) -}}
{{- end -}}
{{- range $name := list "endpoint" "publicUrl" -}}
{{- $url := index $values.objects $name -}}
{{- if and $url (not (regexMatch "^https?://[^/ ]+$" $url)) -}}
{{- fail (printf "objects.%s must look like https://host or http://host:port, without a path; got %q." $name $url) -}}
{{- end -}}
{{- end -}}
{{- if and $values.objects.publicUrl (not (hasPrefix "https://" $values.objects.publicUrl)) -}}
{{- fail "objects.publicUrl must begin with https://, because a page that came by HTTPS fetches nothing else." -}}
{{- end -}}
{{- range $name := list "database" "cluster" "signing" -}}
{{- if not (index $values.secrets $name) -}}
{{- fail (printf "secrets.%s is the name of a Secret that exists; several nodes can't do without it." $name) -}}
{{- end -}}
{{- end -}}
{{- if and (include "posesim.turnUrls" .) (not $values.secrets.turn) -}}
{{- fail "secrets.turn is the name of the Secret that nodes and relay share. Make it, or use no relay: media.mode=hostNetwork without media.turnUrls." -}}
{{- end -}}
{{- if lt (sub (int $values.media.lastPort) (int $values.media.firstPort)) 19 -}}
{{- fail "media.firstPort and media.lastPort must leave at least 20 ports: each stream takes one for each address of its node." -}}
{{- end -}}
{{- if and (eq $values.media.mode "stunner") $values.media.turnUrls -}}
{{- fail "media.turnUrls is for media.mode=hostNetwork. With stunner the gateway is the relay; its name is media.stunner.host." -}}
{{- end -}}
{{- if and $values.autoscaling.enabled (lt (int $values.autoscaling.maxReplicas) (int $values.replicas)) -}}
{{- fail (printf "autoscaling.maxReplicas (%d) must be at least replicas (%d), which is the fewest." (int $values.autoscaling.maxReplicas) (int $values.replicas)) -}}
{{- end -}}
{{- if and $values.ray.enabled (lt (int $values.ray.workers.maxReplicas) (int $values.ray.workers.minReplicas)) -}}
{{- fail "ray.workers.maxReplicas must be at least ray.workers.minReplicas." -}}
{{- end -}}
{{- range $name, $value := $values.options -}}
{{- if not (hasPrefix "POSESIM_" $name) -}}
{{- fail (printf "options.%s: these are variables of posesim serve, which begin with POSESIM_." $name) -}}
{{- end -}}
{{- if has $name (list "POSESIM_DATABASE_URL" "POSESIM_CLUSTER" "POSESIM_TURN_SECRET_FILE") -}}
{{- fail (printf "options.%s: a secret does not belong into values. Name a Secret under secrets." $name) -}}
{{- end -}}
{{- if hasKey (include "posesim.environment" $ | fromYaml) $name -}}
{{- fail (printf "options.%s: the chart says that itself, by another value of its own." $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
