"""A GPU is learned on where there is one; bfloat16 where the machine has instructions for it."""

from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")

from training import hardware  # noqa: E402  # needs PyTorch

CPU = torch.device("cpu")


def tell(monkeypatch: pytest.MonkeyPatch, **capabilities: bool) -> None:
    machine = SimpleNamespace(get_capabilities=lambda: {"architecture": "x86_64", **capabilities})
    monkeypatch.setattr(hardware.torch, "cpu", machine)


def test_a_gpu_is_learned_on_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for found, expected in ((True, "cuda"), (False, "cpu")):
        monkeypatch.setattr(hardware.torch.cuda, "is_available", lambda found=found: found)
        assert hardware.learning_device().type == expected


@pytest.mark.parametrize("instruction", ["avx512_bf16", "amx_bf16", "bf16"])
def test_a_processor_that_has_instructions_for_it_uses_them(
    monkeypatch: pytest.MonkeyPatch, instruction: str
) -> None:
    tell(monkeypatch, avx2=True, **{instruction: True})
    assert hardware.bfloat16_pays(CPU)


def test_a_processor_without_them_stays_with_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    tell(monkeypatch, avx2=True, avx512_f=True, avx512_bf16=False)
    assert not hardware.bfloat16_pays(CPU)
    assert hardware.bfloat16_pays(torch.device("cuda"))


def test_a_pytorch_that_does_not_tell_counts_as_one_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware.torch, "cpu", SimpleNamespace())
    assert not hardware.bfloat16_pays(CPU)


def test_products_are_of_the_kind_that_pays_here() -> None:
    x = torch.ones(2, 2)
    with hardware.half_precision(CPU):
        product = x @ x
    expected = torch.bfloat16 if hardware.bfloat16_pays(CPU) else torch.float32
    assert product.dtype == expected
    assert (x @ x).dtype == torch.float32
