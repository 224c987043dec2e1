"""Is the model as good as the panel, and better than the published recipe?

On a drawn study of the publication's size with its simulated panel, and, where this machine has them, on real
photographs graded by three dermatologists. The published recipe and a constant run beside ours, on the same images.
Then the ablation table: each switch of the model turned off by itself. Drawn pictures and features are kept between
runs, under the folder that GOLDFOLD_BENCH_CACHE names.

The first full run takes some 80 minutes on two cores: 4 to draw, 7 for the features of the photographs, 20 and 7 for
the recipe's features and ours of what is drawn, and 44 for all else, which is what a second run takes.
"""

from __future__ import annotations

from bench.bars import Bar
from bench.grades.on_drawn import on_drawn
from bench.grades.on_real import on_real


def run(quick: bool) -> list[Bar]:
    return [*on_real(quick), *on_drawn(quick)]
