"""Is it a tipping point? Four tests that must all hold, each with its reason; what has not been tested does not hold.

    T1 jump        a large part of the span of the order parameter within 2 % of the range of the parameter
    T2 two regimes hysteresis that longer holds do not remove, or two modes of realisations at one parameter
    T3 sharpening  the peak of the susceptibility grows with the size of the system
    T4 no artefact it is there with every safety valve on and off, and regimes survive a small push

Source: MODEL.md 5.4, 4.5, 4.6.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .bimodality import Bimodality
from .scaling import Scaling
from .sweeps import ERRORS, Loop

LARGE = 0.25  # T1: share of the span within 2 % of the range; twelve times that of a straight line; assumption
WINDOW, NARROW = 0.02, 0.005  # of the range: that of T1, and a quarter of it, which tells a jump from a steep slope
STAYS = 0.7  # share of the jump that must be there in a quarter of the window; a square root leaves half, a slope a quarter
UNSEEN = "neither a jump nor a loop was seen"
NAMES = {"T1": "jump", "T2": "two regimes", "T3": "sharpens with size", "T4": "no artefact"}


@dataclass(frozen=True)
class Test:
    """One of T1 to T4. holds: None where it was not tested."""

    __test__ = False  # not a test of pytest

    name: str
    holds: bool | None
    why: str

    def in_words(self) -> str:
        """One line: name, whether it holds, why."""
        said = {True: "holds", False: "does not hold", None: "not tested"}[self.holds]
        return f"{self.name} {NAMES[self.name]}: {said} ({self.why})"


@dataclass(frozen=True)
class Step:
    """What the order parameter does across the threshold. share: of the span within the window; narrow: within a quarter of it."""

    share: float
    narrow: float
    error: float

    @property
    def large(self) -> bool:
        """At least LARGE of the span within the window, and more than noise explains."""
        return bool(self.share >= LARGE and self.share > ERRORS * self.error)

    @property
    def abrupt(self) -> bool:
        """Most of it is there in a quarter of the window too: a jump, not a steep slope."""
        return bool(self.large and self.narrow >= STAYS * self.share)


@dataclass(frozen=True)
class Verdict:
    """The four tests, and the kind of response that fits them."""

    tests: tuple[Test, ...]
    kind: str

    @property
    def tipping_point(self) -> bool:
        """All four hold."""
        return all(test.holds is True for test in self.tests)

    @property
    def holding(self) -> tuple[str, ...]:
        """Names of the tests that hold."""
        return tuple(test.name for test in self.tests if test.holds)

    def in_words(self) -> str:
        """One sentence."""
        if self.tipping_point:
            return f"A tipping point: {self.kind}. T1 to T4 hold."
        failed = [t.name for t in self.tests if t.holds is False]
        untested = [t.name for t in self.tests if t.holds is None]
        parts = [f"{' and '.join(names)} {verb}" for names, verb in ((failed, "not met"), (untested, "not tested")) if names]
        return f"No tipping point is claimed ({'; '.join(parts)}): {self.kind}."


def jump(steps: Sequence[Step | None]) -> Test:
    """T1, of the way up and the way down."""
    known = [step for step in steps if step is not None]
    if not known:
        return Test("T1", False, "the order parameter does not answer, or nowhere changes side for good")
    best = max(known, key=lambda step: step.share)
    error = f" ± {best.error:.1%}" if best.error else ""
    return Test("T1", best.large, f"{best.share:.0%}{error} of the span within {WINDOW:.0%} of the range, {LARGE:.0%} asked for")


def two_regimes(loop: Loop, modes: Sequence[Bimodality]) -> Test:
    """T2."""
    two = [found for found in modes if found.two_modes(len(modes))]
    if not loop.there:
        said = f"no loop, H = {loop.area:.3f}"
    else:
        rest = loop.in_the_long_run / max(loop.gap[0], 1e-300)
        grows = f"H = {loop.area:.3f}, {loop.doubled:.3f} with holds twice as long, gap {rest:.0%} in the long run"
        said = f"hysteresis, {grows}" if loop.hysteresis else f"only delay, {grows}"
    if two:
        best = min(two, key=lambda found: abs(found.weights[0] - 0.5))
        said += f"; two modes with weights {best.weights[0]:.2f} and {best.weights[1]:.2f}, dip p = {best.dip_p:.1g}"
    elif modes:
        said += f"; one mode at each of {len(modes)} parameters"
    return Test("T2", loop.hysteresis or bool(two), said)


def sharpening(scaling: Scaling | None, worth: bool = True) -> Test:
    """T3. worth: there was something to test."""
    if scaling is None:
        return Test("T3", None, "give systems of at least four sizes" if worth else UNSEEN)
    x, error = scaling.exponent()
    if scaling.sharpens is None:
        return Test("T3", None, "some size has no noise, so that sizes cannot be told apart")
    sizes = f"{len(scaling.sizes)} sizes from {scaling.sizes[0]} to {scaling.sizes[-1]}"
    return Test("T3", scaling.sharpens, f"peak of χ grows as N^{x:.2f} ± {error:.2f} over {sizes}")


def no_artefact(checks: Mapping[str, bool], worth: bool = True) -> Test:
    """T4. checks: what was varied → the finding was still there; worth: there was something to test."""
    if not checks:
        return Test("T4", None, "give variants to check against, or a way to push the state" if worth else UNSEEN)
    gone = [name for name, there in checks.items() if not there]
    said = f"gone with {', '.join(gone)}" if gone else f"still there with {', '.join(checks)}"
    return Test("T4", not gone, said)


def kind(
    loop: Loop | None, steps: Sequence[Step | None], modes: Sequence[Bimodality], checks: Mapping[str, bool], scaling: Scaling | None
) -> str:
    """What the response looks like, in words."""
    known = [step for step in steps if step is not None]
    if loop is None:
        return "the order parameter does not answer to the parameter"
    if not known and not (loop.there and not loop.kept):
        return "the order parameter moves, but the parameter does not move it from one regime to another"
    if not all(checks.values()):
        return "an artefact: what looks like two regimes hangs on a detail of the model"
    abrupt, large = any(step.abrupt for step in known), any(step.large for step in known)
    two = any(found.two_modes(len(modes)) for found in modes)
    if loop.hysteresis:
        return "a jump with hysteresis, as at a fold" if large else "two branches without a jump"
    if abrupt and two:
        return "a jump without hysteresis, realisations fall into two groups"
    if loop.there and not loop.kept:
        return "a delay: the branches meet when there is more time"
    if scaling is not None and scaling.sharpens:
        return "a continuous transition that sharpens with size"
    return "a steep but single-valued response" if large else "a gradual response"
