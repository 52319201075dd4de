-- A name as names are ordered by people: numbers within it by their value, so that part_2 comes
-- before part_10; without its last extension, so that part comes before part_2. Of numbers with
-- more than 20 digits the last 20 count.
create or replace macro natural_order(name) as
    regexp_replace(
        regexp_replace(
            regexp_replace(name, '[.][^./]*$', ''), '([0-9]+)', repeat('0', 20) || '\1', 'g'
        ),
        '[0-9]*([0-9]{20})',
        '\1',
        'g'
    );
