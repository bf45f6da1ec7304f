"""`python -m gateway`."""

import sys

from gateway.app import create_app
from gateway.jobs.data_folder import SETTING, why_no_data_folder
from gateway.settings import GatewaySettings
from shared.run import run_service

if __name__ == "__main__":
    settings = GatewaySettings()
    if (why := why_no_data_folder(settings.jobs)) is not None:
        sys.stderr.write(f"gateway: Wrong setting in the environment: {SETTING}: {why}\n")
        sys.exit(2)
    run_service("gateway", lambda: create_app(settings), settings)
