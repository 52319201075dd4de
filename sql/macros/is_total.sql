-- Whether what stands in the place of an id is a word with which totals begin, in some languages.
create or replace macro is_total(value) as
    regexp_full_match(
        lower(value),
        '((grand|sub)[ -]?)?totals?( .*)?:?|sum:?|summe( .*)?:?|(gesamt|zwischen|end)summe( .*)?:?'
        || '|gesamt:?|somme( .*)?:?|suma( .*)?:?|totale( .*)?:?|totaal( .*)?:?|razem:?|итого:?'
        || '|合計|総計|小計|总计|合计|합계'
    );
