"""Prometheus' configuration, alerts and the dashboard, held to what the running house really shows."""

import asyncio
import json
import re
import shutil
import socket
import subprocess
from pathlib import Path

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests import media_files
from tests.cli.processes import eventually
from tests.live.client import PICTURE, jpeg, knock, packet, watch

ROOT = Path(__file__).resolve().parents[2]
MONITORING = ROOT / "monitoring"
ALERTS = yaml.safe_load((MONITORING / "alerts.yml").read_text())
DASHBOARD = json.loads((MONITORING / "dashboard.json").read_text())
PORTS = {"gateway": 8000, "face": 8001, "speech": 8002, "fusion": 8003}
PROMTOOL, PROMETHEUS = shutil.which("promtool"), shutil.which("prometheus")

needs_promtool = pytest.mark.skipif(
    PROMTOOL is None, reason="PROMTOOL IS NOT INSTALLED: Prometheus' own checks of monitoring/ are skipped"
)
needs_prometheus = pytest.mark.skipif(
    PROMETHEUS is None, reason="PROMETHEUS IS NOT INSTALLED: nothing scrapes the house in this run"
)


def expressions() -> dict[str, str]:
    """Every query of the alerts and of the dashboard, by where it stands."""
    found = {rule["alert"]: rule["expr"] for group in ALERTS["groups"] for rule in group["rules"]}
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            expression = target["expr"].replace("$__rate_interval", "1m")
            found[f"{panel['title']} {target['refId']}"] = expression
    return found


def metrics_in(expression: str) -> set[str]:
    """Names of metrics in a query: what is left without its labels."""
    bare = re.sub(r"\{[^}]*\}|\b(by|without)\s*\([^)]*\)", "", expression)
    return set(re.findall(r"\b(?:emotion|http|process|target)_[a-z0-9_]+", bare))


def labels_in(expression: str) -> set[str]:
    """Names of labels in a query, without those that Prometheus itself adds."""
    inside = re.findall(r"\{([^}]*)\}", expression)
    named = {name for part in inside for name in re.findall(r"([a-z_]+)\s*[=!]", part)}
    for part in re.findall(r"\b(?:by|without)\s*\(([^)]*)\)", expression):
        named |= {name.strip() for name in part.split(",")}
    return named - {"job", "instance", "le"}


def promtool(*arguments: str) -> None:
    done = subprocess.run(
        [PROMTOOL, *arguments], cwd=MONITORING, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


def metrics_of(url: str) -> str:
    return httpx.get(f"{url}/metrics", timeout=60).text


def shown_by(url: str) -> dict[str, set[str]]:
    """The samples' names that a service shows, with their labels; families without samples too."""
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(metrics_of(url)):
        suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_count", "_sum"]}.get(family.type, [""])
        for suffix in suffixes:
            found.setdefault(family.name + suffix, set())
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


@pytest.fixture(scope="module")
def used_house(house, tmp_path_factory):
    """The house after one analysis, one live stream, and one refusal of each door."""
    film = media_files.talking_film(tmp_path_factory.mktemp("film") / "film.mp4", seconds=2)
    with httpx.Client(base_url=house.gateway, timeout=150) as client:
        assert client.post("/v1/analyses", content=film.read_bytes()).json()["status"] == "complete"
        assert client.post("/v1/analyses", content=b"plain text").status_code == 415
    asyncio.run(stream_and_knock(house.gateway))
    return house


async def stream_and_knock(url: str) -> None:
    """Run a live stream of one picture, and one that is refused."""
    async with watch(url, "pictures") as viewer:
        await viewer.send(packet(PICTURE, 0.0, jpeg(media_files.astronaut())))
        await viewer.say(event="end")
        assert await viewer.to_the_end() == (1000, "done")
    async with knock(url) as viewer:
        await viewer.say(event="end")
        assert (await viewer.to_the_end())[0] == 1003


@pytest.mark.parametrize("expression", expressions().values(), ids=expressions().keys())
def test_a_query_names_metrics_and_labels_that_exist(used_house, expression):
    shown: dict[str, set[str]] = {}
    for url in (used_house.gateway, used_house.face, used_house.speech, used_house.fusion):
        for name, labels in shown_by(url).items():
            shown.setdefault(name, set()).update(labels)
    wanted = metrics_in(expression)
    assert wanted or expression.startswith("up ")
    assert wanted <= set(shown)
    labels = set().union(*(shown[name] for name in wanted)) if wanted else set()
    assert labels_in(expression) <= labels


def test_the_dashboard_shows_all_that_is_counted_of_live_streams(used_house):
    counted = {name for name in shown_by(used_house.gateway) if name.startswith("emotion_live_")}
    # A histogram is shown by its buckets; each counter has the time of its creation beside it.
    counted = {name for name in counted if not name.endswith(("_sum", "_count", "_created"))}
    shown = set().union(*map(metrics_in, expressions().values()))
    assert counted == {name for name in shown if name.startswith("emotion_live_")}


def test_live_streams_are_counted_by_how_they_end(used_house):
    gateway = metrics_of(used_house.gateway)
    assert 'emotion_live_streams_total{code="1000",end="done"}' in gateway
    assert 'emotion_live_refused_total{problem="unexpected-message"}' in gateway
    assert 'emotion_live_frames_total{fate="read"}' in gateway
    assert "emotion_live_latency_seconds_count " in gateway


def test_every_stage_and_network_shows_its_time(used_house):
    gateway = metrics_of(used_house.gateway)
    for stage in ("receive", "decode", "face", "speech", "fuse", "total"):
        assert f'emotion_stage_duration_seconds_count{{stage="{stage}"}}' in gateway
    for service in ("face", "speech", "fusion"):
        assert f'emotion_breaker_open{{server_address="{service}"}} 0.0' in gateway
    assert 'emotion_decodings_total{end="finished"}' in gateway
    assert 'emotion_decodings_total{end="refused"}' in gateway
    assert 'emotion_refusals_total{problem="unsupported-media"}' in gateway
    assert 'emotion_places{state="taken"} 0.0' in gateway
    for url, role in (
        (used_house.face, "face-default"),
        (used_house.speech, "speech-default"),
        (used_house.fusion, "fusion-default"),
    ):
        assert f'emotion_network_duration_seconds_count{{model="{role}' in metrics_of(url)


def test_prometheus_asks_every_service_where_compose_puts_it():
    configured = yaml.safe_load((MONITORING / "prometheus.yml").read_text())
    asked = {
        job["job_name"]: [(*found["names"], found["port"]) for found in job["dns_sd_configs"]]
        for job in configured["scrape_configs"]
    }
    assert asked == {name: [(name, port)] for name, port in PORTS.items()}
    overlay = yaml.safe_load((ROOT / "docker-compose.monitoring.yml").read_text())["services"]["prometheus"]
    assert "inner" in overlay["networks"]
    assert overlay["read_only"] is True
    assert overlay["cap_drop"] == ["ALL"]
    assert [port.split(":")[0] for port in overlay["ports"]] == ["127.0.0.1"]


@pytest.mark.parametrize("service", PORTS)
def test_a_service_that_is_gone_or_near_its_limit_is_told_of(service):
    rules = {rule["alert"]: rule["expr"] for group in ALERTS["groups"] for rule in group["rules"]}
    # Without a name in DNS it has no `up` any more.
    assert f'absent(up{{job="{service}"}})' in rules["ServiceDown"]
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    megabytes = {"1g": 1024, "2g": 2048}[compose[service]["mem_limit"]]
    for jobs, limit in re.findall(r'\{job=~"([a-z|]+)"\} > 0\.9 \* (\d+) ', rules["MemoryNearLimit"]):
        if service in jobs.split("|"):
            assert int(limit) == megabytes
            return
    pytest.fail(f"MemoryNearLimit does not look at {service}")


def test_what_is_counted_of_faults_begins_at_nothing(used_house):
    # Prometheus sees no increase in a count that is there only from its first fault on.
    for url in (used_house.gateway, used_house.face, used_house.speech, used_house.fusion):
        for problem in ("internal-error", "overloaded"):
            assert f'emotion_refusals_total{{problem="{problem}"}} 0.0' in metrics_of(url)
    for end in ("crashed", "stopped", "cpu-limit"):
        assert f'emotion_decodings_total{{end="{end}"}} 0.0' in metrics_of(used_house.gateway)


def test_too_busy_counts_every_way_to_upload(used_house):
    rules = {rule["alert"]: rule["expr"] for group in ALERTS["groups"] for rule in group["rules"]}
    (methods,) = re.findall(r'http_request_method=~"([A-Z|]+)"', rules["TooBusy"])
    ways = httpx.get(f"{used_house.gateway}/openapi.json", timeout=60).json()["paths"]["/v1/analyses"]
    assert set(methods.split("|")) == {way.upper() for way in ways}


@needs_promtool
def test_promtool_finds_nothing_wrong():
    promtool("check", "config", "prometheus.yml")
    promtool("check", "rules", "alerts.yml")


@needs_promtool
def test_the_alerts_fire_when_they_should():
    promtool("test", "rules", "alerts.test.yml")


@needs_prometheus
def test_prometheus_reads_the_house(used_house, tmp_path):
    targets = {name: getattr(used_house, name).removeprefix("http://") for name in PORTS}
    configured = yaml.safe_load((MONITORING / "prometheus.yml").read_text())
    configured["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    configured["rule_files"] = [str(MONITORING / "alerts.yml")]
    for job in configured["scrape_configs"]:
        del job["dns_sd_configs"]
        job["static_configs"] = [{"targets": [targets[job["job_name"]]]}]
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(configured))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    command = [
        PROMETHEUS,
        f"--config.file={tmp_path / 'prometheus.yml'}",
        f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address={address}",
        "--log.level=warn",
    ]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:

        def query(expression: str) -> list[dict]:
            answer = httpx.get(f"http://{address}/api/v1/query", params={"query": expression}, timeout=30)
            assert answer.json()["status"] == "success", answer.text
            return answer.json()["data"]["result"]

        def all_are_read() -> bool:
            try:
                # It listens before it is ready, and says 503 until then.
                ready = httpx.get(f"http://{address}/-/ready", timeout=30).is_success
                return ready and {one["metric"]["job"] for one in query("up == 1")} == set(PORTS)
            except httpx.TransportError:
                assert process.poll() is None, (tmp_path / "log").read_text()
                return False

        assert eventually(all_are_read, seconds=100), (tmp_path / "log").read_text()
        for expression in expressions().values():
            query(expression)
        (finished,) = query('sum(emotion_analyses_total{status="complete"})')
        assert float(finished["value"][1]) >= 1
        assert query("emotion_decoder_measure")
    finally:
        process.terminate()
        process.wait(60)
