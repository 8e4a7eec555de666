"""What FETCH says of every kind of message agrees with itself: grammar, sizes, sections, header and text (RFC 3501 sections 6.4.5, 7.4.2)."""
import re

from corpus import KINDS, kind_of, message
from letterlock import Failure, Server, append, raw_imap, same


def parse(data, at=0):
    """IMAP data after "* n FETCH ": lists, bytes, None for NIL, int. (value, where it ends)."""
    if data[at:at + 1] == b"(":
        values, at = [], at + 1
        while data[at:at + 1] != b")":
            value, at = parse(data, at)
            values.append(value)
            if data[at:at + 1] == b" ":
                at += 1
            elif data[at:at + 1] not in (b")", b"("):
                raise Failure(f"not parsed: {data[max(0, at - 40):at + 20]!r}")
        return values, at + 1
    if data[at:at + 1] == b'"':
        match = re.compile(rb'"((?:[^"\\\r\n\x00\x80-\xff]|\\["\\])*)"').match(data, at)
        if not match:
            raise Failure(f"no quoted string: {data[at:at + 60]!r}")
        return re.sub(rb"\\(.)", rb"\1", match.group(1)), match.end()
    match = re.compile(rb"\{(\d+)\}\r\n").match(data, at)
    if match:
        size = int(match.group(1))
        value = data[match.end():match.end() + size]
        if b"\0" in value:
            raise Failure("NUL in a literal")
        return value, match.end() + size
    match = re.compile(rb"[^\s(){\"]+(?:\[[^\]]*\](?:<\d+>)?)?").match(data, at)
    if not match:
        raise Failure(f"not parsed: {data[at:at + 60]!r}")
    word = match.group()
    return None if word == b"NIL" else int(word) if word.isdigit() else word, match.end()


def fetch(lines, number, what):
    """{item: value} of one message."""
    for response in lines.good(b"FETCH %d %s" % (number, what)):
        if response.startswith(b"* %d FETCH " % number):
            values, end = parse(response, response.index(b"("))
            same(end, len(response), "bytes after the response")
            return dict(zip(values[::2], values[1::2]))
    raise Failure(f"no answer to FETCH {number} {what!r}")


def is_text(value):
    return value is None or isinstance(value, bytes)


def leaves(structure, path, found, depth=0):
    """Walk a BODYSTRUCTURE; found gets (section path, octets, kind); checks every field's type on the way."""
    if isinstance(structure[0], list):
        children = [child for child in structure if isinstance(child, list)]
        split = next(n for n, value in enumerate(structure) if not isinstance(value, list))
        for n, child in enumerate(structure[:split], 1):
            leaves(child, path + [n], found, depth + 1)
        assert isinstance(structure[split], bytes) and children, structure
        return
    kind, subtype, parameters, identity, description, encoding, octets = structure[:7]
    assert isinstance(kind, bytes) and isinstance(subtype, bytes) and isinstance(encoding, bytes) and isinstance(octets, int), structure[:7]
    assert is_text(identity) and is_text(description) and (parameters is None or len(parameters) % 2 == 0), structure[:7]
    here = path or [1]
    found.append((here, octets, (kind + b"/" + subtype).lower()))
    if (kind.lower(), subtype.lower()) == (b"message", b"rfc822"):
        assert len(structure[7]) == 10 and isinstance(structure[9], int), structure[7:]
        inner = structure[8]
        leaves(inner, here if isinstance(inner[0], list) else here + [1], found, depth + 1)
    elif kind.lower() == b"text":
        assert isinstance(structure[7], int), structure


def check_envelope(envelope):
    assert len(envelope) == 10, envelope
    for n, field in enumerate(envelope):
        if 2 <= n <= 7:
            for address in field or []:
                assert len(address) == 4 and all(is_text(part) for part in address), field
        else:
            assert is_text(field), field
    # RFC 3501 section 7.4.2: sender and reply-to default to from
    assert not envelope[2] or (envelope[3] and envelope[4]), envelope


def check_message(lines, number, data):
    facts = fetch(lines, number, b"(RFC822.SIZE ENVELOPE BODY BODYSTRUCTURE BODY.PEEK[HEADER] BODY.PEEK[TEXT] RFC822.HEADER BODY.PEEK[])")
    same(facts[b"RFC822.SIZE"], len(data), "RFC822.SIZE")
    same(facts[b"BODY[]"], data, "BODY[]")
    same(facts[b"BODY[HEADER]"], facts[b"RFC822.HEADER"], "HEADER and RFC822.HEADER")
    same(facts[b"BODY[HEADER]"] + facts[b"BODY[TEXT]"], data, "HEADER and TEXT together")
    check_envelope(facts[b"ENVELOPE"])
    found = []
    leaves(facts[b"BODYSTRUCTURE"], [], found)
    plain = []
    leaves(facts[b"BODY"], [], plain)
    same(plain, found, "BODY and BODYSTRUCTURE")
    for path, octets, kind in found[:40]:
        section = ".".join(map(str, path)).encode()
        part = fetch(lines, number, b"(BODY.PEEK[%s] BODY.PEEK[%s.MIME] BODY.PEEK[%s]<1.7>)" % (section, section, section))
        body = part[b"BODY[%s]" % section] or b""
        same(len(body), octets, f"octets of part {section!r} ({kind!r})")
        same(part[b"BODY[%s]<1>" % section] or b"", body[1:8], f"partial of part {section!r}")
        assert body in data, section
        if kind == b"message/rfc822":
            inner = fetch(lines, number, b"(BODY.PEEK[%s.HEADER] BODY.PEEK[%s.TEXT])" % (section, section))
            same((inner[b"BODY[%s.HEADER]" % section] or b"") + (inner[b"BODY[%s.TEXT]" % section] or b""), body, f"header and text of {section!r}")


def test_structure_of_every_kind():
    numbers = list(range(2 * len(KINDS))) + [48, 1001, 1003, 1501]
    with Server() as server:
        ann, _ = server.alias("ann")
        with raw_imap(server, ann) as lines:
            for n in numbers:
                append(lines, b"INBOX", message(n))
            lines.good(b"SELECT INBOX")
            for place, n in enumerate(numbers, 1):
                try:
                    check_message(lines, place, message(n))
                except (Failure, AssertionError) as error:
                    raise Failure(f"message {n} ({kind_of(n).__name__}): {error}") from error


def test_cut_messages():
    """A message cut anywhere, as a lost connection or a bad disk leaves it: still answered, still itself."""
    whole = message(next(n for n in range(200) if kind_of(n).__name__ == "kind_forwarded"))
    cuts = [whole[:size] for size in range(1, min(len(whole), 3000), 61)]
    with Server() as server:
        ann, _ = server.alias("ann")
        with raw_imap(server, ann) as lines:
            for data in cuts:
                append(lines, b"INBOX", data)
            lines.good(b"SELECT INBOX")
            for place, data in enumerate(cuts, 1):
                check_message(lines, place, data)


def test_search_finds_what_fetch_shows():
    """Each message is found by a word of its own decoded Subject, and by no other's."""
    with Server() as server:
        ann, _ = server.alias("ann")
        with raw_imap(server, ann) as lines:
            count = 0
            for n in range(0, 120, 2):
                append(lines, b"INBOX", message(n))
                count += 1
            lines.good(b"SELECT INBOX")
            for place, n in enumerate(range(0, 120, 2), 1):
                found = lines.good(b'SEARCH HEADER Message-ID "<%d."' % n)
                assert b"* SEARCH %d" % place in found, (n, found)
                wanted = [i + 1 for i, m in enumerate(range(0, 120, 2)) if str(m).startswith(str(n))]
                found = lines.good(b'SEARCH SUBJECT "number %d"' % n)
                same([int(word) for word in found[0].split()[2:]], wanted, f"SUBJECT number {n}")
