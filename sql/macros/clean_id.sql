-- An id as ids are compared: without what cannot be seen (soft hyphen, zero-width characters, byte
-- order mark, control characters, selectors of variants), spaces of any kind as plain ones, and
-- letters and digits of other widths and heights as the plain ones that they stand for (from NFKC:
-- full-width forms, superscript, subscript and mathematical digits). Case, zeros in front and
-- letters of other alphabets make another id. NULL where nothing is left. Most ids are plain, which
-- one match tells; a long translation is several times slower than a short one.
create or replace macro clean_id(value) as
    case
        when regexp_full_match(value, '[!-<>-~][!-~]*( [!-~]+)*') then value
        else
            nullif(
                trim(
                    nfc_normalize(
                        translate(
                            regexp_replace(
                                regexp_replace(clean_text(value), '[\p{Z}\t\r\n]+', ' ', 'g'),
                                '[\p{C}\x{034F}\x{115F}\x{1160}\x{3164}\x{FFA0}'
                                || '\x{FE00}-\x{FE0F}]+',
                                '',
                                'g'
                            ),
                            if(
                                regexp_matches(value, '[！-～⁰-⁹¹²³₀-₉𝟎-𝟿]'),
                                '！＂＃＄％＆＇（）＊＋，－．／０１２３４５６７８９：；＜＝＞？＠'
                                || 'ＡＢＣＤＥＦＧＨＩＪＫＬＭＮＯＰＱＲＳＴＵＶＷＸＹＺ［＼］＾＿｀'
                                || 'ａｂｃｄｅｆｇｈｉｊｋｌｍｎｏｐｑｒｓｔｕｖｗｘｙｚ｛｜｝～'
                                || '⁰¹²³⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗𝟘𝟙𝟚𝟛𝟜𝟝𝟞𝟟𝟠𝟡'
                                || '𝟢𝟣𝟤𝟥𝟦𝟧𝟨𝟩𝟪𝟫𝟬𝟭𝟮𝟯𝟰𝟱𝟲𝟳𝟴𝟵𝟶𝟷𝟸𝟹𝟺𝟻𝟼𝟽𝟾𝟿',
                                ''
                            ),
                            '!"#$%&''()*+,-./0123456789:;<=>?@'
                            || 'ABCDEFGHIJKLMNOPQRSTUVWXYZ[\]^_`'
                            || 'abcdefghijklmnopqrstuvwxyz{|}~'
                            || '0123456789012345678901234567890123456789'
                            || '012345678901234567890123456789'
                        )
                    )
                ),
                ''
            )
    end;
