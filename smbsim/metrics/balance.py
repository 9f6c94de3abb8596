"""The balance sheet of the economy by class of holder: who owns what, and who owes it (MODEL.md 3.4).

                     workers  owners   SMBs     large    bank     state    abroad   accounts
    deposits         +V_w     +V_o     +M       +M       -D       +M       +M       +M         0
    base money                                           +H       -H                           0
    loans                              -L       -L       +L                                    0
    trade credit                       ±        ±                          +                   0
    arrears          +wages            -        -        +int.    +taxes                       0
    firm equity               +E       -E_S     -E_L                                           0
    bank own funds            +F                         -F                                    0
    goods                              +S, M    +S, M                                          goods
    capital                            +K       +K                                             capital

Assets are positive. D is the sum of all deposits; those that no loan stands behind, nor the bank's own funds F in cash, are there from the
start and are called base money: H = Σ deposits + F - Σ L, constant (`State.money`), a liability of the state. Firms and the bank belong to
their owners: a firm's equity and the bank's own funds (deposits and interest it is owed) are what is left of their other rows, so that
the net worth of their columns is zero and that of all classes together is goods and capital. Finished goods are valued at unit cost, inputs
in stock and in transit at their purchase price, capital at the price of capital. An estate counts with the firms of its kind.

Source: Godley and Lavoie (2007), ch. 2.
"""

from __future__ import annotations

import numpy as np

from ..rest import BANK, FOREIGN, GOVERNMENT, price_of_capital
from ..state import LARGE, OWNER, SMB, WORKER, State

HOLDERS = ("worker households", "owner households", "SMBs", "large firms", "bank", "state", "rest of the world", "other accounts")
FINANCIAL = ("deposits", "base money", "loans", "trade credit", "arrears", "firm equity", "bank own funds")  # rows that sum to zero
REAL = ("goods", "capital")
WORKERS, OWNERS, SMBS, LARGE_FIRMS, THE_BANK, THE_STATE, ABROAD, OTHERS = range(len(HOLDERS))


def balance_sheet(state: State) -> dict[str, np.ndarray]:
    """Row → (8,) currency by holder; `FINANCIAL` rows sum to zero, then come the `REAL` ones and "net worth", their sum."""
    rows = _claims(state) | {"goods": _firms(state, goods(state)), "capital": _firms(state, capital(state))}
    worth = np.sum(list(rows.values()), axis=0)
    rows["firm equity"] = np.zeros(len(HOLDERS))
    for firms in (SMBS, LARGE_FIRMS):
        rows["firm equity"][[firms, OWNERS]] += -worth[firms], worth[firms]
    rows["bank own funds"] = np.zeros(len(HOLDERS))
    rows["bank own funds"][[THE_BANK, OWNERS]] = -worth[THE_BANK], worth[THE_BANK]
    table = {name: rows[name] for name in (*FINANCIAL, *REAL)}
    return table | {"net worth": np.sum(list(table.values()), axis=0)}


def own_worth(table: dict[str, np.ndarray]) -> np.ndarray:
    """(8,) what each class holds less what it owes, before the shares in firms and bank: the equity of the firms, the bank's own funds."""
    return table["net worth"] - table["firm equity"] - table["bank own funds"]


def goods(state: State) -> np.ndarray:
    """(n,) currency: finished goods at unit cost, inputs in stock and in transit at what they cost."""
    firms, slots = state.firms, state.slots
    inputs = slots.input_stock + slots.pipeline.sum(axis=1) + slots.import_pipeline.sum(axis=1)
    return firms.unit_cost * firms.inventory + state.sum_slots(slots.purchase_price * inputs)


def capital(state: State) -> np.ndarray:
    """(n,) currency: fixed assets at the price of capital today."""
    return state.firms.capital * price_of_capital(state)


def _claims(state: State) -> dict[str, np.ndarray]:
    """The rows in which one class owes another, but for shares in firms and bank."""
    firms, balance = state.firms, state.accounts.balance
    bank, government, foreign = (state.account(name) for name in (BANK, GOVERNMENT, FOREIGN))
    deposits = _firms(state, firms.cash)
    deposits[[WORKERS, OWNERS]] = state.households.deposits[WORKER::2].sum(), state.households.deposits[OWNER::2].sum()
    deposits[[THE_STATE, ABROAD]] = balance[government], balance[foreign]
    deposits[OTHERS] = balance.sum() - balance[bank] - balance[government] - balance[foreign]
    deposits[THE_BANK] = -deposits.sum()
    base = np.zeros(len(HOLDERS))
    base[[THE_BANK, THE_STATE]] = state.money(), -state.money()
    loans = -_firms(state, firms.debt)
    loans[THE_BANK] = -loans.sum()
    payable = state.links.payable
    trade = _firms(state, state.sum_by_supplier(payable) - state.sum_by_customer(payable) - firms.import_payable)
    trade[ABROAD] = firms.import_payable.sum()
    taxes = firms.tax_arrears + firms.deferred_tax.sum(axis=1)
    arrears = -_firms(state, firms.wage_arrears + taxes + firms.interest_arrears)
    arrears[[WORKERS, THE_STATE, THE_BANK]] = firms.wage_arrears.sum(), taxes.sum(), firms.interest_arrears.sum()
    return {"deposits": deposits, "base money": base, "loans": loans, "trade credit": trade, "arrears": arrears}


def _firms(state: State, values: np.ndarray) -> np.ndarray:
    """(n,) → (8,) sums over SMBs and over large firms."""
    by_holder = np.zeros(len(HOLDERS))
    for holder, kind in ((SMBS, SMB), (LARGE_FIRMS, LARGE)):
        by_holder[holder] = values[state.firms.kind == kind].sum()
    return by_holder
