"""`python -m gateway`."""

from gateway.app import create_app
from gateway.jobs.data_folder import SETTING, why_no_data_folder
from gateway.settings import GatewaySettings
from shared.run import read_settings, refuse_settings, run_service

if __name__ == "__main__":
    settings = read_settings("gateway", GatewaySettings)
    if (why := why_no_data_folder(settings.jobs)) is not None:
        refuse_settings("gateway", f"{SETTING}: {why}")
    run_service("gateway", lambda: create_app(settings), settings)
