"""Variables that look like a setting of the server and are none: a slip of the pen would change nothing."""

import difflib
from collections.abc import Iterable, Iterator

from face_service.settings import FaceSettings
from fusion_service.settings import FusionSettings
from gateway.settings import GatewaySettings
from speech_service.settings import SpeechSettings

_PREFIX = "EMOTION_"
# Read by the client, the command line, compose and training.
_OTHERS = {"EMOTION_SERVER", "EMOTION_API_KEY", "EMOTION_TAG", "EMOTION_CORPORA"}
# Below it two names have little more in common than their beginning.
_ALIKE = 0.8


def unread_settings(variables: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Give each variable that no service reads, with the setting that is probably meant.

    Those that are like no setting may be anybody's. Names inside a group (`EMOTION_JOBS__...`) are left out:
    wrong ones are refused when settings are read.
    """
    settings = {
        _PREFIX + name.upper()
        for kind in (GatewaySettings, FaceSettings, SpeechSettings, FusionSettings)
        for name in kind.model_fields
    }
    for variable in sorted(variables):
        name, *inner = variable.upper().split("__")
        if not name.startswith(_PREFIX) or name in settings | _OTHERS:
            continue
        if meant := difflib.get_close_matches(name, sorted(settings), n=1, cutoff=_ALIKE):
            yield variable, "__".join([meant[0], *inner])
