"""Run the service: `python -m fusion_service`."""

from fusion_service.app import create_app
from fusion_service.settings import FusionSettings
from shared.run import run_service

settings = FusionSettings()
run_service("fusion_service", lambda: create_app(settings), settings)
