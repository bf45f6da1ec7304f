"""The settings of the four services of one machine, read once and checked before anything starts."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cli.budget import split_threads
from face_service.settings import FaceSettings
from fusion_service.settings import FusionSettings
from gateway.jobs.data_folder import SETTING, why_no_data_folder
from gateway.settings import GatewaySettings
from shared.settings import WRONG_SETTINGS, ServiceSettings, SettingsError, told_in_words
from shared.unread_settings import unread_settings
from speech_service.settings import SpeechSettings

_INNER_HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class House:
    """The settings of each service."""

    gateway: GatewaySettings
    face: FaceSettings
    speech: SpeechSettings
    fusion: FusionSettings

    @property
    def stop_seconds(self) -> float:
        """Seconds that running requests may take at a stop, and a little more to tell a hanging process."""
        return self.gateway.shutdown_seconds + 2.0

    def unread_settings(self, variables: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Give each variable that no service reads, with the setting that is probably meant."""
        kinds = (type(self.gateway), type(self.face), type(self.speech), type(self.fusion))
        return unread_settings(variables, *kinds)

    def require_data_folder(self) -> None:
        """Make the folder that a server keeps jobs in, where there is none.

        Raises:
            SettingsError: it can never be had.
        """
        if (why := why_no_data_folder(self.gateway.jobs)) is not None:
            raise SettingsError(f"{SETTING}: {why}")


def read_house(*, host: str = "127.0.0.1", port: int = 8000) -> House:
    """Read all settings; `EMOTION_THREADS`, or what this machine has, is shared out among the services.

    Args:
        host: where the gateway listens; the others listen on 127.0.0.1 only.
        port: the gateway's port.

    Raises:
        SettingsError: one is wrong.
    """
    try:
        split = split_threads(ServiceSettings().threads)
        # Values given here win over the environment, whose EMOTION_HOST and EMOTION_PORT mean the gateway.
        return House(
            gateway=GatewaySettings(host=host, port=port),
            face=FaceSettings(host=_INNER_HOST, port=8001, threads=split.face),
            speech=SpeechSettings(host=_INNER_HOST, port=8002, threads=split.speech),
            fusion=FusionSettings(host=_INNER_HOST, port=8003, threads=split.fusion),
        )
    except WRONG_SETTINGS as error:
        raise told_in_words(error) from error
