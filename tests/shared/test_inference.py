"""The pool of inference threads."""

import asyncio
import threading

import numpy as np
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper

from shared.contracts.problems import Problem
from shared.deadlines import Deadline, current_deadline
from shared.inference import InferencePool, ModelFileError, calibrated, load_manifest, session_options


async def test_work_runs_off_the_loop_and_in_the_context_of_its_request():
    pool = InferencePool(workers=1, queue=1)
    token = current_deadline.set(Deadline.after(60))
    try:
        thread, deadline = await pool.run(lambda: (threading.current_thread().name, current_deadline.get()))
    finally:
        current_deadline.reset(token)
        pool.close()
    assert thread.startswith("inference")
    assert deadline is not None


async def test_a_full_queue_refuses_at_once_and_frees_up():
    pool = InferencePool(workers=1, queue=1)
    gate = threading.Event()
    calls = [asyncio.create_task(pool.run(gate.wait, 5)) for _ in range(2)]
    await asyncio.sleep(0.05)
    with pytest.raises(Problem) as caught:
        await pool.run(lambda: None)
    assert caught.value.name == "overloaded"
    assert caught.value.retry_after
    gate.set()
    assert await asyncio.gather(*calls) == [True, True]
    assert await pool.run(lambda: 3) == 3
    pool.close()


async def test_a_cancelled_caller_does_not_free_the_thread_that_still_works():
    pool = InferencePool(workers=1, queue=0)
    gate = threading.Event()
    call = asyncio.create_task(pool.run(gate.wait, 5))
    await asyncio.sleep(0.05)
    call.cancel()
    await asyncio.sleep(0.05)
    with pytest.raises(Problem):
        await pool.run(lambda: None)
    gate.set()
    await asyncio.sleep(0.1)
    assert await pool.run(lambda: 3) == 3
    pool.close()


async def test_what_waited_past_its_deadline_is_not_started():
    pool = InferencePool(workers=1, queue=1)
    token = current_deadline.set(Deadline.after(-1))
    try:
        with pytest.raises(Problem) as caught:
            await pool.run(lambda: pytest.fail("started"))
    finally:
        current_deadline.reset(token)
        pool.close()
    assert caught.value.name == "deadline-exceeded"


def test_calibration_keeps_the_order_and_sums_to_one():
    logits = np.array([[1000.0, 0, -1000], [0.1, 0.2, 0.3]])
    probabilities = calibrated(logits, 2.0)
    assert probabilities.sum(axis=1) == pytest.approx([1, 1])
    assert (probabilities.argmax(1) == logits.argmax(1)).all()
    assert calibrated(logits, 10.0).max() <= probabilities.max()


def test_products_of_eight_by_eight_bits_are_whole_on_every_processor():
    """Processors without VNNI would cut sums of two products off at 16 bits."""
    weights = helper.make_tensor("weights", TensorProto.INT8, [64, 16], [127] * 64 * 16)
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["values", "weights"], ["sums"])],
        "product",
        [helper.make_tensor_value_info("values", TensorProto.UINT8, [1, 64])],
        [helper.make_tensor_value_info("sums", TensorProto.INT32, [1, 16])],
        [weights],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    session = ort.InferenceSession(model.SerializeToString(), session_options(threads=1))
    (sums,) = session.run(None, {"values": np.full((1, 64), 255, dtype=np.uint8)})
    assert (sums == 64 * 255 * 127).all()


MANIFEST = """{"name": "trial-1", "role": "fusion", "profile": "default", "file": "trial.json",
"sha256": "%s", "bytes": 2, "licence": "MIT", "source": "this test", "summary": "A trial."}"""


def test_a_network_file_that_was_changed_is_refused(tmp_path):
    digest = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"  # of "{}"
    (tmp_path / "manifest.json").write_text(MANIFEST % digest)
    with pytest.raises(ModelFileError, match=f"^{tmp_path.parent.name}/{tmp_path.name}: "):
        load_manifest(tmp_path)
    (tmp_path / "trial.json").write_text("{}")
    assert load_manifest(tmp_path).name == "trial-1"
    (tmp_path / "trial.json").write_text("[]")
    with pytest.raises(ModelFileError, match="sha256"):
        load_manifest(tmp_path)
