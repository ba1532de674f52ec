"""The style sheet and the losses of every shipped style: `python -m bench.styles PAINTINGS [--trained FOLDER]`.

Each style paints four photographs that it was not trained on, and so does its fast network. Style and content loss
stand beside those of Gatys' method on the same photographs: an optimisation of each picture by itself, which a single
pass is measured against.
Styles of the same paintings that were trained otherwise (`--trained`) get a sheet and rows of their own.
"""

import argparse
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
from torch import Tensor

from bench.judging import Judge, painted, paintings, photographs, shrunk
from models.gatys import gatys_picture
from models.inference import load_painter
from models.paintings import Painting
from models.runtime import choose_numeric_path
from models.styles import shipped, shipped_fast
from restyle.preview_sheet import Row, preview_sheet

SHEET_WIDTH, SHEET_HEIGHT = 480, 360
SHOWN_WIDTH = 1400
JUDGED_WIDTH, JUDGED_HEIGHT = 320, 240


def pixels(picture: Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """(3, H, W) on 0-255 as (H, W, 3) uint8."""
    return picture.round().clamp(0, 255).permute(1, 2, 0).byte().numpy()


def write_sheet(target: Path, title: str, styles: Mapping[str, Path]) -> None:
    """Every style, by the shipped one's name, on every photograph; the photographs in the first row."""
    scenes = {name: shrunk(picture, SHEET_WIDTH, SHEET_HEIGHT) for name, picture in photographs().items()}
    rows = [Row("photograph", "", [pixels(scene.float()) for scene in scenes.values()])]
    for name, style in styles.items():
        card, paint = shipped()[name].card, _network(style)
        origin = f"{card.artist}, {card.painting}, {card.year}"
        rows.append(Row(name, origin, [pixels(paint(scene)) for scene in scenes.values()]))
    sheet = preview_sheet(title, "on photographs none of them was trained on", list(scenes), rows)
    sheet.thumbnail((SHOWN_WIDTH, SHOWN_WIDTH))
    sheet.save(target, quality=84)


def print_losses(folder: Path, trained: Path | None, gatys_steps: int) -> None:
    """Two to four rows per painting: means over the photographs of style and content loss, and seconds a picture."""
    print("| painting | painted by | style loss | content loss | seconds a picture |")
    print("|---" * 5 + "|")
    scenes = [shrunk(picture, JUDGED_WIDTH, JUDGED_HEIGHT) for picture in photographs().values()]
    for name, painting in paintings(folder).items():
        shipped_ways = {"the shipped style": shipped(), "the same, fast": shipped_fast()}
        judge, ways = Judge(painting), {way: _network(styles[name].path) for way, styles in shipped_ways.items()}
        if trained and (file := trained / f"{name}.safetensors").exists():
            ways[f"that of {trained.name}"] = _network(file)
        if gatys_steps:
            ways["Gatys' method"] = partial(_by_gatys, painting, gatys_steps)
        for way, paint in ways.items():
            began = time.perf_counter()
            pictures = [paint(scene) for scene in scenes]
            seconds = (time.perf_counter() - began) / len(scenes)
            judged = [judge(scene.float(), picture) for scene, picture in zip(scenes, pictures, strict=True)]
            style, content = np.mean(judged, axis=0)
            print(f"| {name} | {way} | {style:.3f} | {content:.3f} | {seconds:.1f} |", flush=True)


def _network(style: Path) -> Callable[[Tensor], Tensor]:
    painter = load_painter(style.read_bytes(), choose_numeric_path())
    return lambda scene: painted(painter, scene[None])[0]


def _by_gatys(painting: Painting, steps: int, scene: Tensor) -> Tensor:
    return gatys_picture(scene, painting, steps).float()


def main() -> None:
    """Write the sheets, print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("paintings", type=Path, help="a folder with a picture named like each style")
    parser.add_argument("--trained", type=Path, help="a folder with styles of the same names, to be judged as well")
    parser.add_argument("-o", dest="sheets", type=Path, default=Path("docs/images"), help="where the sheets go")
    parser.add_argument("--gatys-steps", type=int, default=100, help="0 leaves the method out, which takes long")
    options = parser.parse_args()
    write_sheet(options.sheets / "styles.jpg", "The shipped styles", {n: s.path for n, s in shipped().items()})
    write_sheet(options.sheets / "fast.jpg", "--engine fast", {n: s.path for n, s in shipped_fast().items()})
    if options.trained:
        styles = {file.stem: file for file in sorted(options.trained.glob("*.safetensors")) if file.stem in shipped()}
        write_sheet(options.sheets / f"{options.trained.name}.jpg", "Newly trained styles", styles)
    print_losses(options.paintings, options.trained, options.gatys_steps)


if __name__ == "__main__":
    main()
