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
    written.benefit_account_id_as_written as raw_benefit_account_id,
    written.employee_id_as_written as raw_employee_id,
    written.benefit_type_as_written as raw_benefit_type,
    written.program_name_as_written as raw_program_name,
    written.monthly_allowance_as_written as raw_monthly_allowance,
    reasons._source_file,
    reasons._row_number
from reasons
inner join intermediate.int_benefit_accounts as benefit_accounts
    on
        reasons._source_file = benefit_accounts._source_file
        and reasons._row_number = benefit_accounts._row_number
inner join base.benefit_accounts as written
    on
        reasons._source_file = written._source_file
        and reasons._row_number = written._row_number
