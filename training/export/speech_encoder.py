"""Write the frozen encoders as the int8 graphs that features are computed with: `sound` in, `pooled` out."""

import argparse
import tempfile
from pathlib import Path

import torch

from training.export.speech_graph import export_encoder, load_encoders, quantise


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "encoders", type=Path, help="folder of what training.third_party wrote; the graphs go beside it"
    )
    folder = parser.parse_args().encoders
    torch.set_num_threads(1)
    for name, encoder in load_encoders(folder).items():
        target = folder / f"{name}.onnx"
        with tempfile.TemporaryDirectory() as scratch:
            whole = Path(scratch) / "whole.onnx"
            export_encoder(encoder, whole)
            quantise(whole, target)
        print(f"{target}: {target.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
