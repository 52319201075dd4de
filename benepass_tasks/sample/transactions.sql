-- The transactions of the positions first_position to end_position - 1 of the file. A position
-- stands for one slot of one account: the file goes through the accounts, in a stirred order, once
-- a month. plan.csv says which slots of an account class are anything but an ordinary purchase.
create view transactions as
with
planned as (
    select * from plan
),

merchant_names as (
    select * from merchants
),

awkward_names as (
    select * from awkward_merchants
),

positions as (
    select
        range as position,
        range // getvariable('accounts') as slot,
        range % getvariable('accounts') as place
    from range(getvariable('first_position'), getvariable('end_position'))
),

-- The few positions after the last full month go to the first accounts, whose classes have no
-- plan for December.
slots as (
    select
        position,
        slot,
        place,
        case
            when slot = 12 then place
            else (place * getvariable('stride')) % getvariable('accounts')
        end as account
    from positions
),

-- `draws` numbers the purchase that a row describes: a copy describes another slot's purchase.
purchases as (
    select
        slots.position,
        slots.slot,
        slots.place,
        slots.account // 84 as cycle,
        slots.account % 84 as class,
        coalesce(planned.copy_of, slots.slot) as purchase_slot,
        slots.account * 13 + coalesce(planned.copy_of, slots.slot) as draws,
        slots.account * 13
        + case
            when planned.transaction_id = 'same' then planned.copy_of
            else slots.slot
        end as format_draws,
        slots.account // 84 + slots.account % 84 + coalesce(planned.copy_of, slots.slot) as variant,
        coalesce(planned.month_of, planned.copy_of, slots.slot) as month_slot,
        planned.days,
        coalesce(planned.minutes_later, 0) as minutes_later,
        coalesce(planned.transaction_id, '') as id_rule,
        coalesce(planned.employee_id, '') as employee_rule,
        coalesce(planned.benefit_account_id, '') as account_rule,
        coalesce(planned.merchant, '') as merchant_rule,
        coalesce(planned.amount, '') as amount_rule,
        coalesce(planned.transaction_timestamp, '') as time_rule,
        coalesce(planned.category, '') as category_rule,
        coalesce(planned.issues, '') as issues
    from slots
    left join planned
        on slots.account % 84 = planned.class
        and slots.slot = planned.slot
        and slots.account // 84 = coalesce(planned.cycle, slots.account // 84)
),

placed as (
    select
        *,
        case account_rule
            when 'terminated' then 84 + draw(draws, 20) % 2
            when 'commuter' then 86
            else class
        end as account_class,
        case employee_rule
            when 'other' then owner_of(class) + 1
            when 'terminated' then 38 + draw(draws, 20) % 2
            when 'commuter' then owner_of(86)
            else owner_of(class)
        end as member
    from purchases
),

-- Ordinary purchases take at most 30 % of the allowance each, and an account has at most three of
-- them in a month, so none passes it by accident.
priced as (
    select
        *,
        allowance_cents_of(cycle, account_class) as allowance_cents,
        benefit_of(cycle, account_class) as benefit
    from placed
),

spent as (
    select
        *,
        case amount_rule
            when 'high'
                then allowance_cents * 60 // 100 + draw(draws, 21) % (allowance_cents * 9 // 100)
            when 'forty'
                then allowance_cents * 40 // 100 + draw(draws, 21) % (allowance_cents * 5 // 100)
            when 'half' then allowance_cents // 2
            when 'zero' then 0
            else allowance_cents * 8 // 100 + draw(draws, 21) % (allowance_cents * 22 // 100)
        end + case when amount_rule = 'more' then 100 else 0 end as cents,
        case
            when category_rule in ('', 'missing') then benefit
            else (benefit + 1 + draw(draws, 22) % 3) % 4
        end as category_benefit
    from priced
),

-- Each account of an employee has its own hours of the day, so that two of them never hold the
-- same charge within minutes.
timed as (
    select
        *,
        case time_rule
            when 'edge' then make_date(2025, month_slot + 1, 1)
            when 'future' then make_date(2030, 1 + month_slot % 12, 3 + draw(draws, 23) % 25)
            when 'future_no_zone'
                then make_date(2030, 1 + month_slot % 12, 3 + draw(draws, 23) % 25)
            else make_date(
                2025,
                least(month_slot + 1, 12),
                case
                    when slot = 12 then 28 + draw(draws, 23) % 3
                    when days = 'early' then 3 + draw(draws, 23) % 7
                    when days = 'middle' then 11 + draw(draws, 23) % 7
                    when days = 'late' then 19 + draw(draws, 23) % 4
                    when days = 'last' then 24 + draw(draws, 23) % 4
                    else 3 + draw(draws, 23) % 25
                end
            )
        end as day,
        case
            when time_rule = 'edge' then 12600 + draw(draws, 24) % 1800
            else 25200 + (class // 38) * 18000 + draw(draws, 24) % 16200
        end + minutes_later * 60 as second,
        case when time_rule = 'edge' then 90 else draw(format_draws, 25) % 100 end as format
    from spent
),

moments as (
    select
        *,
        cast(day as timestamp) + to_seconds(second) as moment,
        case category_benefit
            when 0 then one_of(['gym', 'fitness'], draw(draws, 26))
            when 1 then 'office_supplies'
            when 2 then one_of(['food', 'groceries', 'food'], draw(draws, 26))
            else 'education'
        end as shop_category
    from timed
),

shops as (
    select
        *,
        case when category_rule = 'transit' then 'transit' else shop_category end as category_drawn,
        draw(draws, 27) % 8 as merchant_number
    from moments
),

named as (
    select
        shops.*,
        case
            when shops.merchant_rule = 'missing' then one_of([null, '  '], shops.variant)
            when shops.merchant_rule = '' then merchant_names.merchant
            else awkward_names.merchant
        end as merchant
    from shops
    left join merchant_names
        on shops.category_drawn = merchant_names.category
        and shops.merchant_number = merchant_names.number
    left join awkward_names on shops.merchant_rule = awkward_names.rule
)

select
    position,
    case id_rule
        when 'missing' then one_of([null, '   '], variant)
        when 'same'
            then printf('T%07d', purchase_slot * getvariable('accounts') + place + 1)
        else printf('T%07d', position + 1)
    end as transaction_id,
    case employee_rule
        when 'unknown'
            then one_of(
                ['E0000', null, lower(employee_id_of(cycle, member)), 'X0042', '  '], variant
            )
        when 'padded' then ' ' || employee_id_of(cycle, member) || ' '
        else employee_id_of(cycle, member)
    end as employee_id,
    case account_rule
        when 'unknown'
            then one_of(
                ['BA00000', null, lower(account_id_of(cycle, account_class)), 'CARD-7', '  '],
                variant
            )
        when 'orphan' then account_id_of(cycle - cycle % 2, 87)
        when 'padded' then '  ' || account_id_of(cycle, account_class) || ' '
        else account_id_of(cycle, account_class)
    end as benefit_account_id,
    merchant,
    case amount_rule
        when 'invalid'
            then one_of(
                [null, 'abc', 'NaN', 'inf', '$12.00', '1,234.50', '12.345'], variant
            )
        when 'negative' then '-' || decimal_text(cents)
        else decimal_text(cents)
    end as amount,
    case time_rule
        when 'invalid'
            then one_of(
                [
                    'not-a-date', '2025-02-30T10:00:00Z', null, '2025-13-01T08:00:00Z',
                    '2025-03-04T25:61:00Z'
                ],
                variant
            )
        when 'no_zone'
            then case variant % 3
                when 0 then strftime(moment, '%Y-%m-%dT%H:%M:%S')
                when 1 then strftime(moment, '%Y-%m-%d %H:%M:%S')
                else strftime(moment, '%Y-%m-%d')
            end
        when 'future_no_zone' then strftime(moment, '%Y-%m-%dT%H:%M:%S')
        else
            case
                when format < 80 then strftime(moment, '%Y-%m-%dT%H:%M:%SZ')
                when format < 88
                    then strftime(moment + to_hours(2), '%Y-%m-%dT%H:%M:%S+02:00')
                when format < 95
                    then strftime(moment - to_hours(5), '%Y-%m-%dT%H:%M:%S-05:00')
                else strftime(moment, '%Y-%m-%d %H:%M:%SZ')
            end
    end as transaction_timestamp,
    case
        when category_rule = 'missing' then one_of([null, ' '], variant)
        else category_drawn
    end as category,
    -- Not for the file: what the row is planted with, and the amount a reader can add up.
    concat_ws(
        '|',
        nullif(issues, ''),
        case
            when employee_rule <> 'unknown' and has_unknown_status(cycle, member)
                then 'unknown_employee_status'
        end
    ) as issues,
    case
        when amount_rule = 'invalid' then null
        when amount_rule = 'negative' then -cents
        else cents
    end as valid_cents
from named;
