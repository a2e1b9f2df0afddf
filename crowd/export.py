"""From a training checkpoint to the files that count: ONNX, in full precision and in eight bits.

Both files read the picture as it is (`picture`: uint8, 1 x height x width x 3, BGR, sides a multiple of
16) and give `people` (float32, height/8 x width/8, people per cell) and `doubt` (float32, one number:
people that the network half sees). The last layers stay in full precision: they cost nothing and hold
the small numbers that an empty street is made of. Needs PyTorch and onnx.
"""

from __future__ import annotations

import copy
import logging
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process
from torch import nn
from torch.nn import functional

from crowd.bounds import fit, holds, trials
from crowd.estimator import Estimator, Size
from crowd.network import QUARTERS, STRIDE_PX
from crowd.pictures import read_picture
from crowd.stills import Still
from crowd.training import load_averaged
from crowd.weights_file import BOUNDS_KEY, NAME_KEY, Bounds, bounds_to_text

_log = logging.getLogger(__name__)
_OPSET: Final = 17
_GREY: Final = 128
_CROP_PX: Final = 512
_STEP: Final = 1 / 255
_OUTPUTS: Final = ("people", "doubt")
_GAIN: Final = "gain"
_GAIN_PEOPLE_LEAST: Final = 10
_GAIN_EVERY: Final = 3
_GAIN_WITHIN: Final = (0.8, 1.25)


class _Counting(nn.Module):  # type: ignore[misc]  # PyTorch is optional, so its classes are Any
    """The network with its last step, written for speed: logits become people, and the doubt about them.

    It counts as the network does. Rows and columns are doubled by putting them beside themselves, and the
    two last layers are one product over cells: the runtime does each several times faster so.
    """

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = copy.deepcopy(network).eval()
        self.network.stem[0] = _stem_over_groups(self.network.stem[0])
        layers = (self.network.head, self.network.doubt)
        self.weight = nn.Parameter(
            torch.cat([layer.weight.detach()[:, :, 0, 0] for layer in layers])
        )
        self.channels = self.weight.shape[1]
        self.bias = nn.Parameter(torch.cat([layer.bias.detach() for layer in layers])[:, None])

    def forward(self, picture: Any) -> tuple[Any, Any]:
        network, stride = self.network, self.network.stem[0].stride[0]
        # Sizes are asked of the picture: asked of features, these would be turned into floats for it.
        rows, columns = picture.shape[2] // STRIDE_PX, (picture.shape[3] - 1) * stride // STRIDE_PX
        middle = network.middle(network.down_8(network.near(network.stem(picture))))
        wide = network.back(network.wide(network.down_16(middle))).permute(0, 2, 3, 1)
        # Each cell as four: beside itself, and each row below itself.
        beside = torch.cat((wide, wide), 3).reshape(-1, columns * self.channels)
        below = torch.cat((beside, beside), 1).reshape(1, rows, columns, self.channels)
        fused = functional.relu(network.lateral(middle) + below.permute(0, 3, 1, 2))
        cells = network.fuse(fused).permute(0, 2, 3, 1).reshape(-1, self.channels)
        logits = torch.matmul(self.weight, cells.t()) + self.bias
        gates, rates, doubt = logits.split((QUARTERS, QUARTERS, 1))
        quarters = torch.sigmoid(gates) * _softplus(rates)
        return quarters.mean(0).reshape(rows, columns), _softplus(doubt).sum().reshape(1)


def _softplus(values: Any) -> Any:
    """`functional.softplus` of steps that the runtime has fast."""
    return functional.relu(values) + torch.log(1 + torch.exp(-values.abs()))


def _stem_over_groups(stem: Any) -> Any:
    """The same first convolution, reading a stride's pixels side by side as one of many channels.

    That view of the picture is free, and copying six or twelve bytes at a time instead of three makes the
    first layer several times faster. The picture stands half a stride to the right of its left edge then,
    so that a kernel of two strides is two whole groups.
    """
    stride = stem.stride[0]
    filters, colours, high, _ = stem.weight.shape
    groups = stem.weight.detach().reshape(filters, colours, high, 2, stride).permute(0, 4, 1, 2, 3)
    layer = nn.Conv2d(
        colours * stride, filters, (high, 2), (stride, 1), padding=(stride // 2, 0), bias=False
    )
    layer.weight = nn.Parameter(groups.reshape(filters, colours * stride, high, 2).contiguous())
    return layer


def export(
    network: Any, name: str, crops: Iterable[NDArray[np.uint8]], out: Path
) -> tuple[Path, Path]:
    """Writes `<name>-fp32.onnx` and `<name>.onnx` (eight bits, calibrated on the crops) into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    stride = network.stem[0].stride[0]
    full, quantised = out / f"{name}-fp32.onnx", out / f"{name}.onnx"
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "plain.onnx"
        _trace(network, plain, stride)
        graph = onnx.load(plain)
        _write(_read_pixels(graph, stride), f"{name}-fp32", full)
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(str(plain), str(prepared), skip_symbolic_shape=True)
        eight = Path(folder) / "eight.onnx"
        quantize_static(
            str(prepared),
            str(eight),
            _Crops(crops, stride),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            # Seven bits: processors without VNNI add pairs of products in 16 bits, which eight could overflow.
            reduce_range=True,
            calibrate_method=CalibrationMethod.MinMax,
            nodes_to_exclude=_after_last_convolution(onnx.load(prepared)),
        )
        _write(_read_quantised_pixels(onnx.load(eight), stride), f"{name}-int8", quantised)
    return full, quantised


def export_checkpoint(
    checkpoint: Path, stills: Sequence[Still], out: Path, *, crops: int = 48
) -> tuple[Path, Path]:
    """Exports the averaged network of a run; its eight bits are calibrated on crops of these pictures."""
    plan, network = load_averaged(checkpoint)
    random = np.random.default_rng(plan.seed)
    chosen = [stills[index] for index in random.permutation(len(stills))[:crops]]
    return export(network, plan.model, [_middle(read_picture(still.path)) for still in chosen], out)


def _middle(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The same size of crop from every picture, grey where it is too small."""
    crop = np.full((_CROP_PX, _CROP_PX, 3), _GREY, np.uint8)
    height, width = picture.shape[:2]
    top, left = max(0, (height - _CROP_PX) // 2), max(0, (width - _CROP_PX) // 2)
    part = picture[top : top + _CROP_PX, left : left + _CROP_PX]
    crop[: part.shape[0], : part.shape[1]] = part
    return crop


class _Crops(CalibrationDataReader):  # type: ignore[misc]  # ONNX Runtime ships no types
    def __init__(self, crops: Iterable[NDArray[np.uint8]], stride: int) -> None:
        self._stride = stride
        self._crops: Iterator[NDArray[np.uint8]] = iter(crops)

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        crop = next(self._crops, None)
        if crop is None:
            return None
        half = self._stride // 2
        levels = np.pad((crop.astype(np.float32) - _GREY) * _STEP, ((0, 0), (half, half), (0, 0)))
        groups = levels.reshape(len(levels), -1, 3 * self._stride)
        return {"levels": np.ascontiguousarray(groups.transpose(2, 0, 1)[None])}


def _trace(network: Any, path: Path, stride: int) -> None:
    torch.onnx.export(
        _Counting(network).eval(),
        (torch.zeros(1, 3 * stride, 384, 512 // stride + 1),),
        str(path),
        input_names=["levels"],
        output_names=["people", "doubt"],
        dynamic_axes={"levels": {2: "height", 3: "groups"}, "people": {0: "rows", 1: "columns"}},
        opset_version=_OPSET,
        dynamo=False,
    )


def _after_last_convolution(model: Any) -> list[str]:
    """The names of what follows the last convolution and its rectifier: cells become people there."""
    nodes = list(model.graph.node)
    last = max(index for index, node in enumerate(nodes) if node.op_type == "Conv")
    return [node.name for node in nodes[last + 1 :] if node.op_type != "Relu"]


def _read_pixels(model: Any, stride: int) -> Any:
    """Puts pixels → levels in front of the full-precision graph."""
    graph = model.graph
    graph.initializer.extend(
        [
            numpy_helper.from_array(np.float32(_GREY), "grey"),
            numpy_helper.from_array(np.float32(_STEP), "step"),
        ]
    )
    _put_in_front(
        graph,
        [
            *_to_groups(graph, stride, "planes"),
            helper.make_node("Cast", ["planes"], ["values"], to=TensorProto.FLOAT),
            helper.make_node("Sub", ["values", "grey"], ["centred"]),
            helper.make_node("Mul", ["centred", "step"], ["levels"]),
        ],
    )
    return model


def _read_quantised_pixels(model: Any, stride: int) -> Any:
    """Pixels are eight-bit levels already: they replace the quantised input, exactly."""
    graph = model.graph
    first = next(node for node in graph.node if node.input[:1] == ["levels"])
    scale, zero = first.input[1], first.input[2]
    exact = {scale: np.float32(_STEP), zero: np.uint8(_GREY)}
    for tensor in graph.initializer:
        if tensor.name in exact:
            tensor.CopyFrom(numpy_helper.from_array(np.asarray(exact[tensor.name]), tensor.name))
    graph.node.remove(first)
    _ask_sizes_of(graph, "groups")
    _put_in_front(graph, _to_groups(graph, stride, first.output[0]))
    return model


def _ask_sizes_of(graph: Any, groups: str) -> None:
    """Sizes are read off the groups, sides before channels: levels need not be made for that."""
    order = numpy_helper.from_array(np.array([0, 3, 1, 2], np.int64), "channels_first")
    graph.initializer.append(order)
    asking = [node for node in graph.node if node.op_type == "Shape"]
    for node in asking:
        graph.node.remove(node)
        sizes = f"{node.output[0]}_of_groups"
        graph.node.insert(0, helper.make_node("Gather", [sizes, "channels_first"], node.output))
        graph.node.insert(0, helper.make_node("Shape", [groups], [sizes]))


def _to_groups(graph: Any, stride: int, out: str) -> list[Any]:
    """Half a stride of grey left and right; then a stride of pixels side by side is one of many channels."""
    half = stride // 2
    for name, value in (
        ("margin", np.array([0, 0, half, 0, 0, 0, half, 0], np.int64)),
        ("margin_grey", np.uint8(_GREY)),
        # Zero keeps a side, -1 is worked out.
        ("group_shape", np.array([0, 0, -1, 3 * stride], np.int64)),
    ):
        graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))
    return [
        helper.make_node("Pad", ["picture", "margin", "margin_grey"], ["wider"]),
        helper.make_node("Reshape", ["wider", "group_shape"], ["groups"]),
        helper.make_node("Transpose", ["groups"], [out], perm=[0, 3, 1, 2]),
    ]


def _put_in_front(graph: Any, nodes: list[Any]) -> None:
    for node in reversed(nodes):
        graph.node.insert(0, node)
    del graph.input[:]
    graph.input.append(
        helper.make_tensor_value_info("picture", TensorProto.UINT8, [1, "height", "width", 3])
    )


def _write(model: Any, name: str, path: Path) -> None:
    helper.set_model_props(model, {NAME_KEY: name, BOUNDS_KEY: bounds_to_text(Bounds())})
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
    _log.info("wrote %s, %d kB", path, path.stat().st_size // 1000)


def learn_gain(path: Path, size: Size, streets: Sequence[Still]) -> float:
    """Multiplies what a model file counts, in place, so that it is right on most training pictures.

    Whole pictures come out a few percent low: what a network is unsure of it counts low, and eight bits
    lose a little of the smallest numbers. The gain is the median of truth to count; it is learned from
    training pictures alone, those of the set that the run was made for.
    """
    counting = Estimator(size, weights=path)
    chosen = [still for still in streets if still.count >= _GAIN_PEOPLE_LEAST][::_GAIN_EVERY]
    counted = [counting.count_and_doubt(read_picture(still.path))[0] for still in chosen]
    ratios = [still.count / max(1.0, count) for still, count in zip(chosen, counted, strict=True)]
    gain = float(np.clip(np.median(ratios), *_GAIN_WITHIN)) if ratios else 1.0
    model = onnx.load(path)
    _multiply(model.graph, gain)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
    _log.info("%s: counts %.3f times what it did, by %d pictures", path, gain, len(chosen))
    return gain


def _multiply(graph: Any, gain: float) -> None:
    """Puts a gain behind the outputs, or into the one that is there."""
    for tensor in graph.initializer:
        if tensor.name == _GAIN:
            gain *= float(numpy_helper.to_array(tensor))
            tensor.CopyFrom(numpy_helper.from_array(np.float32(gain), _GAIN))
            return
    graph.initializer.append(numpy_helper.from_array(np.float32(gain), _GAIN))
    for node in graph.node:
        for place, name in enumerate(node.output):
            if name in _OUTPUTS:
                node.output[place] = f"{name}_before_gain"
    for name in _OUTPUTS:
        graph.node.append(helper.make_node("Mul", [f"{name}_before_gain", _GAIN], [name]))


def learn_bounds(path: Path, size: Size, held_out: dict[str, Sequence[Still]]) -> None:
    """Learns a model file's bounds from held-out pictures and writes them into it, in place."""
    counted = trials(held_out, Estimator(size, weights=path), parts=size == "small")
    if not counted:
        _log.warning("%s: no held-out pictures, so its bounds stay wide", path)
        return
    bounds = fit(counted)
    _log.info("%s: bounds %s hold %.3f of %d", path, bounds, holds(bounds, counted), len(counted))
    model = onnx.load(path)
    properties = {item.key: item.value for item in model.metadata_props}
    helper.set_model_props(model, {**properties, BOUNDS_KEY: bounds_to_text(bounds)})
    onnx.save(model, str(path))
