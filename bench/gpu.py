"""What a GPU makes of the network: `python bench/gpu.py`, where there is torch, torchvision, numpy and pillow alone.

Checks what the device paints against the processor in float32, then prints frames a second of the network by size and
by how it is run, the device's own limits beside them, image coding, and frames from memory to memory. `--device cpu
--size 160x96` tries the script itself where there is no GPU.
"""

import argparse
import io
import json
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.io import decode_jpeg, encode_jpeg

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))
from models.network import TransformerNet  # noqa: E402  (needs torch alone)
from models.staging import Staging  # noqa: E402

STYLE = ROOT / "models/weights/starry_night.safetensors"
SAMPLE = ROOT / "docs/images/looks.jpg"
SIZES = ("1280x720", "1920x1080", "3840x2160")
OPERATIONS = 2 * 153_792
"""Of the network, for each pixel."""
BYTES = 4_080
"""That pass through memory for each pixel in 16 bits where nothing is fused: each layer's convolution, norm, ReLU and
padding apart."""
BATCHES = (1, 4, 8)
WAYS = ("eager", "compiled", "max-autotune")
MEMORY_FORMAT = torch.channels_last
Paint = Callable[[Tensor], Tensor]


def read_network(path: Path) -> TransformerNet:
    """A style of this project: safetensors is a length, a JSON of where each tensor lies, and the tensors."""
    data = path.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    card = json.loads(header.pop("__metadata__")["card"])
    kinds = {"F16": np.float16, "F32": np.float32}
    tensors = {}
    for name, tensor in header.items():
        begin, end = (start + offset for offset in tensor["data_offsets"])
        values = np.frombuffer(data[begin:end], kinds[tensor["dtype"]]).astype(np.float32)
        tensors[name] = torch.from_numpy(values.reshape(tensor["shape"]))
    network = TransformerNet(card["architecture"])
    network.load_state_dict(tensors)
    return network.eval()


class Device:
    """The device, and its clock."""

    def __init__(self, name: str, least_s: float) -> None:
        self.name, self.least_s, self.on_gpu = name, least_s, name.startswith("cuda")
        if self.on_gpu:
            torch.cuda.set_device(name)
        self.words = torch.cuda.get_device_name() if self.on_gpu else "the processor"

    def wait(self) -> None:
        """Until all that was asked for is done."""
        if self.on_gpu:
            torch.cuda.synchronize()

    def seconds(self, work: Callable[[], object]) -> float:
        """Of one call, in the mean of as many as fill least_s, after three that warm up."""
        for _ in range(3 if self.on_gpu else 1):
            work()
        self.wait()
        begun, count = time.perf_counter(), 0
        while time.perf_counter() - begun < self.least_s:
            work()
            count += 1
            if count % 8 == 0:
                self.wait()
        self.wait()
        return (time.perf_counter() - begun) / count


def ways(device: Device, chosen: Sequence[str]) -> Iterator[tuple[str, torch.dtype, Paint]]:
    """How the network is run: each with its name and its type of numbers."""
    for dtype in (torch.bfloat16, torch.float16) if device.on_gpu else (torch.float32,):
        ours = read_network(STYLE).to(device.name, dtype).to(memory_format=MEMORY_FORMAT)
        made: dict[str, Callable[[], Paint]] = {
            "eager": lambda ours=ours: ours,
            "compiled": lambda ours=ours: torch.compile(ours, dynamic=False),
            "max-autotune": lambda ours=ours: torch.compile(ours, dynamic=False, mode="max-autotune"),  # CUDA graphs
        }
        for name in chosen:
            torch._dynamo.reset()  # what is compiled counts for all wrappers of one class, up to a limit
            yield f"{str(dtype).removeprefix('torch.')}, {name}", dtype, made[name]()


def frames(count: int, width: int, height: int) -> Tensor:
    """(count, 3, height, width) uint8: the sample picture, a little further in each."""
    picture = Image.open(SAMPLE).convert("RGB").resize((width, height))
    pixels = torch.from_numpy(np.asarray(picture).copy()).permute(2, 0, 1)
    return torch.stack([pixels.roll(number, dims=2) for number in range(count)])


def decibels(found: Tensor, expected: Tensor) -> float:
    """PSNR of two pictures on 0-255."""
    error = (found.float().clamp(0, 255).cpu() - expected.clamp(0, 255)).square().mean().item()
    return float("inf") if error == 0 else float(10 * np.log10(255**2 / error))


def limits(device: Device, dtype: torch.dtype) -> tuple[float, float]:
    """Operations a second of the device's own matrix product, and bytes a second that a copy reads and writes."""
    side = 8192 if device.on_gpu else 1024
    left = torch.rand(side, side, device=device.name).to(dtype)
    large = torch.empty(2**30 if device.on_gpu else 2**26, dtype=torch.uint8, device=device.name)
    target = torch.empty_like(large)
    return 2 * side**3 / device.seconds(lambda: left @ left), 2 * len(large) / device.seconds(
        lambda: target.copy_(large)
    )


def coding(device: Device, width: int, height: int) -> dict[str, float]:
    """Milliseconds to write and to read a JPEG: by torchvision on the device, and by Pillow."""
    frame = frames(1, width, height)[0]
    there = frame.to(device.name)
    data = encode_jpeg(frame, quality=95)
    picture, buffer = Image.fromarray(frame.permute(1, 2, 0).numpy()), io.BytesIO()
    picture.save(buffer, "jpeg", quality=95)
    timed = {
        "written by torchvision": lambda: encode_jpeg(there, quality=95),
        "read by torchvision": lambda: decode_jpeg(data, device=device.name),
        "written by Pillow": lambda: picture.save(io.BytesIO(), "jpeg", quality=95),
        "read by Pillow": lambda: np.asarray(Image.open(io.BytesIO(buffer.getvalue()))),
    }
    return {name: 1000 * device.seconds(work) for name, work in timed.items()}


def end_to_end(device: Device, paint: Paint, dtype: torch.dtype, batch: int, width: int, height: int) -> float:
    """Frames a second from memory to memory, as a worker paints: the next ones are begun before any is waited for."""
    staging, source = Staging(device.name), frames(batch, width, height).permute(0, 2, 3, 1).contiguous().numpy()
    begun: deque[Callable[[], object]] = deque()

    def model(pixels: Tensor) -> Tensor:
        return paint(pixels.to(dtype)).clamp(0, 255).round().to(torch.uint8)

    def work() -> None:
        begun.append(staging.paint(source, model))
        if len(begun) > 1:
            begun.popleft()()

    return batch / device.seconds(work)


def _words(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def main() -> None:
    """Check, measure, print, and keep what was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--size", nargs="+", default=SIZES)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each measurement, at least")
    parser.add_argument("--result", type=Path, default=ROOT / "bench/results/gpu.json")
    options = parser.parse_args()
    torch._dynamo.config.recompile_limit = 64  # sizes times mini-batches; beyond it everything would run eagerly
    torch._dynamo.config.fail_on_recompile_limit_hit = True
    device, network = Device(options.device, options.seconds), read_network(STYLE)
    images = {size: coding(device, *map(int, size.split("x"))) for size in options.size}
    found: dict[str, Any] = {"device": device.words, "torch": torch.__version__, "images_ms": images, "rows": []}
    print(json.dumps(found, indent=1), flush=True)
    with torch.inference_mode():
        small = frames(1, 320, 180)
        expected = network(small.float())
        for name, dtype, paint in ways(device, options.ways):
            exact = decibels(paint(small.to(device.name, dtype)), expected)
            device_limits = limits(device, dtype)
            for size, batch in product(options.size, BATCHES if device.on_gpu else (1,)):
                width, height = map(int, size.split("x"))
                row: dict[str, Any] = {"way": name, "psnr_db": exact, "size": size, "batch": batch}
                try:
                    row |= timed(device, paint, dtype, batch, width, height, device_limits)
                except torch.OutOfMemoryError:
                    row["out_of_memory"] = True
                found["rows"].append(row)
                print(", ".join(f"{key} {_words(value)}" for key, value in row.items()), flush=True)
                options.result.write_text(json.dumps(found, indent=1) + "\n")


def timed(
    device: Device, paint: Paint, dtype: torch.dtype, batch: int, width: int, height: int, most: tuple[float, float]
) -> dict[str, float]:
    """Frames a second, and what they are of the operations and the bytes a second that the device does at the most."""
    one = frames(batch, width, height).to(device.name, dtype).contiguous(memory_format=MEMORY_FORMAT)
    fps = batch / device.seconds(partial(paint, one))
    pixels = width * height * fps
    return {
        "fps": fps,
        "of_operations": OPERATIONS * pixels / most[0],
        "of_memory": BYTES * dtype.itemsize / 2 * pixels / most[1],
        "end_to_end_fps": end_to_end(device, paint, dtype, batch, width, height),
    }


if __name__ == "__main__":
    main()
