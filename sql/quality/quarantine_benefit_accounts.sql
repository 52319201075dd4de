-- Grain: one row per benefit account record with a tier-2 issue.
-- Purpose: what was kept out of the marts and why, with the record as it was written, so that it
-- can be found in its file and fixed.
with reasons as (
    select
        _source_file,
        _row_number,
        arg_min(issue, severity) as rejection_reason,
        list(issue order by severity) as rejection_reasons
    from quality.benefit_account_issues
    where tier = 2
    group by _source_file, _row_number
)

select
    reasons.rejection_reason,
    reasons.rejection_reasons,
    benefit_accounts.benefit_account_id,
    benefit_accounts.employee_id,
    benefit_accounts.benefit_type,
    benefit_accounts.program_name,
    benefit_accounts.monthly_allowance,
    raw_benefit_accounts.benefit_account_id as raw_benefit_account_id,
    raw_benefit_accounts.employee_id as raw_employee_id,
    raw_benefit_accounts.benefit_type as raw_benefit_type,
    raw_benefit_accounts.program_name as raw_program_name,
    raw_benefit_accounts.monthly_allowance as raw_monthly_allowance,
    reasons._source_file,
    reasons._row_number
from reasons
inner join intermediate.int_benefit_accounts as benefit_accounts
    on
        reasons._source_file = benefit_accounts._source_file
        and reasons._row_number = benefit_accounts._row_number
inner join raw.benefit_accounts as raw_benefit_accounts
    on
        reasons._source_file = raw_benefit_accounts._source_file
        and reasons._row_number = raw_benefit_accounts._row_number
