"""Blending along the motion calms paintings, leaves no ghosts, and shows no seam between batches."""

import numpy as np
import pytest
import torch
from skimage import data
from torch import Tensor

from models.flicker import CameraMove, film, warping_error
from models.motion import Smoother, flow, trust
from restyle.job import Look

SMOOTH = Look(smooth=0.8)
MOVES = (CameraMove("static, noise", (0.0, 0.0), 4.0), CameraMove("pan, noise", (2.3, -1.3), 2.0))


@pytest.fixture(scope="module")
def photo() -> Tensor:
    return torch.from_numpy(np.array(data.astronaut())).permute(2, 0, 1)[:, :256, :320].float()


def boiling(frames: Tensor) -> Tensor:
    """A painter that boils: its paintings are the frames with new noise in each."""
    return frames + 20 * torch.randn(frames.shape, generator=torch.Generator().manual_seed(3))


def smoothed(frames: Tensor, painted: Tensor) -> Tensor:
    smoother = Smoother(SMOOTH.carried)
    return torch.cat([smoother(frame[None], painting[None]) for frame, painting in zip(frames, painted, strict=True)])


@pytest.mark.parametrize("velocity", [(3.0, 1.0), (0.6, 0.25), (-6.0, 3.0)])
def test_the_flow_of_a_camera_move_is_found_and_trusted(photo: Tensor, velocity: tuple[float, float]) -> None:
    before, after = torch.split(film(photo, CameraMove("pan", velocity, 2.0), 2, 120, 160), 1)
    motion = flow(before, after)
    errors = (motion - torch.tensor(velocity).view(1, 2, 1, 1)).norm(dim=1)[:, 12:-12, 12:-12]
    assert float(errors.median()) < 0.2
    assert float(trust(before, after, motion)[:, :, 12:-12, 12:-12].mean()) > 0.9


@pytest.mark.parametrize("move", MOVES, ids=lambda move: move.name)
def test_smooth_takes_away_most_of_the_flicker(photo: Tensor, move: CameraMove) -> None:
    frames = film(photo, move, 14, 96, 128)
    painted = boiling(frames)
    plain, calm = (warping_error(clip[8:], move.velocity) for clip in (painted, smoothed(frames, painted)))
    assert calm < 0.35 * plain


@pytest.mark.parametrize("move", MOVES, ids=lambda move: move.name)
def test_a_batch_that_begins_with_a_lead_in_shows_no_seam(photo: Tensor, move: CameraMove) -> None:
    frames = film(photo, move, 24, 96, 128)
    painted, seam = boiling(frames), 16
    begun = seam - SMOOTH.lead_in
    before = smoothed(frames[:seam], painted[:seam])
    after = smoothed(frames[begun:], painted[begun:])[SMOOTH.lead_in :]
    shown = torch.cat([before, after])
    steps = [warping_error(shown[i : i + 2], move.velocity) for i in range(seam - 4, seam + 4)]
    at_seam = steps.pop(3)
    assert at_seam < 1.1 * max(steps)


def test_no_ghost_trails_a_moving_object(photo: Tensor) -> None:
    ground = film(photo, CameraMove("static", (0.0, 0.0), 2.0), 10, 96, 128)
    frames = ground.clone()
    for i, frame in enumerate(frames):
        frame[:, 30:60, 10 + 8 * i : 34 + 8 * i] = torch.tensor([250.0, 20.0, 20.0]).view(3, 1, 1)
    shown = smoothed(frames, frames)
    for i in range(1, 10):
        uncovered = slice(10 + 8 * (i - 1), 10 + 8 * i)
        left = (shown[i] - frames[i])[:, 30:60, uncovered].abs().mean()
        ghost = (frames[i - 1] - frames[i])[:, 30:60, uncovered].abs().mean()
        assert left < 0.05 * ghost


def test_a_cut_shows_the_new_scene_alone(photo: Tensor) -> None:
    scenes = torch.stack([photo[:, :96, :128], photo[:, 150:246, 100:228].flip(1)])
    shown = smoothed(scenes, scenes)
    assert (shown[1] - scenes[1]).abs().mean() < 1
