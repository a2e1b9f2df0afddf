"""The estimator bench: milliseconds per picture and accuracy of the counting networks, beside MCNN.

Everything runs on one thread, on the same pictures, in the same run; the networks and the peer take
turns picture by picture, so that whatever else the machine does hits all of them alike.
"""

from __future__ import annotations

import importlib
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from crowd.estimator import Estimator, Size
from crowd.evaluation import report, score_stills
from crowd.pictures import read_picture
from crowd.stills import Still
from crowd.weights_file import shipped
from service.bench_cameras import machine
from service.mcnn_peer import mcnn
from simulators.scenes.dataset import stills as rendered

Result = dict[str, Any]
Image = NDArray[np.uint8]
SIZES_PX: Final[dict[Size, tuple[int, int]]] = {"small": (640, 360), "full": (1024, 768)}
"""What each network is timed on, as the targets name it."""

TIMED_PICTURES: Final = 6


def bench_estimator(
    *,
    stills: Sequence[Still],
    rounds: int,
    floats: dict[Size, Path],
    say: Callable[[str], None],
    timed: int = TIMED_PICTURES,
) -> Result:
    """Times always; accuracy where stills are given. `floats` are 32-bit files of the networks."""
    pictures = _pictures(stills, timed)
    ours: Result = {}
    peers: Result = {"mcnn": {}}
    ratio: Result = {}
    peer_file, peer_weights = mcnn()
    for size in SIZES_PX:
        say(f"{size}: timing {len(pictures)} pictures, {rounds} rounds")
        shown = [_exactly(picture, SIZES_PX[size]) for picture in pictures]
        runners = _runners(size, floats.get(size))
        runners["mcnn"] = _peer(peer_file)
        times = _timed(runners, shown, rounds)
        peers["mcnn"][size] = {"ms": times.pop("mcnn")}
        ours[size] = {name: {"ms": ms} for name, ms in times.items()}
        ratio[size] = {
            name: round(peers["mcnn"][size]["ms"]["p50"] / ms["p50"], 2)
            for name, ms in times.items()
        }
        if stills:
            say(f"{size}: accuracy on {len(stills)} pictures")
            ours[size]["onnxruntime_int8"].update(_accuracy(size, stills))
            weights = floats.get(size)
            if weights is not None:
                ours[size]["onnxruntime_fp32"].update(_accuracy(size, stills, weights=weights))
    return {
        "ours": ours,
        "peers": peers,
        "peer_weights": peer_weights,
        "floor": {},
        "ratio": ratio,
        "pictures": "rendered" if not stills else "given",
        "not_measured": _missing(floats),
        "machine": {**machine(), "onnxruntime": onnxruntime.__version__},
    }


def _missing(floats: dict[Size, Path]) -> list[str]:
    """What could not be measured here, and what would make it so."""
    missing = []
    if not floats:
        missing.append("fp32: not shipped; give --fp32-small or --fp32-full from a training run")
    if _openvino() is None:
        missing.append("openvino: not installed")
    return missing


def _pictures(stills: Sequence[Still], timed: int) -> list[Image]:
    if stills:
        step = max(1, len(stills) // timed)
        return [read_picture(still.path) for still in stills[::step][:timed]]
    return [still.pixels for still in rendered(count=timed, seed=3)]


def _exactly(picture: Image, size: tuple[int, int]) -> Image:
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _runners(size: Size, floats: Path | None) -> dict[str, Callable[[Image], object]]:
    """Every way in which this network can run here, the picture's preparation included."""
    found: dict[str, Callable[[Image], object]] = {"onnxruntime_int8": Estimator(size).estimate}
    if floats is not None:
        found["onnxruntime_fp32"] = Estimator(size, weights=floats).estimate
    for name, path in (("int8", shipped(size)), ("fp32", floats)):
        runner = _on_openvino(path) if path is not None else None
        if runner is not None:
            found[f"openvino_{name}"] = runner
    return found


def _openvino() -> Any:
    """The package, or None: it is no requirement."""
    try:
        return importlib.import_module("openvino")
    except ImportError:
        return None


def _on_openvino(path: Path) -> Callable[[Image], object] | None:
    openvino = _openvino()
    if openvino is None:
        return None
    # It computes in bfloat16 unless told otherwise, which would compare unlike things.
    how = {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32"}
    model = openvino.Core().compile_model(str(path), "CPU", how)

    def run(picture: Image) -> object:
        height, width = (side + -side % 16 for side in picture.shape[:2])
        padded = np.full((1, height, width, 3), 128, np.uint8)
        padded[0, : picture.shape[0], : picture.shape[1]] = picture
        return model(padded)

    return run


def _peer(file: bytes) -> Callable[[Image], object]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])

    def run(picture: Image) -> object:
        grey = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.float32)
        return session.run(None, {"picture": grey[None, None]})

    return run


def _timed(
    runners: dict[str, Callable[[Image], object]], pictures: Sequence[Image], rounds: int
) -> dict[str, Result]:
    """Milliseconds of this process's time by runner, all of them in turn on every picture."""
    costs: dict[str, list[float]] = {name: [] for name in runners}
    for turn in range(rounds + 1):
        for picture in pictures:
            for name, run in runners.items():
                began = time.perf_counter()
                run(picture)
                if turn:
                    costs[name].append((time.perf_counter() - began) * 1000)
    return {
        name: {
            "p50": round(float(np.median(cost)), 2),
            "least": round(min(cost), 2),
            "p90": round(float(np.percentile(cost, 90)), 2),
        }
        for name, cost in costs.items()
    }


def _accuracy(size: Size, stills: Sequence[Still], *, weights: Path | None = None) -> Result:
    """Errors on stills: *small* on pictures within 640 × 480, as its sub streams are."""
    shrink = (640, 480) if size == "small" else None
    estimator = Estimator(size, weights=weights)
    found = report(score_stills(stills, estimator, shrink=shrink), estimator.model)
    told = {"mae": found.mae, "rmse": found.rmse, "bias": found.bias, "coverage": found.coverage}
    return {
        "images": found.images,
        **{name: None if v is None or math.isnan(v) else round(v, 3) for name, v in told.items()},
    }
