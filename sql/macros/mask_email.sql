-- An email address with everything before its last @ masked; masked whole where it has no @, and
-- where nothing follows it. Masking is on unless the session says otherwise, also for a reader who
-- never set the variable.
create or replace macro mask_email(value) as
    case
        when value is null then null
        when not coalesce(getvariable('pii_masking'), true) then value
        when regexp_matches(value, '@[^@]+$') then '****@' || regexp_extract(value, '@([^@]+)$', 1)
        else '****'
    end;
