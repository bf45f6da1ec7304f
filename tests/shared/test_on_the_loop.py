"""Routes and what they depend on run on the event loop, not in a thread for a few microseconds.

FastAPI sends every plain function there. Three such hops for each upload made one refusal in a hundred wait
for 70 ms under overload: the loop stood still while a thread that the kernel had set aside held the
interpreter.
"""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HOUSE = ("shared", "gateway", "face_service", "speech_service", "fusion_service")
SOURCES = [path for room in HOUSE for path in sorted((ROOT / room).rglob("*.py"))]


def name_of(node: ast.expr) -> str:
    """`read_options` and `gateway.read_options` alike."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def is_route(node: ast.expr) -> bool:
    called = node.func if isinstance(node, ast.Call) else None
    return isinstance(called, ast.Attribute) and called.attr in {
        "get",
        "post",
        "put",
        "delete",
        "head",
        "patch",
    }


TREES = {path.relative_to(ROOT): ast.parse(path.read_text()) for path in SOURCES}
PLAIN = {
    (str(path), node.name): node
    for path, tree in TREES.items()
    for node in ast.walk(tree)
    if isinstance(node, ast.FunctionDef)
}
NEEDED = {
    (str(path), name_of(node.args[0]))
    for path, tree in TREES.items()
    for node in ast.walk(tree)
    if isinstance(node, ast.Call) and name_of(node.func) == "Depends"
}
NAMES = {name for _, name in NEEDED}


def is_needed(path: str, name: str) -> bool:
    """Private names mean something in their own file only."""
    return (path, name) in NEEDED if name.startswith("_") else name in NAMES


def test_dependencies_are_found() -> None:
    assert {"read_options", "read_preference", "planned_format", "_pool"} <= NAMES


@pytest.mark.parametrize("kind", ["dependency", "route"])
def test_nothing_of_a_request_hops_into_a_thread(kind: str) -> None:
    hops = [
        where
        for where, node in PLAIN.items()
        if (is_needed(*where) if kind == "dependency" else any(map(is_route, node.decorator_list)))
    ]
    assert hops == []
