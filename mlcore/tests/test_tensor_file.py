import numpy as np

from mlcore import tensor_file


def test_arrays_come_back_however_they_lie_in_memory() -> None:
    rows = np.arange(6, dtype=np.float32).reshape(2, 3)
    given = {"rows": rows, "transposed": rows.T, "every other": rows[:, ::2]}
    back = tensor_file.load(tensor_file.saved(given))
    assert all(np.array_equal(back[name], value) for name, value in given.items())
