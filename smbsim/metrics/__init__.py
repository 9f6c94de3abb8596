"""Every metric, by name, in the order in which they are listed and recorded."""

from __future__ import annotations

from . import activity, finance
from .base import Metric

METRICS: dict[str, Metric] = {
    m.name: m
    for m in (
        activity.output, activity.smb_output, activity.real_value_added, activity.gdp, activity.employment, activity.smb_employment,
        activity.wages, activity.consumption, activity.unmet_demand, activity.fill_rate, activity.stopped_smbs, activity.finished_goods,
        activity.input_stocks, activity.orders, activity.imported_inputs, activity.sector_output, activity.sector_employment,
        activity.sector_fill_rate, activity.region_employment,
        finance.sector_deposits, finance.smb_deposits, finance.household_deposits, finance.government_deposits, finance.overdrawn_smbs,
        finance.dividends, finance.trade_credit,
    )
}  # fmt: skip
