-- The number of a month by its name, whatever its case and accents, in a list of rows of the
-- twelve; NULL where the list lacks it.
create or replace macro month_number(name, names) as
    (list_position(names, lower(strip_accents(name))) - 1) % 12 + 1;
