"""Is the model as good as the panel, and better than the published recipe?

On a drawn study of the publication's size with its simulated panel, and, where this machine has them, on real
photographs graded by three dermatologists. The published recipe and a constant run beside ours, on the same images.
Then the ablation table: each switch of the model turned off by itself. Drawn pictures and features are kept between
runs, under the folder that GOLDFOLD_BENCH_CACHE names.

The first full run takes some two hours on two cores. By parts: 0.4 s a drawn selfie, half as long again for its
features, 20 minutes a core for each fit of the recipe to them, and a minute for each to the photographs. The full run
has not been timed as a whole.
"""

from __future__ import annotations

from bench.bars import Bar
from bench.grades.on_drawn import on_drawn
from bench.grades.on_real import on_real


def run(quick: bool) -> list[Bar]:
    return [*on_real(quick), *on_drawn(quick)]
