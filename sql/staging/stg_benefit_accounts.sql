-- Grain: one row per record of the benefit accounts file.
-- Purpose: trimmed and typed; what would not cast is kept as written. An amount below zero is no
-- allowance; a balance below zero is that of an overdrawn account.
with benefit_accounts as (
    select
        _source_file,
        _row_number,
        _record_order as record_order,
        clean_id(benefit_account_id) as benefit_account_id,
        if(
            benefit_account_id = clean_id(benefit_account_id),
            null,
            nullif(clean_text(benefit_account_id), clean_id(benefit_account_id))
        ) as benefit_account_id_as_written,
        clean_id(employee_id) as employee_id,
        clean_label(benefit_type) as benefit_type,
        clean_text(program_name) as program_name,
        clean_text(monthly_allowance) as allowance_text,
        if(monthly_allowance_is_missing, null, monthly_allowance_as_written)
            as monthly_allowance_as_written,
        clean_text(current_balance) as balance_text,
        if(current_balance_is_missing, null, current_balance_as_written)
            as current_balance_as_written,
        iso_date(clean_text(opened_on)) as opened_on,
        if(opened_on_is_missing, null, opened_on_as_written) as opened_on_as_written,
        iso_date(clean_text(closed_on)) as closed_on,
        if(closed_on_is_missing, null, closed_on_as_written) as closed_on_as_written
    from base.benefit_accounts
),

typed as (
    select
        *,
        if(money(allowance_text) >= 0, money(allowance_text), null) as monthly_allowance,
        money(balance_text) as current_balance
    from benefit_accounts
)

select
    benefit_account_id,
    benefit_account_id_as_written,
    employee_id,
    benefit_type,
    program_name,
    monthly_allowance,
    if(monthly_allowance is null, clean_text(monthly_allowance_as_written), null)
        as monthly_allowance_as_written,
    current_balance,
    if(current_balance is null, clean_text(current_balance_as_written), null)
        as current_balance_as_written,
    opened_on,
    if(opened_on is null, clean_text(opened_on_as_written), null) as opened_on_as_written,
    closed_on,
    if(closed_on is null, clean_text(closed_on_as_written), null) as closed_on_as_written,
    record_order,
    _source_file,
    _row_number
from typed
