"""The oracle: a week of the whole model the slow, obvious way, with dictionaries, floats and loops.

It is written from the equations (the docstrings of the mechanisms and MODEL.md), never from the code of the phases, and shares nothing
with it but the random numbers. Where the two disagree over fifty weeks, one of them is wrong.

Every table is a dictionary of rows, a row a dictionary of columns under the names of the state:
    firms      by uid                       households  by (region, class)
    slots      by (customer, group)         regions, sectors  by row
    links      by (supplier, customer)      accounts    by name
A second axis is a list (weeks of a ring, sectors, uses) or, where it runs over accounts, a list in the order of the accounts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from smbsim.draws import Draws
from smbsim.rest import ACCOUNTS, BANK, FOREIGN, GOVERNMENT, INVESTMENT, USES
from smbsim.state import EVERYWHERE, OWNER, SMB, WORKER, State

HOUSEHOLD = 0  # place of the households among the uses
N_USES = len(USES)
WEEKS = 52  # in a year
BINDING = {"leontief": 0, "strongly_critical": 1, "half_critical": 2, "weakly_critical": 2, "linear": 0, "ario_psi": 0}
USE_FLOWS = {INVESTMENT: "investment goods", FOREIGN: "exports", GOVERNMENT: "government purchases"}
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
        new.slots_of = {uid: [key for key in new.slots if key[0] == uid] for uid in new.firms}
        new.links_to = {uid: [key for key in new.links if key[0] == uid] for uid in new.firms}
        new.links_of = {key: [] for key in new.slots}
        for supplier, customer in new.links:
            new.links_of[customer, new.firms[supplier]["sector"]].append((supplier, customer))
        new.slot_of = {link: slot for slot, links in new.links_of.items() for link in links}
        new.firms_of = {s: [uid for uid, firm in new.firms.items() if firm["sector"] == s] for s in new.sectors}
        return new

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
        self.limit_labour()
        self.produce()
        self.order()
        self.spend()
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
        self.pay_wages()
        self.pay_product_taxes()
        self.pay_spot_inputs()
        self.pay_emergency_imports()
        self.pay_trade_credit()
        self.collect_investment()
        self.close_books()
        self.distribute()
        self.balance_government()
        self.smooth_income()

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
            firm["planned_output"] = max(0.0, expected + orders.inventory_adjustment * gap)

    def limit_labour(self):
        for firm in self.firms.values():
            firm["labour_limit"] = firm["labour_factor"] * firm["normal_output"] if firm["labour_factor"] < 1.0 else 1e300

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
        households = self.parameters["households"]
        for cell in self.households.values():
            if households.enabled:
                wealth_share = (1.0 - households.income_share) / households.wealth_weeks
                wished = households.income_share * cell["income_smoothed"] + wealth_share * cell["deposits"]
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

    def reach(self, firm):
        """Household budgets within the firm's reach."""
        s = firm["sector"]
        if firm["region"] == EVERYWHERE:
            return firm["customer_base"][0] * sum(region["large_customers"][s] * region["budget"][s] for region in self.regions.values())
        home = self.regions[firm["region"]]["budget"][s]
        elsewhere = sum(region["budget"][s] for r, region in self.regions.items() if r != firm["region"])
        return firm["customer_base"][0] * home + firm["customer_base"][1] * elsewhere

    def share_demand(self):
        for sector in self.sectors.values():
            sector["counter_demand"] = 0.0
        for firm in self.firms.values():
            firm["counter_base"] = firm["output"]
            for s, coefficient in enumerate(self.sectors[firm["sector"]]["counter_coefficient"]):
                self.sectors[s]["counter_demand"] += firm["counter_base"] * coefficient
        reach = {uid: self.reach(firm) for uid, firm in self.firms.items()}
        for uid, wished in self.preferred(reach).items():
            firm = self.firms[uid]
            firm["household_demand"] = wished
            sector = self.sectors[firm["sector"]]
            pooled = sum(sector["spending"][1:]) / firm["price"] + sector["counter_demand"]
            firm["final_demand"] = firm["demand_factor"] * (wished / firm["price"] + firm["sale_share"] * pooled)

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
        for entries, sign in ((paid, -1.0), (received, 1.0)):
            for holder, amount in entries:
                if isinstance(holder, str):
                    self.accounts[holder]["balance"] += sign * amount
                elif holder[0] == "firm":
                    self.firms[holder[1]]["cash"] += sign * amount
                else:
                    self.households[holder[1]]["deposits"] += sign * amount
        total = math.fsum(amount for _, amount in paid)
        gross = math.fsum(abs(amount) for _, amount in received)
        assert abs(total - math.fsum(amount for _, amount in received)) <= 1e-9 * gross, flow
        if paid and received:
            line = (flow, *(side[0][0] if isinstance(side[0][0], str) else side[0][0][0] for side in (paid, received)))
            self.flows[line] = self.flows.get(line, 0.0) + total

    def pay(self, flow, payer, payee, amount):
        self.transfer(flow, [(payer, amount)], [(payee, amount)])

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
            slot["import_payable"] += abroad * slot["imports"]
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
                smb_share = firm["customer_base"][0 if firm["region"] == r else 1]
                share = firm["customer_base"][0] * region["large_customers"][s] if firm["region"] == EVERYWHERE else smb_share
                due += region["budget"][s] * share * ratio[uid]
            paid += self.by_consumption(due, [(r, WORKER), (r, OWNER)])
        self.transfer("consumption", paid, [(("firm", uid), amount) for uid, amount in received.items()])

    def by_consumption(self, amount, cells):
        """[(holder, amount)]: what each of the cells pays, in proportion to its consumption."""
        total = sum(self.households[cell]["consumption"] for cell in cells)
        return [(("household", cell), amount * self.households[cell]["consumption"] / total if total > 0.0 else 0.0) for cell in cells]

    def sell_to_other_uses(self):
        for u, use in enumerate(self.uses):
            if u == HOUSEHOLD:
                continue
            for uid, firm in self.firms.items():
                met = firm["demand_factor"] * firm["final_fill_rate"] * firm["sale_share"]
                flow = USE_FLOWS.get(use, f"{use} inputs")
                self.pay(flow, use, ("firm", uid), met * self.sectors[firm["sector"]]["spending"][u])

    def sell_over_counter(self):
        volume, value = dict.fromkeys(self.sectors, 0.0), dict.fromkeys(self.sectors, 0.0)
        received = []
        for uid, firm in self.firms.items():
            s = firm["sector"]
            sold = firm["demand_factor"] * firm["final_fill_rate"] * firm["sale_share"] * self.sectors[s]["counter_demand"]
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

    def pay_wages(self):
        for cell in self.households.values():
            cell["income"] = 0.0
        for uid, firm in self.firms.items():
            firm["employment"] = firm["labour_coefficient"] * firm["output"]
            firm["wage_bill"] = firm["wage"] * firm["employment"]
            self.pay_cells("wages", ("firm", uid), firm["region"], WORKER, firm["wage_bill"])

    def pay_product_taxes(self):
        for uid, firm in self.firms.items():
            firm["product_tax_paid"] = firm["product_tax_coefficient"] * firm["output"]
            self.pay("product taxes", ("firm", uid), GOVERNMENT, firm["product_tax_paid"])

    def pay_spot_inputs(self):
        for uid, firm in self.firms.items():
            sector = self.sectors[firm["sector"]]
            use = cost = sector["other_import_coefficient"]
            for g, coefficient in enumerate(sector["spot_coefficient"]):
                volume = coefficient * self.sectors[g]["import_factor"]
                use += volume
                cost += volume * self.sectors[g]["import_price_factor"]
            self.pay("imported inputs", ("firm", uid), FOREIGN, firm["output"] * cost)
            for name, coefficient in zip(self.account_names, sector["account_coefficient"], strict=True):
                use += coefficient
                cost += coefficient
                self.pay(f"inputs from {name}", ("firm", uid), name, firm["output"] * coefficient)
            firm["spot_use"], firm["spot_cost"] = firm["output"] * use, firm["output"] * cost

    def pay_emergency_imports(self):
        premium = 1.0 + self.parameters["production"].emergency_premium
        for uid, firm in self.firms.items():
            firm["emergency_cost"] = 0.0
            for key in self.slots_of[uid]:
                price = premium * self.sectors[key[1]]["import_price_factor"]
                firm["emergency_cost"] += price * self.slots[key]["emergency_import"]
            self.pay("emergency imports", ("firm", uid), FOREIGN, firm["emergency_cost"])

    def pay_trade_credit(self):
        for (supplier, customer), link in self.links.items():
            due = link["payable"] / self.firms[customer]["payment_terms"]
            link["payable"] -= due
            self.pay("network inputs", ("firm", customer), ("firm", supplier), due)
        for (customer, _), slot in self.slots.items():
            due = slot["import_payable"] / self.firms[customer]["payment_terms"]
            slot["import_payable"] -= due
            self.pay("imported inputs", ("firm", customer), FOREIGN, due)

    def collect_investment(self):
        spent = -self.accounts[INVESTMENT]["balance"]
        planned = sum(firm["capex"] for firm in self.firms.values()) + sum(cell["residual_investment"] for cell in self.households.values())
        share = spent / planned if planned > 0.0 else 0.0
        for uid, firm in self.firms.items():
            self.pay("capital replacement", ("firm", uid), INVESTMENT, share * firm["capex"])
        for key, cell in self.households.items():
            cell["invested"] = share * cell["residual_investment"]
            self.pay("residual investment", ("household", key), INVESTMENT, cell["invested"])

    # -- distribution -----------------------------------------------------------------------------------------------------------------

    def close_books(self):
        """Interest, profit and the tax on it, dividends."""
        finance, government = self.parameters["finance"], self.parameters["government"]
        for uid, firm in self.firms.items():
            firm["interest"] = finance.loan_rate / WEEKS * firm["debt"]
            self.pay("interest", ("firm", uid), BANK, firm["interest"])
            slots = [self.slots[key] for key in self.slots_of[uid]]
            inputs = sum(slot["purchase_price"] * (slot["input_use"] - slot["emergency_import"]) for slot in slots)
            costs = inputs + firm["counter_cost"] + firm["spot_cost"] + firm["emergency_cost"] + firm["wage_bill"]
            firm["profit"] = firm["price"] * firm["output"] - costs - firm["product_tax_paid"] - firm["capex"] - firm["interest"]
            firm["profit_tax_paid"] = government.profit_tax * max(firm["profit"], 0.0)
            self.pay("profit tax", ("firm", uid), GOVERNMENT, firm["profit_tax_paid"])
            firm["dividends"] = max(firm["cash"] - firm["liquidity_target"], 0.0) / finance.dividend_weeks
            self.pay_cells("dividends", ("firm", uid), firm["region"], OWNER, firm["dividends"])
            self.pay_cells("bank dividends", BANK, firm["region"], OWNER, firm["interest"])

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
            if key[1] == WORKER:
                cell["benefits"] = government.benefit_share * max(cell["potential_wages"] - cell["income"], 0.0)
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
