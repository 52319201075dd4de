-- The employees, one row per line of employees.csv, each with the issues planted in it.
create table employees as
with
cycles as (
    select range as cycle from range(getvariable('cycles'))
),

members as (
    select range as member from range(40)
),

numbered as (
    select
        cycles.cycle,
        members.member,
        employee_number(cycles.cycle, members.member) as number,
        -- 1237 has no factor in common with 2000: 2000 different pairs of names before the first
        -- one comes back.
        (employee_number(cycles.cycle, members.member) * 1237) % 2000 as name
    from cycles
    cross join members
),

named as (
    select
        cycle,
        member,
        number,
        one_of(
            [
                'Ada', 'Bruno', 'Chloé', 'Dario', 'Edith', 'Farid', 'Greta', 'Hugo', 'Ines',
                'Jonas', 'Kaya', 'Liam', 'Mira', 'Nils', 'Olga', 'Pablo', 'Quinn', 'Rosa', 'Samir',
                'Tessa',
                'Umar', 'Vera', 'Wanda', 'Xenia', 'Yara', 'Zoë', 'Anton', 'Bella', 'Cyrus', 'Delia',
                'Emil', 'Freya', 'Gustav', 'Hana', 'Ivo', 'Jasmin', 'Karl', 'Leila', 'Milo', 'Noor'
            ],
            name
        ) as first_name,
        one_of(
            [
                'Abara', 'Birk', 'Castel', 'Dumont', 'Ekberg', 'Fonseca', 'Grau', 'Holm', 'Ibarra',
                'Jansen', 'Kovar', 'Lindgren', 'Marchetti', 'Núñez', 'O''Dell', 'Pereira', 'Quist',
                'Rask', 'Sato', 'Tanaka', 'Ueda', 'Varga', 'Weiss', 'Xu', 'Yilmaz', 'Zeman',
                'Amsel', 'Brandt', 'Correia', 'Dietz', 'Eriksen', 'Farkas', 'Gallo', 'Hartig',
                'Iqbal', 'Jurado', 'Keller', 'Lopes', 'Molnar', 'Nyberg', 'Okafor', 'Petrov',
                'Quiroga', 'Rossi', 'Stahl', 'Thorne', 'Urban', 'Vasile', 'Winter', 'Zeller'
            ],
            name // 40
        ) as last_name
    from numbered
),

described as (
    select
        cycle,
        member,
        number,
        employee_id_of(cycle, member) as employee_id,
        first_name,
        last_name,
        lower(strip_accents(first_name))
        || '.'
        || replace(lower(strip_accents(last_name)), '''', '')
        || case when number > 2000 then cast(number as varchar) else '' end as mailbox,
        one_of(['example.com', 'example.org', 'example.net'], draw(number, 11)) as domain,
        case
            -- Hired in the year of the sample: the plan has transactions of January and February.
            when member = 37 then date '2025-03-01' + cast(cycle % 3 as integer)
            else date '2016-01-04' + cast(draw(number, 12) % 3200 as integer)
        end as hired_on,
        case
            when member = 38 and cycle % 2 = 1 then ' Terminated'
            when member >= 38 then 'terminated'
            when member in (9, 21) then 'on_leave'
            when member = 5 then 'Active'
            when member = 11 then ' ACTIVE '
            else 'active'
        end as status
    from named
),

-- Other members than these have no issue of their own.
planted as (
    select
        cycle,
        member,
        number,
        employee_id,
        first_name,
        last_name,
        mailbox || case
            when member = 28 and cycle % 3 = 1 then '.' || domain
            when member = 29 and cycle % 3 = 2 then ' at ' || domain
            else '@' || domain
        end as email,
        case
            when member = 27 and cycle % 3 = 1
                then one_of(['2024-31-12', 'last spring'], cycle // 3)
            else strftime(hired_on, '%Y-%m-%d')
        end as hire_date,
        case
            when member = 26 and cycle % 3 = 1 then one_of(['retired?', 'tbd'], cycle // 3)
            when member = 29 and cycle % 3 = 2 then 'contractor'
            else status
        end as status,
        case
            when member = 26 and cycle % 3 = 1 then 'unknown_status'
            when member = 27 and cycle % 3 = 1 then 'invalid_hire_date'
            when member = 28 and cycle % 3 = 1 then 'invalid_email'
            when member = 29 and cycle % 3 = 2 then 'unknown_status|invalid_email'
            else ''
        end as issues
    from described
),

without_id as (
    select
        cycle * 40 + 24.5 as place,
        case when cycle % 2 = 0 then null else '   ' end as employee_id,
        first_name,
        'Nemo' as last_name,
        lower(strip_accents(first_name)) || '.nemo@example.org' as email,
        hire_date,
        'active' as status,
        'missing_employee_id' as issues
    from planted
    where member = 17 and cycle % 3 = 0
),

copies as (
    select
        number + 3.5 as place,
        employee_id,
        first_name,
        last_name,
        email,
        hire_date,
        status,
        'duplicate_employee' as issues
    from planted
    where member = 20 and cycle % 3 = 0
),

-- The outdated version comes first; whoever believed it would refuse the employee's transactions.
outdated as (
    select
        number - 0.5 as place,
        employee_id,
        first_name,
        last_name,
        email,
        hire_date,
        'terminated' as status,
        'conflicting_employee_id' as issues
    from planted
    where member = 14 and cycle % 3 = 0
)

select
    cast(number as double) as place,
    employee_id,
    first_name,
    last_name,
    email,
    hire_date,
    status,
    issues
from planted
union all
select
    place,
    employee_id,
    first_name,
    last_name,
    email,
    hire_date,
    status,
    issues
from without_id
union all
select
    place,
    employee_id,
    first_name,
    last_name,
    email,
    hire_date,
    status,
    issues
from copies
union all
select
    place,
    employee_id,
    first_name,
    last_name,
    email,
    hire_date,
    status,
    issues
from outdated;
