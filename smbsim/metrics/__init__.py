"""Every metric, by name, in the order in which they are listed and recorded."""

from __future__ import annotations

from . import (
    activity,
    adoption,
    credit,
    demography,
    displacement,
    equity,
    exits,
    finance,
    labour,
    platforms,
    prices,
    skills,
    spread,
    stakeholders,
)
from .base import Metric

METRICS: dict[str, Metric] = {
    m.name: m
    for m in (
        activity.output, activity.smb_output, activity.real_value_added, activity.gdp, activity.employment, activity.smb_employment,
        activity.wages, activity.consumption, activity.unmet_demand, activity.fill_rate, activity.stopped_smbs, activity.finished_goods,
        activity.input_stocks, activity.orders, activity.imported_inputs, activity.sector_output, activity.sector_employment,
        activity.sector_fill_rate, activity.region_employment,
        finance.sector_deposits, finance.smb_deposits, finance.household_deposits, finance.government_deposits, finance.overdrawn_smbs,
        finance.dividends, finance.trade_credit, finance.cash_days, finance.cash_days_p25, finance.cash_days_p75,
        finance.overdue, finance.capital, finance.firm_investment,
        credit.loans, credit.loans_asked, credit.new_loans, credit.loan_applications, credit.loans_in_full, credit.refused_smbs,
        credit.interest_rate, credit.smb_leverage, credit.bank_own_funds,
        exits.smbs_alive, exits.surviving_smbs, exits.exits, exits.illiquid_exits, exits.insolvent_exits, exits.voluntary_exits,
        exits.retirements, exits.mergers, exits.smbs_in_arrears, exits.loans_written_off, exits.trade_credit_written_off,
        demography.entries, demography.entrant_jobs,
        labour.unemployment, labour.region_unemployment, labour.vacancies, labour.hires, labour.quits, labour.layoffs, labour.releases,
        labour.mean_wage, labour.productivity, labour.wage_subsidies,
        prices.price_level, prices.sector_price, prices.smb_markup, prices.sector_concentration, prices.import_share,
        skills.skill_level, skills.sector_skill_level, skills.domain_skill_level, skills.digital_skill_level, skills.new_skill_level,
        skills.pool_skill_level, skills.skill_gap, skills.skill_efficiency, skills.training_smbs, skills.training_spending,
        skills.training_return, skills.training_roi, skills.training_belief, skills.versatility, skills.staff_on_loan,
        adoption.ai_use, adoption.tool_use, adoption.function_ai_use, adoption.sector_ai_use, adoption.size_ai_use,
        adoption.quartile_ai_use, adoption.tool_depth,
        adoption.digital_divide, adoption.displacement, adoption.labour_saved, adoption.adopter_productivity, adoption.tool_spending,
        adoption.tool_roi,
        displacement.displacement_by_cause, displacement.reemployment, displacement.earnings_loss,
        stakeholders.stakeholder_shares, stakeholders.labour_share, stakeholders.smb_labour_share,
        equity.sales_gini, equity.sales_top_share, equity.sales_theil, equity.sales_theil_between,
        equity.income_gini, equity.income_theil, equity.income_theil_classes, equity.income_theil_regions, equity.income_atkinson,
        equity.income_palma, equity.wealth_gini, equity.wealth_top_share,
        equity.wage_gini, equity.wage_spread, equity.wage_theil, equity.wage_theil_sectors,
        platforms.marketplace_sellers, platforms.marketplace_buyers, platforms.data_members, platforms.platform_sales_share,
        platforms.platform_fees, platforms.shared_information, platforms.bullwhip_with_sharing, platforms.bullwhip_without_sharing,
        spread.output_variance, spread.output_moran,
    )
}  # fmt: skip
