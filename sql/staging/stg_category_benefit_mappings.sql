-- Grain: one row per record of the category mappings file.
-- Purpose: which spending categories a benefit type allows, labels comparable whatever their case.
select
    clean_label(benefit_type) as benefit_type,
    clean_label(valid_category) as valid_category,
    _source_file,
    _row_number
from base.category_benefit_mappings
