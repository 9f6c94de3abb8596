r"""What a closure costs, measured on the model itself: firms are shut, one after the other, beside a paired baseline (MODEL.md 5.1).

A set S of firms is shut for D weeks; run and baseline meet the same draws. Sums over the horizon T:

    DSI_S     = Σ_t (VA_t^base - VA_t^S) / Σ_t VA_t^base                  share of value added lost; `employment`: the same for jobs
    own_S     = Σ_{t<D} Σ_{i in S} va_it^base / Σ_t VA_t^base             what the closed firms themselves would have added meanwhile
    amplification = DSI_S / own_S                                         1: nobody else loses, and they catch up on nothing
    cascade   = number of other firms with x_it < .8 x_it^base in some week t < 26
    stopped   = number of other firms with x_it < .1 normal output in some week t < 26 in which their baseline is not
    Em(G)     = L(G) / Σ_{i in G} L({i}) - 1 ,  L = DSI                   > 0: the closures make each other worse;  < 0: they overlap

Nobody fails in the foundation of the model, so `stopped` counts firms that nearly stand still, not failures.

Sources: Diem et al. (2022) for what is compared; Hallegatte (2008) and Inoue and Todo (2019) for indirect losses; Gabaix (2011) for size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from ..draws import Draws
from ..economy import Economy
from ..interventions.shocks import Removal
from ..network import FirmNetwork
from ..scenario import Scenario
from ..simulate import Progress, burn_in, ignore, plan, prepare
from ..state import State
from .paired import Closure, Path, check_lengths, label_of, name_of, several, uids_of, watch, without_variants
from .tails import PowerLaw, power_law, spearman

HURT = 0.8  # share of the baseline's output below which a firm is part of the cascade; MODEL.md 5.1
STOPPED = 0.1  # share of normal output below which a firm has stopped; the metric stopped_smbs has the same
NO_LOSS = 1e-12  # a smaller share of value added is rounding


@dataclass(frozen=True)
class Impact:
    """Of K closures in R replicates, (R, K): dsi, employment (jobs lost), own, amplification (NaN where own is 0), cascade, stopped.

    labels, members : names and uids of the firms of each closure
    size            : (K,) their share of all output at rest
    weeks, horizon  : D and T, wk
    """

    labels: tuple[str, ...]
    members: tuple[tuple[int, ...], ...]
    weeks: int
    horizon: int
    size: np.ndarray
    own: np.ndarray
    dsi: np.ndarray
    employment: np.ndarray
    cascade: np.ndarray
    stopped: np.ndarray

    @property
    def amplification(self) -> np.ndarray:
        """(R, K) DSI over the closed firms' own part of value added."""
        return np.divide(self.dsi, self.own, out=np.full(self.dsi.shape, np.nan), where=self.own > NO_LOSS)

    @property
    def mean(self) -> np.ndarray:
        """(K,) DSI, mean over replicates."""
        return self.dsi.mean(axis=0)

    def band(self, low: float = 5.0, high: float = 95.0) -> tuple[np.ndarray, np.ndarray]:
        """Two percentiles of DSI over replicates, (K,) each."""
        return tuple(np.percentile(self.dsi, (low, high), axis=0))

    @property
    def ranking(self) -> np.ndarray:
        """(K,) closures by mean DSI, worst first."""
        return np.argsort(-self.mean, kind="stable")

    def rank_correlation(self, scores: np.ndarray | None = None) -> float:
        """Spearman's ρ of mean DSI with scores (K,), such as a static index of the same firms; with their size if not given.

        The firms of the closures are those of `simulate.prepare(scenario, seed)[0]`, so that is where to take the index from.
        NaN where one of the two is constant.
        """
        return spearman(self.mean, self.size if scores is None else np.asarray(scores, dtype=float))

    def tail(self, bootstrap: int = 0) -> PowerLaw:
        """Power law of the upper tail of mean DSI. Raises InputError where too few closures lose anything."""
        return power_law(self.mean[self.mean > NO_LOSS], bootstrap=bootstrap)

    def cascade_tail(self, bootstrap: int = 0) -> PowerLaw:
        """Power law of the upper tail of the size of cascades, all replicates together. Raises InputError where there are too few."""
        return power_law(self.cascade[self.cascade > 0].ravel(), discrete=True, bootstrap=bootstrap)

    def summary(self, scores: np.ndarray | None = None) -> str:
        """A few sentences. scores: (K,) of a static index, to say how far it agrees."""
        worst, mean, runs = int(self.ranking[0]), self.mean, len(self.dsi)
        low, high = self.band()
        band = f" ({low[worst]:.3%} to {high[worst]:.3%} in nine of ten runs)" if runs > 1 else ""
        amplified = self.amplification[np.isfinite(self.amplification)]
        middle, most = (np.median(amplified), amplified.max()) if amplified.size else (np.nan, np.nan)
        lines = [
            f"{len(mean)} closures of {self.weeks} weeks, {runs} paired run{'s' * (runs > 1)} of {self.horizon} weeks each",
            f"worst: {self.labels[worst]}, {mean[worst]:.3%} of value added{band} and {self.employment[:, worst].mean():.3%} of jobs, "
            f"{self.cascade[:, worst].mean():.0f} other firms below {HURT:.0%} of their output",
            f"amplification: {middle:.2f} in the middle, {most:.2f} at most (1: only the closed firms lose)",
            f"cascades of more than one other firm: {np.mean(self.cascade > 1):.1%}; other firms that nearly stop: "
            f"{self.stopped.mean():.2f} per closure (nobody fails in this model)",
        ]
        if len(mean) > 2:
            share = np.sort(mean)[::-1][: max(len(mean) // 10, 1)].sum() / mean.sum() if mean.sum() > 0 else np.nan
            lines.append(f"the worst tenth makes {share:.0%} of all losses; rank correlation with size {self.rank_correlation():.2f}")
            if scores is not None:
                lines.append(f"rank correlation with the static index {self.rank_correlation(scores):.2f}")
        return "\n".join(lines)


def dynamic_impact(
    scenario: Scenario,
    firms: Sequence[Closure] | None = None,
    weeks: int = 4,
    horizon: int = 52,
    replicates: int = 1,
    *,
    seed: int | None = None,
    economy: Economy | None = None,
    network: FirmNetwork | None = None,
    jobs: int = 1,
    progress: Progress = ignore,
) -> Impact:
    """Shut firms, or sets of firms, one after the other for `weeks` weeks from week 0, and compare `horizon` weeks with the baseline.

    scenario   : its own interventions act in the baseline as well; variants are ignored
    firms      : one entry per closure, a firm or several (uids, or names where the network has names); None: every SMB by itself
    replicates : R, runs with different weekly draws on the same firms and links
    seed       : of the firms, the links and the first replicate; default that of the scenario
    jobs       : closures at a time, by threads: pays from some thousand firms on. Results do not depend on it
    progress   : called with the number of weeks simulated since the last call

    Raises InputError for unknown firms, empty sets and closures longer than the horizon.
    """
    check_lengths(weeks, horizon, replicates)
    alone = without_variants(scenario, horizon)
    first = alone.runs.seed if seed is None else seed
    state, quiet, _ = prepare(alone.without_interventions(), first, economy, network=network)
    members = uids_of(state, firms)
    shut = [_removal(alone, state, uids, weeks) for uids in members]
    output = state.firms.normal_output
    size = np.array([output[list(uids)].sum() for uids in members]) / output.sum()
    found = []
    for r in range(replicates):
        draws, begun = Draws(first + r), state.copy()
        burn_in(begun, quiet, draws, alone.horizon.burn_in, progress=progress)
        base = watch(begun.copy(), plan(alone, begun, draws), draws, horizon, weeks, state.firms.n)
        progress(horizon)

        def one(k: int, begun=begun, base=base, draws=draws) -> tuple[float, ...]:
            run = begun.copy()
            seen = watch(run, plan(shut[k], run, draws), draws, horizon, weeks, state.firms.n)
            progress(horizon)
            return _compare(base, seen, np.array(members[k]), output)

        found.append(_map(one, len(members), jobs))
    dsi, lost_jobs, own, cascade, stopped = np.moveaxis(np.array(found, dtype=float), 2, 0)
    labels = tuple(label_of(state, uids) for uids in members)
    return Impact(labels, members, weeks, horizon, size, own, dsi, lost_jobs, cascade.astype(int), stopped.astype(int))


@dataclass(frozen=True)
class Superadditivity:
    """Of K groups in R replicates, (R, K): loss L(G), singles Σ L({i}), both shares of value added; Em = L(G) / Σ L({i}) - 1."""

    labels: tuple[str, ...]
    loss: np.ndarray
    singles: np.ndarray

    @property
    def emergence(self) -> np.ndarray:
        """(R, K) Em; NaN where the firms by themselves lose nothing."""
        there = np.abs(self.singles) > NO_LOSS
        return np.divide(self.loss, self.singles, out=np.full(self.loss.shape, np.nan), where=there) - 1.0

    def summary(self) -> str:
        """One sentence per group."""
        lines = []
        for k, label in enumerate(self.labels):
            em = float(self.emergence[:, k].mean())
            what = "as bad as" if not abs(em) > 0.005 else f"{abs(em):.0%} {'worse' if em > 0 else 'less bad'} than"
            what = "not comparable with" if np.isnan(em) else what
            lines.append(f"{label}: together {self.loss[:, k].mean():.3%} of value added, {what} one by one")
        return "\n".join(lines)


def superadditivity(scenario: Scenario, groups: Sequence[Iterable[int | str]], *args, **options) -> Superadditivity:
    """Shut each group at once and its firms one by one. Arguments as for `dynamic_impact`; raises what it raises."""
    groups = [several(group) for group in groups]
    single = list(dict.fromkeys(firm for group in groups for firm in group))
    found = dynamic_impact(scenario, [*groups, *single], *args, **options)
    place = {firm: len(groups) + k for k, firm in enumerate(single)}
    singles = np.stack([found.dsi[:, [place[firm] for firm in group]].sum(axis=1) for group in groups], axis=1)
    return Superadditivity(found.labels[: len(groups)], found.dsi[:, : len(groups)], singles)


def _compare(base: Path, run: Path, closed: np.ndarray, normal: np.ndarray) -> tuple[float, ...]:
    """dsi, employment, own, cascade, stopped of one closure."""
    total = base.value_added.sum()
    others = np.ones(len(normal), dtype=bool)
    others[closed] = False
    hurt = (run.output < HURT * base.output).any(axis=0)
    idle = STOPPED * normal
    stopped = ((run.output < idle) & (base.output >= idle)).any(axis=0)
    return (
        (base.value_added - run.value_added).sum() / total, (base.heads - run.heads).sum() / base.heads.sum(),
        base.own[closed].sum() / total, (hurt & others).sum(), (stopped & others).sum(),
    )  # fmt: skip


def _map(one: Callable[[int], tuple], count: int, jobs: int) -> list[tuple]:
    if jobs == 1:
        return [one(k) for k in range(count)]
    with ThreadPoolExecutor(jobs, thread_name_prefix="closure") as pool:
        return list(pool.map(one, range(count)))


def _removal(scenario: Scenario, state: State, uids: tuple[int, ...], weeks: int) -> Scenario:
    return scenario.with_(Removal(target={"firms": [name_of(state, uid) for uid in uids]}, start=0, stop=weeks))
