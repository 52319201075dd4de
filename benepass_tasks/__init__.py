"""Employee-benefits CSV files in, trustworthy DuckDB marts out."""
