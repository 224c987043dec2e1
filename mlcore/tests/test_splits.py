import numpy as np
import pytest

from mlcore.splits import folds


def test_folds_validate_each_item_once_with_whole_groups() -> None:
    groups = [f"P{person}" for person in np.random.default_rng(0).integers(0, 80, 300)]
    splits = folds(groups, 5, 3)
    assert sorted(at for split in splits for at in split.validation) == list(range(300))
    for split in splits:
        assert sorted(split.train + split.validation) == list(range(300))
        assert not {groups[at] for at in split.train} & {groups[at] for at in split.validation}
        assert 55 <= len(split.validation) <= 65
    assert folds(groups, 5, 3) == splits != folds(groups, 5, 4)
    with pytest.raises(ValueError, match="folds"):
        folds(["a", "b"], 3, 0)
