from pathlib import Path

import gateway.routes
from shared.contracts.analyses import Analysis


def test_the_example_of_the_documentation_is_an_analysis():
    content = (Path(gateway.routes.__file__).parent / "example_analysis.json").read_bytes()
    analysis = Analysis.model_validate_json(content)
    assert analysis.emotion.label == analysis.face.label == "happiness"
    assert analysis.frames[0].faces[0].person == analysis.people[0].id
    assert analysis.segments
