-- The text without surrounding white space (space, tab, line ends, no-break space and byte order
-- mark), accents as part of their letters (NFC); NULL where nothing is left.
create or replace macro trimmed(value) as
    nullif(
        nfc_normalize(
            trim(value, chr(32) || chr(9) || chr(10) || chr(13) || chr(160) || chr(65279))
        ),
        ''
    );
