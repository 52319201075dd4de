-- Grain: one row per (month, benefit_type, program_name); every programme has a row in each month
-- with spend.
-- Purpose: how much of the allowance of a month was spent. The allowance is that of the accounts of
-- the programme that were open on some day of the month; months and days are UTC. Where that of one
-- of them is not known, nobody can say how much of it was spent. A programme without accounts has
-- what was spent by anonymised transactions.
with spend as (
    select
        cast(date_trunc('month', spent_on) as date) as spend_month,
        benefit_type,
        program_name,
        sum(spend) as spend
    from marts.daily_spend
    group by spend_month, benefit_type, program_name
),

months as (
    select distinct spend_month
    from spend
),

programs as (
    select
        benefit_type,
        program_name
    from intermediate.accepted_benefit_accounts
    union
    select
        benefit_type,
        program_name
    from spend
),

accounts as (
    select
        benefit_type,
        program_name,
        employee_id,
        monthly_allowance,
        coalesce(cast(date_trunc('month', open_from) as date), date '0001-01-01') as first_month,
        coalesce(cast(date_trunc('month', open_until) as date), date '9999-12-01') as last_month
    from intermediate.accepted_benefit_accounts
    where has_allowance
),

-- Accounts and owners are added up by the months in which they count, before a row is made for each
-- month: few of them differ in these.
alike_accounts as (
    select
        benefit_type,
        program_name,
        first_month,
        last_month,
        count(*) as account_count,
        count(monthly_allowance) as allowance_count,
        sum(monthly_allowance) as allowance
    from accounts
    group by benefit_type, program_name, first_month, last_month
),

owners as (
    select
        benefit_type,
        program_name,
        employee_id,
        coalesce(min(first_month), date '0001-01-01') as begins,
        coalesce(max(last_month), date '9999-12-01') as ends,
        min(first_month) < max(first_month) or min(last_month) < max(last_month) as has_spans
    from accounts
    group by benefit_type, program_name, employee_id
),

-- Few owners have accounts of one programme that count in other months than each other.
owners_with_spans as (
    select
        accounts.benefit_type,
        accounts.program_name,
        accounts.employee_id,
        list_sort(list(distinct [accounts.first_month, accounts.last_month])) as spans
    from accounts
    semi join owners
        on
            owners.has_spans
            and accounts.benefit_type is not distinct from owners.benefit_type
            and accounts.program_name is not distinct from owners.program_name
            and accounts.employee_id is not distinct from owners.employee_id
    group by accounts.benefit_type, accounts.program_name, accounts.employee_id
),

alike_owners as (
    select
        benefit_type,
        program_name,
        [[begins, ends]] as spans,
        count(*) as employee_count,
        [begins, ends] as span
    from owners
    where not has_spans
    group by benefit_type, program_name, begins, ends
    union all
    select
        benefit_type,
        program_name,
        spans,
        count(*) as employee_count,
        unnest(spans) as span
    from owners_with_spans
    group by benefit_type, program_name, spans
),

allowances as (
    select
        months.spend_month,
        alike_accounts.benefit_type,
        alike_accounts.program_name,
        cast(sum(alike_accounts.account_count) as bigint) as account_count,
        sum(alike_accounts.allowance) as allowance,
        sum(alike_accounts.allowance_count) = sum(alike_accounts.account_count) as is_known
    from months
    inner join alike_accounts
        on months.spend_month between alike_accounts.first_month and alike_accounts.last_month
    group by months.spend_month, alike_accounts.benefit_type, alike_accounts.program_name
),

open_owners as (
    select distinct
        months.spend_month,
        alike_owners.benefit_type,
        alike_owners.program_name,
        alike_owners.spans,
        alike_owners.employee_count
    from months
    inner join alike_owners
        on months.spend_month between alike_owners.span[1] and alike_owners.span[2]
),

counted_owners as (
    select
        spend_month,
        benefit_type,
        program_name,
        cast(sum(employee_count) as bigint) as employee_count
    from open_owners
    group by spend_month, benefit_type, program_name
)

select
    months.spend_month,
    programs.benefit_type,
    programs.program_name,
    coalesce(allowances.account_count, 0) as account_count,
    coalesce(counted_owners.employee_count, 0) as employee_count,
    cast(coalesce(allowances.allowance, 0) as decimal(38, 2)) as allowance,
    cast(coalesce(spend.spend, 0) as decimal(38, 2)) as spend,
    if(
        allowances.is_known,
        round(coalesce(spend.spend, 0) / nullif(allowances.allowance, 0), 4),
        null
    ) as utilization_rate
from months
cross join programs
left join allowances
    on
        months.spend_month = allowances.spend_month
        and programs.benefit_type is not distinct from allowances.benefit_type
        and programs.program_name is not distinct from allowances.program_name
left join counted_owners
    on
        months.spend_month = counted_owners.spend_month
        and programs.benefit_type is not distinct from counted_owners.benefit_type
        and programs.program_name is not distinct from counted_owners.program_name
left join spend
    on
        months.spend_month = spend.spend_month
        and programs.benefit_type is not distinct from spend.benefit_type
        and programs.program_name is not distinct from spend.program_name
