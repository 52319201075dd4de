-- A label (status, type, category) that compares whatever its case.
create or replace macro clean_label(value) as lower(clean_text(value));
