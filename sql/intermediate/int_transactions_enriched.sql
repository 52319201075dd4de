-- Grain: one row per staged transaction record that counts, whatever is duplicated elsewhere.
-- Purpose: each transaction beside its account and its employee. Their columns are NULL where there
-- is no accepted record of them. Records that are not spend are in quality.uncounted_transactions.
-- An anonymised transaction was accepted, and has the programme that it had then; whether it has an
-- employee and an account is no question any more.
with transactions as (
    select
        transaction_id,
        transaction_id_as_written,
        employee_id,
        benefit_account_id,
        merchant,
        amount,
        amount_as_written,
        transaction_timestamp,
        transaction_timestamp_as_written,
        is_timestamp_zoned,
        transaction_timestamp_doubt,
        foreign_currency,
        category,
        record_order,
        resends,
        refunds,
        outcome,
        _source_file,
        _row_number
    from staging.stg_transactions
    where not_counted is null
),

benefit_accounts as (
    select
        benefit_account_id,
        employee_id,
        benefit_type,
        program_name,
        monthly_allowance
    from intermediate.accepted_benefit_accounts
),

employees as (
    select
        employee_id,
        status,
        is_terminated,
        employed_until,
        hire_date
    from intermediate.accepted_employees
)

select
    transactions.transaction_id,
    transactions.transaction_id_as_written,
    transactions.employee_id,
    transactions.benefit_account_id,
    transactions.merchant,
    transactions.amount,
    transactions.amount_as_written,
    transactions.transaction_timestamp,
    transactions.transaction_timestamp_as_written,
    transactions.is_timestamp_zoned,
    transactions.transaction_timestamp_doubt,
    transactions.foreign_currency,
    transactions.category,
    if(
        transactions.outcome is null,
        benefit_accounts.benefit_type,
        json_extract_string(transactions.outcome, '$.benefit_type')
    ) as benefit_type,
    if(
        transactions.outcome is null,
        benefit_accounts.program_name,
        json_extract_string(transactions.outcome, '$.program_name')
    ) as program_name,
    benefit_accounts.monthly_allowance,
    employees.status as employee_status,
    employees.is_terminated as is_employee_terminated,
    employees.employed_until as employee_employed_until,
    employees.hire_date as employee_hire_date,
    if(transactions.outcome is null, benefit_accounts.employee_id is not null, null)
        as is_account_known,
    benefit_accounts.employee_id = transactions.employee_id as is_own_account,
    if(transactions.outcome is null, employees.employee_id is not null, null)
        as is_employee_known,
    transactions.outcome is not null as is_anonymised,
    transactions.record_order,
    transactions.resends,
    transactions.refunds,
    -- A narrow key finds ids that are the same or look alike; a few may share it by chance.
    hash(id_skeleton(transactions.transaction_id)) as skeleton_hash,
    -- And one finds charges of one employee, merchant and amount.
    hash(
        transactions.employee_id
        || ' '
        || transactions.merchant
        || ' '
        || cast(transactions.amount as varchar)
    ) as charge_hash,
    nullif(regexp_extract(transactions.transaction_id, '^(.*)[-/_.:].{1,2}$', 1), '') as whole_id,
    transactions._source_file,
    transactions._row_number
from transactions
left join benefit_accounts
    on transactions.benefit_account_id = benefit_accounts.benefit_account_id
left join employees
    on transactions.employee_id = employees.employee_id
