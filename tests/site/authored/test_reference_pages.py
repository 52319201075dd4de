"""Three pages as analysts know them from other tools, written in this form."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from projects import ROOT
from rendered import copied
from written_pages import page_text, problems_of, read_pages, shown_page, shown_text

from benepass_tasks.site.authored.blocks import KINDS, SCHEMAS

if TYPE_CHECKING:
    from pathlib import Path

    from workspace import Workspace

EXECUTIVE_OVERVIEW = """
```sql monthly
select
    cast(date_trunc('month', transaction_timestamp) as date) as month,
    benefit_type,
    count(*) as transactions,
    sum(amount) as total_spend
from marts.fact_transactions
group by all
order by all
```

```figures
Total spend: monthly.total_spend
Transactions: monthly.transactions
This month: {value: monthly.total_spend, last: month}
```

```line
data: monthly
title: Monthly spend
x: month
y: total_spend
```

```bar
data: monthly
title: Spend by benefit type
x: benefit_type
y: total_spend
```

```table
data: monthly
title: Programmes
group: [benefit_type]
```
"""

EMPLOYEE_SPENDING = """
```sql spending
select
    facts.employee_id,
    employees.status,
    count(*) as transactions,
    sum(facts.amount) as total_spend
from marts.fact_transactions as facts
left join marts.dim_employees as employees
    on facts.employee_id = employees.employee_id
group by all
order by total_spend desc, facts.employee_id
```

```filters
status: Status
```

{spending.transactions} transactions came to **{spending.total_spend}**.

```bar
data: spending
title: Top spenders
x: employee_id
y: total_spend
limit: 10
link: {page: transactions, with: [employee_id]}
```

```scatter
data: spending
title: Spend against transactions
each: employee_id
x: transactions
y: total_spend
series: status
```

```table
data: spending
title: Employees
search: true
link: {page: transactions, with: [employee_id]}
```
"""

DATA_QUALITY = """
```sql reasons
select
    rejection_reason,
    count(*) as records
from quality.quarantine_transactions
group by all
order by records desc, rejection_reason
```

```sql rates
select
    run,
    source,
    records,
    clean
from history.records
order by run, source
```

```figures
Clean: rates.clean / records
Quarantined: {value: reasons.records, tone: bad}
```

```note
when: reasons.records
text: "{reasons.records} transactions need a look."
```

```bar
data: reasons
title: Quarantine by reason
x: rejection_reason
y: records
```

```line
data: rates
title: Clean over time
x: run
y: clean / records
series: source
```

```heatmap
data: rates
title: Records of each source
x: source
y: source
value: records
```

## Open incidents

```live
show: incidents
```
"""

PAGES = {
    "executive": EXECUTIVE_OVERVIEW,
    "employee_spending": EMPLOYEE_SPENDING,
    "data_quality": DATA_QUALITY,
}


@pytest.mark.parametrize("name", PAGES)
def test_it_is_read_without_a_complaint(workspace: Workspace, name: str) -> None:
    page = read_pages(workspace, **{name: page_text(PAGES[name])})[name]
    assert page.problems == []


@pytest.mark.parametrize("name", PAGES)
def test_it_shows_what_is_published(published_run: Workspace, tmp_path: Path, name: str) -> None:
    page = shown_text(copied(published_run, tmp_path), PAGES[name])
    assert page.document.all("p", role="alert") == []
    drawn = [it for it in page.document.all("div") if "data-chart" in it.attributes]
    assert len(drawn) == len(re.findall(r"^(?:x|across): ", PAGES[name], re.MULTILINE))
    ((spend, count),) = page.project.query_published(
        "select sum(amount), count(*) from marts.fact_transactions"
    )
    ((quarantined,),) = page.project.query_published(
        "select count(*) from quality.quarantine_transactions"
    )
    figures = {"Total spend": f"${spend:,.2f}", "Transactions": f"{count}"}
    figures |= {"This month": f"${spend:,.2f}", "Quarantined": f"{quarantined}"}
    shown = page.figures()
    assert {it: figures[it] for it in shown.keys() & figures.keys()} == {
        it: value for it, value in shown.items() if it != "Clean"
    }
    if name == "employee_spending":
        assert f"{count} transactions came to ${spend:,.2f}." in page.document.text


def test_the_page_of_the_docs_shows_what_it_says(published_run: Workspace, tmp_path: Path) -> None:
    docs = (ROOT / "docs" / "pages.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^````markdown\n(.*?)^````$", docs, re.MULTILINE | re.DOTALL)
    project = copied(published_run, tmp_path)
    project.write("pages/programmes.md", example)
    page = shown_page(project, "programmes")
    assert page.document.all("p", role="alert") == []
    ((spend, count),) = project.query_published(
        "select sum(amount), count(*) from marts.fact_transactions"
    )
    assert f"Employees spent ${spend:,.2f} in {count} transactions." in page.document.text


def test_every_block_and_key_is_in_the_docs() -> None:
    docs = (ROOT / "docs" / "pages.md").read_text(encoding="utf-8")
    keys = {
        field.data_key or name
        for schema in SCHEMAS.values()
        for name, field in schema().load_fields.items()
    }
    missing = [it for it in {*KINDS, *keys} - {"sql"} if f"`{it}`" not in docs]
    assert missing == []


def test_a_dimension_that_somebody_added_is_one_more_line_of_a_page(
    published_run: Workspace, tmp_path: Path
) -> None:
    project = copied(published_run, tmp_path)
    project.replace(
        "catalog.yaml",
        "      tenure_days: {type: BIGINT, pii",
        "      department: {type: VARCHAR}\n      tenure_days: {type: BIGINT, pii",
    )
    project.replace(
        "sql/marts/dim_employees.sql",
        "    is_terminated,\n    case",
        "    is_terminated,\n    status as department,\n    case",
    )
    text = """
    ```sql spend
    select employees.department, sum(facts.amount) as spend
    from marts.fact_transactions as facts
    join marts.dim_employees as employees on facts.employee_id = employees.employee_id
    group by all
    ```

    ```bar
    data: spend
    title: Spend by department
    x: department
    y: spend
    ```
    """
    assert problems_of(project, text) == []
