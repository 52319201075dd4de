-- Grain: one row per (month, benefit_type, program_name), as in program_utilization.
-- Purpose: the balances of a programme's accounts together. Differences are compared account by
-- account, so those of opposite signs do not hide each other in their number. Anonymised
-- transactions have no account, and count for their programme.
with moved as (
    select
        balance_month,
        benefit_type,
        program_name,
        spend,
        refunds,
        quarantined,
        uncounted,
        stated_balance,
        difference,
        differing_accounts,
        differs_since
    from marts.monthly_balances
    union all
    select
        cast(date_trunc('month', spent_on) as date) as balance_month,
        benefit_type,
        program_name,
        anonymised_spend as spend,
        anonymised_refunds as refunds,
        0 as quarantined,
        0 as uncounted,
        null as stated_balance,
        null as difference,
        0 as differing_accounts,
        null as differs_since
    from marts.daily_spend
),

balances as (
    select
        balance_month,
        benefit_type,
        program_name,
        sum(spend) as spend,
        sum(refunds) as refunds,
        sum(quarantined) as quarantined,
        sum(uncounted) as uncounted,
        sum(stated_balance) as stated_balance,
        sum(difference) as difference,
        cast(sum(differing_accounts) as bigint) as differing_accounts,
        min(differs_since) as differs_since
    from moved
    group by balance_month, benefit_type, program_name
)

select
    programs.spend_month as balance_month,
    programs.benefit_type,
    programs.program_name,
    programs.allowance,
    cast(coalesce(balances.spend, 0) as decimal(38, 2)) as spend,
    cast(coalesce(balances.refunds, 0) as decimal(38, 2)) as refunds,
    cast(coalesce(balances.quarantined, 0) as decimal(38, 2)) as quarantined,
    cast(coalesce(balances.uncounted, 0) as decimal(38, 2)) as uncounted,
    cast(
        if(
            programs.account_count > 0 and programs.utilization_rate is null,
            null,
            programs.allowance - programs.spend
        ) as decimal(38, 2)
    ) as expected_balance,
    cast(balances.stated_balance as decimal(38, 2)) as stated_balance,
    cast(balances.difference as decimal(38, 2)) as difference,
    coalesce(balances.differing_accounts, 0) as differing_accounts,
    balances.differs_since
from marts.program_utilization as programs
left join balances
    on
        programs.spend_month = balances.balance_month
        and programs.benefit_type is not distinct from balances.benefit_type
        and programs.program_name is not distinct from balances.program_name
