"""Search against the real server: hundreds of messages and needles compared with a search in Python over the raw messages,
regular expressions, and the command line's search."""
import email
import email.header
import email.policy
import random
import re
import unicodedata

from letterlock import Lines, Server, is_sanitized, raw_imap

WORDS = ["invoice", "Rechnung", "grüße", "straße", "naïve", "café", "東京", "会議", "привет", "здравствуйте", "αβγ", "ﬁsh",
         "x", "42", "a.b", "(ok)", "50%", "it's", "O'Neill", "foo_bar", "ABC-123", "e\u0301te\u0301", "ñandú", "schön", "zz"]
NEEDLES = ["a", "x", "é", "東", "京", "会議", "%", "(", ")", "'", "_", "-", "50%", "ÉTÉ", "été", "e\u0301", "STRASSE", "straße",
           "ПРИВЕТ", "βγ", "fish", "absent", "q", "qq", "東京 会", "O'N", "a.b", "a?b", "..", "zz zz", "\u0301", "GRÜSSE", "1", "4", "42 "]


def fold(text):
    """As i;unicode-casemap does for these words: titlecase, then decomposed."""
    return unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())


def phrase(dice, least=1, most=12):
    return " ".join(dice.choice(WORDS) for _ in range(dice.randint(least, most)))


def encoded(text, charset, encoding):
    raw = text.encode(charset)
    if encoding == "base64":
        import base64
        return base64.encodebytes(raw).replace(b"\n", b"\r\n")
    if encoding == "quoted-printable":
        import quopri
        return quopri.encodestring(raw).replace(b"\n", b"\r\n") + b"\r\n"
    return raw + b"\r\n"


def word(text):
    """An encoded word, if it must be one."""
    return text if text.isascii() else email.header.Header(text, "utf-8", maxlinelen=10000).encode()


def part(dice):
    """A text part and what it says. Only words that the charset has, so that the decoding is beyond doubt."""
    charset = dice.choice(["utf-8", "utf-8", "iso-8859-1", "koi8-r", "shift_jis"])
    words = []
    for _ in range(dice.randint(1, 30)):
        one = dice.choice(WORDS)
        try:
            if one.encode(charset).decode(charset) == one:
                words.append(one)
        except UnicodeError:
            pass
    text = " ".join(words) or "plain"
    encoding = dice.choice(["base64", "quoted-printable", "8bit"])
    header = f"Content-Type: text/plain; charset={charset}\r\nContent-Transfer-Encoding: {encoding}\r\n".encode()
    return header, encoded(text, charset, encoding), text


def message(dice, number):
    """Bytes, and the texts by key: what SUBJECT, FROM and BODY see."""
    subject, name = phrase(dice, 1, 5), phrase(dice, 1, 2).replace("(", "").replace(")", "").replace(".", "").replace("'", "")
    sender = f"{name} <u{number}@example.org>"
    head = f"From: {word(name)} <u{number}@example.org>\r\nSubject: {word(subject)}\r\nMIME-Version: 1.0\r\n".encode()
    parts = [part(dice) for _ in range(dice.choice([1, 1, 1, 2, 3]))]
    if len(parts) == 1:
        return head + parts[0][0] + b"\r\n" + parts[0][1], {"SUBJECT": [subject], "FROM": [sender], "BODY": [parts[0][2]]}
    body = b"".join(b"--=_=\r\n" + one[0] + b"\r\n" + one[1] for one in parts) + b"--=_=--\r\n"
    head += b'Content-Type: multipart/mixed; boundary="=_="\r\n\r\n'
    seen = [one[2] for one in parts] + [one[0].decode() for one in parts]
    return head + body, {"SUBJECT": [subject], "FROM": [sender], "BODY": seen}


def check_decoding(raw, texts):
    """Python's email package reads of the message what the test believes it to say."""
    parsed = email.message_from_bytes(raw, policy=email.policy.default)
    leaves = [leaf.get_content().rstrip("\r\n") for leaf in parsed.walk() if not leaf.is_multipart()]
    assert leaves == [text for text in texts["BODY"] if not text.startswith("Content-Type")], (leaves, texts)
    assert fold(parsed["Subject"]) == fold(texts["SUBJECT"][0]), (parsed["Subject"], texts)


def append(lines, messages, box="INBOX"):
    for raw in messages:
        lines.good(b"APPEND %s {%d+}\r\n" % (box.encode(), len(raw)) + raw)


def numbers(untagged):
    for line in untagged:
        if line.startswith(b"* SEARCH"):
            return [int(n) for n in line.split()[2:]]
        if line.startswith(b"* ESEARCH"):
            found = re.search(rb" ALL ([0-9:,]+)", line)
            ranges = [part.split(b":") for part in found.group(1).split(b",")] if found else []
            return [n for pair in ranges for n in range(int(pair[0]), int(pair[-1]) + 1)]
    raise AssertionError(untagged)


def search(lines, key, needle, charset=b"CHARSET UTF-8 "):
    raw = needle.encode()
    return numbers(lines.good(b"SEARCH " + charset + key.encode() + b" {%d+}\r\n" % len(raw) + raw))


def needles(dice, all_texts):
    yield from NEEDLES
    for _ in range(60 if is_sanitized() else 120):
        text = dice.choice(all_texts)
        at = dice.randrange(len(text))
        piece = text[at:at + dice.choice([1, 2, 3, 5, 9])]
        if piece.strip() and not unicodedata.combining(piece[0]):
            yield dice.choice([piece, piece.upper(), piece.lower()])


def test_oracle():
    """Every needle finds exactly the messages whose decoded text holds it."""
    dice = random.Random(5267)
    made = [message(dice, n) for n in range(200)]
    for raw, texts in made:
        check_decoding(raw, texts)
    with Server() as server:
        ann, _ = server.alias("ann")
        with raw_imap(server, ann) as lines:
            append(lines, [raw for raw, _ in made])
            lines.good(b"SELECT INBOX")
            all_texts = [text for _, texts in made for text in texts["BODY"] + texts["SUBJECT"] if not text.startswith("Content")]
            for needle in list(needles(dice, all_texts)):
                for key in ("SUBJECT", "BODY", "FROM"):
                    want = [n + 1 for n, (_, texts) in enumerate(made) if any(fold(needle) in fold(text) for text in texts[key])]
                    got = search(lines, key, needle)
                    if unicodedata.combining(needle[0]) or unicodedata.combining(needle[-1]):
                        continue  # half a character: where it is joined to another is not for a test to say
                    assert got == want, (key, needle, got, want)
            # the same questions in other words
            body = set(search(lines, "BODY", "東京"))
            assert numbers(lines.good("SEARCH CHARSET UTF-8 NOT BODY 東京".replace("東京", "{6+}\r\n東京").encode())) == \
                sorted(set(range(1, 201)) - body)
            assert numbers(lines.good("UID SEARCH RETURN (ALL) CHARSET UTF-8 TEXT {6+}\r\n東京".encode())) == \
                sorted(body | set(search(lines, "SUBJECT", "東京")) | set(search(lines, "FROM", "東京")))
            # UTF-8 and IMAP4rev2: no CHARSET, and ESEARCH always
            lines.good(b"ENABLE UTF8=ACCEPT IMAP4rev2")
            assert set(search(lines, "BODY", "東京", b"")) == body
            assert numbers(lines.good('SEARCH BODY "東京"'.encode())) == sorted(body)
            untagged = lines.good('SEARCH RETURN (COUNT MIN) BODY "東京"'.encode())
            assert untagged[0] == b'* ESEARCH (TAG "t") MIN %d COUNT %d' % (min(body), len(body)), untagged


def test_regex():
    """XREGEX finds what Python's re finds, and a pattern that explodes is refused in time."""
    dice = random.Random(9585)
    made = [message(dice, n) for n in range(60)]
    patterns = [r"invoice", r"^in", r"\d+", r"(ok)", r"\(ok\)", r"[a-c]{3}-\d{3}", r"straße$", r"東.", r"приве[тм]", r"foo_\w+",
                r"(rechnung|invoice).*zz", r"^(?!.*invoice)", r"\bx\b", r"50% \S", r"[^\x00-\x7f]{5}", r"O'Neill? \d"]
    with Server() as server:
        ann, _ = server.alias("ann")
        with raw_imap(server, ann) as lines:
            append(lines, [raw for raw, _ in made])
            lines.good(b"SELECT INBOX")
            for pattern in patterns:
                compiled = re.compile(pattern, re.I | re.M)
                for key in ("SUBJECT", "BODY"):
                    texts = [[t for t in texts[key] if not t.startswith("Content")] for _, texts in made]
                    want = [n + 1 for n, some in enumerate(texts) if any(compiled.search(text) for text in some)]
                    raw = pattern.encode()
                    got = numbers(lines.good(b"SEARCH CHARSET UTF-8 XREGEX %s {%d+}\r\n" % (key.encode(), len(raw)) + raw))
                    if key == "BODY":  # headers of parts are in the body too
                        got = [n for n in got if len(made[n - 1][1]["BODY"]) == 1]
                        want = [n for n in want if len(made[n - 1][1]["BODY"]) == 1]
                    assert got == want, (key, pattern, got, want)
            append(lines, [b"Subject: bomb\r\n\r\n" + b"a" * 100000 + b"!\r\n"])
            for bomb in (rb"(a+)+$", rb"(a|aa)+[xyz]", rb"(.*)*[xyz]"):
                _, last = lines.command(b"SEARCH XREGEX BODY {%d+}\r\n" % len(bomb) + bomb)
                assert last.startswith(b"t NO [LIMIT] The pattern takes too long"), last
            for bad in (rb"(", rb"[a", rb"*", rb"(((a{1000}){1000}){1000})", b"(" * 300 + b")" * 300):
                _, last = lines.command(b"SEARCH XREGEX BODY {%d+}\r\n" % len(bad) + bad)
                assert last.startswith(b"t NO [CANNOT] The pattern"), last
            assert b" XREGEX" in lines.good(b"CAPABILITY")[0]


def test_command_line():
    with Server() as server:
        ann, password = server.alias("ann")
        bob, _ = server.alias("bob")
        with raw_imap(server, ann) as lines:
            append(lines, [b"From: J=?utf-8?q?=C3=B6?=rg <j@x.example>\r\nSubject: one\r\nDate: Mon, 7 Feb 1994 21:52:25 +0000\r\n\r\nan invoice of 40 EUR\r\n",
                           b"From: =?utf-8?q?J=C3=B6rg?= <j@x.example>\r\nSubject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\r\n\r\nno number\r\n"])
            lines.good(b'CREATE "Old &- cold"')
            append(lines, [b"From: z@x.example\r\nSubject: three\r\n\r\ninvoice 7\r\n"], '"Old &- cold"')

        def find(*words, stdin=password + "\n", check=True):
            return server.cli("search", "--user", ann, *words, stdin=stdin, check=check)
        rows = find("--regex", r"invoice.*\d").stdout
        assert "one" in rows and "three" in rows and "Old & cold" in rows and "grüße" not in rows, rows
        assert "Mon, 7 Feb 1994" in rows
        rows = find("--regex", "--field", "SUBJECT", "^gr.{2}e$").stdout
        assert "grüße" in rows and "Jörg" in rows and "one" not in rows, rows
        rows = find("--mailbox", "Old & cold", "invoice").stdout
        assert "three" in rows and "one" not in rows, rows
        rows = find("--field", "X-None", "invoice").stdout
        assert "three" not in rows
        for words, stdin, why in (((("invoice",), "wrong\n", "the server says:")), (("--regex", "("), password + "\n", "The pattern is wrong"),
                                  (("--mailbox", "none", "a"), password + "\n", "the server says:")):
            done = find(*words, stdin=stdin, check=False)
            assert done.returncode == 1 and why in done.stderr, (words, done)
        assert server.cli("search", "invoice", stdin="x\n", check=False).returncode != 0
        server.stop()
        done = find("invoice", check=False)
        assert done.returncode == 1 and "does not run" in done.stderr, done
