"""The names of the months in the languages whose words for columns are known, too.

They are compared as `plain` makes them. Each language has rows of twelve: names, other forms of
them, abbreviations.
"""

import unicodedata
from types import MappingProxyType
from typing import Final

_ROWS: Final = {
    "en": (
        "January February March April May June July August September October November December",
        "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec",
        "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec",
    ),
    "de": (
        "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
        "Jänner Feber Mär Apr Mai Jun Jul Aug Sep Okt Nov Dez",
        "Jan Feb Mrz Apr Mai Jun Jul Aug Sept Okt Nov Dez",
        "Jan Feb Maer Apr Mai Jun Jul Aug Sep Okt Nov Dez",
        "Jan Feb Maerz Apr Mai Jun Jul Aug Sep Okt Nov Dez",
    ),
    "fr": (
        "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
        "janv févr mars avr mai juin juil août sept oct nov déc",
        "jan fév mar avr mai jun jul aoû sep oct nov déc",
    ),
    "es": (
        "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
        "ene feb mar abr may jun jul ago setiembre oct nov dic",
        "ene feb mar abr may jun jul ago sept oct nov dic",
        "ene feb mar abr may jun jul ago sep oct nov dic",
        "ene feb mar abr may jun jul ago set oct nov dic",
    ),
    "pt": (
        "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
        "jan fev mar abr mai jun jul ago set out nov dez",
    ),
    "it": (
        (
            "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre "
            "dicembre"
        ),
        "gen feb mar apr mag giu lug ago set ott nov dic",
        "gen febbr mar apr mag giu lug ago sett ott nov dic",
    ),
    "nl": (
        "januari februari maart april mei juni juli augustus september oktober november december",
        "jan feb mrt apr mei jun jul aug sep okt nov dec",
        "jan febr maa apr mei jun jul aug sept okt nov dec",
    ),
    "sv": (
        "januari februari mars april maj juni juli augusti september oktober november december",
        "jan feb mar apr maj jun jul aug sep okt nov dec",
        "jan febr mars apr maj juni juli aug sept okt nov dec",
    ),
    "da": (
        "januar februar marts april maj juni juli august september oktober november december",
        "jan feb mar apr maj jun jul aug sep okt nov dec",
        "jan febr mar apr maj jun jul aug sept okt nov dec",
    ),
    "nb": (
        "januar februar mars april mai juni juli august september oktober november desember",
        "jan feb mar apr mai jun jul aug sep okt nov des",
        "jan febr mar apr mai jun jul aug sept okt nov des",
    ),
    "fi": (
        (
            "tammikuu helmikuu maaliskuu huhtikuu toukokuu kesäkuu heinäkuu elokuu syyskuu lokakuu "
            "marraskuu joulukuu"
        ),
        (
            "tammikuuta helmikuuta maaliskuuta huhtikuuta toukokuuta kesäkuuta heinäkuuta elokuuta "
            "syyskuuta lokakuuta marraskuuta joulukuuta"
        ),
        "tammi helmi maalis huhti touko kesä heinä elo syys loka marras joulu",
    ),
    "pl": (
        (
            "styczeń luty marzec kwiecień maj czerwiec lipiec sierpień wrzesień październik "
            "listopad grudzień"
        ),
        (
            "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października "
            "listopada grudnia"
        ),
        "sty lut mar kwi maj cze lip sie wrz paź lis gru",
    ),
    "cs": (
        "leden únor březen duben květen červen červenec srpen září říjen listopad prosinec",
        "ledna února března dubna května června července srpna září října listopadu prosince",
        "led úno bře dub kvě čvn čvc srp zář říj lis pro",
    ),
    "ru": (
        "январь февраль март апрель май июнь июль август сентябрь октябрь ноябрь декабрь",
        "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
        "янв фев мар апр май июн июл авг сен окт ноя дек",
        "янв февр мар апр май июн июл авг сент окт нояб дек",
    ),
}


def plain(name: str) -> str:
    """A name in lower case and without accents, as DuckDB's lower(strip_accents()) has it."""
    parts = unicodedata.normalize("NFD", name)
    return "".join(it for it in parts if not unicodedata.combining(it)).lower()


MONTHS: Final = MappingProxyType(
    {language: tuple(plain(" ".join(rows)).split()) for language, rows in _ROWS.items()}
)
"""By the code of a language (ISO 639-1) what its months are called, in rows of January to
December."""
