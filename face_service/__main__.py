"""`python -m face_service`."""

from face_service.app import create_app
from face_service.settings import FaceSettings
from shared.priority import give_way
from shared.run import run_service

if __name__ == "__main__":
    give_way()
    settings = FaceSettings()
    run_service("face_service", lambda: create_app(settings), settings)
