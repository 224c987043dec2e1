"""Faces are joined to persons without chains."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from mlcore.joining import joined
from mlcore.persons import FARTHEST, same_persons, threshold_for
from mlcore.tests.pictures import faces, finder, frontal_face


def people(count: int, each: int, spread: float, seed: int = 1) -> NDArray[np.float32]:
    """`each` embeddings of `count` persons, in turn: about 0.8 between persons, `spread` · 1.4 within one."""
    draw = np.random.default_rng(seed)
    centres = draw.normal(0, 0.8 / np.sqrt(2 * 128), (count, 128))
    scatter = draw.normal(0, spread / np.sqrt(128), (each, count, 128))
    return (centres + scatter).reshape(-1, 128).astype(np.float32)


def groups(embeddings: NDArray[np.float32], named: list[int | None] | None = None) -> list[int]:
    found = same_persons(embeddings, named or [None] * len(embeddings))
    return joined(len(embeddings), [(alike.first, alike.second) for alike in found])


def test_the_faces_of_each_person_are_joined_and_no_others() -> None:
    assert groups(people(60, 3, 0.15)) == list(range(60)) * 3


def test_a_chain_of_likenesses_does_not_join_its_ends() -> None:
    strangers = people(60, 1, 0)
    steps = np.linspace(0, 1, 10, endpoint=False)[:, None]
    chain = np.concatenate([strangers[at] * (1 - steps) + strangers[at + 1] * steps for at in range(5)])
    assert np.linalg.norm(np.diff(chain, axis=0), axis=1).max() < FARTHEST / 3
    found = groups(np.concatenate([chain, strangers[6:]]).astype(np.float32))
    assert len(set(found[:50])) >= 5
    assert np.bincount(found).max() <= 15


def test_where_everybody_looks_alike_hardly_anybody_is_joined() -> None:
    """Faces whose distances are those of one crowd, all of them within what would be near elsewhere."""
    crowd = people(150, 1, 0) * np.float32(0.3)
    assert np.linalg.norm(crowd[0] - crowd[1]) < FARTHEST
    sizes = np.bincount(groups(crowd))
    assert sizes.max() <= 4
    assert sizes[sizes > 1].sum() < 50


def test_a_threshold_is_never_looser_than_the_fixed_one() -> None:
    assert threshold_for(people(60, 1, 0)) == FARTHEST
    assert threshold_for(people(60, 1, 0) * 0.3) < 0.2
    assert threshold_for(np.zeros((0, 128), dtype=np.float32)) == FARTHEST


def test_two_named_persons_are_never_joined_not_even_by_a_third_face() -> None:
    embeddings = people(60, 3, 0.1)
    named: list[int | None] = [None] * 180
    named[0], named[60] = 7, 8  # the same face, by the embeddings
    found = groups(embeddings, named)
    assert found[0] != found[60]
    assert found[120] in {found[0], found[60]}


def test_faces_named_as_one_are_not_linked_again() -> None:
    embeddings = people(60, 2, 0.1)
    links = same_persons(embeddings, [at if at < 5 else None for at in range(60)] * 2)
    assert len(links) == 55


def test_every_face_needs_a_name_or_none() -> None:
    with pytest.raises(ValueError, match="needs its name"):
        same_persons(people(2, 1, 0), [None])


def test_dlibs_embedding_knows_a_face_in_another_light_from_another_face() -> None:
    one, other = frontal_face().pixels, next(face for face in faces() if face.subject.person != "P0001").pixels
    own, dimmed, strange = (
        finder().embedding(rgb, landmarks)
        for rgb in (one, (one * 0.8).astype(np.uint8), other)
        if (landmarks := finder().frontal(rgb)) is not None
    )
    assert own.shape == (128,) and own.dtype == np.float32
    assert np.linalg.norm(own - dimmed) < 0.1
    assert np.linalg.norm(own - strange) > 0.1
