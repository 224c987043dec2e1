from pathlib import Path

import numpy as np
import pytest
import torch

from mlcore import backbones
from mlcore.backbones import BackboneUnavailable


@pytest.fixture(scope="module")
def weights_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights for the smallest torchvision backbone: the path is the same as with the real ones."""
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    model = backbones._torchvision().models.get_model("squeezenet1_0")
    torch.save(model.state_dict(), folder / "squeezenet1_0_random.pth")
    return folder


def batch(n: int, side: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (n, side, side, 3), dtype=np.uint8)


def test_texture_needs_no_weights_and_embeds_each_patch_alone() -> None:
    texture = backbones.load("texture")
    patches = batch(3, texture.input_size)
    vectors = texture.embed(patches)
    assert vectors.shape == (3, texture.dim)
    assert np.array_equal(texture.embed(patches[1:2])[0], vectors[1])
    assert texture.embed(patches[:0]).shape == (0, texture.dim)
    assert not texture.feels_rolls


def test_a_torchvision_backbone_gives_its_pooled_features(weights_dir: Path) -> None:
    network = backbones.load("squeezenet1_0", weights_dir, precision="float32")
    patches = batch(3, network.input_size)
    vectors = network.embed(patches)
    assert (network.input_size, network.dim) == (224, 512)
    assert vectors.shape == (3, 512)
    assert vectors.dtype == np.float32
    assert np.array_equal(vectors, network.embed(patches))
    assert np.allclose(network.embed(patches[:1])[0], vectors[0], atol=1e-4)
    assert network.embed(patches[:0]).shape == (0, 512)
    # The reference: torchvision's own preprocessing and model, written out.
    model = backbones._torchvision().models.get_model("squeezenet1_0").eval()
    model.load_state_dict(torch.load(weights_dir / "squeezenet1_0_random.pth", weights_only=True))
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    pixels = (torch.from_numpy(patches).float() / 255 - mean) / std
    with torch.inference_mode():
        expected = model.features(pixels.permute(0, 3, 1, 2)).mean(dim=(2, 3)).numpy()
    assert np.allclose(vectors, expected, atol=1e-4)


def test_half_precision_agrees_within_two_percent(weights_dir: Path) -> None:
    patches = batch(2, 224)
    full = backbones.load("squeezenet1_0", weights_dir, precision="float32").embed(patches)
    half = backbones.load("squeezenet1_0", weights_dir, precision="bfloat16").embed(patches)
    assert np.linalg.norm(full - half) < 0.02 * np.linalg.norm(full)


def test_other_weights_have_another_id(weights_dir: Path, tmp_path: Path) -> None:
    state = torch.load(weights_dir / "squeezenet1_0_random.pth", weights_only=True)
    torch.save({name: tensor + 1e-3 for name, tensor in state.items()}, tmp_path / "squeezenet1_0.pth")
    ids = {backbones.load("squeezenet1_0", folder).weights_id for folder in (weights_dir, tmp_path)}
    assert len(ids) == 2


def test_missing_weights_are_named_with_size_and_remedy(tmp_path: Path) -> None:
    with pytest.raises(BackboneUnavailable) as caught:
        backbones.load("resnet50", tmp_path)
    message = str(caught.value)
    assert "resnet50-0676ba61.pth" in message
    assert "98 MB" in message
    assert "BACKBONE_WEIGHTS_DIR" in message


def test_weights_of_another_model_and_unknown_names_are_refused(weights_dir: Path, tmp_path: Path) -> None:
    torch.save({"nonsense": torch.zeros(3)}, tmp_path / "squeezenet1_0.pth")
    with pytest.raises(BackboneUnavailable, match="do not fit"):
        backbones.load("squeezenet1_0", tmp_path)
    with pytest.raises(BackboneUnavailable, match="texture, squeezenet1_0"):
        backbones.load("vgg", weights_dir)
