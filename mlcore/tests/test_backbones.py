from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mlcore import backbones
from mlcore.backbones import BackboneUnavailable
from mlcore.stages import find_taps, tapped


@pytest.fixture(scope="module")
def weights_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights for the smallest torchvision backbone: the path is the same as with the real ones."""
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    model = backbones._torchvision().models.get_model("squeezenet1_0")
    torch.save(model.state_dict(), folder / "squeezenet1_0_random.pth")
    return folder


def reference(weights_dir: Path) -> Any:
    model = backbones._torchvision().models.get_model("squeezenet1_0").eval()
    model.load_state_dict(torch.load(weights_dir / "squeezenet1_0_random.pth", weights_only=True))
    return model


def pixels(patches: np.ndarray) -> torch.Tensor:
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    return ((torch.from_numpy(patches).float() / 255 - mean) / std).permute(0, 3, 1, 2)


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
    network = backbones.load("squeezenet1_0", weights_dir, precision="float32", pooling="final")
    patches = batch(3, network.input_size)
    vectors = network.embed(patches)
    assert (network.input_size, network.dim, network.blocks) == (224, 512, (512,))
    assert vectors.shape == (3, 512)
    assert vectors.dtype == np.float32
    assert network.embed(patches[:0]).shape == (0, 512)
    # The reference: torchvision's own preprocessing and model, written out.
    expected = reference(weights_dir).features(pixels(patches)).mean(dim=(2, 3)).detach().numpy()
    assert np.allclose(vectors, expected, atol=1e-4)


def test_stages_are_the_means_of_the_maps_at_each_scale(weights_dir: Path) -> None:
    network = backbones.load("squeezenet1_0", weights_dir, precision="float32")
    assert network.blocks == (96, 256, 512, 512)
    faces = batch(2, network.face_size)
    assert network.face_size == 448
    vectors = network.embed(faces)
    model, maps = reference(weights_dir), pixels(faces)
    expected = []
    for at, layer in enumerate(model.features):
        maps = layer(maps)
        if at in (1, 5, 10, 12):  # before each pooling, and the end
            expected.append(maps.mean(dim=(2, 3)).detach().numpy())
    assert np.allclose(vectors, np.concatenate(expected, axis=1), atol=1e-4)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_numbers_depend_on_neither_batch_nor_threads(weights_dir: Path, precision: str) -> None:
    network = backbones.load("squeezenet1_0", weights_dir, precision=precision)
    patches = batch(3, network.input_size)
    before = torch.get_num_threads()
    try:
        found = []
        for threads in (1, 2):
            torch.set_num_threads(threads)
            found += [network.embed(patches), np.concatenate([network.embed(one[None]) for one in patches])]
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert all(np.array_equal(one, found[0]) for one in found)


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
    (tmp_path / "squeezenet1_0.pth").write_bytes(b"cut off")
    with pytest.raises(BackboneUnavailable, match="damaged"):
        backbones.load("squeezenet1_0", tmp_path)


def test_weights_are_found_without_being_read(weights_dir: Path, tmp_path: Path) -> None:
    assert backbones.weights_file("squeezenet1_0", weights_dir) == weights_dir / "squeezenet1_0_random.pth"
    assert backbones.weights_file("squeezenet1_0", tmp_path) is None
    assert backbones.weights_file("texture", weights_dir) is None


# Which maps the networks that pages offer are tapped at, and some that take pictures of one size only, whose maps lie
# otherwise in memory, or that can't be made without numbers. None of them needs weights to be looked at.
KNOWN = {
    "mobilenet_v2": ((96, 144, 192, 576, 1280), 448),
    "resnet50": ((64, 256, 512, 1024, 2048), 448),
    "resnet152": ((64, 256, 512, 1024, 2048), 448),
    "vit_b_16": ((768,), 224),
    "swin_t": ((384, 768, 1536, 3072, 768), 448),
    "regnet_y_400mf": ((48, 104, 208, 440, 440), 448),
}


@pytest.mark.parametrize("name", KNOWN)
def test_any_classifier_is_tapped_at_each_scale(name: str) -> None:
    model = backbones._unfilled(name)
    taps, face_size = backbones._taps(name, model, 224, "stages")
    assert (taps.blocks, face_size) == KNOWN[name]


def test_folded_and_pooled_the_network_says_the_same() -> None:
    torch.manual_seed(1)
    model = backbones._torchvision().models.get_model("resnet18").eval()
    for name, buffer in model.named_buffers():
        # Statistics as after training: a fresh layer's would hide a wrong fold.
        if name.endswith("running_mean"):
            buffer.uniform_(-0.5, 0.5)
        elif name.endswith("running_var"):
            buffer.uniform_(0.5, 2)
    picture = torch.rand(1, 3, 96, 96)
    with torch.inference_mode():
        expected = torch.nn.Sequential(*list(model.children())[:-1], torch.nn.Flatten())(picture)
        network = tapped(model, find_taps(model, 96, "final"))
        assert torch.allclose(network(picture), expected, rtol=1e-4, atol=1e-4)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in network.modules())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-3), ("bfloat16", 0.03)])
def test_a_gpu_gives_the_same_within_tolerance(
    weights_dir: Path, monkeypatch: pytest.MonkeyPatch, precision: str, tolerance: float
) -> None:
    patches = batch(3, 224)
    there = backbones.load("squeezenet1_0", weights_dir, precision=precision).embed(patches)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    here = backbones.load("squeezenet1_0", weights_dir, precision=precision).embed(patches)
    assert np.linalg.norm(there - here) < tolerance * np.linalg.norm(here)
