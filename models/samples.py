"""What a network in training paints, to look at while it learns."""

import io
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from models.learning import multiple_of_four
from models.runtime import DTYPES
from models.training import TrainingState, paint
from restyle.domain import NumericPath

COUNT, LONG_SIDE, GAP = 3, 320, 4


def sample_sheet(state: TrainingState, pictures: Sequence[Sequence[Tensor]], numeric: NumericPath) -> bytes:
    """A JPEG: some training pictures, each above its painting by the averaged network."""
    columns = []
    for pyramid in pictures[:COUNT]:
        picture = multiple_of_four(min(pyramid, key=lambda level: abs(max(level.shape) - LONG_SIDE)))
        with torch.inference_mode():
            painted = paint(state.averaged, picture[None].to(numeric.device).float(), DTYPES[numeric.precision])
        columns.append((image_of(picture), image_of(painted[0].round().clamp(0, 255).to("cpu", torch.uint8))))
    width = sum(above.width + GAP for above, _ in columns) + GAP
    height = max(above.height for above, _ in columns)
    sheet = Image.new("RGB", (width, 2 * height + 3 * GAP), "white")
    left = GAP
    for above, below in columns:
        sheet.paste(above, (left, GAP))
        sheet.paste(below, (left, height + 2 * GAP))
        left += above.width + GAP
    buffer = io.BytesIO()
    sheet.save(buffer, "jpeg", quality=85)
    return buffer.getvalue()


def image_of(pixels: Tensor) -> Image.Image:
    """pixels: (3, H, W) uint8."""
    return Image.fromarray(np.ascontiguousarray(pixels.permute(1, 2, 0).numpy()))
