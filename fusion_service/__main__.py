"""Run the service: `python -m fusion_service`."""

from fusion_service.app import create_app
from fusion_service.settings import FusionSettings
from shared.run import read_settings, run_service

settings = read_settings("fusion_service", FusionSettings)
run_service("fusion_service", lambda: create_app(settings), settings)
