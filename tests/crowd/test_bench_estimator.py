"""The estimator bench and its peer: the published size of MCNN, and fields of the contract."""

from __future__ import annotations

import numpy as np
import onnxruntime

from service.bench_estimator import bench_estimator
from service.mcnn_peer import mcnn


def test_the_peer_has_mcnns_published_size_and_runs() -> None:
    file, weights = mcnn()
    assert round(weights / 1e6, 2) == 0.13
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    (density,) = session.run(None, {"picture": np.ones((1, 1, 64, 96), np.float32)})
    assert density.shape == (1, 1, 16, 24)


def test_one_run_gives_both_networks_the_peer_and_their_ratio() -> None:
    found = bench_estimator(stills=[], rounds=1, floats={}, say=lambda _: None, timed=1)
    assert {"ours", "peers", "floor", "ratio", "machine"} <= set(found)
    for size in ("small", "full"):
        ours = found["ours"][size]["onnxruntime_int8"]["ms"]["p50"]
        peer = found["peers"]["mcnn"][size]["ms"]["p50"]
        assert ours > 0
        assert abs(found["ratio"][size]["onnxruntime_int8"] - peer / ours) < 0.01
