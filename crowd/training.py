"""Training the counting network from scratch on pictures with marked heads. Needs PyTorch.

The loss asks for the right number of people at every scale at once: per cell, per block of cells and per
crop, so that a sparse street and a dense square both count. A seed fixes the
order, the crops and the start; what remains is the arithmetic's own rounding.
"""

from __future__ import annotations

import copy
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import cv2
import msgspec
import numpy as np
import torch
from numpy.typing import NDArray

from crowd.augmentation import Recipe
from crowd.batches import Sample, batches, draw_batch, read_sample
from crowd.counting_loss import counting_loss
from crowd.network import PAD_TO_PX, SHAPES, DensityNetwork, people_per_cell
from crowd.pictures import read_picture
from crowd.stills import Still
from crowd.taking_up import TakingUpError, take_up

_log = logging.getLogger(__name__)
_GREY: Final = 128.0
_BATCHES_TO_UNFOLD: Final = 12
_SIXTEEN_BITS: Final = ("avx512_bf16", "amx_bf16")


class PlanError(ValueError):
    """A run cannot go on as asked."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that decides the result of a training run.

    `shares` are how often each folder is drawn and `varied` how many times as much its pictures are changed, by its
    name; 1 where nothing is said. A run that begins
    from weights ends with `start_share` of these: the mean of two good nets of one descent counts better
    than either (Wortsman and others, Model soups, ICML 2022).
    """

    model: str = "full"
    seed: int = 1
    steps: int = 20_000
    batch: int = 4
    crop_px: int = 512
    scale_min: float = 0.7
    scale_max: float = 1.4
    empty_share: float = 0.08
    paste_share: float = 0.1
    light_share: float = 0.2
    damage_share: float = 0.12
    grey_share: float = 0.2
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    warm_up_steps: int = 200
    average: float = 0.999
    settle_share: float = 0.8
    start_share: float = 0.0
    validate_every: int = 2_000
    shares: dict[str, float] = {}
    varied: dict[str, float] = {}

    def crops(self) -> Recipe:
        """How far the training pictures are changed."""
        return Recipe(
            crop_px=self.crop_px,
            scale_min=self.scale_min,
            scale_max=self.scale_max,
            empty_share=self.empty_share,
            paste_share=self.paste_share,
            light_share=self.light_share,
            damage_share=self.damage_share,
            grey_share=self.grey_share,
        )


# Small sees sub streams, so its pictures are shrunk further.
RECIPES: Final[dict[str, Plan]] = {
    "full": Plan(model="full", steps=20_000, empty_share=0.12),
    "small": Plan(
        model="small",
        steps=20_000,
        batch=10,
        crop_px=320,
        scale_min=0.45,
        scale_max=1.0,
        empty_share=0.2,
    ),
}


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """Where a run stands: mean loss since the last report and MAE per validation folder."""

    step: int
    steps: int
    loss: float
    validation_mae: dict[str, float]


def train(
    plan: Plan,
    folders: Mapping[str, tuple[Sequence[Still], Sequence[Still]]],
    out: Path,
    *,
    device: str = "cpu",
    resume: bool = False,
    start: Path | None = None,
    threads: int | None = None,
    report: Callable[[Progress], None] | None = None,
) -> Path:
    """Runs the plan on (training, validation) pictures per folder and returns the last checkpoint.

    With `resume` a checkpoint in `out` goes on where it stopped; its plan must be this plan. A new run may
    `start` from a file that counts (.onnx) or another run's checkpoint instead of from random weights; its
    statistics are known, so that such a run's plan best has a `settle_share` of 0.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise PlanError("PyTorch finds no CUDA device here; train on the cpu")
    if plan.start_share and start is None and not resume:
        raise PlanError("a share of the start goes into the end, but the run starts from nothing")
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(plan.seed)
    if threads:
        torch.set_num_threads(threads)
    run = _Run(plan, device)
    checkpoint = out / "checkpoint.pt"
    if checkpoint.exists():
        if not resume:
            raise PlanError(f"{checkpoint}: an earlier run; resume it or name a new folder")
        run.load(checkpoint)
        _log.info("resuming at step %d of %d", run.step, plan.steps)
    samples = [
        read_sample(
            still,
            share=plan.shares.get(name, 1.0) / len(training),
            vary=plan.varied.get(name, 1.0),
        )
        for name, (training, _) in folders.items()
        for still in training
    ]
    if start is not None and not run.step:
        run.start_from(start, samples)
    validation = {name: list(held_out) for name, (_, held_out) in folders.items()}
    losses: list[float] = []
    for batch in batches(
        samples,
        plan.crops(),
        size=plan.batch,
        seed=plan.seed,
        steps=range(run.step, plan.steps),
    ):
        losses.append(run.advance(*batch))
        last = run.step == plan.steps
        if last:
            run.mix_with_start()
        if last or run.step % plan.validate_every == 0:
            run.save(checkpoint)
            errors = {
                name: validation_mae(run.averaged, stills, device=device)
                for name, stills in validation.items()
                if stills
            }
            loss = sum(losses) / len(losses)
            losses.clear()
            _log.info("step %d loss %.3f validation MAE %s", run.step, loss, errors)
            if report:
                report(Progress(step=run.step, steps=plan.steps, loss=loss, validation_mae=errors))
    return checkpoint


class _Run:
    """The changing state of one training run: weights, their running average, and the optimiser."""

    def __init__(self, plan: Plan, device: str) -> None:
        self.plan = plan
        self.device = device
        self.step = 0
        network = DensityNetwork(SHAPES[plan.model])
        self.network = network.to(device, memory_format=torch.channels_last)
        self.averaged = copy.deepcopy(self.network).eval()
        self._start: dict[str, Any] = {}
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(),
            plan.learning_rate,
            weight_decay=plan.weight_decay,
            fused=True,
        )

    def advance(
        self,
        pictures: NDArray[np.uint8],
        targets: NDArray[np.float32],
        weights: NDArray[np.float32],
    ) -> float:
        """One step of the optimiser; the loss of this batch."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.plan.learning_rate * _rate_share(self.plan, self.step)
        self.network.train()
        if self.step >= self.plan.settle_share * self.plan.steps:
            _fix_statistics(self.network)
        inputs = as_input(pictures, self.device)
        with _halved(self.device):
            logits = self.network(inputs)
        loss = counting_loss(
            logits.float(),
            torch.from_numpy(targets).to(self.device),
            torch.from_numpy(weights).to(self.device),
        )
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 20.0)
        self.optimiser.step()
        self.step += 1
        self._average()
        return float(loss.detach())

    def _average(self) -> None:
        keep = min(self.plan.average, (1 + self.step) / (10 + self.step))
        current = self.network.state_dict()
        with torch.no_grad():
            for name, value in self.averaged.state_dict().items():
                if value.is_floating_point():
                    value.lerp_(current[name], 1 - keep)
                else:
                    value.copy_(current[name])

    def mix_with_start(self) -> None:
        """The plan's share of where the run began goes into the weights that it ends with."""
        share = self.plan.start_share if self._start else 0.0
        for name, value in self.averaged.state_dict().items():
            if share and value.is_floating_point():
                value.lerp_(self._start[name], share)

    def save(self, path: Path) -> None:
        """Writes the whole state beside the old one and swaps, so that a kill never leaves half a file."""
        beside = path.with_suffix(".new")
        torch.save(
            {
                "plan": msgspec.to_builtins(self.plan),
                "step": self.step,
                "network": self.network.state_dict(),
                "averaged": self.averaged.state_dict(),
                "start": self._start,
                "optimiser": self.optimiser.state_dict(),
            },
            beside,
        )
        beside.replace(path)

    def start_from(self, path: Path, samples: Sequence[Sample]) -> None:
        """Takes only the weights: of a file that counts, or the averaged ones of another run."""
        if path.suffix == ".onnx":
            drawn = (
                draw_batch(samples, self.plan.crops(), size=16, seed=self.plan.seed, step=step)[0]
                for step in range(_BATCHES_TO_UNFOLD)
            )
            try:
                take_up(path, self.network, (as_input(crops, self.device) for crops in drawn))
            except TakingUpError as error:
                raise PlanError(str(error)) from error
        else:
            state = torch.load(path, map_location=self.device, weights_only=True)
            model = state["plan"]["model"]
            if model != self.plan.model:
                raise PlanError(f"{path}: weights of {model}, not {self.plan.model}")
            self.network.load_state_dict(state["averaged"])
        self._start = copy.deepcopy(self.network.state_dict())
        self.averaged.load_state_dict(self._start)

    def load(self, path: Path) -> None:
        """Takes up the state of an earlier run of the same plan."""
        state = torch.load(path, map_location=self.device, weights_only=True)
        if state["plan"] != msgspec.to_builtins(self.plan):
            raise PlanError(f"{path}: written by another plan ({state['plan']}); name a new folder")
        self.step = state["step"]
        self.network.load_state_dict(state["network"])
        self.averaged.load_state_dict(state["averaged"])
        self._start = state["start"]
        self.optimiser.load_state_dict(state["optimiser"])


def _fix_statistics(network: Any) -> None:
    """Normalises by the running statistics from here on, as the exported network will.

    Batches of crops differ too much (a wall of noise beside a night street) for their own statistics to
    stand for the whole pictures that are counted later: without this, their counts drift.
    """
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.eval()


def load_averaged(checkpoint: Path) -> tuple[Plan, Any]:
    """The plan and the averaged network of a checkpoint, ready to count."""
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    plan = msgspec.convert(state["plan"], Plan)
    network = DensityNetwork(SHAPES[plan.model])
    network.load_state_dict(state["averaged"])
    return plan, network.eval()


def _halved(device: str) -> Any:
    """Sixteen bits where the processor multiplies them by itself; elsewhere a step takes minutes."""
    able = device != "cpu" or any(torch.cpu.get_capabilities().get(name) for name in _SIXTEEN_BITS)
    return torch.autocast(device, torch.bfloat16, enabled=able)


def _rate_share(plan: Plan, step: int) -> float:
    """The learning rate's share of its peak: a straight warm-up, then a cosine down to one percent."""
    if step < plan.warm_up_steps:
        return (step + 1) / plan.warm_up_steps
    done = (step - plan.warm_up_steps) / max(1, plan.steps - plan.warm_up_steps)
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done))


def as_input(pictures: NDArray[np.uint8], device: str) -> Any:
    """uint8 batch x height x width x 3 → what the network reads."""
    batch = torch.from_numpy(pictures).to(device).permute(0, 3, 1, 2)
    return (batch.to(torch.float32) - _GREY) / 255.0


def validation_mae(network: Any, stills: Sequence[Still], *, device: str = "cpu") -> float:
    """Mean absolute error of the count over whole pictures."""
    errors = []
    for still in stills:
        picture = read_picture(still.path)
        height, width = picture.shape[:2]
        padded = cv2.copyMakeBorder(
            picture,
            0,
            -height % PAD_TO_PX,
            0,
            -width % PAD_TO_PX,
            cv2.BORDER_CONSTANT,
            value=(_GREY,) * 3,
        )
        with torch.inference_mode(), _halved(device):
            logits = network(as_input(np.asarray(padded, np.uint8)[None], device))
        errors.append(abs(float(people_per_cell(logits.float()).sum()) - still.count))
    return sum(errors) / len(errors)
