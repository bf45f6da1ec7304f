"""JSON Lines hold the whole analysis."""

import io
import json

import pandas as pd

from gateway.exports.json_lines import JSON_LINES
from shared.contracts.analyses import Analysis
from tests.exports.material import two_people, written


def test_the_lines_make_the_analysis_again() -> None:
    analysis = two_people()
    records = [json.loads(line) for line in written(JSON_LINES, analysis).splitlines()]
    assert records[0].pop("record") == "analysis"
    lists = {"person": "people", "moment": "moments", "segment": "segments", "frame": "frames"}
    whole = records[0] | {name: [] for name in lists.values()}
    for record in records[1:]:
        whole[lists[record.pop("record")]].append(record)
    assert Analysis.model_validate(whole) == analysis


def test_pandas_reads_lines() -> None:
    table = pd.read_json(io.BytesIO(written(JSON_LINES, two_people())), lines=True)
    assert table["record"].value_counts().to_dict() == {
        "analysis": 1,
        "person": 2,
        "moment": 3,
        "segment": 2,
        "frame": 5,
    }
