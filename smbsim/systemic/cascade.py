r"""The cascade behind the risk index: losses run up and down the supply network, sweep after sweep, until they hardly change.

A loss is 1 - h. Every sweep computes all losses from those of the sweep before:

    c_j = min(1, s_j / D_g(j)) x_j ,   D_g = Σ_{l in g} s_l (1 - x_l)             loss of supplier j that its customers cannot replace
    x_i ← max(x_i, max_k Σ_{j in k} λ_ji c_j)                                     downstream; k: slots of i, see `layout`
    z_j ← max(z_j, Σ_i (W_ji / s_j) z_i)                                          upstream

Losses never fall, and neither do the c. So a closure starts *sparse*: `spread` keeps the sum of every slot and adds to it, for suppliers
whose c rose, what it rose by; the cost is the number of links that carry news. A closure that reaches a large part of the network
goes on *dense*: it becomes one of the lanes of `sweep`, which reads each link once for all lanes (values stand as (n, lanes)). Both make
the same sweeps, a lane never looks at another lane, and the change from one to the other depends on the closure alone: results do not
depend on lanes, on the order of closures, or on threads.

symbol  field or array             unit    symbol  field or array                unit
x       down                       1       λ       out_share, input_share        1
z       up                         1       W / s   buy_share, sale_share         1
c       sent_down                  1       s       sales                         currency per time
D       what a sector still sells  same    g       sector

Source: Diem et al. (2022), Scientific Reports 12:7719; MODEL.md 5.1.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from ..kernel import kernel

CACHE_LINE = 64  # bytes
VECTOR = 16  # lanes that are summed in registers; the number of lanes is a multiple of it
AHEAD = 16  # links by which rows are fetched before they are needed; `Layout` has so many spare entries
SPARSE = 0.01  # rules.sparse; measured with benchmarks/esri.py: the next sweep of a spreading cascade reaches several times as many
EXACT = 1e-3  # below this part of a sector's sales, what is left is summed anew: a difference would lose digits
LOSS, RAISED, SENT, TOTAL = range(4)  # after the last sweep; in this one; loss times market share that partners know of; received
DYNAMIC, STATIC, OFF = range(3)  # market share of a supplier among those left, at rest, or 1


# -- one link for all lanes ---------------------------------------------------------------------------------------------------------------


def raise_row(first, last, start, row, share, values, loss, i, lane, change, new_loss):
    """Raise the losses of row i, in VECTOR lanes from `lane` on, to the largest sum of its slots, and `change` to the largest rise.

    new_loss_il = max(loss_il, min(1, max_{first ≤ s < last} Σ_{start_s ≤ e < start_{s+1}} share_e values[row_e, l])), added in order.
    """
    lanes = slice(lane, lane + VECTOR)
    new = loss[i, lanes].copy()
    for slot in range(first, last):
        total = np.zeros_like(new)
        for e in range(start[slot], start[slot + 1]):
            total += share[e] * values[row[e], lanes]
        new = np.maximum(new, total)
    new = np.minimum(new, 1)
    change[lanes] = np.maximum(change[lanes], new - loss[i, lanes])
    new_loss[i, lanes] = new


@intrinsic
def _raise_row(typing_context, first, last, start, row, share, values, loss, i, lane, change, new_loss):
    """The same with all lanes in vector registers. LLVM does not find that by itself: it would add in memory, 2 to 3 times slower."""
    signature = types.void(first, last, start, row, share, values, loss, i, lane, change, new_loss)

    def generate(context, builder, signature, arguments):
        def pointer(k):
            return context.make_array(signature.args[k])(context, builder, arguments[k]).data

        (first, last), (i, from_lane) = arguments[:2], arguments[7:9]
        start, row, share, values, loss, change, new_loss = (pointer(k) for k in (2, 3, 4, 5, 6, 9, 10))
        number = context.get_value_type(signature.args[5].dtype)
        vector, index, lane = ir.VectorType(number, VECTOR), ir.IntType(64), ir.IntType(32)
        n_lanes = builder.extract_value(context.make_array(signature.args[5])(context, builder, arguments[5]).shape, 1)
        align = signature.args[5].dtype.bitwidth // 8
        nothing = vector([0.0] * VECTOR)
        maximum = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(vector, [vector, vector]), f"llvm.maxnum.v{VECTOR}f{8 * align}"
        )

        def place(array, k):
            return builder.bitcast(builder.gep(array, [builder.add(builder.mul(k, n_lanes), from_lane)]), vector.as_pointer())

        def larger(a, b):
            """Not by comparison: LLVM makes masked stores of that, which cost more than the rest of the row."""
            return builder.call(maximum, [a, b], fastmath=("nnan",))

        def loop(begin, end, carried, body):
            """for k in begin … end-1: carried = body(k, carried)."""
            before = builder.block
            head, inside, after = (builder.append_basic_block(name) for name in ("head", "inside", "after"))
            builder.branch(head)
            builder.position_at_end(head)
            k, value = builder.phi(index), builder.phi(vector)
            builder.cbranch(builder.icmp_unsigned("<", k, end), inside, after)
            builder.position_at_end(inside)
            new = body(k, value)
            following = builder.add(k, index(1))
            for phi, old, update in ((k, begin, following), (value, carried, new)):
                phi.add_incoming(old, before)
                phi.add_incoming(update, builder.block)
            builder.branch(head)
            builder.position_at_end(after)
            return value

        flag = ir.IntType(32)
        prefetch = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(ir.VoidType(), [ir.IntType(8).as_pointer(), flag, flag, flag]), "llvm.prefetch.p0i8"
        )

        def fetch_ahead(e):
            """Ask for the row of a later link: half the time of a sweep is waiting for rows. It cannot change a value."""
            j = builder.zext(builder.load(builder.gep(row, [builder.add(e, index(AHEAD))])), index)
            line = builder.bitcast(place(values, j), ir.IntType(8).as_pointer())
            for offset in range(0, VECTOR * align, CACHE_LINE):
                builder.call(prefetch, [builder.gep(line, [index(offset)]), flag(0), flag(3), flag(1)])

        def add_link(e, total):
            fetch_ahead(e)
            j = builder.zext(builder.load(builder.gep(row, [e])), index)
            one = builder.insert_element(vector(ir.Undefined), builder.load(builder.gep(share, [e])), lane(0))
            weight = builder.shuffle_vector(one, vector(ir.Undefined), ir.VectorType(lane, VECTOR)([0] * VECTOR))
            return builder.fadd(total, builder.fmul(weight, builder.load(place(values, j), align=align)))

        def add_slot(slot, best):
            begin, end = (builder.load(builder.gep(start, [s])) for s in (slot, builder.add(slot, index(1))))
            return larger(loop(begin, end, nothing, add_link), best)

        old = builder.load(place(loss, i), align=align)
        best = loop(first, last, old, add_slot)
        one = vector([1.0] * VECTOR)
        best = builder.select(builder.fcmp_ordered("<", best, one), best, one)
        builder.store(best, place(new_loss, i), align=align)
        most = place(change, index(0))
        builder.store(larger(builder.fsub(best, old), builder.load(most, align=align)), most, align=align)
        return context.get_dummy_value()

    return signature, generate


@overload(raise_row)
def _compiled_raise_row(first, last, start, row, share, values, loss, i, lane, change, new_loss):
    def call(first, last, start, row, share, values, loss, i, lane, change, new_loss):
        _raise_row(np.uint64(first), np.uint64(last), start, row, share, values, loss, np.uint64(i), np.uint64(lane), change, new_loss)

    return call


# -- dense: all lanes, all rows -----------------------------------------------------------------------------------------------------------
# Loops over lanes run to a shape: with a constant number LLVM unrolls them before it looks for vectors, and finds none.


@kernel
def sweep_down(layout, rules, lanes):
    """One sweep downstream of every lane. Writes lanes.sent_down, lanes.down; raises lanes.change."""
    x, c, scale, change, sales, n_lanes = lanes.down, lanes.sent_down, lanes.scale, lanes.change, lanes.sales, lanes.down.shape[1]
    one = scale.dtype.type(1)
    dynamic = rules.market_share == DYNAMIC
    for g in range(layout.sector_sales.size):
        start, stop = layout.member_start[g], layout.member_start[g + 1]
        if dynamic:
            for lane in range(n_lanes):
                scale[lane] = 0
            for j in range(start, stop):
                for lane in range(n_lanes):
                    scale[lane] += sales[j] * (one - x[j, lane])
            for lane in range(n_lanes):
                scale[lane] = one / scale[lane] if scale[lane] > 0 else scale[lane]
        for j in range(start, stop):
            if layout.out_start[j] < layout.out_start[j + 1]:
                s = sales[j] if dynamic else lanes.market_share[j]
                for lane in range(n_lanes):
                    share = s * scale[lane] if dynamic else s
                    whole = share >= one or (dynamic and scale[lane] == 0)  # nothing is left of the sector
                    c[j, lane] = (one if whole else share) * x[j, lane]
    slot_start, start, supplier, share = layout.slot_start, layout.input_start, layout.input_supplier, layout.input_share
    for i in range(layout.sales.size):
        if slot_start[i] < slot_start[i + 1]:
            for lane in range(0, n_lanes, VECTOR):
                raise_row(slot_start[i], slot_start[i + 1], start, supplier, share, c, x, i, lane, change, x)


@kernel
def sweep_up(layout, old, new, change):
    """One sweep upstream of every lane. Writes new; raises change."""
    start, customer, share = layout.sale_start, layout.sale_customer, layout.sale_share
    for j in range(layout.sales.size):
        for lane in range(0, old.shape[1], VECTOR):
            raise_row(j, j + 1, start, customer, share, old, old, j, lane, change, new)


# -- sparse: one closure, the rows it reaches ---------------------------------------------------------------------------------------------


@kernel
def spread(layout, rules, closures, closure, down, up, sectors):
    """Sweep one closure until its losses settle, or reach so many firms that all rows at once are cheaper.

    Returns how many sweeps were made, and whether they settled. Writes the branches down and up, and sectors.
    """
    n_down = n_up = 0  # rows changed in the last sweep
    for k in range(closures.start[closure], closures.start[closure + 1]):
        if closures.loss[k] > 0.0:
            if rules.down:
                down.changed[n_down] = closures.row[k]
                down.firm[closures.row[k], RAISED] = closures.loss[k]
                n_down += 1
            if rules.up:
                up.changed[n_up] = closures.row[k]
                up.firm[closures.row[k], RAISED] = closures.loss[k]
                n_up += 1
    n_sectors = _enlist(n_down, down.changed, down.firm, layout.sales, layout.sector, sectors)
    _settle(n_down, down.changed, down.firm, down.touched, down.n_touched)
    _settle(n_up, up.changed, up.firm, up.touched, up.n_touched)
    many = rules.sparse * (int(rules.down) + int(rules.up)) * layout.sales.size
    total_up = up.firm[:, TOTAL]
    iterations = 0
    while True:
        change = 0.0
        if rules.down:
            if rules.market_share == DYNAMIC:
                n_news = _news_of_sectors(n_sectors, layout, sectors, down.firm, down.senders, down.news)
            else:
                n_news = _news(n_down, down.changed, layout.market_share, down.firm, down.senders, down.news)
            n_down = _tell(
                n_news, down.senders, down.news, layout.out_start, layout.out_slot, layout.out_customer, layout.out_share,
                down.total, down.firm, down.changed,
            )  # fmt: skip
            n_sectors = _enlist(n_down, down.changed, down.firm, layout.sales, layout.sector, sectors)
            change = _settle(n_down, down.changed, down.firm, down.touched, down.n_touched)
        if rules.up:
            n_news = _news(n_up, up.changed, layout.whole, up.firm, up.senders, up.news)
            n_up = _tell(
                n_news, up.senders, up.news, layout.buy_start, layout.buy_supplier, layout.buy_supplier, layout.buy_share,
                total_up, up.firm, up.changed,
            )  # fmt: skip
            change = max(change, _settle(n_up, up.changed, up.firm, up.touched, up.n_touched))
        iterations += 1
        if change < rules.tolerance:
            return iterations, True
        if n_down + n_up > many:
            return iterations, False


@kernel
def _news(n, changed, share, firm, senders, news):
    """Firms whose loss changed, and by how much it rose times their market share. Returns their number."""
    for k in range(n):
        i = changed[k]
        now = share[i] * firm[i, LOSS]
        senders[k], news[k] = i, now - firm[i, SENT]
        firm[i, SENT] = now
    return n


@kernel
def _news_of_sectors(n, layout, sectors, firm, senders, news):
    """Firms with a loss in the sectors that changed, and by how much what their sector cannot replace rose. Returns their number."""
    sales, sector_sales, member_start = layout.sales, layout.sector_sales, layout.member_start
    lost, first, following, changed, is_changed = sectors.lost, sectors.first, sectors.following, sectors.changed, sectors.is_changed
    count = 0
    for k in range(n):
        g = changed[k]
        is_changed[g] = 0
        left = sector_sales[g] - lost[g]
        if left < EXACT * sector_sales[g]:
            left = 0.0
            for j in range(member_start[g], member_start[g + 1]):
                left += sales[j] * (1.0 - firm[j, LOSS])
        j = first[g]
        while j < sales.size:
            now = (sales[j] / left if sales[j] < left else 1.0) * firm[j, LOSS]
            if now > firm[j, SENT]:
                senders[count], news[count] = j, now - firm[j, SENT]
                firm[j, SENT] = now
                count += 1
            j = following[j]
    return count


@kernel
def _tell(n, senders, news, start, slot, owner, share, total, firm, changed):
    """Add the news to every slot they reach, and raise the loss of its owner to the sum. Returns how many rows changed."""
    count = 0
    for k in range(n):
        j, rise = senders[k], news[k]
        for e in range(start[j], start[j + 1]):
            i = owner[e]
            received = total[slot[e]] + share[e] * rise
            total[slot[e]] = received
            received = received if received < 1.0 else 1.0
            raised = firm[i, RAISED]
            changed[count] = i  # kept if this is the first rise in this sweep; no branch, because none could be foreseen
            count += int((received > raised) & (raised <= firm[i, LOSS]))
            firm[i, RAISED] = received if received > raised else raised
    return count


@kernel
def _settle(n, changed, firm, touched, n_touched):
    """Losses take what they were raised to. Returns the largest change."""
    change = 0.0
    count = n_touched[0]
    for k in range(n):
        i = changed[k]
        rise = firm[i, RAISED] - firm[i, LOSS]
        change = rise if rise > change else change
        touched[count] = i
        count += int(firm[i, LOSS] == 0.0)
        firm[i, LOSS] = firm[i, RAISED]
    n_touched[0] = count
    return change


@kernel
def _enlist(n, changed, firm, sales, sector, sectors):
    """What the sectors lose when the losses settle, and who is new among their losers. Returns how many sectors changed."""
    lost, first, following, changed_sectors, is_changed = (
        sectors.lost, sectors.first, sectors.following, sectors.changed, sectors.is_changed
    )  # fmt: skip
    count = 0
    for k in range(n):
        i = changed[k]
        g = sector[i]
        lost[g] += sales[i] * (firm[i, RAISED] - firm[i, LOSS])
        if firm[i, LOSS] == 0.0:
            following[i] = first[g]
            first[g] = i
        if is_changed[g] == 0:
            is_changed[g] = 1
            changed_sectors[count] = g
            count += 1
    return count


@kernel
def _clear(layout, down, up, sectors):
    """Back to rest, at the cost of what was touched."""
    for k in range(down.n_touched[0]):
        i = down.touched[k]
        down.firm[i, LOSS] = down.firm[i, RAISED] = down.firm[i, SENT] = 0.0
        for slot in range(layout.slot_start[i], layout.slot_start[i + 1]):
            down.total[slot] = 0.0
        g = layout.sector[i]
        sectors.lost[g] = 0.0
        sectors.first[g] = layout.sales.size
        sectors.is_changed[g] = 0
    for k in range(up.n_touched[0]):
        i = up.touched[k]
        up.firm[i, LOSS] = up.firm[i, RAISED] = up.firm[i, SENT] = up.firm[i, TOTAL] = 0.0
    down.n_touched[0] = up.n_touched[0] = 0


# -- from closures to scores --------------------------------------------------------------------------------------------------------------


@kernel
def solve(layout, rules, closures, first, last, space):
    """Settle the closures queue[first:last] and write their scores. The space is at rest before and after."""
    lanes = space.lanes
    up, next_up = lanes.up, lanes.other_up
    place = first
    while True:
        busy = False
        for lane in range(lanes.closure.size):
            while lanes.closure[lane] < 0 and place < last:
                closure = closures.queue[place]
                place += 1
                iterations, settled = spread(layout, rules, closures, closure, space.down, space.up, space.sectors)
                if settled:
                    _score_sparse(layout, closures, closure, space)
                    closures.iterations[closure] = iterations
                else:
                    lanes.closure[lane], lanes.iterations[lane] = closure, iterations
                    _enter_lane(lanes.down, up, lane, space)
                _clear(layout, space.down, space.up, space.sectors)
            busy = busy or lanes.closure[lane] >= 0
        if not busy:
            break
        for lane in range(lanes.closure.size):
            lanes.change[lane] = 0
        if rules.down:
            sweep_down(layout, rules, lanes)
        if rules.up:
            sweep_up(layout, up, next_up, lanes.change)
            up, next_up = next_up, up
        settled = False
        for lane in range(lanes.closure.size):
            closure = lanes.closure[lane]
            if closure >= 0:
                lanes.iterations[lane] += 1
                if lanes.change[lane] < rules.tolerance:
                    closures.iterations[closure] = lanes.iterations[lane]
                    settled = True
        if settled:
            _score_lanes(layout, rules, closures, lanes, up)
    for i in range(layout.sales.size):  # the sweep before the last is still in one of the two
        for lane in range(lanes.closure.size):
            lanes.up[i, lane] = lanes.other_up[i, lane] = 0


@kernel
def _score_sparse(layout, closures, closure, space):
    """Index of a closure that settled sparse, and its losses if they are wanted."""
    down, up = space.down, space.up
    total_down = total_up = total = 0.0
    wanted = closures.losses.shape[0] > 0
    for k in range(down.n_touched[0]):
        i = down.touched[k]
        loss = max(down.firm[i, LOSS], up.firm[i, LOSS])
        total_down += layout.size[i] * down.firm[i, LOSS]
        total += layout.size[i] * loss
        if wanted:
            closures.losses[closure, closures.firm[i]] = loss
    for k in range(up.n_touched[0]):
        i = up.touched[k]
        total_up += layout.size[i] * up.firm[i, LOSS]
        if down.firm[i, LOSS] == 0.0:
            total += layout.size[i] * up.firm[i, LOSS]
            if wanted:
                closures.losses[closure, closures.firm[i]] = up.firm[i, LOSS]
    closures.down[closure], closures.up[closure], closures.esri[closure] = total_down, total_up, total


@kernel
def _enter_lane(x, z, lane, space):
    """Copy the losses of a sparse closure into an empty lane."""
    for k in range(space.down.n_touched[0]):
        i = space.down.touched[k]
        x[i, lane] = space.down.firm[i, LOSS]
    for k in range(space.up.n_touched[0]):
        i = space.up.touched[k]
        z[i, lane] = space.up.firm[i, LOSS]


@kernel
def _score_lanes(layout, rules, closures, lanes, z):
    """Index of the closures whose lanes have settled, and their losses if they are wanted; empties these lanes."""
    x, change, n_lanes = lanes.down, lanes.change, lanes.down.shape[1]
    total_down, total_up, total, keep = np.zeros(n_lanes), np.zeros(n_lanes), np.zeros(n_lanes), np.zeros(n_lanes, x.dtype)
    for lane in range(n_lanes):
        keep[lane] = change[lane] >= rules.tolerance
        if closures.losses.shape[0] > 0 and keep[lane] == 0 and lanes.closure[lane] >= 0:
            for i in range(layout.size.size):
                closures.losses[lanes.closure[lane], closures.firm[i]] = max(x[i, lane], z[i, lane])
    size = layout.size
    for i in range(size.size):
        share = size[i]
        for lane in range(n_lanes):
            total_down[lane] += share * x[i, lane]
            total_up[lane] += share * z[i, lane]
            total[lane] += share * (x[i, lane] if x[i, lane] > z[i, lane] else z[i, lane])
            x[i, lane] *= keep[lane]
            z[i, lane] *= keep[lane]
    for lane in range(n_lanes):
        closure = lanes.closure[lane]
        if keep[lane] == 0 and closure >= 0:
            closures.down[closure], closures.up[closure], closures.esri[closure] = total_down[lane], total_up[lane], total[lane]
            lanes.closure[lane] = -1
