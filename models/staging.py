"""Frames on their way to the device that paints and back, beside what it computes meanwhile."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Frames = NDArray[np.uint8]
"""(N, H, W, 3) RGB."""


class Staging:
    """Copies by way of pinned memory, each way on a stream of its own, where the device is a GPU.

    On a processor the same calls copy at once: torch's streams and events are there and do nothing.
    """

    def __init__(self, device: str) -> None:
        self._device, self._pinned = torch.device(device), device != "cpu"
        self._streams = torch.get_device_module(self._device)
        self._up, self._down = self._streams.Stream(), self._streams.Stream()

    def paint(self, frames: Frames, model: Callable[[Tensor], Tensor]) -> Callable[[], Frames]:
        """Begin to paint; the call of what this returns waits for the painted frames, which are in memory of their own.

        model: (N, 3, H, W) uint8 on the device to the same, on the device's current stream. What is begun next is
        copied and queued while this is computed.
        """
        held = self._memory(frames.shape)
        held.numpy()[...] = frames
        with self._streams.stream(self._up):
            source = held.to(self._device, non_blocking=True)
        self._streams.current_stream().wait_stream(self._up)
        painted = model(source.permute(0, 3, 1, 2)).permute(0, 2, 3, 1).contiguous()
        self._down.wait_stream(self._streams.current_stream())
        back, done = self._memory(frames.shape), self._streams.Event()
        with self._streams.stream(self._down):
            back.copy_(painted, non_blocking=True)
            done.record()

        in_use: tuple[Tensor, ...] = held, source, painted

        def wait() -> Frames:
            nonlocal in_use
            done.synchronize()
            in_use = ()  # held so long: of memory that nothing holds, torch does not know that another stream reads it
            return back.numpy()

        return wait

    def _memory(self, shape: tuple[int, ...]) -> Tensor:
        return torch.empty(shape, dtype=torch.uint8, pin_memory=self._pinned)
