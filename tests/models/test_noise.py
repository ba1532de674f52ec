"""Noise is taken from what a calm network sees, edges and texture are not."""

import torch

from models.noise import without_noise


def test_without_noise_keeps_edges_and_takes_all_but_a_twentieth_of_a_flat_areas_noise() -> None:
    torch.manual_seed(6)
    clean = torch.zeros(1, 3, 128, 128)
    clean[..., 64:] = 200
    clean += 20
    noisy = clean + 4 * torch.randn_like(clean)
    seen = without_noise(noisy)
    assert float((seen - clean)[..., :52].std()) < 0.2
    assert float((seen[..., 68] - seen[..., 59]).mean()) > 190
    whole, part = without_noise(noisy)[..., 44:84, 44:84], without_noise(noisy[..., 4:124, 4:124])[..., 40:80, 40:80]
    torch.testing.assert_close(whole, part)  # what it gives follows the picture, wherever the frame is cut


def test_without_noise_keeps_the_finest_texture() -> None:
    columns = torch.arange(64).expand(1, 3, 64, 64)
    stripes = 100.0 + 80 * (columns % 2)  # none of it is left at half the size
    torch.testing.assert_close(without_noise(stripes), stripes, atol=10, rtol=0)


def test_without_noise_is_the_same_where_a_training_computes_in_bfloat16() -> None:
    torch.manual_seed(7)
    pixels = 200 + 6 * torch.randn(1, 3, 48, 48)
    with torch.autocast("cpu", torch.bfloat16):
        seen = without_noise(pixels)
    torch.testing.assert_close(seen, without_noise(pixels))
