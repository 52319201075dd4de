-- Grain: one row per transaction record that is not spend.
-- Purpose: the narrow key of its id, as int_transactions_enriched has it of the records that count.
select
    hash(id_skeleton(transaction_id)) as skeleton_hash,
    _source_file,
    _row_number
from quality.uncounted_transactions
