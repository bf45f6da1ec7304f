"""What is in the images, and what is not."""

import pytest

from tests.containers.stack import SERVICES, Stack

pytestmark = [pytest.mark.containers, pytest.mark.timeout(3600)]

MOST_MEGABYTES = {"face": 500, "fusion": 500, "gateway": 500, "speech": 700}
INSIDE = """
import importlib.util, pathlib, sys
site = pathlib.Path(next(path for path in sys.path if path.startswith('/opt/emotion')))
print(','.join(name for name in sys.argv[1].split(',') if importlib.util.find_spec(name)))
print(','.join(str(path) for path in site.rglob('*') if path.name in {'tests', '__main__.pyi'}))
"""


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_is_small(images, service):
    assert images[service].attrs["Size"] < MOST_MEGABYTES[service] * 1e6


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_runs_as_nobody_in_particular_and_says_how_it_is(images, service):
    configuration = images[service].attrs["Config"]
    assert configuration["User"] == "10001:10001"
    assert configuration["Healthcheck"]["Test"] == ["CMD", "python", "-m", "shared.health_check"]
    assert configuration["StopSignal"] == "SIGTERM"
    assert not [pair for pair in configuration["Env"] if "TOKEN" in pair or "SECRET" in pair]


@pytest.mark.parametrize(
    ("service", "present", "absent"),
    [
        ("face", "face_service,cv2", "gateway,speech_service,fusion_service,av,soundfile"),
        ("speech", "speech_service,soundfile", "gateway,face_service,fusion_service,av,cv2"),
        ("fusion", "fusion_service", "gateway,face_service,speech_service,av,cv2,soundfile"),
        ("gateway", "gateway,av", "face_service,speech_service,fusion_service,cv2,soundfile"),
    ],
)
def test_an_image_holds_its_own_service_only(engine, images, service, present, absent):
    never = "pip,setuptools,pytest,training,tests,torch"
    said = engine.containers.run(
        images[service].id,
        ["python", "-I", "-c", INSIDE, f"{present},{absent},{never}"],
        remove=True,
        network_disabled=True,
        read_only=True,
    )
    found, left_over = said.decode().split("\n")[:2]
    assert set(found.split(",")) == set(present.split(","))
    assert left_over == ""


def test_compose_takes_the_overlay_with_prometheus(engine):
    told = Stack(engine).compose(
        "--file", "docker-compose.yml", "--file", "docker-compose.monitoring.yml", "config", "--services"
    )
    assert set(told.split()) == {*SERVICES, "prometheus"}
