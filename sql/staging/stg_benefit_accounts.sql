-- Grain: one row per record of the benefit accounts file.
-- Purpose: trimmed and typed; what would not cast is kept as written.
with benefit_accounts as (
    select
        _source_file,
        _row_number,
        clean_text(benefit_account_id) as benefit_account_id,
        clean_text(employee_id) as employee_id,
        clean_label(benefit_type) as benefit_type,
        clean_text(program_name) as program_name,
        clean_text(monthly_allowance) as monthly_allowance
    from raw.benefit_accounts
)

select
    benefit_account_id,
    employee_id,
    benefit_type,
    program_name,
    money(monthly_allowance) as monthly_allowance,
    if(money(monthly_allowance) is null, monthly_allowance, null)
        as monthly_allowance_as_written,
    _source_file,
    _row_number
from benefit_accounts
