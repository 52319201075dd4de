-- The text without surrounding white space; NULL where nothing is left. ="00123", which keeps a
-- spreadsheet from making a number of the text, is the text. Most ids, dates and amounts hold no
-- white space around them and are ASCII, and matching that is several times cheaper than a trim.
create or replace macro clean_text(value) as
    case
        when regexp_full_match(value, '[!-<>-~][!-~]*( +[!-~]+)*') then value
        when contains(value, '="')
            then trimmed(regexp_replace(trimmed(value), '^="([^"]*)"$', '\1'))
        else trimmed(value)
    end;
