-- A text as a keyed pseudonym, HMAC-SHA-256 (RFC 2104) as 64 hexadecimal digits; NULL stays NULL.
-- Equal texts have equal pseudonyms, so that tables still join; without the key nobody can work
-- out which text a pseudonym stands for. The key's two pads exist only in the session of a run: a
-- reader without them gets NULL.
create or replace macro keyed_hash(value) as
    case
        when not coalesce(getvariable('pii_masking'), true) then value
        else
            sha256(
                getvariable('hash_key_outer')
                || unhex(sha256(getvariable('hash_key_inner') || encode(value)))
            )
    end;
