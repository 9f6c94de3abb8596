"""The oracle: a week of the whole model the slow, obvious way, with dictionaries, floats and loops.

It is written from the equations (the docstrings of the mechanisms and MODEL.md), never from the code of the phases, and shares nothing
with it but the random numbers. Where the two disagree over many weeks, one of them is wrong. It knows no new firms, no strategies, no
mergers and no policies, and firms do not look for other suppliers than those that stand in for closed ones.

Every table is a dictionary of rows, a row a dictionary of columns under the names of the state:
    firms      by uid                       households  by (region, class)
    slots      by (customer, group)         regions, sectors  by row
    links      by (supplier, customer)      accounts    by name
A second axis is a list (weeks of a ring, sectors, uses) or, where it runs over accounts, a list in the order of the accounts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from statistics import NormalDist

from smbsim.accounts import BELOW_ONE
from smbsim.draws import Draws
from smbsim.rest import ACCOUNTS, BANK, FOREIGN, GOVERNMENT, INVESTMENT, USES
from smbsim.state import EVERYWHERE, LARGE, OWNER, SMB, UNLIMITED, WORKER, State

HOUSEHOLD = 0  # place of the households among the uses
N_USES = len(USES)
WEEKS = 52  # in a year
STILL = 1.0 - 1e-9  # of the capital wanted: a smaller gap is rounding
INVEST, EXPORT, STATE = (USES.index(use) for use in (INVESTMENT, FOREIGN, GOVERNMENT))
BINDING = {"leontief": 0, "strongly_critical": 1, "half_critical": 2, "weakly_critical": 2, "linear": 0, "ario_psi": 0}
USE_FLOWS = {INVESTMENT: "investment goods", FOREIGN: "exports", GOVERNMENT: "government purchases"}
NORMAL = NormalDist()
LEAST_UNIFORM = 2.0**-54
ILLIQUID, INSOLVENT, VOLUNTARY, RETIREMENT = 1, 2, 3, 4
KEYS = {"uid", "customer", "group", "supplier", "buyer", "slot"}  # say which row it is; compared by being found


class NaiveEconomy:
    """The tables of a state as dictionaries, and the week that moves them."""

    def __init__(self, parameters: Mapping[str, object], draws: Draws, accounts: Iterable[str]):
        self.parameters, self.draws, self.account_names = parameters, draws, tuple(accounts)
        self.passthrough = self.account_names[len(ACCOUNTS) :]
        self.uses = (*USES, *self.passthrough)
        self.firms, self.slots, self.links = {}, {}, {}
        self.households, self.regions, self.sectors, self.accounts = {}, {}, {}, {}
        self.scale = {}  # output at rest by uid: what differences are measured against
        self.flows = {}  # (flow, payer, payee) -> money moved this week

    @classmethod
    def from_state(cls, state: State, mechanisms: Iterable, draws: Draws) -> NaiveEconomy:
        """Copy every column. The output found in `normal_output` is the one at rest."""
        new = cls({mechanism.name: mechanism for mechanism in mechanisms}, draws, state.account_names)
        for name, keys in row_keys(state).items():
            table = getattr(state, name)
            assert len(set(keys)) == table.n
            columns = {column: getattr(table, column).tolist() for column in table.columns if column not in KEYS}
            getattr(new, name).update({key: {c: values[k] for c, values in columns.items()} for k, key in enumerate(keys)})
        new.scale = {uid: firm["normal_output"] or 1.0 for uid, firm in new.firms.items()}
        new.firms_of = {s: [uid for uid, firm in new.firms.items() if firm["sector"] == s] for s in new.sectors}
        new.join_links()
        return new

    def join_links(self):
        """Who buys what from whom, by the slots and links that there are."""
        self.slots_of = {uid: [key for key in self.slots if key[0] == uid] for uid in self.firms}
        self.links_to = {uid: [key for key in self.links if key[0] == uid] for uid in self.firms}
        self.links_of = {key: [] for key in self.slots}
        for supplier, customer in sorted(self.links):
            self.links_of[customer, self.firms[supplier]["sector"]].append((supplier, customer))
        self.slot_of = {link: slot for slot, links in self.links_of.items() for link in links}

    def on(self, name):
        """The mechanism is there and switched on."""
        mechanism = self.parameters.get(name)
        return mechanism is not None and mechanism.enabled

    def uniforms(self, name, t, uids):
        uids = list(uids)
        return dict(zip(uids, self.draws.uniform(name, t, uids).tolist(), strict=True)) if uids else {}

    def normal(self, u):
        return NORMAL.inv_cdf(max(u, LEAST_UNIFORM))

    def week(self, t: int, factors: Mapping[str, Mapping[int, float]] | None = None) -> None:
        """One week. factors: column -> uid or sector -> value, written before the week begins."""
        for column, values in (factors or {}).items():
            table = self.sectors if column.startswith("import_") else self.firms
            for key, value in values.items():
                table[key][column] = value
        self.flows = {}
        self.receive(t)
        self.break_down(t)
        self.expect()
        self.adjust_staff(t)
        if self.on("credit"):
            self.appraise()
            self.borrow(t)
        if self.on("finance"):
            self.plan_investment()
        self.produce()
        self.order()
        self.demand_from_abroad(t)
        self.spend()
        self.attract()
        self.order_over_counter()
        if self.on("market"):
            self.compare_with_imports()
        self.share_demand()
        self.collect_orders()
        self.serve()
        self.ration()
        self.ship(t)
        self.work_overtime()
        self.invoice()
        self.sell_to_households()
        self.sell_to_other_uses()
        self.sell_over_counter()
        self.buy_abroad_and_from_accounts()
        self.count_cash()
        self.pay_wages()
        self.pay_product_taxes()
        self.pay_spot_inputs()
        self.pay_emergency_imports()
        self.pay_bank()
        self.pay_trade_credit()
        self.collect_investment()
        self.close_books()
        self.pay_owners(t)
        self.distribute()
        self.balance_government()
        if self.on("exits"):
            self.judge(t)
            self.liquidate(t)
        self.release_staff()
        if self.on("sourcing"):
            self.close_links(t)
        if self.on("exits"):
            self.settle_estates()
        self.estimate_costs()
        if self.on("market"):
            self.review_prices(t)
        if self.on("sourcing") and t % self.parameters["sourcing"].every == 0:
            self.forget_links()
        self.smooth_income()
        self.sum_credit()

    # -- goods ------------------------------------------------------------------------------------------------------------------------

    def receive(self, t):
        for slot in self.slots.values():
            arrived = 0.0
            for pipeline in ("pipeline", "import_pipeline"):
                ring = slot[pipeline]
                arrived += ring[t % len(ring)]
                ring[t % len(ring)] = 0.0
            slot["input_stock"] += arrived
            slot["supply_line"] = max(slot["supply_line"] - arrived, 0.0)

    def break_down(self, t):
        production = self.parameters["production"]
        uniforms = dict(zip(self.firms, self.draws.uniform("breakdown", t, list(self.firms)).tolist(), strict=True))
        for uid, firm in self.firms.items():
            firm["repair"] = max(firm["repair"] - 1, 0)
            if firm["kind"] == SMB and uniforms[uid] < production.breakdown_hazard:
                firm["repair"] = production.repair_weeks
            firm["downtime"] = 1.0 if firm["repair"] > 0 else 0.0

    def expect(self):
        orders = self.parameters["orders"]
        for firm in self.firms.values():
            expected = firm["expected_demand"] + orders.forecast_speed * (firm["demand"] - firm["expected_demand"])
            gap = firm["finished_cover"] * expected - firm["inventory"] + firm["backlog_due"]
            firm["expected_demand"] = expected
            firm["planned_output"] = max(0.0, expected + orders.inventory_adjustment * gap) if firm["alive"] else 0.0

    def produce(self):
        production = self.parameters["production"]
        for uid, firm in self.firms.items():
            firm["scrap"] = production.spoil_share * firm["inventory"]
            firm["inventory"] -= firm["scrap"]
            kept = firm["capacity"] * firm["overtime"] * firm["capacity_factor"]
            firm["able_output"] = min(kept, firm["labour_limit"])
            limit = min(kept * (1.0 - firm["downtime"]), firm["labour_limit"])
            wanted = min(firm["planned_output"], limit)
            slots = [self.slots[key] for key in self.slots_of[uid]]
            for key, slot in zip(self.slots_of[uid], slots, strict=True):
                slot["input_spoiled"] = production.spoil_share * slot["input_stock"]
                slot["input_stock"] -= slot["input_spoiled"]
                missing = slot["coefficient"] * wanted - slot["input_stock"]
                slot["emergency_import"] = 0.0
                if slot["essentiality"] >= BINDING[production.rule] and missing > 0.0:
                    slot["emergency_import"] = production.emergency_share * missing * self.sectors[key[1]]["import_factor"]
                slot["input_stock"] += slot["emergency_import"]
            firm["available_output"] = min(limit, self.input_limit(slots, firm["capacity"]))
            if not firm["alive"]:
                firm["output"] = firm["able_output"] = firm["available_output"] = 0.0
            if firm["storable"]:
                firm["output"] = min(firm["planned_output"], firm["available_output"])
                self.use_inputs(uid)
                lost = production.scrap_share * firm["output"]
                firm["scrap"] += lost
                firm["inventory"] += firm["output"] - lost

    def input_limit(self, slots, capacity):
        """Largest output that the stocks of inputs allow under the rule; infinite without a slot that binds."""
        production = self.parameters["production"]
        rule, used = production.rule, [slot for slot in slots if slot["coefficient"] > 0.0]
        if rule == "linear":
            total = math.fsum(slot["coefficient"] for slot in used)
            return math.fsum(slot["input_stock"] for slot in used) / total if used else math.inf
        limit = math.inf
        for slot in used:
            possible = slot["input_stock"] / slot["coefficient"]
            if rule == "ario_psi":
                possible /= max(1.0, production.scarcity * (slot["input_cover"] + 1.0))
            if slot["essentiality"] >= BINDING[rule]:
                limit = min(limit, possible)
            elif rule == "half_critical" and slot["essentiality"] == 1:
                limit = min(limit, 0.5 * (possible + capacity))
        return limit

    def use_inputs(self, uid):
        for key in self.slots_of[uid]:
            slot = self.slots[key]
            slot["input_use"] = min(slot["input_stock"], slot["coefficient"] * self.firms[uid]["output"])
            slot["input_stock"] -= slot["input_use"]

    def order(self):
        orders = self.parameters["orders"]
        for (customer, _), slot in self.slots.items():
            firm = self.firms[customer]
            need = slot["coefficient"] * min(firm["planned_output"], firm["able_output"])
            kept = slot["input_stock"] if firm["storable"] else max(slot["input_stock"] - need, 0.0)
            stock_gap = slot["input_cover"] * need - kept
            line_gap = (slot["lead"] - 1.0) * need - slot["supply_line"]
            wanted = max(0.0, need + orders.stock_adjustment * (stock_gap + orders.supply_line_weight * line_gap))
            slot["import_order"] = slot["import_share"] * wanted
            slot["order"] = wanted - slot["import_order"]

    # -- demand -----------------------------------------------------------------------------------------------------------------------

    def spend(self):
        """Budgets of the pass-through accounts and of the households."""
        for u, name in enumerate(self.passthrough, start=N_USES):
            account = self.accounts[name]
            account["passthrough_budget"] = max(account["balance"], 0.0)
            scale = self.passthrough_scale(name)
            for rows, column in (
                (self.sectors, "spending"),
                (self.sectors, "import_spending"),
                (self.accounts, "account_spending"),
            ):
                for row in rows.values():
                    row[column][u] = row[f"resting_{column}"][u] * scale
        households, regions = self.parameters["households"], self.regions.values()
        force = sum(region["labour_force"] for region in regions)
        idle = sum(region["unemployed"] - region["normal_unemployment"] * region["labour_force"] for region in regions)
        mood = max(1.0 - households.confidence * idle / force, 0.0) if force > 0.0 else 1.0
        for cell in self.households.values():
            if households.enabled:
                wealth_share = (1.0 - households.income_share) / households.wealth_weeks
                wished = mood * (households.income_share * cell["income_smoothed"] + wealth_share * cell["deposits"])
                cell["consumption"] = max(min(wished, cell["deposits"]), 0.0)
        total = 0.0
        for r, region in self.regions.items():
            consumption = self.households[r, WORKER]["consumption"] + self.households[r, OWNER]["consumption"]
            total += consumption
            region["budget"] = [consumption * sector["sector_basket"] for sector in self.sectors.values()]
        for sector in self.sectors.values():
            sector["spending"][HOUSEHOLD] = total * sector["sector_basket"]
            sector["import_spending"][HOUSEHOLD] = total * sector["import_basket"]
        for account in self.accounts.values():
            account["account_spending"][HOUSEHOLD] = total * account["account_basket"]

    def passthrough_scale(self, name):
        account = self.accounts[name]
        return account["passthrough_budget"] / account["resting_budget"] if account["resting_budget"] > 0.0 else 0.0

    def demand_from_abroad(self, t):
        """ln e = ρ ln e + σ √(1 - ρ²) z, ρ^52 the persistence; exports asked for are e times those at rest."""
        foreign = self.parameters["foreign"]
        if foreign.demand_noise == 0.0:
            return
        rho, account = foreign.demand_persistence ** (1.0 / WEEKS), self.accounts[FOREIGN]
        z = self.normal(self.draws.one("demand from abroad", t))
        level = math.exp(rho * math.log(account["demand_level"]) + foreign.demand_noise * math.sqrt(1.0 - rho**2) * z)
        account["demand_level"] = level
        for rows, column in ((self.sectors, "spending"), (self.accounts, "account_spending")):
            for row in rows.values():
                row[column][EXPORT] = level * row[f"resting_{column}"][EXPORT]

    def base(self, firm, r):
        """B_i,r: the part of the market of region r that is the firm's, before customers compare."""
        if firm["region"] == EVERYWHERE:
            return firm["customer_base"][0] * self.regions[r]["large_customers"][firm["sector"]]
        return firm["customer_base"][0 if firm["region"] == r else 1]

    def attract(self):
        """v_i; the factor by which the shares of a market add to one; shares of the pool, and its price."""
        market, firms = self.parameters["market"], self.firms.values()
        for firm in firms:
            firm["pull"] = 1.0 if firm["alive"] else 0.0
            if self.on("market"):
                firm["pull"] *= firm["price"] ** (1.0 - market.price_elasticity) * firm["quality"] ** market.quality_elasticity
        left = any(not f["alive"] and (f["sale_share"] > 0.0 or sum(f["customer_base"]) > 0.0) for f in firms)
        same = not self.on("market") and not left  # in the limit the shares are those of the start
        pools = {}
        for s, members in self.firms_of.items():
            sellers = [self.firms[uid] for uid in members]
            for r, region in self.regions.items():
                total = math.fsum(self.base(firm, r) * firm["pull"] for firm in sellers)
                region["intensity"][s] = 1.0 if same else 1.0 / total if total > 0.0 else 0.0
            pools[s] = math.fsum(firm["sale_share"] * firm["pull"] for firm in sellers)
            for firm in sellers:
                share = firm["sale_share"] * firm["pull"]
                firm["pool_share"] = share if same else share / pools[s] if pools[s] > 0.0 else 0.0
            if self.on("market"):
                units = math.fsum(firm["pool_share"] / firm["price"] for firm in sellers)
                self.sectors[s]["counter_price"] = 1.0 / units if units > 0.0 else 0.0
                for firm in sellers:
                    firm["bargain"] = self.sectors[s]["counter_price"] / firm["price"]
            else:
                self.sectors[s]["counter_price"] = math.fsum(firm["pool_share"] * firm["price"] for firm in sellers)

    def order_over_counter(self):
        for sector in self.sectors.values():
            sector["counter_demand"] = 0.0
        for firm in self.firms.values():
            needs = self.sectors[firm["sector"]]["counter_coefficient"]
            cost = sum(k * self.sectors[s]["counter_price"] for s, k in enumerate(needs))
            firm["counter_base"] = firm["output"] if firm["alive"] else 0.0
            if self.on("finance") and firm["kind"] == SMB and cost > 0.0:
                firm["counter_base"] = min(firm["counter_base"], max(firm["cash"], 0.0) / cost)
            for s, k in enumerate(needs):
                self.sectors[s]["counter_demand"] += firm["counter_base"] * k

    def compare_with_imports(self):
        """C_r,s = f θ_s C_r P^(1-σ), imports = f θ_m C_r φ^(1-σ), P = (Σ B v / Σ B)^(1/(1-ε))."""
        market = self.parameters["market"]
        sigma, epsilon = market.import_elasticity, market.price_elasticity
        for s, sector in self.sectors.items():
            sellers = [self.firms[uid] for uid in self.firms_of[s]]
            sector["spending"][HOUSEHOLD] = sector["import_spending"][HOUSEHOLD] = 0.0
            for r, region in self.regions.items():
                consumption = sum(self.households[r, kind]["consumption"] for kind in (WORKER, OWNER))
                offers = math.fsum(self.base(firm, r) * firm["pull"] for firm in sellers)
                bases = math.fsum(self.base(firm, r) for firm in sellers if firm["alive"])
                at_home = 0.0
                if offers > 0.0:
                    at_home = (offers / bases) ** ((1.0 - sigma) / (1.0 - epsilon)) if epsilon > 1.0 else 1.0
                abroad = max(sector["import_price_factor"], 1e-3) ** (1.0 - sigma)
                worth = sector["sector_basket"] * at_home + sector["import_basket"] * abroad
                f = (sector["sector_basket"] + sector["import_basket"]) / worth if worth > 0.0 else 0.0
                region["budget"][s] = f * sector["sector_basket"] * consumption * at_home
                sector["spending"][HOUSEHOLD] += region["budget"][s]
                sector["import_spending"][HOUSEHOLD] += f * sector["import_basket"] * consumption * abroad

    def reach(self, firm):
        """Household budgets within the firm's reach."""
        s = firm["sector"]
        parts = (self.base(firm, r) * region["intensity"][s] * region["budget"][s] for r, region in self.regions.items())
        return firm["pull"] * sum(parts)

    def tilts(self):
        """uid -> the state's purchases from the firm by its share of the pool; their mean over the pool is one."""
        tilt = {uid: firm["procurement_factor"] for uid, firm in self.firms.items()}
        if any(factor != 1.0 for factor in tilt.values()):
            for members in self.firms_of.values():
                mean = sum(self.firms[uid]["pool_share"] * tilt[uid] for uid in members)
                tilt |= {uid: tilt[uid] / mean if mean > 0.0 else 0.0 for uid in members}
        return tilt

    def share_demand(self):
        reach, tilt = {uid: self.reach(firm) for uid, firm in self.firms.items()}, self.tilts()
        for uid, wished in self.preferred(reach).items():
            firm = self.firms[uid]
            firm["household_demand"] = wished
            sector = self.sectors[firm["sector"]]
            spending = sum(sector["spending"][1:]) + (tilt[uid] - 1.0) * sector["spending"][STATE]
            pooled = spending / firm["price"] + sector["counter_demand"] * firm["bargain"]
            firm["final_demand"] = firm["demand_factor"] * (wished / firm["price"] + firm["pool_share"] * pooled)

    def preferred(self, reach):
        """Household budgets aimed at each firm: taste moves them within the sector first, then between sectors."""
        taste = {uid: firm["taste_factor"] for uid, firm in self.firms.items()}
        if all(factor == 1.0 for factor in taste.values()):
            return reach
        aimed = {}
        for s, members in self.firms_of.items():
            aimed[s] = sum(reach[uid] for uid in members) * max((taste[uid] for uid in members if reach[uid] > 0.0), default=0.0)
        total = sum(aimed.values())
        wished = {}
        for s, members in self.firms_of.items():
            weight = sum(reach[uid] * taste[uid] for uid in members)
            for uid in members:
                share = reach[uid] * taste[uid] / weight if weight > 0.0 else 0.0
                wished[uid] = share * aimed[s] * (sum(reach.values()) / total if total > 0.0 else 0.0)
        return {uid: wished[uid] for uid in reach}

    # -- delivery ---------------------------------------------------------------------------------------------------------------------

    def collect_orders(self):
        for uid, firm in self.firms.items():
            ordered = sum(self.slots[self.slot_of[link]]["order"] * self.links[link]["weight"] for link in self.links_to[uid])
            firm["demand"] = ordered + firm["final_demand"]

    def serve(self):
        for uid, firm in self.firms.items():
            if not firm["storable"]:
                firm["output"] = min(firm["available_output"], firm["backlog_due"] + firm["demand"])
                self.use_inputs(uid)
                firm["inventory"] = firm["output"]

    def ration(self):
        final_last = self.parameters["trade"].rationing == "final_last"
        for firm in self.firms.values():
            asked = firm["backlog_due"] + firm["demand"] - (firm["final_demand"] if final_last else 0.0)
            firm["fill_rate"] = min(1.0, firm["inventory"] / asked) if asked > 0.0 else 1.0
            firm["final_fill_rate"] = firm["fill_rate"]
            if final_last:
                left = max(firm["inventory"] - firm["fill_rate"] * asked, 0.0)
                firm["final_fill_rate"] = min(1.0, left / firm["final_demand"]) if firm["final_demand"] > 0.0 else 1.0

    def ship(self, t):
        for firm in self.firms.values():
            firm["sold_to_firms"] = firm["backlog_due"] = 0.0
        for key, slot in self.slots.items():
            for supplier, customer in self.links_of[key]:
                link, seller = self.links[supplier, customer], self.firms[supplier]
                wanted = link["backlog"] + slot["order"] * link["weight"]
                link["shipped"] = seller["fill_rate"] * wanted
                link["backlog"] = wanted - link["shipped"]
                slot["pipeline"][(t + link["lead_time"]) % len(slot["pipeline"])] += link["shipped"]
                seller["sold_to_firms"] += link["shipped"]
                seller["backlog_due"] += link["backlog"]
            slot["imports"] = slot["import_order"] * self.sectors[key[1]]["import_factor"]
            slot["import_pipeline"][t % len(slot["import_pipeline"])] += slot["imports"]
            owed = sum(self.links[link]["backlog"] for link in self.links_of[key])
            slot["supply_line"] = sum(slot["pipeline"]) + sum(slot["import_pipeline"]) + owed
        for firm in self.firms.values():
            firm["final_sales"] = firm["final_fill_rate"] * firm["final_demand"]
            firm["inventory"] = max(firm["inventory"] - firm["sold_to_firms"] - firm["final_sales"], 0.0)

    def work_overtime(self):
        production = self.parameters["production"]
        for firm in self.firms.values():
            if not firm["storable"]:
                firm["inventory"] = 0.0
            unmet = 1.0 - firm["fill_rate"]
            if unmet > 0.0:
                firm["overtime"] += (production.overtime_max - firm["overtime"]) * unmet / production.overtime_time
            else:
                firm["overtime"] += (1.0 - firm["overtime"]) / production.overtime_time

    # -- payment ----------------------------------------------------------------------------------------------------------------------

    def transfer(self, flow, paid, received):
        """Move money. paid, received: lists of (holder, amount), a holder being ("firm", uid), ("household", cell) or an account's name."""
        for holder, amount in paid:
            self.put(holder, -amount)
        for holder, amount in received:
            self.put(holder, amount)
        total = math.fsum(amount for _, amount in paid)
        gross = math.fsum(abs(amount) for _, amount in received)
        assert abs(total - math.fsum(amount for _, amount in received)) <= 1e-9 * gross, flow
        if paid and received:
            self.note(flow, *(side[0][0] if isinstance(side[0][0], str) else side[0][0][0] for side in (paid, received)), total)

    def put(self, holder, amount):
        if isinstance(holder, str):
            self.accounts[holder]["balance"] += amount
        elif holder[0] == "firm":
            self.firms[holder[1]]["cash"] += amount
        else:
            self.households[holder[1]]["deposits"] += amount

    def note(self, flow, payer, payee, amount):
        """What moved this week; a loan, its repayment and its loss are flows too."""
        self.flows[flow, payer, payee] = self.flows.get((flow, payer, payee), 0.0) + amount

    def pay(self, flow, payer, payee, amount):
        """From one holder to one other."""
        self.put(payer, -amount)
        self.put(payee, amount)
        self.note(flow, *(holder if isinstance(holder, str) else holder[0] for holder in (payer, payee)), amount)

    def cells_of(self, region, kind):
        """[(cell, share)]: the cell of that class in the region, or in all of them by population."""
        if region == EVERYWHERE:
            return [((r, kind), row["population_share"]) for r, row in self.regions.items()]
        return [((region, kind), 1.0)]

    def pay_cells(self, flow, payer, region, kind, amount):
        """Pay the cells of a class in a region; it is taxable income."""
        for cell, share in self.cells_of(region, kind):
            self.pay(flow, payer, ("household", cell), amount * share)
            self.households[cell]["income"] += amount * share

    def invoice(self):
        for key, slot in self.slots.items():
            abroad = self.sectors[key[1]]["import_price_factor"]
            value, volume = abroad * slot["imports"], slot["imports"]
            for link in self.links_of[key]:
                price, shipped = self.firms[link[0]]["price"], self.links[link]["shipped"]
                self.links[link]["payable"] += price * shipped
                value += price * shipped
                volume += shipped
            self.firms[key[0]]["import_payable"] += abroad * slot["imports"]
            held = slot["input_stock"] + sum(slot["pipeline"]) + sum(slot["import_pipeline"])
            if held > 0.0:
                before = held - volume
                slot["purchase_price"] = (slot["purchase_price"] * before + value) / held

    def sell_to_households(self):
        received, ratio = {}, {}
        for uid, firm in self.firms.items():
            reach = self.reach(firm)
            received[uid] = firm["demand_factor"] * firm["final_fill_rate"] * firm["household_demand"]
            ratio[uid] = received[uid] / reach if reach > 0.0 else 0.0
        paid = []
        for r, region in self.regions.items():
            due = 0.0
            for uid, firm in self.firms.items():
                s = firm["sector"]
                due += region["budget"][s] * region["intensity"][s] * self.base(firm, r) * firm["pull"] * ratio[uid]
            paid += self.by_consumption(due, [(r, WORKER), (r, OWNER)])
        self.transfer("consumption", paid, [(("firm", uid), amount) for uid, amount in received.items()])

    def by_consumption(self, amount, cells):
        """[(holder, amount)]: what each of the cells pays, in proportion to its consumption."""
        total = sum(self.households[cell]["consumption"] for cell in cells)
        return [(("household", cell), amount * self.households[cell]["consumption"] / total if total > 0.0 else 0.0) for cell in cells]

    def sell_to_other_uses(self):
        tilt = self.tilts()
        for u, use in enumerate(self.uses):
            if u == HOUSEHOLD:
                continue
            for uid, firm in self.firms.items():
                met = firm["demand_factor"] * firm["final_fill_rate"] * firm["pool_share"] * (tilt[uid] if u == STATE else 1.0)
                flow = USE_FLOWS.get(use, f"{use} inputs")
                self.pay(flow, use, ("firm", uid), met * self.sectors[firm["sector"]]["spending"][u])

    def sell_over_counter(self):
        volume, value = dict.fromkeys(self.sectors, 0.0), dict.fromkeys(self.sectors, 0.0)
        received = []
        for uid, firm in self.firms.items():
            s = firm["sector"]
            asked = self.sectors[s]["counter_demand"] * firm["bargain"]
            sold = firm["demand_factor"] * firm["final_fill_rate"] * firm["pool_share"] * asked
            volume[s] += sold
            value[s] += firm["price"] * sold
            received.append((("firm", uid), firm["price"] * sold))
        paid = []
        for uid, firm in self.firms.items():
            firm["counter_use"] = firm["counter_cost"] = 0.0
            for s, coefficient in enumerate(self.sectors[firm["sector"]]["counter_coefficient"]):
                asked = self.sectors[s]["counter_demand"]
                if asked > 0.0:
                    firm["counter_use"] += firm["counter_base"] * coefficient * volume[s] / asked
                    firm["counter_cost"] += firm["counter_base"] * coefficient * value[s] / asked
            paid.append((("firm", uid), firm["counter_cost"]))
        self.transfer("counter inputs", paid, received)

    def buy_abroad_and_from_accounts(self):
        for u, use in enumerate(self.uses):
            imports = sum(sector["import_factor"] * sector["import_spending"][u] for sector in self.sectors.values())
            for name, account in self.accounts.items():
                if name == use:
                    continue
                amount = account["account_spending"][u] + (imports if name == FOREIGN else 0.0)
                payers = self.by_consumption(amount, list(self.households)) if u == HOUSEHOLD else [(use, amount)]
                self.transfer("imports" if name == FOREIGN else f"purchases from {name}", payers, [(name, amount)])

    # -- what firms can pay -----------------------------------------------------------------------------------------------------------

    def count_cash(self):
        """S_i: deposits, not below zero; without limit for large firms and where finance is off."""
        if self.on("finance"):
            for firm in self.firms.values():
                firm["spendable"] = max(firm["cash"], 0.0) if firm["kind"] == SMB else UNLIMITED

    def afford(self, uid, due):
        """What the firm can pay of what is due; it has that much less left to spend."""
        firm = self.firms[uid]
        paid = min(due, firm["spendable"])
        firm["spendable"] -= paid
        return paid

    def pay_wages(self):
        for cell in self.households.values():
            cell["income"] = 0.0
        if not self.on("labour"):
            self.place_staff({uid: self.needed(firm, firm["output"]) for uid, firm in self.firms.items()})
        for uid, firm in self.firms.items():
            pay, heads = firm["wage_factor"] * firm["wage"], firm["employment"]
            if self.on("labour"):
                used = self.needed(firm, firm["output"]) - firm["borrowed"]
                heads = max(heads, used)
                firm["wage_subsidy"] = firm["wage_subsidy_share"] * pay * max(firm["employment"] - used, 0.0)
                self.pay("wage subsidy", GOVERNMENT, ("firm", uid), firm["wage_subsidy"])
                firm["spendable"] += firm["wage_subsidy"]
            firm["wage_bill"] = pay * heads
            due = firm["wage_bill"] + firm["wage_arrears"]
            paid = self.afford(uid, due)
            firm["wage_arrears"] = due - paid
            self.pay_cells("wages", ("firm", uid), firm["region"], WORKER, paid)

    def needed(self, firm, output):
        """Heads that make an output: λ ι x / (a h)."""
        return firm["labour_coefficient"] * firm["labour_intensity"] * output / (firm["productivity"] * firm["efficiency"])

    def tax(self, uid, flow, tax):
        firm = self.firms[uid]
        due = tax + firm["tax_arrears"]
        paid = self.afford(uid, due)
        firm["tax_arrears"] = max(due - paid, 0.0)
        self.pay(flow, ("firm", uid), GOVERNMENT, paid)

    def pay_product_taxes(self):
        for uid, firm in self.firms.items():
            firm["product_tax_paid"] = firm["product_tax_coefficient"] * firm["output"]
            self.tax(uid, "product taxes", firm["product_tax_paid"])

    def pay_spot_inputs(self):
        """Imports and products of accounts, and extra costs: paid on delivery, or not had."""
        for uid, firm in self.firms.items():
            sector = self.sectors[firm["sector"]]
            use = cost = sector["other_import_coefficient"]
            for g, coefficient in enumerate(sector["spot_coefficient"]):
                volume = coefficient * self.sectors[g]["import_factor"]
                use += volume
                cost += volume * self.sectors[g]["import_price_factor"]
            accounts = sum(sector["account_coefficient"])
            extra = (firm["cost_factor"] - 1.0) * firm["material_cost"] * firm["output"]
            due = firm["output"] * (cost + accounts) + extra
            firm["spot_cost"] = self.afford(uid, due)
            had = firm["spot_cost"] / due if due != 0.0 else 1.0
            firm["spot_use"], firm["extra_cost"] = had * firm["output"] * (use + accounts), had * extra
            self.pay("imported inputs", ("firm", uid), FOREIGN, had * firm["output"] * cost)
            self.pay("extra costs", ("firm", uid), FOREIGN, firm["extra_cost"])
            for name, coefficient in zip(self.account_names, sector["account_coefficient"], strict=True):
                self.pay(f"inputs from {name}", ("firm", uid), name, had * firm["output"] * coefficient)

    def pay_emergency_imports(self):
        """In cash, at a premium; what cannot be paid is owed abroad."""
        premium = 1.0 + self.parameters["production"].emergency_premium
        for uid, firm in self.firms.items():
            cost = {
                key: premium * self.sectors[key[1]]["import_price_factor"] * self.slots[key]["emergency_import"]
                for key in self.slots_of[uid]
            }
            firm["emergency_cost"] = sum(cost.values())
            paid = self.afford(uid, firm["emergency_cost"])
            self.pay("emergency imports", ("firm", uid), FOREIGN, paid)
            firm["import_payable"] += firm["emergency_cost"] - paid

    def pay_bank(self):
        finance = self.parameters["finance"]
        for uid, firm in self.firms.items():
            if not self.on("finance"):
                firm["interest"] = finance.loan_rate / WEEKS * firm["debt"]
                self.pay("interest", ("firm", uid), BANK, firm["interest"])
                continue
            firm["interest_rate"] = finance.loan_rate + firm["loan_spread"]
            if firm["kind"] == SMB:
                firm["interest_rate"] += finance.premium * max(firm["leverage"] - firm["normal_leverage"], 0.0)
            firm["interest"] = firm["interest_rate"] / WEEKS * firm["debt"] if firm["alive"] else 0.0
            due = firm["interest"] + firm["interest_arrears"]
            paid = self.afford(uid, due)
            firm["interest_arrears"] = due - paid
            self.pay("interest", ("firm", uid), BANK, paid)
            above = max(firm["debt"] - firm["normal_debt"], 0.0)
            due = finance.repayment_rate / WEEKS * above if firm["alive"] else firm["debt"]
            firm["principal"] = self.afford(uid, due)
            firm["loan_overdue"] = due - firm["principal"]
            if firm["principal"] > 0.0:
                firm["guaranteed_debt"] *= (firm["debt"] - firm["principal"]) / firm["debt"]
                firm["cash"] -= firm["principal"]
                firm["debt"] -= firm["principal"]
                self.note("principal", "firm", "bank", firm["principal"])

    def pay_trade_credit(self):
        """Abroad first, then suppliers, each in proportion to what is due; an estate owes everything at once. Who still can pays the last
        cent on links that carry nothing any more."""
        for uid, firm in self.firms.items():
            terms = firm["payment_terms"] if firm["alive"] else 1.0
            imports = {uid: firm["import_payable"] / terms}
            bills = {name: self.links[name]["payable"] / terms for key in self.slots_of[uid] for name in self.links_of[key]}
            firm["trade_due"], firm["trade_overdue"] = 0.0, 0.0
            for dues in (imports, bills):
                due = sum(dues.values())
                paid = self.afford(uid, due)
                firm["trade_due"] += due
                firm["trade_overdue"] += due - paid
                share = BELOW_ONE * paid / due if paid < due else 1.0
                for name in dues:
                    dues[name] *= share
            firm["import_payable"] -= imports[uid]
            self.pay("imported inputs", ("firm", uid), FOREIGN, imports[uid])
            for name, amount in bills.items():
                self.links[name]["payable"] -= amount
                self.pay("network inputs", ("firm", uid), ("firm", name[0]), amount)
            ended = [name for name in bills if self.links[name]["weight"] == 0.0 and self.links[name]["payable"] < 0.01]
            left = sum(self.links[name]["payable"] for name in ended)
            if self.on("finance") and 0.0 < left <= firm["spendable"]:
                firm["trade_due"] += self.afford(uid, left)
                for name in ended:
                    self.pay("network inputs", ("firm", uid), ("firm", name[0]), self.links[name]["payable"])
                    self.links[name]["payable"] = 0.0

    def collect_investment(self):
        spent = -self.accounts[INVESTMENT]["balance"]
        if self.on("finance"):
            spent = max(spent, 0.0)
        planned = sum(firm["capex"] for firm in self.firms.values()) + sum(cell["residual_investment"] for cell in self.households.values())
        share = spent / planned if planned > 0.0 else 0.0
        for uid, firm in self.firms.items():
            paid = self.afford(uid, share * firm["capex"])
            self.pay("capital replacement", ("firm", uid), INVESTMENT, paid)
            if self.on("finance"):
                bought = paid / self.accounts[INVESTMENT]["capital_price"]
                firm["capital"] += bought - firm["depreciation_share"] * firm["capital"]
                if firm["capital_coefficient"] > 0.0:
                    firm["capacity"] = firm["capital"] / firm["capital_coefficient"]
        for key, cell in self.households.items():
            cell["invested"] = share * cell["residual_investment"]
            self.pay("residual investment", ("household", key), INVESTMENT, cell["invested"])

    # -- investment and credit --------------------------------------------------------------------------------------------------------

    def plan_investment(self):
        """ι_i = [ δ_i K_i + (K*_i - K_i) / T ]⁺ · min(1, [M_i]⁺ / M*_i) at the price of capital; the pool asks for its basket."""
        finance, pool = self.parameters["finance"], self.accounts[INVESTMENT]
        spent = bought = 0.0
        for s, sector in self.sectors.items():
            members = [self.firms[uid] for uid in self.firms_of[s]]
            sold = math.fsum(firm["pool_share"] for firm in members)
            volume = math.fsum(firm["pool_share"] / firm["price"] for firm in members if firm["price"] > 0.0)
            here, abroad = sector["resting_spending"][INVEST], sector["resting_import_spending"][INVEST]
            spent += here + abroad
            bought += here * (volume / sold if sold > 0.0 else 1.0)
            bought += abroad / sector["import_price_factor"] if sector["import_price_factor"] > 0.0 else abroad
        for account in self.accounts.values():
            spent += account["resting_account_spending"][INVEST]
            bought += account["resting_account_spending"][INVEST]
        price = pool["capital_price"] = spent / bought if bought > 0.0 else 1.0
        planned = max(pool["balance"], 0.0) + sum(cell["residual_investment"] for cell in self.households.values())
        for firm in self.firms.values():
            firm["depreciation"] = price * firm["depreciation_share"] * firm["capital"]
            gap = firm["capital_need"] * firm["mean_demand"] - firm["capital"]
            wanted = max(firm["depreciation"] + price * gap / finance.investment_weeks, 0.0)
            liquid = max(firm["cash"] / firm["liquidity_target"], 0.0) if firm["cash"] < firm["liquidity_target"] else 1.0
            firm["capex"] = wanted * liquid if firm["alive"] else 0.0
            planned += firm["capex"]
        scale = planned / spent if spent > 0.0 else 0.0
        for rows, column in ((self.sectors, "spending"), (self.sectors, "import_spending"), (self.accounts, "account_spending")):
            for row in rows.values():
                row[column][INVEST] = scale * row[f"resting_{column}"][INVEST]

    def sum_credit(self):
        for uid, firm in self.firms.items():
            firm["receivables"] = math.fsum(self.links[name]["payable"] for name in self.links_to[uid])
            firm["payables"] = math.fsum(self.links[name]["payable"] for key in self.slots_of[uid] for name in self.links_of[key])

    def held(self, key):
        """Goods in stock and in transit of a slot."""
        slot = self.slots[key]
        return slot["input_stock"] + sum(slot["pipeline"]) + sum(slot["import_pipeline"])

    def appraise(self):
        credit, price = self.parameters["credit"], self.accounts[INVESTMENT]["capital_price"]
        for uid, firm in self.firms.items():
            slots = {key: self.slots[key] for key in self.slots_of[uid]}
            goods = math.fsum(slot["purchase_price"] * self.held(key) for key, slot in slots.items())
            firm["collateral"] = goods + firm["unit_cost"] * firm["inventory"]
            owed = firm["payables"] + firm["import_payable"]
            arrears = firm["wage_arrears"] + firm["tax_arrears"] + firm["interest_arrears"]
            assets = firm["cash"] + firm["receivables"] + firm["collateral"] + price * firm["capital"]
            firm["equity"] = assets - firm["debt"] - owed - arrears
            most = credit.largest_leverage
            firm["leverage"] = min(firm["debt"] / firm["equity"], most) if firm["equity"] > 1e-9 else most

    def borrow(self, t):
        credit, price = self.parameters["credit"], self.accounts[INVESTMENT]["capital_price"]
        asking = []
        for uid, firm in self.firms.items():
            firm["requested"] = firm["new_loans"] = 0.0
            short = firm["cash"] < credit.borrow_below * firm["liquidity_target"] or firm["overdue"] > 0.0
            if short and firm["kind"] == SMB and firm["alive"] and t - firm["applied"] >= credit.reapply_weeks:
                asking.append(uid)
        luck, granted = self.uniforms("loan", t, asking), {}
        for uid in asking:
            firm = self.firms[uid]
            need = max(firm["liquidity_target"] - firm["cash"], 0.0) + firm["overdue"]
            service = firm["interest"] + firm["principal"] + firm["loan_overdue"]
            strained = firm["mean_profit"] + firm["depreciation"] + firm["interest"] < credit.service_cover * service
            score = credit.trust + credit.trust_age * math.log(1.0 + max(t - firm["born"], 0) / WEEKS)
            score += -credit.trust_leverage * firm["leverage"] - credit.trust_service * strained
            score += credit.trust_guarantee * firm["guarantee_share"] + credit.trust_relationship * (firm["debt"] > 0.0)
            p = min(firm["credit_factor"], 1.0) / (1.0 + math.exp(-score))
            part = credit.partial * p
            share = (p - luck[uid]) / part if part > 0.0 else float(luck[uid] < p)
            secured = credit.loan_to_value * price * firm["capital"] + credit.receivables_share * firm["receivables"]
            secured += credit.inventory_share * firm["collateral"]
            limit = min(secured, credit.most_leverage * max(firm["equity"], 0.0)) - firm["debt"]
            granted[uid] = min(min(max(share, 0.0), 1.0) * need, firm["credit_factor"] * max(limit, 0.0))
            firm["requested"], firm["applied"] = need, t
        wanted = sum(granted.values())
        room = self.accounts[BANK]["balance"] / credit.capital_share - sum(firm["debt"] for firm in self.firms.values())
        scale = min(max(room, 0.0) / wanted, 1.0) if wanted > 0.0 else 1.0
        for uid, amount in granted.items():
            firm = self.firms[uid]
            firm["new_loans"], firm["refused"] = scale * amount, scale * amount <= 1e-9 * firm["requested"]
            firm["guaranteed_debt"] += firm["guarantee_share"] * firm["new_loans"]
            firm["debt"] += firm["new_loans"]
            firm["cash"] += firm["new_loans"]
            self.note("new loans", "bank", "firm", firm["new_loans"])

    # -- distribution -----------------------------------------------------------------------------------------------------------------

    def close_books(self):
        """Profit and the tax on it, from what is left after the week's receipts along the links."""
        government = self.parameters["government"]
        self.count_cash()
        for uid, firm in self.firms.items():
            slots = [self.slots[key] for key in self.slots_of[uid]]
            inputs = sum(slot["purchase_price"] * (slot["input_use"] - slot["emergency_import"]) for slot in slots)
            costs = inputs + firm["counter_cost"] + firm["spot_cost"] + firm["emergency_cost"] + firm["wage_bill"]
            worn = firm["depreciation"] if self.on("finance") else firm["capex"]
            firm["profit"] = firm["price"] * firm["output"] + firm["wage_subsidy"] - costs - firm["product_tax_paid"] - worn
            firm["profit"] -= firm["interest"] + firm["credit_losses"] + firm["compliance_cost"]
            firm["profit_tax_paid"] = government.profit_tax * max(firm["profit"], 0.0)
            self.tax(uid, "profit tax", firm["profit_tax_paid"])

    def look_back(self, firm, t):
        """What is overdue, the means, and M* = max( n Ō, Ō - R̄, C̄ ) + 13 p_K [K* - K]⁺ / T."""
        finance = self.parameters["finance"]
        overdue = firm["wage_arrears"] + firm["tax_arrears"] + firm["interest_arrears"] + firm["loan_overdue"] + firm["trade_overdue"]
        firm["overdue"] = overdue if overdue > 1e-9 * abs(firm["mean_outflow"]) else 0.0
        due = ("wage_bill", "compliance_cost", "product_tax_paid", "profit_tax_paid", "counter_cost", "spot_cost", "emergency_cost",
               "interest", "principal", "loan_overdue", "trade_due")  # fmt: skip
        outflow = sum(firm[name] for name in due) + min(firm["capex"], firm["depreciation"])
        for mean, value, weeks in (
            ("mean_outflow", outflow, 13),
            ("mean_receipts", firm["price"] * firm["final_sales"], 13),
            ("mean_counter", firm["counter_cost"], 13),
            ("mean_profit", firm["profit"], 52),
            ("mean_demand", firm["demand"], 52),
        ):
            firm[mean] += (value - firm[mean]) / weeks
        firm["liquidity_target"] = max(
            firm["cash_cover"] * firm["mean_outflow"], firm["mean_outflow"] - firm["mean_receipts"], firm["mean_counter"]
        )
        gap = STILL * firm["capital_need"] * firm["mean_demand"] - firm["capital"]
        firm["liquidity_target"] += 13.0 * self.accounts[INVESTMENT]["capital_price"] * max(gap, 0.0) / finance.investment_weeks

    def pay_owners(self, t):
        """Dividends, what estates have left, and what the bank earned above the own funds it needs."""
        finance, on = self.parameters["finance"], self.on("finance")
        for uid, firm in self.firms.items():
            if on:
                self.look_back(firm, t)
            firm["dividends"] = max(firm["cash"] - firm["liquidity_target"], 0.0) / finance.dividend_weeks
            if on and (firm["overdue"] > 0.0 or not firm["alive"]):
                firm["dividends"] = 0.0
            self.pay_cells("dividends", ("firm", uid), firm["region"], OWNER, firm["dividends"])
        if not on:
            for firm in self.firms.values():
                self.pay_cells("bank dividends", BANK, firm["region"], OWNER, firm["interest"])
            return
        for uid, firm in self.firms.items():
            if not firm["alive"] and firm["overdue"] == 0.0 and firm["cash"] > 0.0:
                self.pay_cells("estates", ("firm", uid), firm["region"], OWNER, firm["cash"])
        self.settle_bank()

    def settle_bank(self):
        finance, bank = self.parameters["finance"], self.accounts[BANK]
        required = finance.own_funds_share * sum(firm["debt"] for firm in self.firms.values())
        if bank["balance"] < 0.0:
            need = required - bank["balance"]
            able = {key: max(cell["deposits"], 0.0) for key, cell in self.households.items() if key[1] == OWNER}
            total = sum(able.values())
            share = min(finance.owners_share * need / total, 1.0) if total > 0.0 else 0.0
            for key, amount in able.items():
                self.pay("bank recapitalisation", ("household", key), BANK, share * amount)
            self.pay("bank recapitalisation", GOVERNMENT, BANK, need - share * total)
        excess = max(bank["balance"] - required, 0.0)
        earned = sum(firm["interest"] for firm in self.firms.values())
        places = [(firm["region"], firm["interest"] / earned) for firm in self.firms.values()] if earned > 0.0 else [(EVERYWHERE, 1.0)]
        for region, share in places:
            self.pay_cells("bank dividends", BANK, region, OWNER, excess * share)

    def distribute(self):
        """Pass-through accounts pay wages, surplus and taxes; then the rest of the world."""
        for name in self.passthrough:
            scale, a = self.passthrough_scale(name), self.account_names.index(name)
            for key, cell in self.households.items():
                for what in ("wages", "surplus"):
                    amount = cell[f"resting_{what}"][a] * scale
                    self.pay(f"{name} {what}", name, ("household", key), amount)
                    cell["income"] += amount
            self.pay(f"{name} taxes", name, GOVERNMENT, self.accounts[name]["resting_tax"] * scale)
        for account in self.accounts.values():
            self.pay("closing transfer", FOREIGN, GOVERNMENT, account["closing_transfer"])
        for key, cell in self.households.items():
            self.pay("lending abroad", ("household", key), FOREIGN, cell["foreign_lending"])

    def balance_government(self):
        government = self.parameters["government"]
        for key, cell in self.households.items():
            holder = ("household", key)
            cell["income"] += cell["government_wages"]
            self.pay("government wages", GOVERNMENT, holder, cell["government_wages"])
            cell["benefits"] = 0.0
            if key[1] == WORKER and government.benefit_basis == "wages":
                cell["benefits"] = government.benefit_share * max(cell["potential_wages"] - cell["income"], 0.0)
            elif key[1] == WORKER:
                region = self.regions[key[0]]
                idle = max(region["unemployed"], 0.0) / region["labour_force"] if region["labour_force"] > 0.0 else 0.0
                cell["benefits"] = government.benefit_share * cell["potential_wages"] * idle
            self.pay("transfers", GOVERNMENT, holder, cell["transfers"])
            self.pay("benefits", GOVERNMENT, holder, cell["benefits"])
            tax = self.accounts[GOVERNMENT]["tax_rate"] * cell["income"]
            self.pay("income tax", holder, GOVERNMENT, tax)
            kept = cell["income"] - tax + cell["transfers"] + cell["benefits"]
            cell["disposable"] = kept - cell["invested"] - cell["foreign_lending"]

    def smooth_income(self):
        speed = self.parameters["households"].smoothing
        for cell in self.households.values():
            cell["income_smoothed"] += speed * (cell["disposable"] - cell["income_smoothed"])

    # -- labour -----------------------------------------------------------------------------------------------------------------------

    def place_staff(self, heads):
        """Staff is what it is; firms that are everywhere employ by population, and who works nowhere is out of work."""
        roaming = sum(heads[uid] for uid, firm in self.firms.items() if firm["region"] == EVERYWHERE)
        for r, region in self.regions.items():
            region["roaming_staff"] = region["population_share"] * roaming
            here = sum(heads[uid] for uid, firm in self.firms.items() if firm["region"] == r)
            region["unemployed"] = region["labour_force"] - here - region["roaming_staff"]
        for uid, staff in heads.items():
            self.firms[uid]["employment"] = staff

    def leave(self, heads):
        """Staff (by uid) leaves for the pools; that of firms that are everywhere where it lives."""
        everywhere = sum(n for uid, n in heads.items() if self.firms[uid]["region"] == EVERYWHERE)
        roaming = sum(region["roaming_staff"] for region in self.regions.values())
        for r, region in self.regions.items():
            gone = sum(n for uid, n in heads.items() if self.firms[uid]["region"] == r)
            roamers = region["roaming_staff"] * everywhere / roaming if roaming > 0.0 else 0.0
            region["roaming_staff"] = max(region["roaming_staff"] - roamers, 0.0)
            region["unemployed"] += gone + roamers
        for uid, n in heads.items():
            self.firms[uid]["employment"] = max(self.firms[uid]["employment"] - n, 0.0)

    def release_staff(self):
        for firm in self.firms.values():
            firm["releases"] = 0.0 if firm["alive"] else firm["employment"]
        self.leave({uid: firm["releases"] for uid, firm in self.firms.items() if firm["releases"] > 0.0})

    def adjust_staff(self, t):
        labour = self.parameters["labour"]
        if not labour.enabled:
            for firm in self.firms.values():
                firm["labour_limit"] = firm["labour_factor"] * firm["normal_output"] if firm["labour_factor"] < 1.0 else UNLIMITED
            return
        self.learn(t)
        pay = self.relative_pay()
        wanted, leaving = {}, {}
        for uid, firm in self.firms.items():
            able = firm["capacity"] * firm["overtime"] * firm["capacity_factor"]
            firm["desired_employment"] = self.needed(firm, min(firm["planned_output"], able))
            gap = firm["desired_employment"] - firm["employment"] - firm["borrowed"]
            cut = labour.firing_speed * (1.0 - firm["wage_subsidy_share"]) * (1.0 - firm["redeployed"]) * max(-gap, 0.0)
            quits = labour.quit_share * firm["turnover"] * firm["employment"] * pay[uid] ** -labour.quit_elasticity
            firm["quits"] = min(quits, firm["employment"])
            firm["layoffs"] = min(max(cut - firm["quits"], 0.0), firm["employment"] - firm["quits"])
            leaving[uid] = firm["quits"] + firm["layoffs"]
            wanted[uid] = labour.hiring_speed * max(gap, 0.0) + max(firm["quits"] - cut, 0.0) if firm["alive"] else 0.0
        found = self.match(wanted, pay)
        self.leave(leaving)
        for uid, places in found.items():
            firm = self.firms[uid]
            firm["hires"] = sum(places.values())
            firm["employment"] += firm["hires"]
            for r, n in places.items():
                self.regions[r]["unemployed"] -= n
                if firm["region"] == EVERYWHERE:
                    self.regions[r]["roaming_staff"] += n
        self.review_wages(t, wanted)
        for firm in self.firms.values():
            at_work = max(firm["employment"] + firm["borrowed"], 0.0)
            per_unit = self.needed(firm, 1.0)
            firm["labour_limit"] = firm["labour_factor"] * labour.hours_max * at_work / per_unit if per_unit > 0.0 else UNLIMITED

    def learn(self, t):
        """ln a ← ρ ln a + (1-ρ) σ²/2 + √(1-ρ²) σ z, σ² the variance in the long run: SMBs."""
        labour = self.parameters["labour"]
        if labour.productivity_noise == 0.0:
            return
        rho = labour.productivity_persistence ** (1.0 / WEEKS)
        variance = labour.productivity_noise**2 / (1.0 - labour.productivity_persistence**2)
        uniforms = self.uniforms("productivity", t, self.firms)
        for uid, firm in self.firms.items():
            if firm["kind"] == SMB and firm["alive"]:
                noise = math.sqrt((1.0 - rho**2) * variance) * self.normal(uniforms[uid])
                firm["productivity"] = math.exp(rho * math.log(firm["productivity"]) + (1.0 - rho) * variance / 2.0 + noise)

    def relative_pay(self):
        """ŵ: pay relative to the firm's own at rest, over the mean of that in the region; of all, for a firm that is everywhere."""
        own = {uid: f["wage"] / f["resting_wage"] if f["resting_wage"] > 0.0 else 1.0 for uid, f in self.firms.items()}
        relative = {}
        for place in (EVERYWHERE, *self.regions):
            staff = {uid: f["employment"] for uid, f in self.firms.items() if place in (EVERYWHERE, f["region"])}
            total = math.fsum(staff.values())
            mean = math.fsum(own[uid] * n for uid, n in staff.items()) / total if total > 0.0 else 1.0
            relative |= {uid: own[uid] / mean for uid, f in self.firms.items() if f["region"] == place}
        return relative

    def match(self, wanted, pay):
        """uid -> region -> hires; the pools as they are before anybody leaves."""
        labour, regions = self.parameters["labour"], self.regions
        shares = {r: region["population_share"] for r, region in regions.items()}
        offers = {}
        for uid, firm in self.firms.items():
            places = shares if firm["region"] == EVERYWHERE else {firm["region"]: 1.0}
            fill = sum(share * regions[r]["expected_fill"] for r, share in places.items())
            firm["vacancies"] = wanted[uid] / fill
            offers[uid] = {r: firm["vacancies"] * share for r, share in places.items()}
        found = {uid: {} for uid in offers}
        for r, region in regions.items():
            here = {uid: places[r] for uid, places in offers.items() if r in places}
            posted = math.fsum(here.values())
            drawing = math.fsum(n * pay[uid] ** labour.hire_elasticity for uid, n in here.items())
            pool, eta = max(region["unemployed"], 0.0), labour.matching_elasticity
            matches = min(region["matching_efficiency"] * pool**eta * posted ** (1.0 - eta), pool, posted)
            for uid, n in here.items():
                chance = pay[uid] ** labour.hire_elasticity * matches / drawing if drawing > 0.0 else 0.0
                found[uid][r] = n * min(chance, 1.0)
            filled = matches / posted if posted > 0.0 else region["expected_fill"]
            region["expected_fill"] += (filled - region["expected_fill"]) / labour.fill_weeks
            region["expected_fill"] = max(region["expected_fill"], 0.1)
        return found

    def review_wages(self, t, wanted):
        labour, regions = self.parameters["labour"], self.regions
        slack = {
            r: (row["unemployed"] / row["labour_force"] if row["labour_force"] > 0.0 else row["normal_unemployment"])
            - row["normal_unemployment"] for r, row in regions.items()
        }  # fmt: skip
        force = sum(row["labour_force"] for row in regions.values())
        slack[EVERYWHERE] = sum(slack[r] * row["labour_force"] for r, row in regions.items()) / force if force > 0.0 else 0.0
        for uid, firm in self.firms.items():
            missed = 1.0 - firm["hires"] / wanted[uid] if wanted[uid] > 1e-9 * firm["employment"] else 0.0
            firm["unfilled"] += (missed - firm["unfilled"]) / labour.wage_review_weeks
            if firm["alive"] and (t + uid) % labour.wage_review_weeks == 0:
                rise = labour.wage_pressure * firm["unfilled"] - labour.wage_slope * slack[firm["region"]]
                rise = min(max(rise, -labour.wage_step), labour.wage_step)
                firm["wage"] = max(firm["wage"] * (1.0 + rise), labour.wage_floor * firm["resting_wage"])

    # -- closures ---------------------------------------------------------------------------------------------------------------------

    def judge(self, t):
        exits, price = self.parameters["exits"], self.accounts[INVESTMENT]["capital_price"]
        offer_hazard = exits.offer_rate / WEEKS
        retirement = 1.0 - (1.0 - exits.retirement_hazard) ** (1.0 / WEEKS)
        offers, retire = self.uniforms("offer", t, self.firms), self.uniforms("retirement", t, self.firms)
        beginners = self.uniforms("restlessness", 0, self.firms)
        for uid, firm in self.firms.items():
            destroyed = (1.0 - exits.orderly_recovery) * (firm["collateral"] + firm["capital"] * price)
            income = max(firm["mean_profit"] + firm["owner_pay"] + exits.stake_return / WEEKS * destroyed, 0.0)
            taken = math.exp(-income / firm["offer"]) if firm["offer"] > 0.0 else 0.0
            if firm["restlessness"] < 0.0:  # exponential, with a mean that falls with the years stayed
                mean = 1.0 / (1.0 + exits.offer_rate * taken * max(t - firm["born"], 0) / WEEKS)
                firm["restlessness"] = -mean * math.log(1.0 - beginners[uid])
            if not firm["alive"]:
                firm["weeks_since_exit"] += 1
                firm["weeks_in_arrears"] = 0
                continue
            firm["weeks_in_arrears"] = firm["weeks_in_arrears"] + 1 if firm["overdue"] > 0.0 else 0
            cause = 0
            if firm["weeks_in_arrears"] > exits.grace_weeks:
                cause = ILLIQUID
            elif firm["equity"] < 0.0 and firm["refused"]:
                cause = INSOLVENT
            elif offers[uid] < firm["restlessness"] * offer_hazard * taken:
                cause = VOLUNTARY
            elif retire[uid] < retirement:
                cause = RETIREMENT
            if cause and firm["kind"] == SMB:
                firm["alive"], firm["exit_week"], firm["exit_cause"] = False, t, cause

    def liquidate(self, t):
        """Capital and goods are sold abroad, at a discount that rises with what the sector has on sale."""
        exits, price = self.parameters["exits"], self.accounts[INVESTMENT]["capital_price"]
        for s, sector in self.sectors.items():
            members = {uid: self.firms[uid] for uid in self.firms_of[s]}
            absorbed = sum(firm["capex"] for firm in members.values() if firm["alive"])
            closing = {uid: firm for uid, firm in members.items() if firm["exit_week"] == t}
            sector["capital_on_sale"] = max(sector["capital_on_sale"] - absorbed, 0.0) + sum(price * f["capital"] for f in closing.values())
            weeks = sector["capital_on_sale"] / absorbed if absorbed > 0.0 else math.inf
            discount = min(exits.fire_sale * weeks, 1.0) if exits.fire_sale > 0.0 else 0.0
            for uid, firm in members.items():
                firm["liquidation"] = 0.0
                if uid not in closing:
                    continue
                pressed = firm["exit_cause"] in (ILLIQUID, INSOLVENT)
                goods = firm["unit_cost"] * firm["inventory"]
                for key in self.slots_of[uid]:
                    slot, held = self.slots[key], self.held(key)
                    goods += slot["purchase_price"] * held
                    slot["supply_line"] = max(slot["supply_line"] - (held - slot["input_stock"]), 0.0)
                    slot["input_spoiled"] += held
                    slot["input_stock"] = 0.0
                    slot["pipeline"], slot["import_pipeline"] = ([0.0] * len(slot[ring]) for ring in ("pipeline", "import_pipeline"))
                of_capital = exits.capital_recovery if pressed else exits.orderly_recovery
                of_goods = exits.goods_recovery if pressed else exits.orderly_recovery
                firm["liquidation"] = of_capital * (1.0 - discount) * price * firm["capital"] + of_goods * goods
                self.pay("liquidation", FOREIGN, ("firm", uid), firm["liquidation"])
                firm["scrap"] += firm["inventory"]
                firm["inventory"] = firm["capital"] = firm["capacity"] = firm["normal_output"] = 0.0

    def close_links(self, t):
        """Orders with closed firms are cancelled; others of the slot stand in, or the sector's large firms, or its largest firm."""
        sourcing = self.parameters["sourcing"]
        for firm in self.firms.values():
            firm["reliability"] += (firm["fill_rate"] - firm["reliability"]) / sourcing.memory
            firm["cancelled"] = 0.0
        closed = {uid for uid, firm in self.firms.items() if t - 1 <= firm["exit_week"] <= t}
        for name, link in self.links.items():
            if closed.isdisjoint(name):
                continue
            seller, slot = self.firms[name[0]], self.slots[self.slot_of[name]]
            seller["cancelled"] += link["backlog"]
            slot["supply_line"] = max(slot["supply_line"] - link["backlog"], 0.0)
            link["backlog"] = 0.0
            if name[1] in closed:
                link["weight"] = 0.0
            seller["backlog_due"] = sum(self.links[other]["backlog"] for other in self.links_to[name[0]])
        left_alone = []
        for key, slot in self.slots.items():
            names = self.links_of[key]
            if not self.firms[key[0]]["alive"] or closed.isdisjoint(name[0] for name in names):
                continue
            gone = sum(self.links[name]["weight"] for name in names if not self.firms[name[0]]["alive"])
            left = sum(self.links[name]["weight"] for name in names if self.firms[name[0]]["alive"])
            if gone > 0.0:
                slot["lost_share"] = 1.0 - (1.0 - slot["lost_share"]) * left / (left + gone)
                for name in names:
                    alive, weight = self.firms[name[0]]["alive"], self.links[name]["weight"]
                    self.links[name]["weight"] = min(weight / left, 1.0) if alive and left > 0.0 else 0.0
            self.average_lead(key)
            if left == 0.0 and slot["lost_share"] > 0.0:
                left_alone.append(key)
        for key in left_alone:
            supplier = self.stand_in(*key)
            if supplier is not None:
                self.connect(key, supplier, 1.0)

    def stand_in(self, buyer, group):
        """The sector's large firms, else its largest firm; nobody sells to itself but the large firms, who are many."""

        def size(uid):
            return self.firms[uid]["kind"] == LARGE, self.firms[uid]["capacity"], -uid

        others = [uid for uid in self.firms_of[group] if self.firms[uid]["alive"] and (uid != buyer or self.firms[uid]["kind"] == LARGE)]
        return max(others, key=size) if others else None

    def connect(self, key, supplier, share):
        name = supplier, key[0]
        if name in self.links:
            self.links[name]["weight"] = min(self.links[name]["weight"] + share, 1.0)
        else:
            here, there = self.firms[key[0]]["region"], self.firms[supplier]["region"]
            local = here == there and here != EVERYWHERE
            lead = self.regions[here]["local_lead"] if local else self.sectors[key[1]]["other_lead"]
            self.links[name] = {"weight": share, "lead_time": lead, "backlog": 0.0, "shipped": 0.0, "payable": 0.0}
            self.join_links()
        self.average_lead(key)

    def average_lead(self, key):
        """Mean lead time of a slot by the weights of its suppliers, imports included; what it was where nobody supplies it."""
        slot, links = self.slots[key], [self.links[name] for name in self.links_of[key]]
        total = sum(link["weight"] for link in links)
        if total > 0.0:
            mean = sum(link["weight"] * link["lead_time"] for link in links) / total
            slot["lead"] = (1.0 - slot["import_share"]) * mean + slot["import_share"] * len(slot["import_pipeline"])

    def forget_links(self):
        """Links along which nobody orders, waits or owes; slots of closed firms in which nothing is left."""
        for name, link in list(self.links.items()):
            if not any(link[column] > 0.0 for column in ("weight", "payable", "backlog")):
                del self.links[name]
        self.join_links()
        for key, slot in list(self.slots.items()):
            used = [slot[c] for c in ("input_stock", "input_use", "input_spoiled", "imports", "emergency_import")]
            used += [*slot["pipeline"], *slot["import_pipeline"]]
            if not self.firms[key[0]]["alive"] and not any(used) and not self.links_of[key]:
                del self.slots[key]
        self.join_links()

    def settle_estates(self):
        exits = self.parameters["exits"]
        for firm in self.firms.values():
            firm["credit_losses"] = firm["loan_losses"] = firm["arrears_losses"] = firm["payable_losses"] = 0.0
        for uid, firm in self.firms.items():
            weeks = firm["weeks_since_exit"]
            if firm["alive"] or weeks < exits.estate_weeks or not (weeks > 0 or firm["cash"] <= 0.0):
                continue
            for arrears in ("wage_arrears", "tax_arrears", "interest_arrears"):
                firm["arrears_losses"] += firm[arrears]
                firm[arrears] = 0.0
            firm["payable_losses"] += firm["import_payable"]
            firm["import_payable"] = 0.0
            for key in self.slots_of[uid]:
                for name in self.links_of[key]:
                    lost = self.links[name]["payable"]
                    self.firms[name[0]]["credit_losses"] += lost
                    firm["payable_losses"] += lost
                    self.links[name]["payable"] = 0.0
            firm["loan_losses"] = firm["debt"]
            firm["debt"] -= firm["loan_losses"]
            self.accounts[BANK]["balance"] -= firm["loan_losses"]
            self.note("loans written off", "bank", "firm", firm["loan_losses"])
            self.pay("guarantees", GOVERNMENT, BANK, min(firm["guaranteed_debt"], firm["loan_losses"]))
            firm["guaranteed_debt"] = 0.0

    # -- costs and prices -------------------------------------------------------------------------------------------------------------

    def estimate_costs(self):
        for uid, firm in self.firms.items():
            sector = self.sectors[firm["sector"]]
            slots = [self.slots[key] for key in self.slots_of[uid]]
            firm["material_cost"] = sum(slot["coefficient"] * slot["purchase_price"] for slot in slots)
            firm["material_cost"] += sum(k * self.sectors[g]["counter_price"] for g, k in enumerate(sector["counter_coefficient"]))
            firm["material_cost"] += sum(m * self.sectors[g]["import_price_factor"] for g, m in enumerate(sector["spot_coefficient"]))
            firm["material_cost"] += sector["other_import_coefficient"] + sum(sector["account_coefficient"])
            labour = firm["wage_factor"] * firm["wage"] * self.needed(firm, 1.0)
            firm["unit_cost"] = firm["cost_factor"] * firm["material_cost"] + firm["product_tax_coefficient"] + labour

    def review_prices(self, t):
        market = self.parameters["market"]
        sold = {s: math.fsum(self.firms[uid]["expected_demand"] for uid in members) for s, members in self.firms_of.items()}
        uniforms = self.uniforms("quality", t, self.firms)
        rho = market.quality_persistence ** (market.review_weeks / WEEKS)
        variance = market.quality_noise**2 / (1.0 - market.quality_persistence**2)
        for uid, firm in self.firms.items():
            large = firm["kind"] == LARGE
            if not firm["alive"] or not (large or (t + uid) % market.review_weeks == 0):
                continue
            pace = 1.0 / market.review_weeks if large else 1.0
            total = sold[firm["sector"]]
            share = firm["expected_demand"] / total if total > 0.0 else 0.0
            known = share > 0.0 and firm["reviewed_share"] > 0.0
            gained = math.log(share / firm["reviewed_share"]) if known else 0.0
            target = firm["finished_cover"] * firm["expected_demand"] if firm["storable"] else 0.0
            unsold = min(max(firm["inventory"] / target - 1.0, -1.0), 1.0) if target > 0.0 else 0.0
            change = math.exp(market.share_response * gained - market.stock_response * pace * unsold) - 1.0
            markup = firm["markup"]
            firm["markup"] = max(markup + abs(markup) * change, min(markup, market.markup_min))
            firm["reviewed_share"] = share
            step = (1.0 + firm["markup"]) * firm["unit_cost"] / firm["price"] - 1.0
            firm["price"] *= 1.0 + pace * min(max(step, -market.price_step), market.price_step)
            if market.quality_noise > 0.0 and not large:
                noise = math.sqrt((1.0 - rho**2) * variance) * max(firm["employment"], 1.0) ** -market.diversification
                noise *= self.normal(uniforms[uid])
                firm["quality"] = math.exp(rho * math.log(firm["quality"]) + noise)

    # -- looking ----------------------------------------------------------------------------------------------------------------------

    def money(self) -> float:
        """All deposits less all loans (currency)."""
        firms = math.fsum(firm["cash"] - firm["debt"] for firm in self.firms.values())
        cells = math.fsum(cell["deposits"] for cell in self.households.values())
        return firms + cells + math.fsum(account["balance"] for account in self.accounts.values())

    def compare(self, state: State) -> dict[str, float]:
        """ "table.column" -> largest difference, relative to what passes through the row in a week.

        Firms, slots and links are measured against the resting output of the firm (of the buyer); regions, sectors, cells, accounts and
        flows against that of all firms; columns without currency in their unit against 1. A number that has grown beyond that, as
        the backlog of a firm that stands still does, is measured against itself: rounding is relative.
        """
        economy = math.fsum(self.scale.values())
        found = {}
        for name, keys in row_keys(state).items():
            table, rows = getattr(state, name), getattr(self, name)
            assert set(keys) == set(rows)
            for column, declared in table.columns.items():
                if column in KEYS:
                    continue
                worst = 0.0
                money = declared.unit.startswith(("currency", "base currency")) and " per " not in declared.unit
                for key, theirs in zip(keys, getattr(table, column).tolist(), strict=True):
                    ours = rows[key][column]
                    scale = self.flow_of(name, key, economy) if money else 1.0
                    for x, y in zip(ours, theirs, strict=True) if isinstance(theirs, list) else ((ours, theirs),):
                        assert math.isfinite(x - y), (name, column, key)
                        worst = max(worst, abs(x - y) / max(scale, abs(x)))
                found[f"{name}.{column}"] = worst
        for line in {*self.flows, *state.flows}:
            ours, theirs = self.flows.get(line, 0.0), state.flows.get(line, 0.0)
            found[f"flows.{'/'.join(line)}"] = abs(ours - theirs) / max(economy, abs(ours))
        return found

    def flow_of(self, table, key, economy):
        if table == "firms":
            return self.scale[key]
        if table == "slots":
            return self.scale[key[0]]
        if table == "links":
            return self.scale[key[1]]
        return economy


def row_keys(state: State) -> dict[str, list]:
    """Table -> key of each row, in the order of the state."""
    uid, sector = state.firms.uid.tolist(), state.firms.sector.tolist()
    suppliers, buyers = state.links.supplier.tolist(), state.links.buyer.tolist()
    groups = state.slots.group.tolist()
    assert all(sector[j] == groups[k] for j, k in zip(suppliers, state.links.slot.tolist(), strict=True))
    return {
        "firms": uid,
        "slots": [(uid[i], g) for i, g in zip(state.slots.customer.tolist(), groups, strict=True)],
        "links": [(uid[j], uid[i]) for j, i in zip(suppliers, buyers, strict=True)],
        "households": [(r, kind) for r in range(len(state.region_names)) for kind in (WORKER, OWNER)],
        "regions": list(range(len(state.region_names))),
        "sectors": list(range(len(state.sector_codes))),
        "accounts": list(state.account_names),
    }
