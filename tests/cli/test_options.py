import pytest

from cli.options import Options, parse_modalities
from gateway.options import MAX_FPS, AnalysisOptions
from shared.contracts.analyses import Detail
from shared.contracts.fusion import Baseline, Profile, Strategy
from shared.contracts.media import Modality


def test_what_is_not_given_is_not_sent() -> None:
    assert Options().query() == {}


def test_all_options_as_query() -> None:
    options = Options(
        fps=2.5,
        modalities=(Modality.FACE, Modality.SPEECH),
        start=0.0,
        end=3.0,
        strategy=Strategy.MEAN,
        profile=Profile.PAPER,
        detail=Detail.SUMMARY,
        baseline=Baseline.OFF,
    )
    assert options.query() == {
        "fps": "2.5",
        "modalities": "face,speech",
        "start": "0.0",
        "end": "3.0",
        "strategy": "mean",
        "profile": "paper",
        "detail": "summary",
        "baseline": "off",
    }


def test_the_names_are_those_of_the_pipeline() -> None:
    assert set(Options.__slots__) == set(AnalysisOptions.model_fields)


def test_help_states_the_pipelines_own_default_and_limit() -> None:
    assert AnalysisOptions().fps == 5
    assert MAX_FPS == 30


@pytest.mark.parametrize(
    ("listed", "read"),
    [
        ("face", (Modality.FACE,)),
        ("speech", (Modality.SPEECH,)),
        ("speech, face", (Modality.FACE, Modality.SPEECH)),
    ],
)
def test_modalities(listed: str, read: tuple[Modality, ...]) -> None:
    assert parse_modalities(listed) == read


@pytest.mark.parametrize("listed", ["", "voice", "face,", "face speech"])
def test_wrong_modalities(listed: str) -> None:
    with pytest.raises(ValueError, match="face, speech"):
        parse_modalities(listed)
