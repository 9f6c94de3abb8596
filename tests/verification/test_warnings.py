"""Early warnings against what is known: they see a fold coming, and not a jump that noise alone causes.

    fold     dx = (r + x - x³) dt + .1 dW, r from -1 to .6, fold at .3849        calm runs: the same drift without a fold, or none at all
    noise    dx = (x - x³) dt + .38 dW, r = 0: either well is left by chance     calm runs: those that stay

Tips are found by the package. AUC on the fold above .8 (MODEL.md 5.5); on noise the interval holds .5.
"""

from __future__ import annotations

import numpy as np
import pytest
from known_systems import moved, no_fold, saddle_node

from smbsim.analysis.skill import skill
from smbsim.analysis.warning import tip

DRIFT = np.linspace(-1.0, 0.6, 400)
FOLD = 2 / (3 * np.sqrt(3))


@pytest.fixture(scope="module")
def into_the_fold():
    return moved(saddle_node, DRIFT, -1.3, 0.1, 60, seed=1)


def test_runs_end_before_the_fold(into_the_fold):
    """Noise tips a little before it, the bottleneck delays a little after it; none is looked at beyond .1 past it."""
    at = DRIFT[np.array([tip(x) for x in into_the_fold]) - 1]
    assert np.median(at) == pytest.approx(FOLD - 0.1, abs=0.1)
    assert at.max() < FOLD + 0.1


@pytest.mark.parametrize(("calm", "drift"), [(no_fold, DRIFT), (saddle_node, np.full(400, -1.0))], ids=["same drift", "no drift"])
def test_fold_is_warned_of(into_the_fold, calm, drift):
    found = skill(into_the_fold, moved(calm, drift, -1.2, 0.1, 60, seed=2))
    for name in ("composite", "variance", "ac1"):
        assert found.areas[name].auc > 0.8
        assert found.areas[name].low > 0.75
    assert found.warned > 0.25
    assert found.median_lead > 10


def test_jump_that_noise_alone_causes_is_not_warned_of():
    """Of 1000 runs those that leave their well after step 150, and those that never cross the middle."""
    runs = moved(saddle_node, np.zeros(600), -1.0, 0.38, 1000, seed=11)
    ends = [tip(x) for x in runs]
    tipping = [k for k, n in enumerate(ends) if n is not None and n >= 150]
    calm = [k for k, n in enumerate(ends) if n is None and runs[k].max() < 0.5]
    assert min(len(tipping), len(calm)) >= 100
    found = skill(runs[tipping[:100]], runs[calm[:100]])
    for name, area in found.areas.items():
        assert 0.4 < area.auc < 0.6, name
    assert found.areas["composite"].low < 0.5 < found.areas["composite"].high
    assert "no better than a coin" in found.in_words()


def test_surrogate_test_is_right_about_the_fold_and_seldom_wrong_about_the_rest(into_the_fold):
    """Hits against false alarms of the same number of calm runs, at the level of 5 %."""
    found = skill(into_the_fold[:30], moved(no_fold, DRIFT, -1.2, 0.1, 30, seed=5), n_surrogates=60)
    assert found.hits[0] > 0.6
    assert found.false_hits[0] < 0.2
