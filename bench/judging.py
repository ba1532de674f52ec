"""What styles are judged by: photographs held out from every training, and how far a picture is from a painting."""

from functools import cache
from pathlib import Path

import numpy as np
import torch
from skimage import data
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own idiom

from models.inference import Painter
from models.losses import content_loss, gram_matrix, style_loss
from models.paintings import Painting, read_painting
from models.styles import shipped
from models.training import Recipe
from models.vgg import Vgg16Features, load_vgg


def photographs() -> dict[str, Tensor]:
    """Four photographs by name, (3, H, W) uint8; no shipped style was trained on them."""
    pictures = {"astronaut": data.astronaut(), "coffee": data.coffee(), "cat": data.chelsea(), "rocket": data.rocket()}
    return {name: torch.from_numpy(np.array(picture)).permute(2, 0, 1) for name, picture in pictures.items()}


def shrunk(photograph: Tensor, width: int, height: int) -> Tensor:
    """(3, height, width) uint8: the middle of a photograph in another shape, resampled."""
    scale = max(width / photograph.shape[2], height / photograph.shape[1])
    size = [max(height, round(photograph.shape[1] * scale)), max(width, round(photograph.shape[2] * scale))]
    resized = F.interpolate(photograph[None].float(), size, mode="bicubic", antialias=True)[0]
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    return resized[:, top : top + height, left : left + width].round().clamp(0, 255).to(torch.uint8)


def painted(painter: Painter, frames: Tensor) -> Tensor:
    """(N, 3, H, W) on 0-255, painted; float32."""
    pixels = frames.permute(0, 2, 3, 1).to(torch.uint8).contiguous().numpy()
    return torch.from_numpy(painter(pixels)).permute(0, 3, 1, 2).float()


def paintings(folder: Path) -> dict[str, Painting]:
    """The paintings that the shipped styles were trained from, by style; their files are named like the styles."""
    files = {path.stem: path for path in folder.iterdir()}
    return {name: read_painting(files[name].read_bytes(), str(files[name])) for name in shipped() if name in files}


class Judge:
    """Measures pictures against one painting, by the losses that painters are trained by."""

    def __init__(self, painting: Painting) -> None:
        with torch.inference_mode():
            seen = _vgg()(painting.shrunk(Recipe.painting_px)[None].float())
            self._grams = {layer: gram_matrix(features) for layer, features in seen.items()}

    def __call__(self, photograph: Tensor, picture: Tensor) -> tuple[float, float]:
        """Style and content loss of a painted photograph; both (3, H, W) on 0-255."""
        recipe = Recipe()
        with torch.inference_mode():
            seen = _vgg()(picture[None].float())
            source = _vgg()(photograph[None].float(), recipe.content_layer)[recipe.content_layer]
            style = style_loss(seen, self._grams, recipe.layer_weights)
            return float(style), float(content_loss(seen[recipe.content_layer], source))


@cache
def _vgg() -> Vgg16Features:
    return load_vgg()
