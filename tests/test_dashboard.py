"""Grafana's dashboard and Prometheus' configuration: what they name is there."""

import json
import re
from pathlib import Path

import yaml
from prometheus_client.parser import text_string_to_metric_families

from posesim_server.cluster.membership import Membership, Room
from posesim_server.cluster.node import Kind, Node
from posesim_server.clustered import show
from posesim_server.metrics import Metrics

DEPLOY = Path(__file__).parents[1] / "deploy"
DASHBOARD = json.loads((DEPLOY / "grafana" / "posesim.json").read_text())
EXPRESSIONS = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]


def _member() -> Membership:
    """A node that asks nobody, for the figures that a cluster has besides."""
    kind = Kind(settings="", secret="")
    node = Node(id="a", url="", version="", kind=kind, began_s=0.0, most=1, placed=0, takes=True)
    return Membership(None, node, room=lambda: Room(1, 0, False), running=set, lost=print)


def instruments() -> dict[str, str]:
    """Every name that a query may use, and its kind."""
    metrics = Metrics()
    metrics.depends({"database": True})
    show(metrics, _member())
    found = {}
    for family in text_string_to_metric_families(metrics.text(live=0, contacts={}).decode()):
        match family.type:
            case "counter":
                found[f"{family.name}_total"] = "counter"
            case "histogram":
                found |= {f"{family.name}_{each}": "counter" for each in ("bucket", "sum", "count")}
            case _:
                found[family.name] = family.type
    return found


def names_in(expression: str) -> set[str]:
    return set(re.findall(r"posesim_\w+", expression))


def test_every_figure_that_the_dashboard_shows_exists():
    assert EXPRESSIONS
    for expression in EXPRESSIONS:
        assert names_in(expression), expression
        assert names_in(expression) <= set(instruments()), expression


def test_counters_are_shown_by_their_rate_and_gauges_as_they_are():
    kinds = instruments()
    for expression in EXPRESSIONS:
        for name in names_in(expression):
            by_rate = re.search(rf"(?:rate|increase)\({name}\[", expression) is not None
            assert by_rate == (kinds[name] == "counter"), expression


def test_nothing_that_the_server_measures_is_left_out():
    shown = {re.sub("_bucket$", "", name) for each in EXPRESSIONS for name in names_in(each)}
    measured = {re.sub("_(bucket|sum|count)$", "", name) for name in instruments()}
    # What a session costs is measured once, at start.
    left_out = {name for name in measured - shown if not name.endswith("_created")}
    assert left_out == {"posesim_session_cost_seconds"}


def test_panels_do_not_lie_on_each_other():
    places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in DASHBOARD["panels"]]
    assert len(set(places)) == len(places)
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(places)


def test_prometheus_asks_where_the_server_listens():
    (job,) = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())[
        "scrape_configs"
    ]
    (target,) = job["static_configs"][0]["targets"]
    command = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["server"]["command"]
    host = next(word for word in command if word.startswith("--host=")).partition("=")[2]
    port = next(word for word in command if word.startswith("--port=")).partition("=")[2]
    assert target == f"{host}:{port}"
    assert job.get("metrics_path", "/metrics") == "/metrics"


def test_prometheus_runs_only_when_asked_for_and_for_this_machine_alone():
    service = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["prometheus"]
    assert service["profiles"] == ["metrics"]
    assert "--web.listen-address=127.0.0.1:9090" in service["command"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
