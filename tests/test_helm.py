"""deploy/helm/posesim, rendered by Helm itself: what the nodes are told, and what Kubernetes gets.

Kubernetes' own objects are checked with its schemas, strictly. Those of STUNner, the Gateway API
and KubeRay have none here: of them only what is read below is checked.
"""

import importlib
import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from deployments import DEPLOY, ROOT, served_with

from posesim import __version__
from posesim_server.cli import build_parser
from posesim_server.commands.options import VARIABLES
from posesim_server.config import ServerConfig
from posesim_server.serve import STOP_S

pytestmark = pytest.mark.helm

CHART = DEPLOY / "helm" / "posesim"
GUIDE = (ROOT / "docs" / "cluster.md").read_text()
KUBERNETES = "1.37"
OLDEST = "1.29"  # of Chart.yaml
FOREIGN = {"GatewayConfig", "GatewayClass", "Gateway", "UDPRoute", "RayCluster"}
NEEDED: dict[str, Any] = {
    "domain": "pose.example.org",
    "image": {"repository": "registry.example/posesim"},
    "objects": {"url": "s3://clips/posesim"},
}
RAY = {"ray": {"enabled": True, "workers": {"gpus": 1}}}
HOST_NETWORK = {"media": {"mode": "hostNetwork"}}
SCALED = {"autoscaling": {"enabled": True, "maxReplicas": 5}}
EVERYTHING = {
    **RAY,
    **SCALED,
    "cache": {"persistent": True, "storageClass": "fast"},
    "objects": {
        "url": "s3://clips",
        "endpoint": "http://store:8333",
        "publicUrl": "https://objects.example.org",
    },
    "media": {"stunner": {"tcp": True, "host": "relay.example.org", "port": 443}},
    "imagePullSecrets": [{"name": "registry"}],
    "options": {"POSESIM_MAX_SESSIONS": "4"},
    "priorityClassName": "important",
    "nodeSelector": {"pool": "video"},
    "tolerations": [{"key": "video", "operator": "Exists"}],
    "podAnnotations": {"prometheus.io/scrape": "true"},
    "ingress": {"className": "traefik", "annotations": {"a": "b"}, "tlsSecret": "wildcard"},
    "serviceAccount": {"annotations": {"role": "clips"}},
}
KINDS = [{}, RAY, HOST_NETWORK, SCALED, EVERYTHING]

Objects = dict[tuple[str, str], dict[str, Any]]


@pytest.fixture(scope="module")
def helm() -> ModuleType:
    return importlib.import_module("helm_python")


@pytest.fixture(scope="module")
def render(helm: ModuleType) -> Callable[..., Objects]:
    """Make objects of the chart, by kind and name."""
    chart = helm.Chart.load(CHART)

    def rendered(values: dict[str, Any], name: str = "clinic") -> Objects:
        texts = chart.render(NEEDED | values, name=name, namespace="care")
        documents = [
            document
            for template, text in texts.items()
            if template.endswith(".yaml")
            for document in yaml.safe_load_all(text)
            if document
        ]
        found = {(each["kind"], each["metadata"]["name"]): each for each in documents}
        assert len(found) == len(documents)
        return found

    return rendered


def pod_of(objects: Objects) -> dict[str, Any]:
    pod: dict[str, Any] = objects["StatefulSet", "clinic-posesim"]["spec"]["template"]["spec"]
    return pod


def server_of(objects: Objects) -> dict[str, Any]:
    (container,) = pod_of(objects)["containers"]
    return dict(container)


def environment_of(objects: Objects, pod_name: str = "clinic-posesim-0") -> dict[str, str]:
    """A container's variables as the kubelet makes them: $(NAME) is that of an earlier one."""
    made = {"POD_NAME": pod_name}
    for each in server_of(objects)["env"]:
        if "value" in each:
            made[each["name"]] = re.sub(r"\$\((\w+)\)", lambda m: made[m[1]], each["value"])
    return made


def config_of(objects: Objects, folder: Path) -> ServerConfig:
    return served_with(server_of(objects)["args"], environment_of(objects), folder)


# The chart as such


def test_helm_has_nothing_to_say_against_it(helm):
    report = helm.lint(CHART, NEEDED, strict=True, namespace="care", kube_version=f"v{OLDEST}.0")
    said = [each for each in report["messages"] if each["error"] != "icon is recommended"]
    assert (report["errors"], said) == ([], [])


@pytest.mark.parametrize(
    ("values", "version"), [*((values, KUBERNETES) for values in KINDS), (EVERYTHING, OLDEST)]
)
def test_kubernetes_would_take_what_it_makes(render, values, version):
    validate = importlib.import_module("kubernetes_validate").validate
    objects = render(values | {"replicas": 1})  # the Services of further nodes are the same
    assert len({kind for kind, _ in objects} - FOREIGN) >= 5
    for (kind, _), found in objects.items():
        if kind not in FOREIGN:
            validate(found, version, strict=True)


def test_it_is_of_this_server(helm):
    metadata = helm.Chart.load(CHART).metadata
    assert metadata["appVersion"] == __version__
    assert metadata["kubeVersion"] == f">={OLDEST}.0-0"
    ray = re.search(r"^ray==(\S+)$", (ROOT / "constraints.txt").read_text(), re.M)
    assert ray is not None
    assert helm.Chart.load(CHART).values["ray"]["version"] == ray[1]


def test_every_value_is_in_the_schema_and_used(helm):
    chart = helm.Chart.load(CHART)
    templates = "".join(each["data"] for each in chart.templates)

    def walk(values: dict[str, Any], schema: dict[str, Any]) -> None:
        assert schema.get("additionalProperties") is False
        properties = schema["properties"]
        assert set(values) == set(properties) - {"global"}
        for name, value in values.items():
            assert re.search(rf"\b{name}\b", templates), name
            if isinstance(value, dict) and "properties" in properties[name] and name != "resources":
                walk(value, properties[name])

    walk(chart.values, json.loads((CHART / "values.schema.json").read_text()))


# What the nodes are told


@pytest.mark.parametrize("values", KINDS)
def test_the_server_understands_what_it_is_started_with(render, tmp_path, values):
    objects = render(values)
    config = config_of(objects, tmp_path)
    assert (config.host, config.port) == ("0.0.0.0", 8080)
    assert config.media_ports == (50000, 50199)
    assert config.trusted_proxies == ("10.0.0.0/8",)
    ours = {name for name in environment_of(objects) if name.startswith("POSESIM_")}
    read = set(VARIABLES.values())
    assert {name.removesuffix("_FILE") if name not in read else name for name in ours} <= read


def test_a_value_reaches_the_server(render, tmp_path):
    values = EVERYTHING | {"drainS": 90, "trustedProxies": ["192.0.2.0/24", "198.51.100.7"]}
    config = config_of(render(values), tmp_path)
    assert config.drain_s == 90
    assert config.trusted_proxies == ("192.0.2.0/24", "198.51.100.7")
    assert config.max_sessions == 4
    assert config.turn_urls == tuple(
        f"turn:relay.example.org:443?transport={way}" for way in ("udp", "tcp")
    )


def test_each_node_has_a_name_that_leads_to_it_alone(render):
    objects = render({})
    rules = objects["Ingress", "clinic-posesim"]["spec"]["rules"]
    leads = {}
    for rule in rules:
        *operators, rest = rule["http"]["paths"]
        assert [(each["path"], each["pathType"]) for each in operators] == [
            ("/metrics", "Exact"),
            ("/readyz", "Exact"),
        ]
        for each in operators:
            nowhere = objects["Service", each["backend"]["service"]["name"]]
            assert "selector" not in nowhere["spec"]
        leads[rule["host"]] = rest["backend"]["service"]["name"]
    urls = [
        environment_of(objects, f"clinic-posesim-{number}")["POSESIM_NODE_URL"]
        for number in range(3)
    ]
    for number, url in enumerate(urls):
        service = objects["Service", leads.pop(url.removeprefix("https://"))]["spec"]
        pod = service["selector"]["statefulset.kubernetes.io/pod-name"]
        assert pod == f"clinic-posesim-{number}"
        assert service["publishNotReadyAddresses"] is True  # also while it drains
    assert leads == {"pose.example.org": "clinic-posesim"}
    common = objects["Service", "clinic-posesim"]["spec"]
    assert "publishNotReadyAddresses" not in common
    origins = environment_of(objects)["POSESIM_CLUSTER_ORIGINS"].split()
    assert origins == ["https://pose.example.org", *urls]
    (tls,) = objects["Ingress", "clinic-posesim"]["spec"]["tls"]
    assert {f"https://{host}" for host in tls["hosts"]} == set(origins)


def test_a_node_that_autoscaling_adds_has_a_name_too(render):
    objects = render(SCALED)
    assert ("Service", "clinic-posesim-4") in objects
    assert "clinic-posesim-4.pose.example.org" in str(objects["Ingress", "clinic-posesim"])
    assert "replicas" not in objects["StatefulSet", "clinic-posesim"]["spec"]  # it is the scaler's
    scaler = objects["HorizontalPodAutoscaler", "clinic-posesim"]["spec"]
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (3, 5)
    (metric,) = scaler["metrics"]
    name = metric["pods"]["metric"]["name"]
    assert f'"{name}"' in (ROOT / "server" / "metrics.py").read_text()


# Pictures


def test_pictures_come_through_the_gateway_alone(render, tmp_path):
    objects = render({})
    config = config_of(objects, tmp_path)
    assert config.relay_only is True
    assert config.turn_urls == ("turn:turn.pose.example.org:3478?transport=udp",)
    (listener,) = objects["Gateway", "clinic-posesim-turn"]["spec"]["listeners"]
    assert (listener["port"], listener["protocol"]) == (3478, "TURN-UDP")
    auth = objects["GatewayConfig", "clinic-posesim"]["spec"]["authRef"]
    assert auth == {"name": "posesim-turn", "namespace": "care"}
    (rule,) = objects["UDPRoute", "clinic-posesim"]["spec"]["rules"]
    nodes, itself = rule["backendRefs"]
    assert (nodes["port"], nodes["endPort"]) == config.media_ports
    assert ("Service", nodes["name"]) in objects
    assert ("Gateway", itself["name"]) in objects  # where two browsers in a call meet
    policy = objects["NetworkPolicy", "clinic-posesim"]["spec"]
    (media,) = [
        port
        for rule in policy["ingress"]
        for port in rule.get("ports", ())
        if port["protocol"] == "UDP"
    ]
    assert (media["port"], media["endPort"]) == config.media_ports


def test_in_the_machine_s_network_there_is_one_node_a_machine_and_no_gateway(render, tmp_path):
    objects = render(HOST_NETWORK)
    pod = pod_of(objects)
    assert pod["hostNetwork"] is True
    assert "requiredDuringSchedulingIgnoredDuringExecution" in pod["affinity"]["podAntiAffinity"]
    assert not FOREIGN & {kind for kind, _ in objects}
    config = config_of(objects, tmp_path)
    assert config.relay_only is False
    assert config.turn_urls == ()
    relay = ["turn:turn.example.org:3478?transport=udp"]
    config = config_of(render({"media": {"mode": "hostNetwork", "turnUrls": relay}}), tmp_path)
    assert list(config.turn_urls) == relay


# Life and death


@pytest.mark.parametrize("drain_s", [0, 20, 12.5, 3600])
def test_a_pod_is_given_longer_than_it_drains_and_stops(render, tmp_path, drain_s):
    objects = render({"drainS": drain_s})
    config = config_of(objects, tmp_path)
    assert config.drain_s == drain_s
    pod = pod_of(objects)
    _, before_s = server_of(objects)["lifecycle"]["preStop"]["exec"]["command"]
    assert pod["terminationGracePeriodSeconds"] >= int(before_s) + drain_s + STOP_S


def test_nodes_are_asked_whether_they_live_and_whether_they_are_ready(render):
    server = server_of(render({}))
    asked = {
        kind: server[f"{kind}Probe"]["httpGet"]["path"]
        for kind in ("startup", "liveness", "readiness")
    }
    assert asked == {"startup": "/healthcheck", "liveness": "/healthcheck", "readiness": "/readyz"}
    start = server["startupProbe"]
    assert start["periodSeconds"] * start["failureThreshold"] >= 600


def test_one_node_after_the_other_is_taken_away(render):
    objects = render({})
    assert objects["PodDisruptionBudget", "clinic-posesim"]["spec"]["maxUnavailable"] == 1
    nodes = objects["StatefulSet", "clinic-posesim"]["spec"]
    assert nodes["updateStrategy"] == {"type": "RollingUpdate"}


# Rights and secrets


@pytest.mark.parametrize("values", KINDS)
def test_no_container_has_more_rights_than_it_needs(render, values):
    objects = render(values)
    pods = [pod_of(objects)]
    for (kind, _), found in objects.items():
        if kind == "RayCluster":
            groups = [found["spec"]["headGroupSpec"], *found["spec"]["workerGroupSpecs"]]
            pods += [group["template"]["spec"] for group in groups]
    for pod in pods:
        security = pod["securityContext"]
        assert security["runAsNonRoot"] is True
        assert security["runAsUser"] == 10001
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in [*pod["containers"], *pod.get("initContainers", ())]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["limits"]["memory"]
    assert pod_of(objects)["automountServiceAccountToken"] is False


def test_secrets_are_files_of_secrets_that_exist_already(render):
    objects = render({})
    assert not any(kind == "Secret" for kind, _ in objects)
    (volume,) = [each for each in pod_of(objects)["volumes"] if each["name"] == "secrets"]
    # Read by the pod's group: the server refuses a secret that everybody may read.
    assert volume["projected"]["defaultMode"] & 0o007 == 0
    files = {
        f"/run/secrets/{item['path']}"
        for source in volume["projected"]["sources"]
        for item in source["secret"]["items"]
    }
    named = {value for value in environment_of(objects).values() if value.startswith("/run/")}
    assert named == files
    for name in ("database", "cluster", "signing", "turn", "objects"):
        assert re.search(rf"create secret generic posesim-{name}\b", GUIDE), name


def test_an_account_of_the_cloud_takes_the_place_of_a_key(render):
    values = {"objects": {"url": "s3://clips", "secret": ""}}
    assert "AWS_ACCESS_KEY_ID_FILE" not in environment_of(render(values))


def test_without_ray_a_pod_has_nothing_of_it(render):
    pod = pod_of(render({}))
    assert "initContainers" not in pod
    assert "shareProcessNamespace" not in pod
    assert "ray" not in str(pod).lower()


def test_nobody_but_nodes_reaches_ray_and_it_keeps_to_itself(render):
    objects = render(RAY)
    ((_, name),) = [key for key in objects if key[0] == "RayCluster"]
    cluster = objects["RayCluster", name]
    assert cluster["spec"]["authOptions"] == {"mode": "token"}
    assert environment_of(objects)["POSESIM_RAY_ADDRESS"] == f"{name}-head-svc:6379"
    (beside,) = pod_of(objects)["initContainers"]
    assert beside["restartPolicy"] == "Always"  # there before the server, and until after it
    # Ray 2.60 looks for the one beside it among the processes that it sees.
    assert pod_of(objects)["shareProcessNamespace"] is True
    shared = [each["name"] for each in beside["volumeMounts"]]
    assert shared == ["tmp", "shm"]  # its sockets, and the pictures
    assert set(shared) < {each["name"] for each in server_of(objects)["volumeMounts"]}
    assert f"--address={name}-head-svc:6379" in beside["args"]
    for container in (beside, server_of(objects)):
        (token,) = [each for each in container["env"] if each["name"] == "RAY_AUTH_TOKEN"]
        assert token["valueFrom"]["secretKeyRef"] == {"name": name, "key": "auth_token"}
    policy = objects["NetworkPolicy", "clinic-posesim-ray"]["spec"]
    for labels in (
        policy["podSelector"]["matchLabels"],
        cluster["spec"]["headGroupSpec"]["template"]["metadata"]["labels"],
    ):
        assert labels["app.kubernetes.io/component"] == "ray"
    (rule,) = policy["ingress"]
    assert all("podSelector" in each for each in rule["from"])
    (workers,) = cluster["spec"]["workerGroupSpecs"]
    (worker,) = workers["template"]["spec"]["containers"]
    assert worker["resources"]["limits"]["nvidia.com/gpu"] == 1
    (fetching,) = workers["template"]["spec"]["initContainers"]
    build_parser({}).parse_args(fetching["args"])
    for container in (
        beside,
        worker,
        cluster["spec"]["headGroupSpec"]["template"]["spec"]["containers"][0],
    ):
        manners = {each["name"]: each.get("value") for each in container["env"]}
        assert manners["RAY_USAGE_STATS_ENABLED"] == "0"
        assert manners["RAY_automatic_object_spilling_enabled"] == "0"  # no picture on a disk


def test_another_image_has_a_ray_of_its_own_and_the_former_one_stays(render):
    def ray(**image: str) -> dict[str, Any]:
        objects = render({**RAY, "image": {"repository": "registry.example/posesim", **image}})
        (found,) = [each for (kind, _), each in objects.items() if kind == "RayCluster"]
        return found

    old, new = ray(tag="1"), ray(tag="2")
    assert old["metadata"]["name"] != new["metadata"]["name"]
    assert new["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}


# Nonsense


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"domain": ""}, "domain is the name by which people reach the service"),
        ({"domain": "https://pose.example.org"}, "without https:// and in small letters"),
        ({"image": {"repository": ""}}, "Build it from deploy/Dockerfile"),
        ({"objects": {"url": "/data/clips"}}, "must look like s3://bucket"),
        (
            {"objects": {"url": "s3://clips", "endpoint": "store:9000"}},
            "must look like https://host",
        ),
        (
            {"objects": {"url": "s3://clips", "publicUrl": "http://o.example"}},
            "fetches nothing else",
        ),
        ({"secrets": {"database": ""}}, "secrets.database is the name of a Secret that exists"),
        ({"secrets": {"turn": ""}}, "that nodes and relay share"),
        ({"media": {"firstPort": 50000, "lastPort": 50010}}, "at least 20 ports"),
        ({"media": {"turnUrls": ["turn:a.example:3478"]}}, "With stunner the gateway is the relay"),
        ({"media": {"mode": "udp"}}, "must be one of 'stunner', 'hostNetwork'"),
        ({"replicas": 0}, "at '/replicas': minimum: got 0, want 1"),
        ({"replicas": "three"}, "at '/replicas': got string, want integer"),
        ({"drainS": -1}, "at '/drainS': minimum: got -1, want 0"),
        ({"replica": 3}, "additional properties 'replica' not allowed"),
        ({"options": {"POSESIM_MAX_SESSIONS": 4}}, "got number, want string"),
        ({"options": {"MAX_SESSIONS": "4"}}, "which begin with POSESIM_"),
        ({"options": {"POSESIM_PORT": "80"}}, "the chart says that itself"),
        ({"options": {"POSESIM_CLUSTER": "redis://x"}}, "a secret does not belong into values"),
        (
            {"autoscaling": {"enabled": True, "maxReplicas": 2}},
            "maxReplicas (2) must be at least replicas (3)",
        ),
        (
            {"ray": {"enabled": True, "workers": {"minReplicas": 4, "maxReplicas": 2}}},
            "ray.workers.maxReplicas must be at least",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(helm, render, values, said):
    with pytest.raises(helm.HelmError, match=re.escape(said)):
        render(values)


@pytest.mark.parametrize("release", ["posesim", "a", "x" * 53])
def test_a_release_may_have_any_name(render, release):
    for _, name in render(EVERYTHING, name=release):
        assert len(name) <= 63
        assert re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", name)


# The guide


def test_the_guide_builds_an_image_with_what_the_chart_needs():
    (extras,) = set(re.findall(r"--build-arg EXTRAS=(\S+)", GUIDE))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert set(extras.split(",")) <= set(project["optional-dependencies"])
