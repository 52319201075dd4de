-- Grain: one row per benefit account id of which a record is accepted.
-- Purpose: the accounts that everything further on works with: what is not in quarantine.
select
    benefit_accounts.benefit_account_id,
    benefit_accounts.employee_id,
    benefit_accounts.benefit_type,
    benefit_accounts.program_name,
    benefit_accounts.monthly_allowance,
    benefit_accounts.open_from,
    benefit_accounts.open_until,
    benefit_accounts.has_allowance,
    benefit_accounts._source_file,
    benefit_accounts._row_number
from intermediate.int_benefit_accounts as benefit_accounts
anti join quality.quarantine_benefit_accounts as quarantine
    on
        benefit_accounts._source_file = quarantine._source_file
        and benefit_accounts._row_number = quarantine._row_number
