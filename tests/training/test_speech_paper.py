"""The paper's voice network: a stop at any moment costs what the epoch had learned, and changes nothing.

What its card says besides figures is the generator's.
"""

from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from training.export.speech_cards import Learned, paper_card  # noqa: E402
from training.speech import paper  # noqa: E402

EPOCHS = 3


class StopError(Exception):
    """What stops a run here."""


@pytest.fixture
def samples():
    random = np.random.default_rng(0)
    frames = [random.normal(size=(30 + 2 * n, 40)).astype(np.float16) for n in range(20)]
    weight = np.ones(len(frames), np.float32)
    return SimpleNamespace(frames=frames, emotion=np.arange(20) % 8 - 1, weight=weight)


def stop_at(monkeypatch, module, name, call):
    """Stop when something is called for the so many-th time, having done half of what it does."""
    whole, calls = getattr(module, name), []

    def stopping(*given, **named):
        calls.append(given)
        if len(calls) == call:
            given[-1].write_bytes(b"half") if hasattr(given[-1], "write_bytes") else None
            raise StopError
        return whole(*given, **named)

    monkeypatch.setattr(module, name, stopping)


def weights(network):
    return torch.cat([value.flatten() for value in network.state_dict().values()])


@pytest.mark.parametrize("where", [(paper, "batches"), (torch, "save")], ids=["learning", "writing"])
def test_a_run_that_was_stopped_learns_what_one_that_went_on_does(samples, where, tmp_path, monkeypatch):
    went_on = paper.train(samples, tmp_path / "whole.checkpoint", epochs=EPOCHS)
    checkpoint = tmp_path / "stopped.checkpoint"
    with monkeypatch.context() as patches:
        stop_at(patches, *where, call=2)
        with pytest.raises(StopError):
            paper.train(samples, checkpoint, epochs=EPOCHS)
    again = paper.train(samples, checkpoint, epochs=EPOCHS)
    assert torch.equal(weights(again), weights(went_on))


def test_a_checkpoint_of_another_run_is_not_gone_on_from(samples, tmp_path):
    checkpoint = tmp_path / "ship.checkpoint"
    paper.train(samples, checkpoint, epochs=1)
    with pytest.raises(ValueError, match=r"ship\.checkpoint"):
        paper.train(samples, checkpoint, epochs=2)


def test_features_that_were_half_written_are_made_again(tmp_path, monkeypatch):
    monkeypatch.setattr(paper, "make_noises", lambda count, seed: [("hum", np.ones(16_000, np.float32))] * 2)
    with monkeypatch.context() as patches:
        patches.setattr(paper.np, "savez", half_written)
        with pytest.raises(StopError):
            paper.read_frames(tmp_path, tmp_path, "noises", altered=False)
    assert len(paper.read_frames(tmp_path, tmp_path, "noises", altered=False)) == 2


def half_written(path, **_):
    path.write_bytes(b"half")
    raise StopError


@pytest.mark.parametrize(("tried", "headings"), [("Two layers.\n", 1), ("", 0)])
def test_the_card_tells_what_was_tried_and_that_scores_promise_too_much(tried, headings):
    summary = {
        "temperature": 2.0,
        "calibration_clips": 315,
        "calibration_error": 0.1,
        "uncertain_below": 0.8,
        "certain_share": 0.1,
        "certain_right": 0.8,
        "figures": [],
        "tried": tried,
    }
    card = paper_card(summary, Learned.of(["javased", "emodb"], unfelt=(), free=False))
    assert card.count("## Tried\n\nTwo layers.\n\n## Limits") == headings
    assert "and scores promise more there than they keep." in " ".join(card.split())
    assert "\n\n\n" not in card
    assert not any(line.startswith((", ", "{")) for line in card.splitlines())
