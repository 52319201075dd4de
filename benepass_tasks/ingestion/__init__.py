"""Ingestion: each file's records into the raw schema, as text, exactly as written."""
