"""AdamW whose steps are a share of the size of what they change, row by row.

faceres has its batch norms folded into its weights, so the rows of one layer differ in size by a hundred
times: one absolute rate hardly moves the large filters and shakes the small ones. With a step relative to the
row's own size at the start every filter learns as fast as it would with its norm beside it (compare LARS, You
et al. 2017; AdamW: Loshchilov and Hutter 2019).
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

# No row's size counts as less than this share of its layer's median: dead filters may wake.
SMALLEST = 0.3


def row_sizes(weight: Tensor) -> Tensor:
    """Root mean square of each output row, shaped to multiply the weight."""
    sizes = weight.detach().flatten(1).square().mean(1).sqrt()
    sizes = sizes.clamp_min(SMALLEST * float(sizes.median()))
    return sizes.reshape(-1, *[1] * (weight.dim() - 1))


class RelativeAdamW(Optimizer):  # type: ignore[misc]  # torch is untyped here
    """AdamW with a size for each row: `p -= lr * size * m / (sqrt(v) + eps)`.

    A group with `relative: True` takes its sizes from its weights when the optimizer is made (and keeps them
    in its state); other groups take the number under `size`.
    """

    def __init__(self, groups: Iterable[dict[str, Any]], *, betas: tuple[float, float] = (0.9, 0.98)) -> None:
        defaults = {"lr": 0.0, "weight_decay": 0.0, "relative": False, "size": 1.0, "betas": betas}
        super().__init__(groups, defaults)
        for group in self.param_groups:
            for weight in group["params"]:
                state = self.state[weight]
                state["mean"] = torch.zeros_like(weight)
                state["square"] = torch.zeros_like(weight)
                state["size"] = row_sizes(weight) if group["relative"] else torch.tensor(group["size"])
                state["step"] = 0

    @torch.no_grad()  # type: ignore[untyped-decorator]  # torch is untyped here
    def step(self, closure: Callable[[], float] | None = None) -> None:
        """One step for every weight that has a gradient."""
        if closure is not None:
            raise ValueError("closures are not supported")
        for group in self.param_groups:
            first, second = group["betas"]
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                state["step"] += 1
                state["mean"].lerp_(weight.grad, 1 - first)
                state["square"].mul_(second).addcmul_(weight.grad, weight.grad, value=1 - second)
                mean = state["mean"] / (1 - first ** state["step"])
                root = (state["square"] / (1 - second ** state["step"])).sqrt_().add_(1e-12)
                weight.mul_(1 - group["lr"] * group["weight_decay"])
                weight.sub_(mean.div_(root).mul_(state["size"]).mul_(group["lr"]))
