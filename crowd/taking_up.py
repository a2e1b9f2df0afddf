"""Going on from a file that counts: its weights become a network that can be trained further. Needs PyTorch.

A shipped file holds folded layers, in eight bits or in full precision. Each convolution is unfolded again:
the normalisation behind it is set so that it gives the same, on the pictures that training will see. Blocks
that the file lacks start by passing on what they get, so that a deeper network begins as good as the file;
layers that the network lacks are left out, and of too many channels at stride 16 the strongest are
taken (`crowd/narrowing.py`). An older file's head speaks for whole cells: each quarter takes it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import nn

from crowd.narrowing import Layers, narrowed
from crowd.network import QUARTERS

_log = logging.getLogger(__name__)


class TakingUpError(ValueError):
    """A file whose weights do not fit the network; the message names the layer."""


def take_up(path: Path, network: Any, inputs: Iterable[Any]) -> None:
    """Puts the weights of an ONNX file into the network, whose normalisation learns from the inputs."""
    try:
        layers = _layers(onnx.load(path))
    except (DecodeError, OSError, KeyError, IndexError, ValueError) as error:
        raise TakingUpError(f"{path}: not a file of a counting network") from error
    modules = dict(network.named_modules())
    layers = narrowed(
        layers,
        {name: module.weight.shape for name, module in modules.items() if name in layers},
    )
    norms: dict[str, Any] = {}
    for name, (weight, bias) in layers.items():
        layer = modules.get(name)
        if layer is None:
            _log.info("%s: this network has no layer %s", path, name)
            continue
        _fill(layer, weight, name=f"{path}: {name}")
        if name in ("head", "doubt"):
            layer.bias.data = torch.from_numpy(bias.copy())
        else:
            norms[name] = _plain_norm(modules[_norm_after(name)], bias)
    for name, module in modules.items():
        if hasattr(module, "second") and f"{name}.first.0" not in layers:
            nn.init.zeros_(module.second[1].weight)
    _unfold(network, {name: modules[name] for name in norms}, norms, inputs)


def _layers(model: Any) -> Layers:
    """Weight and bias of every layer by its name, in full precision."""
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "DequantizeLinear" and node.input[0] in values:
            values[node.output[0]] = _dequantised(*(values[name] for name in node.input))
    layers = {
        _layer_name(node.name): (values[node.input[1]], values[node.input[2]])
        for node in model.graph.node
        if node.op_type == "Conv"
    }
    if "head" not in layers:
        layers |= _last_layers(model, values)
    weight, bias = layers["head"]
    if len(weight) == 2:
        layers["head"] = (weight.repeat(QUARTERS, 0), bias.repeat(QUARTERS))
    return layers


def _last_layers(model: Any, values: dict[str, NDArray[Any]]) -> Layers:
    """Head and doubt out of the one product over cells that a file has for both."""
    (product,) = (node for node in model.graph.node if node.op_type in ("MatMul", "Gemm"))
    weight = values[product.input[0]][:, :, None, None]
    (bias,) = (each.reshape(-1) for each in values.values() if each.shape == (len(weight), 1))
    return {"head": (weight[:-1], bias[:-1]), "doubt": (weight[-1:], bias[-1:])}


def _dequantised(
    eight: NDArray[Any], scale: NDArray[np.float32], zero: NDArray[Any]
) -> NDArray[np.float32]:
    along = (-1,) + (1,) * (eight.ndim - 1) if scale.ndim else ()
    levels = eight.astype(np.float32) - zero.astype(np.float32).reshape(along)
    return levels * scale.reshape(along)


def _layer_name(node: str) -> str:
    """`/middle/middle.0/first/first.0/Conv`, in older files within `/network`, → `middle.0.first.0`."""
    parts: list[str] = []
    for part in node.strip("/").removeprefix("network/").split("/")[:-1]:
        if parts and part.startswith(parts[-1] + "."):
            parts.pop()
        parts.append(part)
    return ".".join(parts)


def _norm_after(name: str) -> str:
    before, _, index = name.rpartition(".")
    return f"{before}.{int(index) + 1}"


def _fill(layer: Any, weight: NDArray[np.float32], *, name: str) -> None:
    """A first layer reads a stride's pixels as channels in the file, and pixel by pixel here."""
    shape = tuple(layer.weight.shape)
    if weight.shape != shape and weight.shape[1] == shape[1] * layer.stride[0]:
        filters, colours, high, _ = shape
        stride = layer.stride[0]
        groups = weight.shape[3]
        apart = weight.reshape(filters, stride, colours, high, groups).transpose(0, 2, 3, 4, 1)
        wide = apart.reshape(filters, colours, high, groups * stride)
        # Older files read three groups, of which half a stride at either end was not looked at.
        left = (groups * stride - shape[3]) // 2
        weight = wide[..., left : left + shape[3]]
    if weight.shape != shape:
        raise TakingUpError(f"{name} is {weight.shape}, where this network has {shape}")
    layer.weight.data = torch.from_numpy(weight.copy()).to(layer.weight.device)


def _plain_norm(norm: Any, bias: NDArray[np.float32]) -> Any:
    """Normalisation that only adds the bias, for as long as the statistics are unknown."""
    norm.reset_running_stats()
    norm.running_var.fill_(1 - norm.eps)
    nn.init.ones_(norm.weight)
    norm.bias.data = torch.from_numpy(bias.copy()).to(norm.weight.device)
    return norm


def _unfold(
    network: Any, layers: dict[str, Any], norms: dict[str, Any], inputs: Iterable[Any]
) -> None:
    """Sets each normalisation to the statistics of what passes, and its scale and shift to undo them."""
    sums = {name: torch.zeros(3, norm.num_features) for name, norm in norms.items()}

    def gather(name: str) -> Any:
        def hook(_module: Any, _inputs: Any, out: Any) -> None:
            sums[name][0] += out.mean((0, 2, 3))
            sums[name][1] += (out**2).mean((0, 2, 3))
            sums[name][2] += 1

        return hook

    hooks = [layer.register_forward_hook(gather(name)) for name, layer in layers.items()]
    network.eval()
    with torch.inference_mode():
        for batch in inputs:
            network(batch)
    for hook in hooks:
        hook.remove()
    for name, norm in norms.items():
        mean, square, batches = sums[name].to(norm.weight.device)
        mean, square = mean / batches, square / batches
        norm.running_mean.copy_(mean)
        norm.running_var.copy_((square - mean**2).clamp_min(1e-8))
        norm.weight.data = (norm.running_var + norm.eps).sqrt()
        norm.bias.data += mean
