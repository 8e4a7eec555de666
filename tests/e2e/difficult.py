"""Difficult mail (lib/difficult.py): kept byte for byte on every way in, its parts agree with themselves, and a search finds the same
before the index has it, when it has it, and after a restart; each needle, cut from what is shown, is found in the message it was cut from."""
import os
import random
import re
import sys

from difficult import message
from letterlock import Failure, Server, append, body_of, fetch_all, raw_imap, same, wait_for

sys.path.append(os.path.dirname(os.path.abspath(__file__)))
from structure import check_message, fetch  # noqa: E402

COUNT = 150


def cut(chance, text):
    size = min(len(text), chance.choice([1, 2, 3, 5, 9, 17, 40]))
    at = chance.randint(0, len(text) - size)
    return chance.choice([str, str.upper, str.lower])(text[at:at + size])


def needles(lines, number, chance):
    """[(key, needle)] of what FETCH shows of a message: pieces of fields that are as they were written."""
    found = []
    header = fetch(lines, number, b"(BODY.PEEK[HEADER])")[b"BODY[HEADER]"] or b""
    for field in re.split(rb"\r?\n(?![ \t])", header):
        name, colon, value = field.partition(b":")
        if name.strip(b" \t\r").lower() in (b"x-test", b"from", b"to") and name.strip().isascii() and b"\r" not in name and colon:
            text = value.replace(b"\r", b"").replace(b"\n", b"").strip().decode("utf-8", "replace")
            if text and "=?" not in text and "\ufffd" not in text:
                key = name.strip(b" \t").upper()
                found.append((b"HEADER " + key, cut(chance, text)))
                if key != b"X-TEST":
                    found.append((key, cut(chance, text)))
    return found


def search(lines, key, needle):
    data = needle.encode()
    (found,) = [line for line in lines.good(b"SEARCH CHARSET UTF-8 %s {%d+}\r\n%s" % (key, len(data), data)) if line.startswith(b"* SEARCH")]
    return {int(word) for word in found.split()[2:]}


def test_difficult_mail():
    wanted, chance = [message(n) for n in range(COUNT)], random.Random(1)
    with Server() as server:
        ann, _ = server.alias("ann")
        with raw_imap(server, ann) as lines:
            for data in wanted:
                append(lines, b"INBOX", data)
            lines.good(b"SELECT INBOX")
            asked = []
            for place, data in enumerate(wanted, 1):
                try:
                    check_message(lines, place, data)
                except (Failure, AssertionError) as error:
                    raise Failure(f"message {place - 1}: {error}") from error
                asked += [(place, key, needle) for key, needle in needles(lines, place, chance)]
            assert len(asked) > COUNT, asked
            first = []
            for place, key, needle in asked:
                first.append(search(lines, key, needle))
                assert place in first[-1], (place - 1, key, needle, first[-1])
            words = [cut(chance, word) for word in ("привет", "Invoice", "meeting", "日本語", "мир Москва", "<tag>", "é", "x@y.example", "3.14", "absent")]
            first += [search(lines, key, word) for word in words for key in (b"BODY", b"TEXT", b"SUBJECT")]
        server.stop()
        server.start()
        with raw_imap(server, ann) as lines:
            lines.good(b"SELECT INBOX")

            def again():
                later = [search(lines, key, needle) for _, key, needle in asked]
                return later + [search(lines, key, word) for word in words for key in (b"BODY", b"TEXT", b"SUBJECT")]
            same(again(), first, "found after a restart")
            lines.good(b"LOGOUT")
        client = server.imap(ann)
        same([data for _, data in fetch_all(client)], wanted, "bytes after a restart")
        client.logout()


def test_difficult_mail_delivered():
    """By LMTP, to a locked vault and to an open one."""
    wanted = [data if data.endswith(b"\r\n") else data + b"\r\n" for data in map(message, range(300)) if data.count(b"\r") == data.count(b"\n") == data.count(b"\r\n")]
    wanted = [data for data in wanted if data[:1] not in b" \t"]  # would go on with the line that delivery puts on top
    with Server(settings={"vault_grace": "0s"}) as server:
        ann, _ = server.alias("ann")
        half = len(wanted) // 2
        for data in wanted[:half]:
            server.send(ann, data, lmtp=True)
        session = server.imap(ann)
        for data in wanted[half:]:
            server.send(ann, data, lmtp=True)
        found = wait_for(lambda: fetch_all(session)[len(wanted) - 1:] and fetch_all(session), what="all mail")
        same([body_of(data) for _, data in found], wanted, "delivered")
        session.logout()
