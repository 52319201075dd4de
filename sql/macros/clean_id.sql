-- An id as ids are compared: without what cannot be seen (soft hyphen, zero-width characters, byte
-- order mark, control characters, selectors of variants), spaces of any kind as plain ones, and
-- letters and digits of other widths and heights as the plain ones that they stand for (from NFKC:
-- full-width forms, superscript, subscript and mathematical digits). Case, zeros in front and
-- letters of other alphabets make another id. NULL where nothing is left.
create or replace macro clean_id(value) as
    case
        when regexp_full_match(value, '[!-<>-~][!-~]*') then value
        when regexp_full_match(value, '[!-<>-~][!-~]*( [!-~]+)*') then value
        else
            nullif(
                trim(
                    nfc_normalize(
                        array_to_string(
                            list_transform(
                                string_split(
                                    regexp_replace(
                                        regexp_replace(
                                            clean_text(value), '[\p{Z}\t\r\n]+', ' ', 'g'
                                        ),
                                        '[\p{C}\x{034F}\x{115F}\x{1160}\x{3164}\x{FFA0}'
                                        || '\x{FE00}-\x{FE0F}]+',
                                        '',
                                        'g'
                                    ),
                                    ''
                                ),
                                lambda sign: case
                                    when unicode(sign) between 65281 and 65374
                                        then chr(unicode(sign) - 65248)
                                    when unicode(sign) between 120782 and 120831
                                        then chr(48 + (unicode(sign) - 120782) % 10)
                                    when unicode(sign) between 8320 and 8329
                                        then chr(unicode(sign) - 8272)
                                    when unicode(sign) = 8304 or unicode(sign) between 8308 and 8313
                                        then chr(unicode(sign) - 8256)
                                    when sign in ('¹', '²', '³')
                                        then translate(sign, '¹²³', '123')
                                    else sign
                                end
                            ),
                            ''
                        )
                    )
                ),
                ''
            )
    end;
