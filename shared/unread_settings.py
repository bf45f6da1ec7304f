"""Variables that look like a setting of the server and are none: a slip of the pen would change nothing."""

import difflib
import re
from collections.abc import Iterable, Iterator

from pydantic import BaseModel

from shared.settings import ServiceSettings

_PREFIX = "EMOTION_"
# Read by the client, the command line, compose and training.
_OTHERS = {"EMOTION_SERVER", "EMOTION_API_KEY", "EMOTION_TAG", "EMOTION_CORPORA", "EMOTION_PROMETHEUS_PORT"}
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
    # One underscore too few or too many is the likeliest slip where names have groups.
    by_bare_name = {_bare(name): name for kind in kinds for name in _names(kind, _PREFIX)}
    for variable in sorted(variables):
        name, *inner = variable.upper().split("__")
        if not variable.upper().startswith(_PREFIX) or name in settings | _OTHERS:
            continue
        bare = _bare(variable.upper())
        if meant := difflib.get_close_matches(bare, sorted(by_bare_name), n=1, cutoff=alike):
            yield variable, by_bare_name[meant[0]]
        elif meant := difflib.get_close_matches(name, sorted(settings), n=1, cutoff=alike):
            yield variable, "__".join([meant[0], *inner])


def _names(kind: type[BaseModel], prefix: str) -> Iterator[str]:
    """Give the variable of each setting, of those in groups too."""
    for name, field in kind.model_fields.items():
        variable = prefix + name.upper()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _names(field.annotation, variable + "__")
        else:
            yield variable


def _bare(variable: str) -> str:
    return re.sub("_+", "_", variable)


def unread_words(variable: str, meant: str) -> str:
    """Tell people of a variable that is no setting."""
    return f"{variable} is no setting: nothing reads it. Is {meant} meant?"
