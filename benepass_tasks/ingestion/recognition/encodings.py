"""Which codec a text was written in, by the evidence of its bytes.

Detectors for prose guess by the frequency of letters; a table has few letters beyond ASCII, and
those in names. Here a codec is believed where it makes words of them: of one script, with capitals
only where a word begins, and with no symbol amid letters.
"""

import codecs
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from charset_normalizer import from_bytes

BYTE_ORDER_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""The longest first: that of UTF-32 begins with that of UTF-16."""

NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ascii": "ASCII",
        "utf-8": "UTF-8",
        "utf-16": "UTF-16",
        "utf-16-le": "UTF-16",
        "utf-16-be": "UTF-16",
        "utf-32": "UTF-32",
        "utf-32-le": "UTF-32",
        "utf-32-be": "UTF-32",
        "cp1252": "Windows-1252",
        "mac_roman": "Macintosh Roman",
        "cp850": "DOS code page 850",
        "cp437": "DOS code page 437",
        "iso8859-15": "Latin-9",
        "cp1250": "Windows-1250",
        "iso8859-2": "Latin-2",
        "cp852": "DOS code page 852",
        "mac_latin2": "Macintosh Central European",
        "cp1254": "Windows-1254",
        "cp1257": "Windows-1257",
        "cp1251": "Windows-1251",
        "koi8-r": "KOI8-R",
        "cp866": "DOS code page 866",
        "iso8859-5": "Latin/Cyrillic",
        "mac_cyrillic": "Macintosh Cyrillic",
        "cp1253": "Windows-1253",
        "iso8859-7": "Latin/Greek",
        "cp1255": "Windows-1255",
        "cp1256": "Windows-1256",
        "cp874": "Windows-874",
        "cp932": "Shift-JIS",
        "euc_jp": "EUC-JP",
        "gb18030": "GB 18030",
        "big5": "Big5",
        "cp949": "EUC-KR",
    }
)
"""What people call the codecs; those of a byte order or of a byte a letter and more in the order in
which they are tried, the usual ones of each script first."""

LEGACY: Final = tuple(NAMES)[8:]
EAST_ASIAN: Final = ("cp932", "euc_jp", "gb18030", "big5", "cp949")
"""Several bytes a letter: nearly all that one of them reads, the others read as other words."""
TOKENS: Final = 2_000
"""How many different words are looked at."""

_WORD = re.compile(r"[^\s,;|\"]*[^\x00-\x7f][^\s,;|\"]*")
_COMMON = frozenset("äöüßéèêëàâáíîïóôúùûñçøåæœÄÖÜÉÈÀÂÁÍÎÓÔÚÇØÅÆÑ")
_WITHIN = frozenset("'-\u2019\u2010")
_AFTER = frozenset("®™©°²³")
_ORDINALS = frozenset("ªº")
_FEW: Final = 2
_NEARLY: Final = 0.02


@dataclass(frozen=True, slots=True)
class Encoding:
    """The codec of a text.

    Attributes:
        codec: Python's name; `ascii` where every codec here would do.
        evidence: What speaks for it, without a word of the text.
        others: Codecs that fit as well and read some words otherwise.
    """

    codec: str
    evidence: str
    others: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What people call it."""
        return NAMES[self.codec]


def detect(data: bytes) -> Encoding | None:
    """Tell the codec of a text from its beginning, which may end within a letter.

    Returns:
        The codec; None where the bytes are no text.
    """
    for mark, codec in BYTE_ORDER_MARKS:
        if data.startswith(mark):
            shown = mark.hex(" ").upper()
            return Encoding(codec, f"it begins with the byte order mark {shown}")
    if wide := _wide(data):
        return wide
    if _is_binary(data):
        return None
    if data.isascii():
        return Encoding("ascii", "it has ASCII characters only")
    valid, invalid = _utf8_letters(data)
    if valid > invalid:
        damaged = f", {invalid:,} other bytes are not" if invalid else ""
        return Encoding("utf-8", f"{valid:,} characters beyond ASCII are valid UTF-8{damaged}")
    return _legacy(data)


def decode(data: bytes, codec: str) -> str:
    """The text of bytes that may end within a letter; what is not valid is replaced."""
    text = codecs.getincrementaldecoder(codec)(errors="replace").decode(data)
    return text.removeprefix("\ufeff")


def _wide(data: bytes) -> Encoding | None:
    """UTF-16 or UTF-32 without a mark: most letters of a table have a NUL byte or three."""
    size = len(data) // 4 * 4
    if not size or b"\0" not in data:
        return None
    nulls = [data[place:size:4].count(0) * 4 / size for place in range(4)]
    for codec, places in (
        ("utf-32-le", (2, 3)),
        ("utf-32-be", (0, 1)),
        ("utf-16-le", (1, 3)),
        ("utf-16-be", (0, 2)),
    ):
        others = [nulls[it] for it in range(4) if it not in places]
        if min(nulls[it] for it in places) > max(0.3, 2 * min(others)) and _decodes(data, codec):
            return Encoding(codec, "its letters have NUL bytes between them, and no mark precedes")
    return None


def _is_binary(data: bytes) -> bool:
    controls = sum(data.count(bytes([code])) for code in range(32) if code not in b"\t\n\v\f\r")
    return (b"\0" in data and data.count(0) * 100 > len(data)) or controls * 20 > len(data)


def _utf8_letters(data: bytes) -> tuple[int, int]:
    """How many characters beyond ASCII are valid UTF-8, and how many bytes are not."""
    text = decode(data, "utf-8")
    invalid = text.count("\ufffd")
    return len(text) - len(text.encode("ascii", "ignore")) - invalid, invalid


def _legacy(data: bytes) -> Encoding | None:
    """The codec of before Unicode that makes the most of the bytes words."""
    whole = data[: data.rfind(b"\n") + 1] or data
    read = {codec: words for codec in LEGACY if (words := _words(whole, codec))}
    if not read:
        return None
    scores = {codec: _score(words) for codec, words in read.items()}
    share, _ = max(scores.values())
    sound = [codec for codec, (it, _) in scores.items() if it >= share - _NEARLY]
    best = max(sound, key=lambda it: scores[it])
    if best in EAST_ASIAN:
        best = _most_coherent(whole, [it for it in sound if it in EAST_ASIAN])
    # What reads every word in the same way is the same codec here, under another name.
    others = {read[best]: best}
    for codec in sound:
        others.setdefault(read[codec], codec)
    number = len(read[best])
    evidence = f"{round(share * number):,} of {number:,} words beyond ASCII are sound in it"
    return Encoding(best, evidence, tuple(list(others.values())[1:]))


def _most_coherent(data: bytes, codecs_: list[str]) -> str:
    """The one of some codecs by which the letters are those that texts have most."""
    match = from_bytes(data, cp_isolation=codecs_).best()
    codec = codecs.lookup(match.encoding).name if match else codecs_[0]
    return codec if codec in codecs_ else codecs_[0]


def _words(data: bytes, codec: str) -> frozenset[str]:
    try:
        text = data.decode(codec)
    except UnicodeDecodeError:
        return frozenset()
    return frozenset(list(dict.fromkeys(_WORD.findall(text)))[:TOKENS])


def _decodes(data: bytes, codec: str) -> bool:
    try:
        codecs.getincrementaldecoder(codec)().decode(data)
    except UnicodeDecodeError:
        return False
    return True


def _score(words: frozenset[str]) -> tuple[float, float]:
    """The share of the words that are sound, and of their letters that are common ones."""
    letters = [letter for word in words for letter in word if letter > "\x7f" and letter.isalpha()]
    common = sum(letter in _COMMON for letter in letters) / (len(letters) or 1)
    return sum(map(_is_sound, words)) / len(words), common


def _is_sound(word: str) -> bool:
    scripts = {_script(letter) for letter in word if letter.isalpha() or _is_mark(letter)}
    return len(scripts) <= 1 and not any(_oddities(word, scripts))


def _oddities(word: str, scripts: set[str]) -> Iterator[bool]:
    """What is never so in a word: each, whether it is so in this one."""
    beyond = sum(letter > "\x7f" and letter.isalpha() for letter in word)
    letters = sum(map(str.isalpha, word))
    # The letters of another script, read by a codec for Latin ones, are nearly all accented.
    yield scripts == {"LATIN"} and beyond > _FEW and beyond * _FEW > letters
    for before, letter, after in zip(f" {word}", word, f"{word[1:]} ", strict=False):
        if letter <= "\x7f":
            continue
        if letter.isalpha():
            yield letter.isupper() and before.islower()
            yield "HALFWIDTH" in unicodedata.name(letter, "")
        elif not _is_mark(letter) and letter not in _WITHIN:
            yield after.isalpha() or (before.isalpha() and letter not in _AFTER)
            yield unicodedata.category(letter) in ("Cc", "Co", "Cn", "So") and letter not in _AFTER
            yield letter == "¤"


def _is_mark(letter: str) -> bool:
    return unicodedata.category(letter).startswith("M")


@lru_cache(maxsize=4096)
def _script(letter: str) -> str:
    if letter in _ORDINALS:
        return "LATIN"
    script = unicodedata.name(letter, "UNNAMED").split(" ")[0]
    return "CJK" if script in ("HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA") else script
