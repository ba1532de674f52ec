"""The preview sheet: every frame where it belongs, whatever the shapes and the words."""

import numpy as np
import pytest

from restyle.preview_sheet import GAP, HEAD_HEIGHT, LABEL_WIDTH, MARGIN, Row, preview_sheet


def row(name: str, height: int, width: int, *levels: int) -> Row:
    return Row(name, "of something, by somebody", [np.full((height, width, 3), level, np.uint8) for level in levels])


@pytest.mark.parametrize(("height", "width"), [(270, 480), (480, 270), (20, 480)])
def test_rows_are_styles_and_columns_are_moments(height: int, width: int) -> None:
    rows = [row("source", height, width, 10, 20), row("wave", height, width, 30, 40)]
    pixels = np.asarray(preview_sheet("clip.mp4", "as it is", ["0:01.0", "0:02.0"], rows))
    found = []
    below = MARGIN + HEAD_HEIGHT
    for _ in rows:
        cells = [MARGIN + LABEL_WIDTH + x * (width + GAP) for x in (0, 1)]
        tall = next(y for y in range(below, pixels.shape[0]) if (pixels[y, cells[0]] < 50).all())
        for left in cells:
            cell = pixels[tall : tall + height, left : left + width]
            assert cell.std() == 0
            found.append(int(cell[0, 0, 0]))
        below = tall + height
    assert found == [10, 20, 30, 40]


def test_labels_stay_out_of_the_pictures_however_long() -> None:
    words = "a_style_with_a_name_of_very_many_letters:0.25," * 3
    black = Row(words, words, [np.zeros((200, 300, 3), np.uint8)] * 2)
    pixels = np.asarray(preview_sheet(words * 9, "as it is", ["0:00.0"] * 2, [black, black]))
    columns = slice(MARGIN + LABEL_WIDTH, MARGIN + LABEL_WIDTH + 300)
    assert (pixels[:, columns] == 0).all(axis=(1, 2)).sum() == 400
    label = pixels[MARGIN + HEAD_HEIGHT :, MARGIN : columns.start]
    assert (label < 100).any()
    assert (label[:, -GAP // 2 :] > 200).all()
    assert (pixels[:, -MARGIN:] > 200).all()
