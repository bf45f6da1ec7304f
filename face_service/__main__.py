"""`python -m face_service`."""

from face_service.app import create_app
from face_service.settings import FaceSettings
from shared.priority import give_way
from shared.run import read_settings, run_service

if __name__ == "__main__":
    give_way()
    settings = read_settings("face_service", FaceSettings)
    run_service("face_service", lambda: create_app(settings), settings)
