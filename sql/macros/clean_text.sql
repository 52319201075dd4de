-- The text without surrounding white space; NULL where nothing is left. ="00123", which keeps a
-- spreadsheet from making a number of the text, is the text. Most ids, dates and amounts hold no
-- white space around them and are ASCII, and matching that is several times cheaper than a trim.
create or replace macro clean_text(value) as
    case
        when regexp_full_match(value, '[!-<>-~][!-~]*( +[!-~]+)*') then value
        else
            trimmed(
                regexp_replace(
                    value,
                    '^[ \t\n\r\x{00A0}\x{FEFF}]*="([^"]*)"[ \t\n\r\x{00A0}\x{FEFF}]*$',
                    '\1'
                )
            )
    end;
