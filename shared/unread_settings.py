"""Variables that look like a setting of the server and are none: a slip of the pen would change nothing."""

import difflib
from collections.abc import Iterable, Iterator

from shared.settings import ServiceSettings

_PREFIX = "EMOTION_"
# Read by the client, the command line, compose and training.
_OTHERS = {"EMOTION_SERVER", "EMOTION_API_KEY", "EMOTION_TAG", "EMOTION_CORPORA"}
# Below it two names have little more in common than their beginning.
ALIKE = 0.8
# For who does not know every setting there is: above it no setting of one service is like one of another.
MUCH_ALIKE = 0.9


def unread_settings(
    variables: Iterable[str], *kinds: type[ServiceSettings], alike: float = ALIKE
) -> Iterator[tuple[str, str]]:
    """Give each variable that is none of these settings, with the one that is probably meant.

    Those that are like no setting may be anybody's. Names inside a group (`EMOTION_JOBS__...`) are left out:
    wrong ones are refused when settings are read.

    Args:
        variables: names in the environment.
        kinds: the settings that are read there.
        alike: from which likeness on, 0 to 1, a setting is meant.
    """
    settings = {_PREFIX + name.upper() for kind in kinds for name in kind.model_fields}
    for variable in sorted(variables):
        name, *inner = variable.upper().split("__")
        if not name.startswith(_PREFIX) or name in settings | _OTHERS:
            continue
        if meant := difflib.get_close_matches(name, sorted(settings), n=1, cutoff=alike):
            yield variable, "__".join([meant[0], *inner])


def unread_words(variable: str, meant: str) -> str:
    """Tell people of a variable that is no setting."""
    return f"{variable} is no setting: nothing reads it. Is {meant} meant?"
