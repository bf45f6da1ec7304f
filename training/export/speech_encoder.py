"""Write the frozen encoder as the int8 graph that features are computed with: `sound` in, `pooled` out."""

import argparse
import tempfile
from pathlib import Path

import torch

from training.export.speech_graph import export_encoder, quantise
from training.speech.network import load_encoder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", type=Path, required=True, help="what training.third_party.whisper wrote")
    parser.add_argument("--out", type=Path, required=True, help="the ONNX file")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "whole.onnx"
        export_encoder(load_encoder(arguments.base), whole)
        quantise(whole, arguments.out)
    print(f"{arguments.out}: {arguments.out.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
