-- Grain: one row per issue.
-- Purpose: what each reason and flag means.
select distinct
    issue,
    description
from quality.issue_types
order by issue
