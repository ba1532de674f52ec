"""The script that measures a GPU, which must run where there is little else, tried on the processor."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "bench/gpu.py"


@pytest.mark.slow
def test_it_checks_the_painting_and_measures_network_images_and_the_way_there_and_back(tmp_path: Path) -> None:
    result = tmp_path / "gpu.json"
    asked = ["--device", "cpu", "--size", "64x48", "--ways", "eager", "--seconds", "0.05", "--result", str(result)]
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *asked], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(result.read_text())
    (row,) = found["rows"]
    assert row["psnr_db"] > 60
    assert min(row[name] for name in ("fps", "of_operations", "of_memory", "end_to_end_fps")) > 0
    assert len(found["images_ms"]["64x48"]) == 4
    assert "psnr_db" in done.stdout
