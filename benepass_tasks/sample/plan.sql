-- Every column is spelled out: a sniffed type or dialect could differ between DuckDB versions.
create table plan as
with
written as (
    select *
    from read_csv(
        $plan,
        header = true,
        auto_detect = false,
        delim = ',',
        quote = '"',
        columns = {
            'class': 'bigint',
            'slot': 'bigint',
            'cycle': 'bigint',
            'copy_of': 'bigint',
            'month_of': 'bigint',
            'days': 'varchar',
            'minutes_later': 'bigint',
            'transaction_id': 'varchar',
            'employee_id': 'varchar',
            'benefit_account_id': 'varchar',
            'merchant': 'varchar',
            'amount': 'varchar',
            'transaction_timestamp': 'varchar',
            'category': 'varchar',
            'issues': 'varchar',
            'note': 'varchar'
        }
    )
)

select
    class,
    slot,
    cycle,
    copy_of,
    month_of,
    days,
    minutes_later,
    transaction_id,
    employee_id,
    benefit_account_id,
    merchant,
    amount,
    transaction_timestamp,
    category,
    issues
from written;
