"""Every notice that the gateway can send is shown; those that say why a lane is empty stand in that lane."""

import ast
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

import gateway

if TYPE_CHECKING:
    from tests.page.visitor import Visitor


LANE_OF = {
    "no-frames": "Faces",
    "no-face": "Faces",
    "face-unavailable": "Faces",
    "face-incomplete": "Faces",
    "no-audio": "Voice",
    "no-sound": "Voice",
    "no-speech": "Voice",
    "speech-unavailable": "Voice",
    "speech-incomplete": "Voice",
    # These empty no lane.
    "faces-left-out": None,
    "truncated": None,
    "damaged-parts": None,
    "repaired-sound": None,
    # Only live, where every notice is shown as it comes.
    "no-video": None,
    "face-back": None,
    "speech-back": None,
    "fusion-back": None,
    "fusion-unavailable": None,
}

LANES_WITH = """async (code) => {
    const { lanesOf } = await import(new URL("page/js/lanes.js", document.baseURI));
    const message = "This is why.";
    const empty = { media: { kind: "film" }, models: {}, moments: [], people: [], frames: [], segments: [] };
    const { lanes } = lanesOf({ ...empty, notices: [{ code, message }] });
    return lanes.filter(({ missing }) => missing === message).map(({ name }) => name);
}"""
"""Name the lanes of an empty film that say what a notice of this code says."""


def codes_sent() -> set[str]:
    """Give the codes of all notices in the gateway's sources, with `*` for what is filled in."""
    trees = [ast.parse(path.read_text()) for path in Path(gateway.__file__).parent.rglob("*.py")]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    notices = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "Notice"]
    return {written(keyword.value) for call in notices for keyword in call.keywords if keyword.arg == "code"}


def sentences_sent() -> list[str]:
    """Give what the gateway's functions that make notices write into them."""
    trees = [ast.parse(path.read_text()) for path in Path(gateway.__file__).parent.rglob("*.py")]
    functions = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    makers = [function for function in functions if "Notice(code=" in ast.unparse(function)]
    nodes = [node for function in makers for node in ast.walk(function)]
    given = [node.value for node in nodes if isinstance(node, ast.keyword) and node.arg == "message"]
    given += [
        node.value
        for node in nodes
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "message"
    ]
    return [written(value) for value in given if isinstance(value, ast.Constant | ast.JoinedStr)]


def written(value: ast.expr) -> str:
    """Give a string literal; an f-string with `*` for what is filled in."""
    parts = value.values if isinstance(value, ast.JoinedStr) else [value]
    return "".join(str(part.value) if isinstance(part, ast.Constant) else "*" for part in parts)


def test_no_code_is_forgotten_and_none_is_made_up():
    sent = codes_sent()
    assert [pattern for pattern in sent if not any(fnmatch(code, pattern) for code in LANE_OF)] == []
    assert [code for code in LANE_OF if not any(fnmatch(code, pattern) for pattern in sent)] == []


def test_notices_are_sentences_for_people():
    sentences = sentences_sent()
    assert len(sentences) > len(LANE_OF) // 2
    assert [said for said in sentences if "`" in said or "null" in said] == []


def test_why_a_lane_is_empty_stands_in_it(visitor: "Visitor"):
    said = {code: visitor.page.evaluate(LANES_WITH, code) for code in LANE_OF}
    assert said == {code: [lane] if lane else [] for code, lane in LANE_OF.items()}


def test_a_notice_that_the_page_does_not_know_is_shown(visitor: "Visitor", media: Path, expect):
    picture = (media / "picture.jpg").read_bytes()
    analysis = httpx.post(f"{visitor.origin}/v1/analyses", files={"file": picture}, timeout=60).json()
    notice = {"code": "not-thought-of-yet", "message": "Something that this page does not know."}
    answer = analysis | {"notices": [*analysis["notices"], notice]}
    visitor.page.route("**/v1/analyses", lambda route: route.fulfill(json=answer))
    visitor.give(media / "picture.jpg")
    visitor.wait_for("done")
    expect(visitor.page.get_by_role("note")).to_have_text("Something that this page does not know.")
