"""CSV, read back with pandas; and what a spreadsheet would run as a formula."""

import io

import pandas as pd
import pytest

from gateway.exports.faces_csv import COLUMNS, FACES_CSV
from gateway.exports.moments_csv import MOMENTS_CSV
from gateway.exports.rows import csv_lines
from shared.contracts.emotions import EMOTIONS
from shared.contracts.media import VideoStream
from tests.cli.samples import FILM, film_analysis
from tests.exports.material import nobody, two_people, written


def read(export, analysis) -> pd.DataFrame:
    return pd.read_csv(io.BytesIO(written(export, analysis)))


def test_the_first_columns_are_those_of_openface_then_one_an_emotion() -> None:
    assert COLUMNS[:5] == ("frame", "face_id", "timestamp", "confidence", "success")
    assert COLUMNS[5:12] == tuple(emotion.value for emotion in EMOTIONS)


def test_pandas_reads_every_face_of_every_frame() -> None:
    analysis = two_people()
    table = read(FACES_CSV, analysis)
    assert table["face_id"].tolist() == [1, 0, 1, 2, 1, 0, 2]
    assert table["frame"].tolist() == [0, 1, 2, 2, 3, 3, 4]
    assert table["success"].tolist() == [1, 0, 1, 1, 1, 1, 1]
    assert table["timestamp"].tolist() == [0, 0.2, 0.4, 0.4, 0.6, 0.6, 65.8]
    assert table["approx_time"].iloc[-1] == "01:05"
    seen = table[table.success == 1]
    scores = seen[[emotion.value for emotion in EMOTIONS]]
    assert scores.sum(axis=1).round(2).eq(1).all()
    assert (scores.idxmax(axis=1) == seen["label"]).all()
    assert table.loc[table.success == 0, "neutral":"FaceScore"].isna().all(axis=None)
    assert set(table["input"]) == {analysis.id}


def test_boxes_are_pixels_of_the_upright_picture() -> None:
    row = read(FACES_CSV, two_people()).iloc[0]
    # 1280 x 720, turned by 90 degrees.
    assert (row.FrameWidth, row.FrameHeight) == (720, 1280)
    assert row["FaceRectX":"FaceRectHeight"].tolist() == [180, pytest.approx(-25.6), 144, 384]
    video = VideoStream(codec="h264", width=1280, height=720, rotation=180)
    lying = two_people().model_copy(update={"media": FILM.model_copy(update={"video": video})})
    assert read(FACES_CSV, lying).iloc[0].FrameWidth == 1280


def test_py_feat_has_its_columns() -> None:
    # py-feat 2.1's FEAT_EMOTION_COLUMNS, FEAT_FACEBOX_COLUMNS, FEAT_TIME_COLUMNS, and what its Fex looks for.
    emotions = {"anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"}
    boxes = {"FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight", "FaceScore"}
    assert emotions | boxes | {"frame", "approx_time", "input", "FrameWidth", "FrameHeight"} <= set(COLUMNS)
    # `read_feat` takes columns with AU in their names for action units, and these for its second detector.
    assert not [name for name in COLUMNS if "AU" in name]
    assert not {"valence", "arousal"} & set(COLUMNS)


def test_pandas_reads_the_moments() -> None:
    table = read(MOMENTS_CSV, film_analysis())
    assert table["start"].tolist() == [0, 1, 2]
    assert table["label"].tolist() == ["neutral", "happiness", "happiness"]
    assert table["speech_label"].isna().tolist() == [True, False, False]
    assert table["face_happiness"].tolist() == pytest.approx([0.0167, 0.9, 0.9], abs=1e-3)


def test_nobody_gives_a_table_that_says_so() -> None:
    assert read(FACES_CSV, nobody())["success"].tolist() == [0]
    assert read(MOMENTS_CSV, nobody()).empty


@pytest.mark.parametrize("attack", ['=HYPERLINK("x")', "+1", "-1+2", "@SUM(A1)", "\t=1", "\r=1"])
def test_nothing_that_a_user_gives_becomes_a_formula(attack: str) -> None:
    lines = "".join(csv_lines(["name", "number"], [(attack, -1.5)]))
    table = pd.read_csv(io.StringIO(lines, newline=""), dtype={"name": str})
    assert table["name"][0].startswith("'")
    assert table["number"][0] == -1.5
    named = two_people().model_copy(update={"id": attack})
    assert written(FACES_CSV, named).decode().splitlines()[1].split(",")[-1].lstrip('"').startswith("'")


def test_quotes_commas_and_lines_stay_in_their_cell() -> None:
    text = 'a "b", c\r\nd'
    table = pd.read_csv(io.StringIO("".join(csv_lines(["x", "y"], [(text, 1)])), newline=""))
    assert table.shape == (1, 2)
