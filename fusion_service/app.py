"""Wiring of fusion_service."""

from fastapi import FastAPI

from fusion_service.explorer import describe_request
from fusion_service.parameters import load_model
from fusion_service.routes import router
from fusion_service.settings import FusionSettings
from fusion_service.verdicts import judge
from shared.contracts.fusion import FusionRequest, Profile
from shared.contracts.manifests import Manifest
from shared.contracts.media import MediaKind
from shared.service import create_service

_DESCRIPTION = """Links the faces of a film into people, lays out the timeline, and joins faces and voice.

Private: only the gateway calls it. It holds no state: any replica answers any call."""


def create_app(settings: FusionSettings | None = None) -> FastAPI:
    """Make the service; without settings they are read from the environment."""
    settings = settings or FusionSettings()

    def load(app: FastAPI) -> list[Manifest]:
        models = {profile: load_model(settings.fusion_models / profile / "fusion") for profile in Profile}
        for profile, model in models.items():
            judge(FusionRequest(kind=MediaKind.PICTURE, seconds=0, profile=profile), model)
        app.state.models = models
        return [model.manifest for model in models.values()]

    app = create_service(
        name="fusion_service",
        title="Fusion service",
        description=_DESCRIPTION,
        settings=settings,
        routers=[router],
        load=load,
    )
    describe_request(app)
    return app
