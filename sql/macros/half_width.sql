-- The text with the plain one for each letter, digit, sign and space of full width, as East Asian
-- texts have them.
create or replace macro half_width(value) as
    trim(translate(
        value,
        chr(12288) || chr(65509) || '！＂＃＄％＆＇（）＊＋，－．／０１２３４５６７８９：；＜＝＞？＠ＡＢＣＤＥＦＧＨＩＪＫＬＭＮＯ'
        || 'ＰＱＲＳＴＵＶＷＸＹＺ［＼］＾＿｀ａｂｃｄｅｆｇｈｉｊｋｌｍｎｏｐｑｒｓｔｕｖｗｘｙｚ｛｜｝～',
        ' ¥!"#$%&''()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNO'
        || 'PQRSTUVWXYZ[\]^_`abcdefghijklmnopqrstuvwxyz{|}~'
    ));
