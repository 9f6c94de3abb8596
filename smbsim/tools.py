r"""Tools in business functions: what firms look at before they adopt one, what they believe, and whom they see using it.

    m ← m + k (y - m) , v ← (1 - k) v , k = v / (v + σ²)            belief N(m, v) after an observation y with variance σ²
    P(W > 0)                                                        for a worth W that is normal

Pure functions on arrays by firm and function, used by `automation`; kernels work on the rows of those who decide.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .draws import LEAST_UNIFORM, Draws
from .kernel import kernel

LEAST_LABOUR = 0.05  # of a function's work is left to people, however well tools fit. Assumption
LEAST_COST = 1e-9  # by pay: keeps worth finite where tools cost nothing
SMALLEST_PAY = 1e-12  # currency/wk of a function: less is nobody
RUN = 1024  # links looked at together: their numbers stay in the nearest cache
PEER = 128  # bit of a firm that others look at; those below it say in which functions it has the tool
SURE = 1e6  # distance to a threshold in standard deviations from which no doubt is left; keeps quotients finite


@dataclass(frozen=True)
class Look:
    """What tools are like for some firms, by firm and function.

    depth, starting (k, 7) what there is and was at the start; pay (k, 7) currency/wk; readiness, quality (k, 7); gain θ (k, 7) by the pay;
    grown (k,): has more than at the start; rent (k,) by the pay; setup, own_setup (k,) years of the pay, in all and what the firm bears of
    it. quality and gain are 0 where nobody asks how well the tool fits
    """

    depth: np.ndarray
    starting: np.ndarray
    pay: np.ndarray
    readiness: np.ndarray
    quality: np.ndarray
    gain: np.ndarray
    grown: np.ndarray
    rent: np.ndarray
    setup: np.ndarray
    own_setup: np.ndarray

    def cost(self, payback: float) -> np.ndarray:
        """(k,) c: rent, and set-up spread over the time of payback, by the pay."""
        return self.rent + self.own_setup / payback


def posterior(mean, variance, shown, noise) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of a normal belief after a normal observation `shown` with variance `noise`; any shape."""
    both = variance + noise
    gain = np.divide(variance, both, out=np.zeros(np.shape(both)), where=both > 0.0)
    return mean + gain * (shown - mean), (1.0 - gain) * variance


def certainty(distance: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """P(x > 0) of normals with mean `distance` and standard deviation `spread` >= 0; without spread 0, ½ at zero, or 1. Any shape."""
    from scipy.special import ndtr  # half a second to import

    return ndtr(np.divide(distance, spread, out=SURE * np.sign(distance), where=spread > np.abs(distance) / SURE))


def uniforms(draws: Draws, name: str, step: int, uid: np.ndarray, function: np.ndarray) -> np.ndarray:
    """(c,) uniforms above 0 for firms and functions, each (c,)."""
    return np.maximum(draws.uniform(name, step, uid, function), LEAST_UNIFORM)


def pairs(chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of what is true in an array of two axes, row by row. chosen (k, F) bool; returns (c,) each."""
    return np.divmod(np.flatnonzero(chosen), chosen.shape[1])  # half the time of np.nonzero


def rows_with(chosen: np.ndarray) -> np.ndarray:
    """(k,) bool: something in the row is true. chosen (k, F) bool."""
    found = np.zeros(len(chosen), dtype=bool)
    found[pairs(chosen)[0]] = True  # a third of the time of any(axis=1)
    return found


@kernel
def labour(depth, readiness, routine, substitution, augmentation):
    """ℓ(d) = (1 - ς τ d) / (1 + (1-ς) γ d R): labour per unit of a function's work. depth >= 0, readiness in [0, 1]."""
    replaced = min(substitution * routine * depth, 1.0 - LEAST_LABOUR)
    return (1.0 - replaced) / (1.0 + (1.0 - substitution) * augmentation * depth * readiness)


@kernel
def ready(relative, resting):
    """R in [0, 1] from the readiness relative to what is typical."""
    return min(max(resting + relative, 0.0), 1.0)


@kernel
def seen_of(readiness, selling, visible, unwatched, oversight):
    """η + η_q e (1 - ē (1 - o R)): what a unit of depth does to what customers see, by the function's share of pay. visible η_q e."""
    return selling + visible * (1.0 - unwatched * (1.0 - oversight * readiness))


@kernel
def beyond(depth, starting, quality):
    """d̂ - d⁰: q (d - d⁰) where there is more than at the start, d - d⁰ where there is less; within [-1, 1]."""
    more = depth - starting
    return min(max(quality * more if more > 0.0 else more, -1.0), 1.0)


@kernel
def describe(
    start, stop, sector, function_share, pays, depth, starting, relative, fit, maturity, routine, routine_factor, earned, besides, selling,
    visible, unwatched, oversight, synergy, resting, substitution, augmentation, pay, readiness, quality, gain, functions, grown,
):  # fmt: skip
    """What the firms are like, and what the best tool is for each of their functions where somebody asks how well it fits.

    q = fit · maturity (1 + κ mean depth of the others) ,  θ = q (1 - ℓ(1) + value) ,  value = (seen · earned + besides) φ / pay

    sector, pays, earned currency/wk, maturity, routine_factor (k,); function_share (G, F); depth, starting, relative, besides
    currency/wk (k, F); fit (k, F), 0 where nobody asks; routine τ, selling η (F,); writes pay currency/wk, readiness, quality, gain (k, F),
    functions (k,) with tools, grown (k,): has more than at the start
    """
    F = depth.shape[1]
    for r in range(start, stop):
        g = sector[r]
        total = 0.0
        functions[r] = 0.0
        grown[r] = False
        for f in range(F):
            total += depth[r, f]
            if depth[r, f] > 0.0:
                functions[r] += 1.0
            if depth[r, f] > starting[r, f]:
                grown[r] = True
        for f in range(F):
            R, share = ready(relative[r, f], resting), function_share[g, f]
            paid = share * pays[r]
            pay[r, f] = paid
            readiness[r, f] = R
            quality[r, f] = gain[r, f] = 0.0
            if fit[r, f] > 0.0:
                q = fit[r, f] * maturity[r] * (1.0 + synergy * ((total - depth[r, f]) / (F - 1)))
                value = 0.0
                if paid > SMALLEST_PAY:
                    value = (seen_of(R, selling[f], visible, unwatched, oversight) * earned[r] + besides[r, f]) * share / paid
                gain[r, f] = q * (1.0 - labour(1.0, R, routine[f] * routine_factor[r], substitution, augmentation) + value)
                quality[r, f] = q


@kernel
def tag_layoffs(start, stop, alive, employment, borrowed, desired, quits, layoffs, redundant, tagged):
    """tagged = part · layoffs ,  redundant ← min(redundant, part · left) ,  part = min(1, redundant / staff too many before the week)

    alive, employment, borrowed, desired heads, quits, layoffs heads/wk (n,); writes redundant heads, tagged heads/wk (n,)
    """
    for i in range(start, stop):
        left = max(employment[i] + borrowed[i] - desired[i], 0.0)
        before = left + layoffs[i] + quits[i]
        part = 1.0 if before > 0.0 else 0.0
        if redundant[i] < before:
            part = redundant[i] / before
        tagged[i] = part * layoffs[i]
        redundant[i] = min(redundant[i], part * left) if alive[i] else 0.0


@kernel
def count_users(peer, region, sector, tier, frontier, number, users, known):
    """Firms of each sector and region, and those with a tool of the tier `frontier` or better; what there is to know of a firm, in bits.

    peer, region, sector (n,); tier (n, F); adds to number (R, G), users (R, G, F); writes known (n,): bit f for a tool, PEER for a peer
    """
    for i in range(peer.size):
        bits = 0
        if peer[i]:
            bits = PEER
            number[region[i], sector[i]] += 1.0
            for f in range(tier.shape[1]):
                if tier[i, f] >= frontier:
                    bits |= 1 << f
                    users[region[i], sector[i], f] += 1.0
        known[i] = bits


@kernel
def ask_links(row, place, customer_start, supplier, buyer, weight, known, belief, seen, having, told):
    """Of the suppliers, then the customers, of each firm that are peers: how many there are, have the tool, and expect of it.

    Links stand by customer: suppliers are asked row by row, customers in one pass along all links, of which those out of firms that ask
    are picked run by run, without a branch.

    row (k,); place (n,) of each firm in `row`, below 0 of others; customer_start (n+1,); supplier, buyer, weight (m,); known (n,) as above;
    belief (n, F); adds to seen (k,), having, told (k, F)
    """
    for r in range(row.size):
        for e in range(np.uint64(customer_start[row[r]]), np.uint64(customer_start[row[r] + 1])):
            j = np.uint32(supplier[e])
            if weight[e] > 0.0 and known[j] >= PEER:
                seen[r] += 1.0
                if known[j] > PEER:
                    listen(np.uint32(r), j, known, belief, having, told)
    picked = np.empty(RUN, dtype=np.uint32)
    for first in range(0, supplier.size, RUN):
        number = np.uint32(0)
        for e in range(np.uint32(first), np.uint32(min(first + RUN, supplier.size))):
            picked[number] = e
            number += np.uint32(place[np.uint32(supplier[e])] >= 0)
        for p in range(number):
            e = picked[p]
            i = np.uint32(buyer[e])
            if weight[e] > 0.0 and known[i] >= PEER:
                r = np.uint32(place[np.uint32(supplier[e])])
                seen[r] += 1.0
                if known[i] > PEER:
                    listen(r, i, known, belief, having, told)


@kernel
def listen(r, j, known, belief, having, told):
    """Firm j tells the one in row r which tools it has and what it expects of them; as `ask_links`."""
    for f in range(np.uint64(belief.shape[1])):
        if known[j] & (1 << f):
            having[r, f] += 1.0
            told[r, f] += belief[j, f]


@kernel
def share_of_peers(start, stop, row, region, sector, known, number, users, seen, having, link_weight, share, told):
    """x̄ = w (share of linked firms, where there are any) + (1-w) (share of the others of sector and region); the mean of what was told.

    row, seen (k,); region, sector, known (n,); number (R, G); users (R, G, F); having (k, F); writes share, told, a sum before, (k, F)
    """
    for r in range(start, stop):
        i = row[r]
        others = number[region[i], sector[i]]
        if known[i] >= PEER:
            others -= 1.0
        for f in range(having.shape[1]):
            near = 0.0
            if others > 0.0:
                own = 1.0 if known[i] & (1 << f) else 0.0
                near = (users[region[i], sector[i], f] - own) / others
            linked = having[r, f] / seen[r] if seen[r] > 0.0 else near
            share[r, f] = link_weight * linked + (1.0 - link_weight) * near
            told[r, f] = told[r, f] / having[r, f] if having[r, f] > 0.0 else 0.0


@kernel
def weigh(
    start, stop, row, in_use, share, told, heard, readiness, apart, cost, variance, trial_variance, prior, peer_evidence, hurdle,
    peer_effect, readiness_effect, resting, caution, choice, context, worth, odds, doubt,
):  # fmt: skip
    """What the best tool is worth to those who do not have it, by what they have heard of it.

    context = -h + J (x̄ - ½) + ρ (R - R̄) + apart ,  worth = β ((m - ϕ √v) / c + context) before taste, 0 where there is a tool
    m, v: the prior after what `heard` peers told on average, each of them worth w quarters of own experience

    row, apart, cost, variance (k,); in_use, share, told, heard, readiness (k, F); writes context, worth (k, F);
    odds = β (m / c + context) - doubt, doubt = βϕ √v / c (n, F), both 0 where there is a tool
    """
    for r in range(start, stop):
        i = row[r]
        first_spread = np.sqrt(variance[r])
        first_doubt = choice * caution * first_spread / cost[r]
        first_reason = prior / cost[r]
        first_worth = (prior - caution * first_spread) / cost[r]
        for f in range(share.shape[1]):
            besides = -hurdle + peer_effect * (share[r, f] - 0.5) + readiness_effect * (readiness[r, f] - resting) + apart[r]
            context[r, f] = besides
            worth[r, f] = 0.0
            odds[i, f] = doubt[i, f] = 0.0
            if in_use[r, f]:
                continue
            doubts, reason, net = first_doubt, first_reason, first_worth
            quarters = peer_evidence * heard[r, f]
            if quarters > 0.0 and variance[r] > 0.0:
                k = variance[r] / (variance[r] + trial_variance / quarters)
                m = prior + k * (told[r, f] - prior)
                spread = np.sqrt(variance[r] * (1.0 - k))
                doubts, reason, net = choice * caution * spread / cost[r], m / cost[r], (m - caution * spread) / cost[r]
            doubt[i, f] = doubts
            odds[i, f] = choice * (reason + besides) - doubt[i, f]
            worth[r, f] = choice * (net + besides)


@kernel
def work(
    start, stop, row, sector, function_share, new, depth, starting, starting_readiness, readiness, quality, pay, routine, routine_factor,
    selling, visible, unwatched, oversight, resting, substitution, augmentation, before, now, was, is_, seen, rented, moved, practice,
):  # fmt: skip
    """What firms do with tools at the depths `new` instead of `depth`; nothing where there are none and were none.

    ι = 1 + Σ φ_f [ℓ(d̂) / ℓ(d⁰) - 1] ,  practice = 1 + (1 - 2ς) (d̂ - d⁰) ,  seen = Σ φ_f seen_f (d̂ - d⁰) ,  rented = Σ pay_f [d - d⁰]⁺

    row, sector, routine_factor (k,); function_share (G, F); new, depth, starting, starting_readiness, readiness, quality, pay (k, F);
    routine τ, selling η (F,); writes before, now: d̂ - d⁰ (k, F), moved (k,): they differ; was, is_: ι with both, seen, rented (k,);
    practice (n, F)
    """
    for r in range(start, stop):
        i = row[r]
        g = sector[r]
        earlier = later = shown = paid = 0.0
        moved[r] = False
        for f in range(new.shape[1]):
            d = starting[r, f]
            before[r, f] = now[r, f] = 0.0
            practice[i, f] = 1.0
            if d == 0.0 and depth[r, f] == 0.0 and new[r, f] == 0.0:
                continue
            share, R, tau = function_share[g, f], readiness[r, f], routine[f] * routine_factor[r]
            old, made = beyond(depth[r, f], d, quality[r, f]), beyond(new[r, f], d, quality[r, f])
            rest = labour(d, ready(starting_readiness[r, f], resting), routine[f], substitution, augmentation)
            here = share * (labour(max(d + made, 0.0), R, tau, substitution, augmentation) / rest - 1.0)
            later += here
            earlier += here if old == made else share * (labour(max(d + old, 0.0), R, tau, substitution, augmentation) / rest - 1.0)
            shown += share * seen_of(R, selling[f], visible, unwatched, oversight) * made
            paid += pay[r, f] * max(new[r, f] - d, 0.0)
            before[r, f] = old
            now[r, f] = made
            practice[i, f] = 1.0 + (1.0 - 2.0 * substitution) * made
            if old != made:
                moved[r] = True
        was[r] = 1.0 + earlier
        is_[r] = 1.0 + later
        seen[r] = shown
        rented[r] = paid
