"""The style sheet and the losses of every shipped style: `python -m bench.styles PAINTINGS [-o SHEET.jpg]`.

Each style paints four photographs that it was not trained on. Style and content loss stand beside those of Gatys'
method on the same photographs: an optimisation of each picture by itself, which a single pass is measured against.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from torch import Tensor

from bench.judging import Judge, painted, paintings, photographs, shrunk
from models.gatys import gatys_picture
from models.inference import load_painter
from models.runtime import choose_numeric_path
from models.styles import shipped
from restyle.preview_sheet import Row, preview_sheet

SHEET_WIDTH, SHEET_HEIGHT = 480, 360
SHOWN_WIDTH = 1400
JUDGED_WIDTH, JUDGED_HEIGHT = 320, 240
GATYS_STEPS = 100


def pixels(picture: Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """(3, H, W) on 0-255 as (H, W, 3) uint8."""
    return picture.round().clamp(0, 255).permute(1, 2, 0).byte().numpy()


def write_sheet(target: Path) -> None:
    """Every style on every photograph, the photographs in the first row."""
    scenes = {name: shrunk(picture, SHEET_WIDTH, SHEET_HEIGHT) for name, picture in photographs().items()}
    rows = [Row("photograph", "", [pixels(scene.float()) for scene in scenes.values()])]
    for name, style in shipped().items():
        painter = load_painter(style.path.read_bytes(), choose_numeric_path())
        origin = f"{style.card.artist}, {style.card.painting}, {style.card.year}"
        rows.append(Row(name, origin, [pixels(painted(painter, scene[None])[0]) for scene in scenes.values()]))
    sheet = preview_sheet("The shipped styles", "on photographs none of them was trained on", list(scenes), rows)
    sheet.thumbnail((SHOWN_WIDTH, SHOWN_WIDTH))
    sheet.save(target, quality=84)


def print_losses(folder: Path) -> None:
    """A row per style: means over the photographs of style and content loss, ours, Gatys', and seconds a picture."""
    print("| style | style loss | content loss | Gatys: style | content | seconds a picture, ours | Gatys |")
    print("|---" * 7 + "|")
    scenes = [shrunk(picture, JUDGED_WIDTH, JUDGED_HEIGHT) for picture in photographs().values()]
    for name, painting in paintings(folder).items():
        judge, painter = Judge(painting), load_painter(shipped()[name].path.read_bytes(), choose_numeric_path())
        began = time.perf_counter()
        ours = [judge(scene.float(), painted(painter, scene[None])[0]) for scene in scenes]
        between = time.perf_counter()
        gatys = [judge(scene.float(), gatys_picture(scene, painting, GATYS_STEPS).float()) for scene in scenes]
        seconds = (between - began) / len(scenes), (time.perf_counter() - between) / len(scenes)
        losses = [f"{value:.3f}" for value in (*np.mean(ours, axis=0), *np.mean(gatys, axis=0))]
        print(f"| {name} | {' | '.join(losses)} | {seconds[0]:.1f} | {seconds[1]:.0f} |", flush=True)


def main() -> None:
    """Write the sheet, print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("paintings", type=Path, help="a folder with a picture named like each style")
    parser.add_argument("-o", dest="sheet", type=Path, default=Path("docs/images/styles.jpg"))
    options = parser.parse_args()
    write_sheet(options.sheet)
    print_losses(options.paintings)


if __name__ == "__main__":
    main()
