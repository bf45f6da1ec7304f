"""`python -m gateway`."""

from gateway.app import create_app
from gateway.settings import GatewaySettings
from shared.run import run_service

if __name__ == "__main__":
    settings = GatewaySettings()
    run_service("gateway", lambda: create_app(settings), settings)
