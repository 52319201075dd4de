-- The accounts, one row per line of benefit_accounts.csv, each with the issues planted in it.
create table benefit_accounts as
with
used as (
    select
        range // 84 as cycle,
        range % 84 as class
    from range(getvariable('accounts'))
),

-- One of each a cycle: the accounts of the terminated and the one of an unknown benefit type.
special as (
    select
        cycles.range as cycle,
        classes.range as class
    from range(getvariable('cycles')) as cycles
    cross join range(84, 87) as classes
),

ownerless as (
    select
        range as cycle,
        87 as class
    from range(getvariable('cycles'))
    where range % 2 = 0
),

numbered as (
    select cycle, class from used
    union all
    select cycle, class from special
    union all
    select cycle, class from ownerless
),

described as (
    select
        cycle,
        class,
        account_number(cycle, class) as number,
        account_id_of(cycle, class) as benefit_account_id,
        employee_id_of(cycle, owner_of(class)) as owner,
        one_of(['wellness', 'wfh', 'meals', 'learning'], benefit_of(cycle, class)) as benefit_type,
        one_of(
            [
                'Wellness Plus', 'Mind & Body', 'Home Office', 'Home Office', 'Daily Meals',
                'Team Meals', 'Growth Budget', 'Growth Budget'
            ],
            program_of(cycle, class)
        ) as program_name,
        decimal_text(allowance_cents_of(cycle, class)) as monthly_allowance
    from numbered
),

planted as (
    select
        number,
        cycle,
        class,
        benefit_account_id,
        case
            when class = 87 then one_of(['E0000', null, lower(owner)], cycle // 2)
            else owner
        end as employee_id,
        case
            when class = 86 then 'commuter'
            when class % 29 = 6 then upper(benefit_type[1]) || benefit_type[2:]
            when class % 41 = 9 then ' ' || upper(benefit_type) || ' '
            else benefit_type
        end as benefit_type,
        -- Two small programmes: fewer employees than may be published.
        case
            when class = 86 then one_of(['City Commute', 'City Bikes'], cycle)
            else program_name
        end as program_name,
        case
            when class = 40 and cycle % 3 = 0 then one_of(['n/a', '-50.00'], cycle // 3)
            else monthly_allowance
        end as monthly_allowance,
        case
            when class = 87 then 'orphan_benefit_account'
            when class = 86 then 'unknown_benefit_type'
            when class = 40 and cycle % 3 = 0 then 'invalid_allowance'
            else ''
        end as issues
    from described
),

without_id as (
    select
        number + 0.5 as place,
        case when cycle % 2 = 0 then null else '  ' end as benefit_account_id,
        employee_id,
        benefit_type,
        program_name,
        monthly_allowance,
        'missing_benefit_account_id' as issues
    from planted
    where class = 53 and cycle % 3 = 0
),

copies as (
    select
        number + 4.5 as place,
        benefit_account_id,
        employee_id,
        benefit_type,
        program_name,
        monthly_allowance,
        'duplicate_benefit_account' as issues
    from planted
    where class = 50 and cycle % 3 = 0
),

-- Whoever believed the outdated version would find the owner wrong and every purchase too dear.
outdated as (
    select
        number - 2.5 as place,
        benefit_account_id,
        employee_id_of(cycle, owner_of(52)) as employee_id,
        benefit_type,
        program_name,
        '1.00' as monthly_allowance,
        'conflicting_benefit_account_id' as issues
    from planted
    where class = 51 and cycle % 3 = 0
)

select
    cast(number as double) as place,
    benefit_account_id,
    employee_id,
    benefit_type,
    program_name,
    monthly_allowance,
    issues
from planted
union all
select
    place,
    benefit_account_id,
    employee_id,
    benefit_type,
    program_name,
    monthly_allowance,
    issues
from without_id
union all
select
    place,
    benefit_account_id,
    employee_id,
    benefit_type,
    program_name,
    monthly_allowance,
    issues
from copies
union all
select
    place,
    benefit_account_id,
    employee_id,
    benefit_type,
    program_name,
    monthly_allowance,
    issues
from outdated;
