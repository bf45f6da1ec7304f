"""Take Silero's voice activity network out of its published package.

Source: PyPI `silero-vad` 6.2.3 (MIT licence), file `silero_vad/data/silero_vad_16k_sequence.onnx`: reads a
whole sound in one run, as frames of 512 samples at 16 kHz, each with the 64 samples before it.
"""

import argparse
from pathlib import Path

from shared.contracts.manifests import Tensor
from training.third_party.network_folder import write_network_folder
from training.third_party.wheel import fetch_from_wheel

PACKAGE = "silero-vad==6.2.3"
FILE = "silero_vad/data/silero_vad_16k_sequence.onnx"
SHA256 = "9ccdacc4719d8aa7e45a77536bfabec45a03ba1f2fad5e241ab4060b24238a85"
LICENCE = "silero_vad-6.2.3.dist-info/licenses/LICENSE"
LICENCE_SHA256 = "2e63e9a38b6e8fc0c7bc37ce174caca1862870856c6daf5697cfb785e925520b"
INPUTS = (
    Tensor(
        name="input",
        dtype="float32",
        shape=("frames", 576),
        meaning="16 kHz mono, -1..1: the 512 samples of each frame after the 64 before it",
    ),
    Tensor(name="h", dtype="float32", shape=(1, 1, 128), meaning="zeros at the start of a sound"),
    Tensor(name="c", dtype="float32", shape=(1, 1, 128), meaning="zeros at the start of a sound"),
)
OUTPUTS = (
    Tensor(name="speech_probs", dtype="float32", shape=("frames",), meaning="probability of speech, 0..1"),
    Tensor(name="hn", dtype="float32", shape=(1, 1, 128), meaning="state after the last frame"),
    Tensor(name="cn", dtype="float32", shape=(1, 1, 128), meaning="state after the last frame"),
)
CARD = """# speech-activity-1: where somebody speaks

Silero VAD 6.2.3 (Silero Team, MIT licence, text beside), its network for whole sounds at 16 kHz, unchanged.
Made by `python -m training.third_party.silero_vad`.

- In: frames of 512 samples (32 ms). Out: how likely somebody speaks in each.
- Training data: as its makers say, a large multilingual set that is not published.
- It hears voices, not words: laughter, crying, sneezing and clearing the throat pass in 40 to 65 % of clips.
  That is why the classification network has an output of its own, `speech`, that refuses such segments.
- What it was measured to find here, together with that output, stands on the card of `speech-default-1`.
- Limits: whispering, singing and speech far below the noise may be missed; it says nothing about who speaks.
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path, help="for example speech_service/models/default/activity")
    out = parser.parse_args().out
    manifest = write_network_folder(
        out,
        network=fetch_from_wheel(PACKAGE, FILE, SHA256),
        card=CARD,
        licence_text=fetch_from_wheel(PACKAGE, LICENCE, LICENCE_SHA256).decode(),
        name="speech-activity-1",
        role="activity",
        profile="default",
        file=Path(FILE).name,
        licence="MIT (Silero Team)",
        source=f"PyPI {PACKAGE}, {FILE}",
        summary="Says for each 32 ms of sound how likely somebody speaks.",
        inputs=INPUTS,
        outputs=OUTPUTS,
    )
    print(f"{out}: {manifest.bytes / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
