-- What all forms that can read a value at all make of it; NULL where none can, or two differ. The
-- readings are named once, since a macro repeats what it is given wherever it names it.
create or replace macro only_reading(readings) as
    list_filter([list_distinct(readings)], lambda found: len(found) = 1)[1][1];
