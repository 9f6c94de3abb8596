"""The risk index the slow obvious way: dictionaries, one firm at a time, written from the equations of MODEL.md 5.1 alone."""

from __future__ import annotations


def cascade(links, sector, final, psi, *, tolerance, market_share="dynamic", up=True, down=True):
    """(h_up, h_down, sweeps). links {(supplier, customer): (weight, essentiality)}; sector, final, psi {firm: …}."""
    firms = sorted(sector)
    sales = {j: sum(w for (a, _), (w, _) in links.items() if a == j) + final[j] for j in firms}
    h_up, h_down = dict(psi), dict(psi)
    sweeps = 0
    while True:
        sigma = {j: share(j, sector, sales, h_down, market_share) for j in firms}
        new_up = {j: upstream(j, links, final, sales, psi, h_up) for j in firms} if up else h_up
        new_down = {i: downstream(i, links, sector, sigma, psi, h_down) for i in firms} if down else h_down
        change = max((max(abs(new_up[i] - h_up[i]), abs(new_down[i] - h_down[i])) for i in firms), default=0.0)
        h_up, h_down = new_up, new_down
        sweeps += 1
        if change < tolerance:
            return h_up, h_down, sweeps


def share(j, sector, sales, h, market_share):
    """σ_j."""
    if market_share == "off":
        return 1.0
    left = sum(sales[k] * (h[k] if market_share == "dynamic" else 1.0) for k in sector if sector[k] == sector[j])
    return min(1.0, sales[j] / left) if left > 0 else 1.0


def downstream(i, links, sector, sigma, psi, h):
    """h^d_i: the scarcest essential input, and all linear inputs together."""
    inputs = {a: link for (a, b), link in links.items() if b == i}
    found = psi[i]
    for k in {sector[j] for j in inputs}:
        bought = sum(w for j, (w, _) in inputs.items() if sector[j] == k)
        if bought > 0:
            found = min(found, 1 - sum(w / bought * sigma[j] * (1 - h[j]) for j, (w, e) in inputs.items() if sector[j] == k and e == 2))
    bought = sum(w for w, _ in inputs.values())
    if bought > 0:
        found = min(found, 1 - sum(w / bought * sigma[j] * (1 - h[j]) for j, (w, e) in inputs.items() if e == 1))
    return max(0.0, found)


def upstream(j, links, final, sales, psi, h):
    """h^u_j: what customers still buy, and final sales, which nobody loses."""
    if sales[j] == 0:
        return psi[j]
    return min(psi[j], (sum(w * h[i] for (a, i), (w, _) in links.items() if a == j) + final[j]) / sales[j])


def index(size, h_up, h_down):
    """(combined, up, down) as shares of all weight."""
    total = sum(size.values())
    lost = (
        sum(v * (1 - min(h_up[i], h_down[i])) for i, v in size.items()),
        sum(v * (1 - h_up[i]) for i, v in size.items()),
        sum(v * (1 - h_down[i]) for i, v in size.items()),
    )
    return tuple(x / total for x in lost)
