"""Run the service: `python -m speech_service`."""

from shared.priority import give_way
from shared.run import read_settings, run_service
from speech_service.app import create_app
from speech_service.settings import SpeechSettings

give_way()
settings = read_settings("speech_service", SpeechSettings)
run_service("speech_service", lambda: create_app(settings), settings)
