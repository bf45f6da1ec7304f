"""The client knows the options of the server, for completion and type checkers."""

from enum import StrEnum
from typing import get_args, get_type_hints

import pytest

from emotion_client.live import LiveOptions
from emotion_client.options import Options
from gateway.options import AnalysisOptions
from shared.contracts.fusion import Baseline, Profile, Strategy
from shared.contracts.live import LiveOpen


def test_every_option_is_known() -> None:
    assert get_type_hints(Options).keys() == AnalysisOptions.model_fields.keys()
    assert get_type_hints(LiveOptions).keys() == LiveOpen.model_fields.keys() - {"event", "source", "key"}


@pytest.mark.parametrize("values", [Baseline, Profile, Strategy])
def test_every_value_of_a_live_option_is_known(values: type[StrEnum]) -> None:
    assert get_args(get_type_hints(LiveOptions)[values.__name__.lower()]) == tuple(values)
