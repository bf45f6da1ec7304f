"""bfloat16 is computed in where the machine has instructions for it, and nowhere else."""

from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")

from training import precision  # noqa: E402  # needs PyTorch


def tell(monkeypatch: pytest.MonkeyPatch, **capabilities: bool) -> None:
    machine = SimpleNamespace(get_capabilities=lambda: {"architecture": "x86_64", **capabilities})
    monkeypatch.setattr(precision.torch, "cpu", machine)


@pytest.mark.parametrize("instruction", ["avx512_bf16", "amx_bf16", "bf16"])
def test_a_processor_that_has_instructions_for_it_uses_them(
    monkeypatch: pytest.MonkeyPatch, instruction: str
) -> None:
    tell(monkeypatch, avx2=True, **{instruction: True})
    assert precision.bfloat16_pays("cpu")


def test_a_processor_without_them_stays_with_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    tell(monkeypatch, avx2=True, avx512_f=True, avx512_bf16=False)
    assert not precision.bfloat16_pays("cpu")
    assert precision.bfloat16_pays("cuda")


def test_a_pytorch_that_does_not_tell_counts_as_one_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision.torch, "cpu", SimpleNamespace())
    assert not precision.bfloat16_pays("cpu")


def test_products_are_of_the_kind_that_pays_here() -> None:
    x = torch.ones(2, 2)
    with precision.half_precision():
        product = x @ x
    expected = torch.bfloat16 if precision.bfloat16_pays("cpu") else torch.float32
    assert product.dtype == expected
    assert (x @ x).dtype == torch.float32
