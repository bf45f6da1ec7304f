"""Commands that training's page and docstrings name are there, with the options that they name."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__main__"): ast.parse(
        path.read_text()
    )
    for path in sorted((ROOT / "training").rglob("*.py"))
}
# Options that a function of another module adds.
SHARED = {
    "add_only": "training.corpora.speech",
    "arguments": "training.fusion.evaluate",
    "add_without_ravdess": "training.fusion.evaluate",
    "add_unfelt": "training.corpora.speech",
}


def options(module: str) -> dict[str, bool]:
    """Options of a module, each with whether it must be given."""
    found: dict[str, bool] = {}
    for call in ast.walk(MODULES[module]):
        if not isinstance(call, ast.Call):
            continue
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if name == "add_argument":
            required = any(key.arg == "required" and key.value.value for key in call.keywords)
            found[call.args[0].value] = required
        elif SHARED.get(name, module) != module:
            found |= options(SHARED[name])
    return found


def texts():
    yield "docs/training.md", (ROOT / "docs" / "training.md").read_text()
    for name, module in MODULES.items():
        yield name, ast.get_docstring(module) or ""


COMMANDS = [
    pytest.param(*command, id=f"{where} {command[0]}")
    for where, text in texts()
    for command in re.findall(r"python -m (training[\w.]*\w)((?:(?!python -m|\n\n)[^`])*)", text)
]


@pytest.mark.parametrize(("module", "given"), COMMANDS)
def test_a_command_has_the_options_that_are_named_and_all_that_it_needs(module, given):
    named = set(re.findall(r"(?<!\w)--[a-z][\w-]*", given))
    known = options(module)
    assert named <= set(known)
    if named:
        assert {option for option, required in known.items() if required} <= named


def test_every_module_that_can_be_run_tells_its_options():
    runnable = [
        name for name, module in MODULES.items() if '"__main__"' in ast.unparse(module).replace("'", '"')
    ]
    silent = [
        name for name in runnable if "ArgumentParser" not in ast.unparse(MODULES[name]) and not options(name)
    ]
    assert len(runnable) > 30
    assert not silent
