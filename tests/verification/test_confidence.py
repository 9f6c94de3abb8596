"""The tipping point of confidence in an economy drawn from the tables: the search for thresholds against the closed form."""

from __future__ import annotations

import pytest
from prototype import CONSUMPTION, INPUTS, UNEMPLOYMENT, economy

import smbsim as ss
from smbsim.analysis.confidence import slump_lasts_from
from smbsim.analysis.stability import income_gain
from smbsim.analysis.thresholds import threshold
from smbsim.analysis.tipping_scenario import ScenarioSystem

SMALL = ss.load("confidence").without_interventions().with_({"population.smbs": 60, "horizon.burn_in": 8})
YEAR = 52


def test_closed_form_is_that_of_the_prototype():
    """R20: 1.543, from the floor of output, (1 - a - C/X) / (1 - a), and unemployment there."""
    idle = (1 - UNEMPLOYMENT) * CONSUMPTION / (1 - INPUTS)
    state, _, _, spec = economy(6)
    gains = [income_gain(state, spec.households.model_copy(update={"confidence": kappa}), spec.government) for kappa in (0.0, 1.0)]
    assert 1.0 / (gains[1] - gains[0]) == pytest.approx(1 / idle, rel=1e-3)
    assert 1 / idle == pytest.approx(1.543, abs=1e-3)


def test_slump_ends_where_the_closed_form_says():
    """From a slump at κ = 2.6 the search finds the threshold of the way back within 1 %; in the slump u - u₀ = 1 / κ_f."""
    expected = slump_lasts_from(SMALL)
    system = ScenarioSystem(SMALL, "households.confidence", weeks=YEAR)
    unemployment = ScenarioSystem(SMALL, "households.confidence", "unemployment", weeks=YEAR)
    state = None
    for _ in range(6):
        _, state = system(2.6, state, 1)
    assert unemployment(2.6, state, 1)[0] - SMALL.government.unemployment == pytest.approx(1 / expected, rel=0.01)
    found = threshold(system, 2.6, 1.0, 0.7, [1], [state], holds=2, resolution=0.005, shares=(0.5,))
    assert found.parameter == pytest.approx(expected, rel=0.01)


def test_both_states_exist_between_the_thresholds():
    """At κ = 1.7 a fall of demand by 10 % passes, one by 20 % does not: the same economy, four years later."""
    calm = SMALL.with_({"households.confidence": 1.7, "horizon.weeks": 4 * YEAR})
    last = {}
    for size in (0.1, 0.2):
        result = ss.run(calm.with_(ss.DemandShock(start=13, stop=39, size=size)), jobs=1)
        output = result.relative("output").values[result.variant("scenario"), 0]
        last[size] = output[-YEAR:].mean()
    assert last[0.1] == pytest.approx(1.0, abs=0.15)
    assert last[0.2] < 0.5
