-- Grain: one row per record of the benefit accounts file.
-- Purpose: trimmed and typed; what would not cast is kept as written. An amount below zero is no
-- allowance; a balance below zero is that of an overdrawn account.
with benefit_accounts as (
    select
        _source_file,
        _row_number,
        clean_text(benefit_account_id) as benefit_account_id,
        clean_text(employee_id) as employee_id,
        clean_label(benefit_type) as benefit_type,
        clean_text(program_name) as program_name,
        clean_text(monthly_allowance) as allowance_text,
        clean_text(current_balance) as balance_text,
        clean_text(opened_on) as opened_text,
        clean_text(closed_on) as closed_text
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
    employee_id,
    benefit_type,
    program_name,
    monthly_allowance,
    if(monthly_allowance is null, allowance_text, null) as monthly_allowance_as_written,
    current_balance,
    if(current_balance is null, balance_text, null) as current_balance_as_written,
    iso_date(opened_text) as opened_on,
    if(iso_date(opened_text) is null, opened_text, null) as opened_on_as_written,
    iso_date(closed_text) as closed_on,
    if(iso_date(closed_text) is null, closed_text, null) as closed_on_as_written,
    _source_file,
    _row_number
from typed
