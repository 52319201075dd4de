"""The models as Spark reads them: the same files, written in Spark's SQL with the same results.

Spark Connect speaks it, Sail too. sqlglot knows the grammar of both engines; what a construct means
in each is told here. Only what is known to mean the same is left as it is. All else is rewritten,
or refused with its file and line: a table that differs would be worse than none.
"""

from benepass_tasks.sqlmodels.spark.building import Columns
from benepass_tasks.sqlmodels.spark.models import spark_queries, view_of
from benepass_tasks.sqlmodels.spark.transpiling import (
    SparkQuery,
    Target,
    spark_query,
    spark_type_name,
)

__all__ = [
    "Columns",
    "SparkQuery",
    "Target",
    "spark_queries",
    "spark_query",
    "spark_type_name",
    "view_of",
]
