-- Grain: one row per accepted transaction below zero that has an account.
-- Purpose: which charge it refunds: one of the same account and merchant, not later than the
-- refund, of which as much is left. Refunds take their charges in the order of time (of two at one
-- instant the first by id), so that what is left of a charge is used once. (The
-- lambda has two parameters, which the parser of sqlfluff does not know.)
with refunded as (
    select distinct
        benefit_account_id,
        merchant
    from intermediate.accepted_transactions
    where amount < 0 and merchant is not null
),

histories as (
    select
        accepted.benefit_account_id,
        accepted.merchant,
        list(
            struct_pack(id := accepted.transaction_id, amount := accepted.amount)
            order by
                accepted.transaction_timestamp, accepted.amount < 0, accepted.transaction_id
        ) as history
    from intermediate.accepted_transactions as accepted
    semi join refunded
        on
            accepted.benefit_account_id = refunded.benefit_account_id
            and accepted.merchant = refunded.merchant
    group by accepted.benefit_account_id, accepted.merchant
),

matched as (
    select
        benefit_account_id,
        merchant,
        list_reduce(  -- noqa: PRS
            history,
            lambda state, line: if(
                line.amount > 0,
                {
                    'charges': list_append(
                        state.charges, {'id': line.id, 'remaining': line.amount}
                    ),
                    'refunds': state.refunds
                },
                {
                    'charges': list_transform(
                        state.charges,
                        lambda charge: if(
                            charge.id = refunded_charge(state.charges, -line.amount),
                            {
                                'id': charge.id,
                                'remaining': cast(
                                    charge.remaining + line.amount as decimal(18, 2)
                                )
                            },
                            charge
                        )
                    ),
                    'refunds': list_append(
                        state.refunds,
                        {
                            'id': line.id,
                            'charge': refunded_charge(state.charges, -line.amount)
                        }
                    )
                }
            ),
            cast(
                {'charges': [], 'refunds': []} as struct(
                    charges struct(id varchar, remaining decimal(18, 2)) [],
                    refunds struct(id varchar, charge varchar) []
                )
            )
        ) as state
    from histories
),

links as (
    select
        matched.benefit_account_id,
        matched.merchant,
        unnest(matched.state.refunds) as link
    from matched
)

select
    accepted._source_file,
    accepted._row_number,
    links.link.charge as refund_of
from intermediate.accepted_transactions as accepted
left join links
    on
        accepted.benefit_account_id = links.benefit_account_id
        and accepted.merchant = links.merchant
        and accepted.transaction_id = links.link.id
where accepted.amount < 0 and accepted.benefit_account_id is not null
