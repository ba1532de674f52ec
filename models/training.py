"""Training a painter on one painting: the recipe, the step, and a loop that survives being killed."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import cos, isfinite, pi
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from models.initial import copying_network
from models.losses import (
    content_loss,
    gram_matrix,
    range_penalty,
    stability_loss,
    style_loss,
    tone_loss,
    total_variation,
)
from models.network import TRAINED, Architecture, TransformerNet
from models.photographs import draw_crops
from models.vgg import Vgg16Features, load_vgg
from restyle.errors import TrainingDiverged

# The network's last layer works around 0 with deviations of about 1; folded into its weights on saving.
OUTPUT_MEAN = 127.5
OUTPUT_SCALE = 64.0


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what a training gives, besides painting, photographs and start.

    One crop a step, since what counts is the number of steps; of 144 px, twice as many of which fit into a time as of
    208. A painting larger than 320 px has structures beyond the network's reach, and only its grain is learned.
    """

    architecture: Architecture = TRAINED
    steps: int = 1000
    batch: int = 1
    crop: int = 144
    painting_px: int = 320
    """shorter side of the painting as the losses see it"""
    learning_rate: float = 2e-3
    style_weight: float = 40.0
    layer_weights: Mapping[str, float] = field(
        default_factory=lambda: {"relu1_2": 1.0, "relu2_2": 1.0, "relu3_3": 1.5, "relu4_3": 1.0}
    )
    content_weight: float = 2.0
    content_layer: str = "relu2_2"
    tone_weight: float = 4.0
    tv_weight: float = 4e-2
    range_weight: float = 10.0
    gradient_norm: float = 30.0
    """at most: one near-flat crop may have a hundred times what others have, and undoes what they taught"""
    stability_weight: float = 260.0
    stability_from: int = 100
    stability_ramp: int = 200
    ema: float = 0.99
    seed: int = 1


@dataclass
class TrainingState:
    """A training after ``step`` steps; written whole, so that a killed one goes on from it."""

    network: TransformerNet
    averaged: TransformerNet
    optimizer: torch.optim.Adam
    step: int = 0
    losses: list[dict[str, float]] = field(default_factory=list)


def train(
    painting: Tensor,
    photographs: Sequence[Sequence[Tensor]],
    recipe: Recipe,
    checkpoint: Path,
    start: Mapping[str, Tensor] | None = None,
    precision: torch.dtype = torch.float32,
    save_every: int = 50,
    on_step: Callable[[TrainingState], None] = lambda _: None,
    device: str = "cpu",
) -> dict[str, Tensor]:
    """Train until ``recipe.steps``, going on from ``checkpoint`` where there is one.

    painting: (3, H, W) uint8; photographs: from read_photographs; start: a style's tensors to fine-tune from;
    precision: of the matrix products. Returns the averaged network's tensors, float32, ready to be shipped. Raises
    TrainingDiverged.
    """
    vgg = load_vgg().to(device, precision)
    grams = {layer: gram_matrix(f) for layer, f in vgg(painting[None].to(device).float()).items()}
    state = open_training(checkpoint, recipe, start, device)
    while state.step < recipe.steps:
        for group in state.optimizer.param_groups:
            group["lr"] = learning_rate(recipe, state.step)
        losses = training_step(state, vgg, grams, photographs, recipe, precision)
        if not isfinite(losses["total"]):
            # The caller knows what was kept and what to try: it adds the remedy.
            raise TrainingDiverged(f"the loss is {losses['total']} at step {state.step}")
        state.step += 1
        state.losses.append(losses)
        if state.step % save_every == 0 or state.step == recipe.steps:
            save_training(state, checkpoint)
        on_step(state)
    return shippable(state.averaged)


def learning_rate(recipe: Recipe, step: int) -> float:
    """Ten steps of warming up, then half a cosine down to a twentieth."""
    warm = min(1.0, (step + 1) / 10)
    return recipe.learning_rate * warm * (0.05 + 0.95 * (1 + cos(pi * step / recipe.steps)) / 2)


def training_step(
    state: TrainingState,
    vgg: Vgg16Features,
    grams: Mapping[str, Tensor],
    photographs: Sequence[Sequence[Tensor]],
    recipe: Recipe,
    precision: torch.dtype,
) -> dict[str, float]:
    """One step of Adam on one batch; returns the unweighted losses, the sum, and the seconds it took."""
    began = time.perf_counter()
    pair = draw_crops(photographs, recipe.batch, recipe.crop, recipe.seed * 1_000_003 + state.step).to(
        vgg.mean.device.type
    )
    calming = stability_at(recipe, state.step)
    first = paint(state.network, pair.seen, precision)
    features = vgg(first)
    with torch.no_grad():
        target = vgg(pair.source, recipe.content_layer)[recipe.content_layer]
    terms = {
        "style": (recipe.style_weight, style_loss(features, grams, recipe.layer_weights)),
        "content": (recipe.content_weight, content_loss(features[recipe.content_layer], target)),
        "tone": (recipe.tone_weight, tone_loss(first, pair.source)),
        "tv": (recipe.tv_weight, total_variation(first)),
        "range": (recipe.range_weight, range_penalty(first)),
    }
    if calming:
        # The two frames are alike in distribution: holding one still halves the gradient, not its direction,
        # and saves a backward pass.
        with torch.no_grad():
            second = paint(state.network, pair.moved, precision)
        terms["stability"] = (calming, stability_loss(first, second, pair.shift))
    total = torch.stack([weight * value for weight, value in terms.values()]).sum()
    state.optimizer.zero_grad(set_to_none=True)
    total.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(state.network.parameters(), recipe.gradient_norm)
    state.optimizer.step()
    average_into(state, recipe.ema)
    values = {name: float(value.detach()) for name, (_, value) in terms.items()}
    return {**values, "total": float(total.detach()), "seconds": time.perf_counter() - began}


def stability_at(recipe: Recipe, step: int) -> float:
    """The weight of the stability term: none until ``stability_from``, then rising over ``stability_ramp`` steps."""
    return recipe.stability_weight * min(1.0, max(0.0, (step - recipe.stability_from) / max(1, recipe.stability_ramp)))


def paint(network: TransformerNet, pixels: Tensor, precision: torch.dtype) -> Tensor:
    """(B, 3, H, W) on 0-255 painted by a network in training (its last layer not yet scaled); float32."""
    pixels = pixels.contiguous(memory_format=torch.channels_last)
    with torch.autocast(pixels.device.type, precision, enabled=precision != torch.float32):
        painted: Tensor = network(pixels)
    return OUTPUT_MEAN + OUTPUT_SCALE * painted.float()


def average_into(state: TrainingState, decay: float) -> None:
    """Move the averaged network a step towards the trained one (Polyak averaging: steadier than the last step)."""
    decay = min(decay, (1 + state.step) / (10 + state.step))
    with torch.no_grad():
        for kept, new in zip(state.averaged.parameters(), state.network.parameters(), strict=True):
            kept.lerp_(new, 1 - decay)


def shippable(network: TransformerNet) -> dict[str, Tensor]:
    """The network's tensors with the output's scale folded into the last layer; by name and shape the public ones."""
    tensors = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in network.state_dict().items()}
    tensors["deconv3.conv2d.weight"] *= OUTPUT_SCALE
    tensors["deconv3.conv2d.bias"] = tensors["deconv3.conv2d.bias"] * OUTPUT_SCALE + OUTPUT_MEAN
    return tensors


def trainable(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The inverse of shippable: a style's tensors as a start for training."""
    unfolded = {name: tensor.float() for name, tensor in tensors.items()}
    unfolded["deconv3.conv2d.weight"] = unfolded["deconv3.conv2d.weight"] / OUTPUT_SCALE
    unfolded["deconv3.conv2d.bias"] = (unfolded["deconv3.conv2d.bias"] - OUTPUT_MEAN) / OUTPUT_SCALE
    return unfolded


def open_training(
    checkpoint: Path, recipe: Recipe, start: Mapping[str, Tensor] | None, device: str = "cpu"
) -> TrainingState:
    """The state in ``checkpoint``, else a new one from ``start``, else from a copying network."""
    network, averaged = copying_network(recipe.seed, recipe.architecture), TransformerNet(recipe.architecture)
    if start is not None:
        network.load_state_dict(trainable(start))
    averaged.load_state_dict(network.state_dict())
    network.to(device).to(memory_format=torch.channels_last)
    averaged.to(device)
    state = TrainingState(network, averaged, torch.optim.Adam(network.parameters(), lr=recipe.learning_rate))
    if checkpoint.exists():
        saved: dict[str, Any] = torch.load(checkpoint, map_location=device, weights_only=True)
        network.load_state_dict(saved["network"])
        averaged.load_state_dict(saved["averaged"])
        state.optimizer.load_state_dict(saved["optimizer"])
        state.step, state.losses = saved["step"], saved["losses"]
    return state


def save_training(state: TrainingState, checkpoint: Path) -> None:
    """Write everything a later call needs to go on; the file appears whole or not at all."""
    aside = checkpoint.with_suffix(".partial")
    with aside.open("wb") as file:
        torch.save(
            {
                "network": state.network.state_dict(),
                "averaged": state.averaged.state_dict(),
                "optimizer": state.optimizer.state_dict(),
                "step": state.step,
                "losses": state.losses,
            },
            file,
        )
        file.flush()
        os.fsync(file.fileno())
    aside.replace(checkpoint)
