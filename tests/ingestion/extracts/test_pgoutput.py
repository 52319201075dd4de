"""Messages of pgoutput, byte by byte as the protocol says; the tests of changes read real ones."""

from __future__ import annotations

import struct

import pytest

from benepass_tasks.ingestion.extracts.pgoutput import (
    Begin,
    Commit,
    Delete,
    Insert,
    Relation,
    Seen,
    Truncate,
    UnreadableMessageError,
    Unsaid,
    Update,
    decode,
    place,
    placed,
)

ROW = b"\0\x03" + b"t\0\0\0\x02\xc3\xa9" + b"n" + b"u"
VALUES = ("é".encode(), None, Unsaid.UNCHANGED)
KEY = b"\0\x01t\0\0\0\x011"
ID = struct.pack(">I", 16390)

MESSAGES = {
    "begin": (b"B" + struct.pack(">QqI", 1, 2, 4_000_000_000), Begin(4_000_000_000)),
    "commit": (b"C\0" + struct.pack(">QQq", 1, 1 << 40, 2), Commit(1 << 40)),
    "relation": (
        b"R" + ID + b"hr\0staff\0d\0\x01\x01id\0" + struct.pack(">Ii", 23, -1),
        Relation(16390, "hr", "staff", (("id", 23, -1),)),
    ),
    "insert": (b"I" + ID + b"N" + ROW, Insert(16390, VALUES)),
    "update": (b"U" + ID + b"N" + ROW, Update(16390, None, VALUES)),
    "update of a key": (b"U" + ID + b"K" + KEY + b"N" + ROW, Update(16390, (b"1",), VALUES)),
    "update with all": (b"U" + ID + b"O" + KEY + b"N" + ROW, Update(16390, (b"1",), VALUES)),
    "delete": (b"D" + ID + b"K" + KEY, Delete(16390, (b"1",))),
    "truncate": (b"T\0\0\0\x01\0" + ID, Truncate((16390,))),
    "origin": (b"O" + b"\0" * 8 + b"a\0", None),
    "type": (b"Y" + ID + b"hr\0mood\0", None),
}


@pytest.mark.parametrize(("data", "message"), MESSAGES.values(), ids=MESSAGES)
def test_a_message_is_read_as_the_protocol_says(data: bytes, message: object) -> None:
    assert decode(data) == message


@pytest.mark.parametrize("data", [it for it, read in MESSAGES.values() if read], ids=repr)
def test_a_message_that_is_cut_or_too_long_is_not_guessed_at(data: bytes) -> None:
    for broken in (*(data[:end] for end in range(len(data))), data + b"\0"):
        with pytest.raises(UnreadableMessageError):
            decode(broken)


@pytest.mark.parametrize(
    "data", [b"Z", b"", b"I" + ID + b"K" + ROW, b"I" + ID + b"N\0\x01b\0\0\0\x011"]
)
def test_another_protocol_is_refused(data: bytes) -> None:
    with pytest.raises(UnreadableMessageError):
        decode(data)


@pytest.mark.parametrize("text", ["0/0", "16/B374D848", "FFFFFFFF/FFFFFFFF"])
def test_a_place_in_the_log_is_written_as_it_is_read(text: str) -> None:
    assert placed(place(text)) == text


def test_a_snapshot_sees_what_had_been_committed() -> None:
    seen = Seen.of("100:105:100,103")
    assert [it for it in range(98, 108) if seen.has(it)] == [98, 99, 101, 102, 104]


def test_numbers_of_transactions_begin_anew_after_32_bits() -> None:
    turn = 3 << 32
    seen = Seen.of(f"{turn - 2}:{turn + 3}:{turn - 2},{turn + 1}")
    numbers = [(turn + it) % (1 << 32) for it in range(-4, 5)]
    assert [seen.has(it) for it in numbers] == [
        *(True, True, False, True, True, False, True, False, False)
    ]
