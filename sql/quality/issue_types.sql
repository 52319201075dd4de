-- Grain: one row per issue.
-- Purpose: every issue that a record may have and what follows from it. Tier 2 keeps the record out
-- of the marts, tier 1 leaves it in with a flag. Of several issues of a record the one with the
-- lowest severity is the most severe; the numbers leave room for an issue between two others. What
-- may be wrong in several sources has one name.
-- An issue is a row here and a SELECT in the table of issues of its source.
select
    issue_types.source,
    issue_types.issue,
    issue_types.tier,
    issue_types.severity,
    issue_types.description
from (
    values
    ('employees', 'missing_employee_id', 2, 10, 'no id'),
    (
        'employees', 'conflicting_employee_id', 2, 20,
        'the id occurs with different content, and the last record says otherwise'
    ),
    (
        'employees', 'duplicate_employee', 2, 30,
        'another record with the same content speaks for the id: the first of identical copies, '
        || 'the last where the content differed at some time'
    ),
    ('employees', 'unknown_status', 1, 40, 'not active, on_leave or terminated'),
    (
        'employees', 'invalid_hire_date', 1, 50,
        'empty or not in the declared form, by default YYYY-MM-DD'
    ),
    ('employees', 'invalid_email', 1, 60, 'empty, or not of the form name@domain'),
    ('employees', 'invalid_termination_date', 1, 70, 'not empty and not YYYY-MM-DD'),
    (
        'employees', 'termination_before_hire', 1, 80,
        'the last day is before the date of hire, and counts as unknown'
    ),
    (
        'employees', 'look_alike_id', 1, 90,
        'another id differs from it in case, zeros in front, spaces, characters that cannot be '
        || 'seen or letters that look alike; both'
    ),
    ('benefit_accounts', 'missing_benefit_account_id', 2, 10, 'no id'),
    (
        'benefit_accounts', 'conflicting_benefit_account_id', 2, 20,
        'the id occurs with different content, and the last record says otherwise'
    ),
    (
        'benefit_accounts', 'duplicate_benefit_account', 2, 30,
        'another record with the same content speaks for the id: the first of identical copies, '
        || 'the last where the content differed at some time'
    ),
    ('benefit_accounts', 'orphan_benefit_account', 2, 40, 'the owner is empty or unknown'),
    ('benefit_accounts', 'unknown_benefit_type', 1, 50, 'not among the category mappings'),
    (
        'benefit_accounts', 'invalid_allowance', 1, 60,
        'empty, no amount, or below zero; there is no allowance to pass then'
    ),
    ('benefit_accounts', 'invalid_opening_date', 1, 70, 'not empty and not YYYY-MM-DD'),
    ('benefit_accounts', 'invalid_closing_date', 1, 80, 'not empty and not YYYY-MM-DD'),
    (
        'benefit_accounts', 'closed_before_opened', 1, 90,
        'the last day is before the first, and both count as unknown'
    ),
    (
        'benefit_accounts', 'look_alike_id', 1, 100,
        'another id differs from it in case, zeros in front, spaces, characters that cannot be '
        || 'seen or letters that look alike; both'
    ),
    (
        'transactions', 'total_record', 2, 5,
        'a total in place of a charge: no employee, no account, and an id such as Total, or none '
        || 'at the end of a file whose other amounts add up to it. Declare layout.skip_lines'
    ),
    ('transactions', 'missing_transaction_id', 2, 10, 'no id'),
    (
        'transactions', 'conflicting_transaction_id', 2, 20,
        'the id occurs with different content, in one file or, where resends conflict, in any; all '
        || 'its records there'
    ),
    (
        'transactions', 'reused_transaction_id', 2, 22,
        'the id occurs in several files for charges that have nothing in common, or most ids that '
        || 'come again do; all its records. Declare the key where ids begin anew'
    ),
    (
        'transactions', 'superseded_transaction', 2, 25,
        'a later file has a valid record of the id that says otherwise'
    ),
    (
        'transactions', 'duplicate_transaction', 2, 30,
        'the id occurs with the same content; all records but the first'
    ),
    (
        'transactions', 'foreign_currency', 2, 35,
        'in another currency than the one that is reported, or in none that is known'
    ),
    (
        'transactions', 'invalid_amount', 2, 40,
        'empty or not in the declared form; where none is, all but plain decimals: with a currency '
        || 'sign, a thousands separator or an exponent, or such as 1.200, which could be 1200; '
        || 'more than two decimals that matter, or too large for DECIMAL(18,2)'
    ),
    ('transactions', 'negative_amount', 2, 50, 'below zero, unless refunds are net'),
    ('transactions', 'zero_amount', 2, 60, 'zero'),
    (
        'transactions', 'invalid_timestamp', 2, 70,
        'empty or not in the declared form, by default ISO 8601 (extended format)'
    ),
    (
        'transactions', 'terminated_employee', 2, 80,
        'after the employee''s last day; where that is not known, the status is terminated'
    ),
    (
        'transactions', 'invalid_employee_id', 2, 90,
        'empty, unknown, or of an employee in quarantine'
    ),
    (
        'transactions', 'invalid_benefit_account_id', 2, 100,
        'empty, unknown, or of an account in quarantine'
    ),
    (
        'transactions', 'cross_employee_account_usage', 2, 110,
        'a known employee used another employee''s account'
    ),
    (
        'transactions', 'category_mismatch', 1, 120,
        'the category mappings do not allow the category for the account''s benefit type'
    ),
    ('transactions', 'missing_category', 1, 130, 'no category'),
    ('transactions', 'missing_merchant', 1, 140, 'no merchant'),
    ('transactions', 'timestamp_without_zone', 1, 150, 'neither Z nor an offset; taken as UTC'),
    (
        'transactions', 'repeated_hour', 1, 152,
        'a local time that the clocks of its zone show twice; the second is taken'
    ),
    (
        'transactions', 'skipped_hour', 1, 154,
        'a local time that the clocks of its zone skip; an hour later is taken'
    ),
    (
        'transactions', 'unknown_employee_status', 1, 156,
        'the employee''s status is not active, on_leave or terminated'
    ),
    ('transactions', 'future_timestamp', 1, 160, 'after the as-of date'),
    ('transactions', 'before_hire_date', 1, 170, 'before the employee''s date of hire'),
    (
        'transactions', 'over_monthly_allowance', 1, 180,
        'the account''s running total in the month (UTC) passes its allowance; this charge and '
        || 'those after it'
    ),
    (
        'transactions', 'possible_duplicate_charge', 1, 190,
        'another accepted charge of the same employee, merchant and amount within 10 minutes; both'
    ),
    (
        'transactions', 'restated_transaction', 1, 200,
        'another file has another record of the id; the latest valid one is this'
    ),
    (
        'transactions', 'invalid_restatement', 1, 205,
        'a later file has another record of the id, which is kept out; this one before it counts'
    ),
    (
        'transactions', 'unlinked_refund', 1, 210,
        'a refund without a charge of the same account and merchant before it of which as much is '
        || 'left'
    ),
    (
        'transactions', 'look_alike_id', 1, 220,
        'another id differs from it in case, zeros in front, spaces, characters that cannot be '
        || 'seen or letters that look alike; both'
    )
) as issue_types (source, issue, tier, severity, description)
