"""The colours: enough contrast, and emotions that stay apart for eyes that see fewer colours."""

import itertools
import re

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.color import deltaE_ciede2000, rgb2lab

from shared.contracts.emotions import EMOTIONS
from tests.page.test_served import FOLDER

GROUNDS = ("page", "surface")

# Machado, Oliveira and Fernandes, "A Physiologically-based Model for Simulation of Color Vision Deficiency"
# (2009), severity 1.0, for linear RGB.
EYES = {
    "all colours": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}


def _palettes() -> dict[str, dict[str, str]]:
    light, dark = (FOLDER / "style" / "colours.css").read_text().split("@media (prefers-color-scheme: dark)")
    read = [dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", part)) for part in (light, dark)]
    return {"light": read[0], "dark": read[1]}


PALETTES = _palettes()


def _linear(colour: str) -> NDArray[np.float64]:
    shares = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)


def _contrast(one: str, other: str) -> float:
    """Contrast as WCAG 2.2 defines it."""
    luminances = sorted(float(_linear(colour) @ [0.2126, 0.7152, 0.0722]) for colour in (one, other))
    return (luminances[1] + 0.05) / (luminances[0] + 0.05)


def _seen(colour: str, eye: str) -> NDArray[np.float64]:
    shares = np.clip(EYES[eye] @ _linear(colour), 0, 1)
    return rgb2lab(np.where(shares <= 0.0031308, 12.92 * shares, 1.055 * shares ** (1 / 2.4) - 0.055))


@pytest.mark.parametrize("scheme", PALETTES)
def test_both_schemes_have_the_same_colours(scheme: str):
    assert PALETTES[scheme].keys() == PALETTES["light"].keys()
    assert len(PALETTES[scheme]) >= 20


@pytest.mark.parametrize("scheme", PALETTES)
def test_emotions_stand_out_from_every_ground(scheme: str):
    colours = PALETTES[scheme]
    for emotion, ground in itertools.product(EMOTIONS, GROUNDS):
        assert _contrast(colours[emotion], colours[ground]) >= 3, (emotion, ground)


@pytest.mark.parametrize("scheme", PALETTES)
@pytest.mark.parametrize(
    ("text", "ground"),
    [
        *itertools.product(["ink", "soft", "accent", "bad", "warn", "good"], GROUNDS),
        ("ink", "sunken"),
        ("soft", "sunken"),
        ("on-accent", "accent"),
        ("bad", "bad-soft"),
        ("warn", "warn-soft"),
        ("page", "bad"),
    ],
)
def test_text_can_be_read(scheme: str, text: str, ground: str):
    assert _contrast(PALETTES[scheme][text], PALETTES[scheme][ground]) >= 4.5


@pytest.mark.parametrize("scheme", PALETTES)
@pytest.mark.parametrize("eye", EYES)
def test_emotions_stay_apart(scheme: str, eye: str):
    seen = {emotion: _seen(PALETTES[scheme][emotion], eye) for emotion in EMOTIONS}
    apart = {
        (one, other): float(deltaE_ciede2000(seen[one], seen[other]))
        for one, other in itertools.combinations(EMOTIONS, 2)
    }
    # 2.3 is a just noticeable difference.
    closest = min(apart, key=apart.__getitem__)
    assert apart[closest] >= 6, (closest, apart[closest])
