"""Varied mail, made by rule: message(n) is always the same bytes, and so is corpus(count).

    python3 tests/lib/corpus.py            prints a table of the kinds, with count and bytes in the first 2,000
    python3 tests/lib/corpus.py 17         prints message 17

What tests rely on: lines end in CRLF, the last one too; no bare CR or LF; no NUL; the first line of a message never begins with a
space (it would continue the header line that delivery puts above it). Nothing here comes out of Python's `email` package, whose
output changes between versions. Message n says its number in its Message-ID and, where it has a readable one, in its Subject."""
import base64
import hashlib
import random
import sys

BIG_EVERY = 997  # messages BIG_EVERY * k have an attachment of 10 MB
BIG_BYTES = 10 * 1024 * 1024

TEXTS = {
    "us-ascii": ["The quick brown fox jumps over the lazy dog", "Minutes of the meeting on Tuesday", "Please find the figures below",
                 "Have you seen the harbour in winter?", "Nothing new under the sun", "Two tickets for the night train"],
    "utf-8": ["Grüße aus København – 5 € für den Œuvre", "日本語と한국어とעברית", "Ελληνικά και кириллица", "naïve façade 🙂 emoji 👩‍👩‍👧",
              "İstanbul'da yağmur", "e\u0301 combining, not é"],
    "iso-8859-1": ["Blåbärssoppa på öarna", "L'été à la plage, déjà vu", "Größe und Maß", "Señor Peña tomó el café"],
    "iso-8859-15": ["Prix : 12 € pour l'œuvre", "Šárka a Žofie", "Kostet 7 € und mehr"],
    "koi8-r": ["Добрый день, уважаемые коллеги", "Встреча в четверг", "Съешь же ещё этих мягких булок"],
    "windows-1251": ["Привет из Софии — «кавычки»", "Документы во вложении", "Заседание переноситься не будет"],
    "shift_jis": ["会議の議事録を送ります", "テスト表示ソース能", "カタカナとひらがな"],
    "iso-2022-jp": ["お世話になっております", "来週の予定について", "添付ファイルをご覧ください"],
    "euc-jp": ["ご連絡ありがとうございます", "日本語の本文です"],
    "gb2312": ["会议纪要请查收", "你好，世界", "附件是合同文本"],
    "big5": ["會議記錄請查收", "您好，世界"],
    "euc-kr": ["안녕하세요 여러분", "첨부 파일을 확인하세요"],
}
CHARSETS = [name for name in TEXTS if name != "us-ascii"]
NAMES = ["Anna Berg", "Bertil Ek", "Carla Diaz", "Dieter Vogt", "Emma O'Neil", "Fumiko Abe", "Goran Ilic", "Hana Novak"]
HOSTS = ["north.example", "south.example", "lists.west.example", "mail.east.example"]
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


class Dice:
    """Random numbers from random() alone, whose sequence Python promises to keep."""

    def __init__(self, *key):
        seed = hashlib.sha256("|".join(str(part) for part in key).encode()).digest()
        self._random = random.Random(int.from_bytes(seed, "big")).random

    def below(self, n):
        return int(self._random() * n)

    def between(self, low, high):
        return low + self.below(high - low + 1)

    def pick(self, values):
        return values[self.below(len(values))]

    def chance(self, of_hundred):
        return self.below(100) < of_hundred

    def bytes(self, count):
        block = bytearray()
        seed = str(self._random()).encode()
        while len(block) < count:
            seed = hashlib.sha256(seed).digest()
            block += seed
        return bytes(block[:count])


# ------------------------------------------------------------------------------------------------ words and encodings


def sentence(dice, charset="us-ascii"):
    return dice.pick(TEXTS[charset])


def paragraph(dice, charset, lines):
    return b"\r\n".join(sentence(dice, charset).encode(charset) for _ in range(lines)) + b"\r\n"


def base64_lines(data, width=76):
    flat = base64.b64encode(data)
    return b"".join(flat[i:i + width] + b"\r\n" for i in range(0, len(flat), width))


def quoted(data, width=70):
    """Quoted-printable of text whose lines end in CRLF."""
    out = bytearray()
    for line in data.split(b"\r\n"):
        column = 0
        for at, byte in enumerate(line):
            plain = 33 <= byte <= 126 and byte != 61 or byte in (32, 9) and at < len(line) - 1
            piece = bytes([byte]) if plain else b"=%02X" % byte
            if column + len(piece) > width:
                out += b"=\r\n"
                column = 0
            out += piece
            column += len(piece)
        out += b"\r\n"
    return bytes(out[:-2])


def encoded_word(text, charset, style):
    raw = text.encode(charset)
    if style == "B":
        return b"=?%s?B?%s?=" % (charset.encode(), base64.b64encode(raw))
    safe = b"".join(bytes([b]) if chr(b).isalnum() and b < 128 else b"_" if b == 32 else b"=%02X" % b for b in raw)
    return b"=?%s?Q?%s?=" % (charset.encode(), safe)


def words(dice, charset):
    """A Subject or display name: several encoded words, folded; multi-byte charsets only as B."""
    style = dice.pick("BQ") if charset.startswith(("iso-8859", "koi8", "windows", "utf")) else "B"
    return b"\r\n ".join(encoded_word(sentence(dice, charset), charset, style) for _ in range(dice.between(1, 3)))


def percent(text, charset):
    return "".join(c if c.isalnum() and c.isascii() else "".join("%%%02X" % b for b in c.encode(charset)) for c in text)


# ---------------------------------------------------------------------------------------------------------- entities


def date(dice):
    return "%s, %d %s %d %02d:%02d:%02d %s" % (
        dice.pick(["Mon", "Tue", "Wed", "Thu", "Fri"]), dice.between(1, 28), dice.pick(MONTHS), dice.between(1996, 2025),
        dice.below(24), dice.below(60), dice.below(60), dice.pick(["+0000", "+0200", "-0800", "+0530", "GMT", "(CEST)"]))


def address(dice):
    name = dice.pick(NAMES)
    local = name.lower().replace(" ", ".").replace("'", "")
    form = dice.below(4)
    at = f"{local}@{dice.pick(HOSTS)}"
    return (at if form == 0 else f"<{at}>" if form == 1 else f'"{name}" <{at}>' if form == 2 else f"{at} ({name})").encode()


def headers(dice, n, subject=None, charset=None):
    lines = [b"Received: from %s by %s with ESMTP id %s; %s" % (
        dice.pick(HOSTS).encode(), dice.pick(HOSTS).encode(), dice.bytes(4).hex().encode(), date(dice).encode())
        for _ in range(dice.below(4))]
    lines.append(b"From: " + (words(dice, charset) + b" <author@north.example>" if charset else address(dice)))
    lines.append(b"To: " + b",\r\n\t".join(address(dice) for _ in range(dice.between(1, 4))))
    if dice.chance(30):
        lines.append(b"Cc: " + address(dice))
    lines.append(b"Date: " + date(dice).encode())
    lines.append(b"Message-ID: <%d.%s@corpus.example>" % (n, dice.bytes(6).hex().encode()))
    if subject is None:
        subject = (words(dice, charset) + b" " if charset else sentence(dice).encode() + b" ") + b"number %d" % n
    lines.append(b"Subject: " + subject)
    if dice.chance(20):
        lines.append(b"References: " + b"\r\n ".join(b"<%d@corpus.example>" % dice.below(99999) for _ in range(dice.between(1, 9))))
    if dice.chance(20):
        lines.append(b"X-Mailer: " + dice.pick([b"Pen and Ink 3.1", b"Quill", b"Carrier Pigeon (grey)"]))
    lines.append(b"MIME-Version: 1.0")
    return b"\r\n".join(lines) + b"\r\n"


def entity(content_type, encoding, body, extra=b""):
    head = b"Content-Type: " + content_type + b"\r\n" if content_type else b""
    if encoding:
        head += b"Content-Transfer-Encoding: " + encoding + b"\r\n"
    return head + extra + b"\r\n" + body


def text_part(dice, charset=None, subtype=b"plain", lines=None):
    charset = charset or dice.pick(CHARSETS + ["us-ascii"] * 4)
    body = paragraph(dice, charset, lines or dice.between(1, 30))
    if subtype == b"html":
        body = b"<html><body><p>" + body.replace(b"\r\n", b"<br>\r\n") + b"</p></body></html>\r\n"
    encoding = dice.pick([b"quoted-printable", b"base64", b"8bit"] if charset != "us-ascii" else [b"7bit", None])
    encoded = quoted(body) if encoding == b"quoted-printable" else base64_lines(body) if encoding == b"base64" else body
    quote = dice.pick([b'"%s"', b"%s"])
    return entity(b"text/%s; charset=%s" % (subtype, quote % charset.encode()), encoding, encoded)


def attachment(dice, size, name=b"report.pdf", kind=b"application/octet-stream"):
    extra = b'Content-Disposition: attachment; filename="%s"\r\n' % name
    return entity(kind + b'; name="%s"' % name, b"base64", base64_lines(dice.bytes(size)), extra)


def multipart(dice, subtype, parts, parameters=b"", preamble=b"", epilogue=b""):
    boundary = b"=_%s" % dice.bytes(9).hex().encode()
    body = preamble
    for part in parts:
        body += b"--" + boundary + b"\r\n" + part + b"\r\n"
    body += b"--" + boundary + b"--\r\n" + epilogue
    return entity(b'multipart/%s; boundary="%s"%s' % (subtype, boundary, parameters), None, body)


def nested(dice, depth):
    part = text_part(dice)
    for _ in range(depth):
        part = multipart(dice, dice.pick([b"mixed", b"alternative"]), [text_part(dice, "us-ascii", lines=2), part])
    return part


# ------------------------------------------------------------------------------------------------------------- kinds
# Each takes (dice, n) and answers the whole message.


def kind_plain(dice, n):
    return headers(dice, n) + text_part(dice, "us-ascii")


def kind_no_mime(dice, n):
    return headers(dice, n).replace(b"MIME-Version: 1.0\r\n", b"") + b"\r\n" + paragraph(dice, "us-ascii", dice.between(1, 60))


def kind_charset(dice, n):
    charset = CHARSETS[n % len(CHARSETS)]
    return headers(dice, n, charset=charset) + text_part(dice, charset)


def kind_html(dice, n):
    return headers(dice, n) + text_part(dice, subtype=b"html")


def kind_alternative(dice, n):
    charset = dice.pick(CHARSETS)
    return headers(dice, n, charset=charset) + multipart(
        dice, b"alternative", [text_part(dice, charset), text_part(dice, charset, b"html")])


def kind_related(dice, n):
    image = entity(b"image/png", b"base64", base64_lines(dice.bytes(dice.between(200, 9000))),
                   b"Content-ID: <logo.%d@corpus.example>\r\nContent-Disposition: inline\r\n" % n)
    page = entity(b"text/html; charset=utf-8", b"8bit", b'<img src="cid:logo.%d@corpus.example">\r\n' % n)
    return headers(dice, n) + multipart(dice, b"related", [page, image], b'; type="text/html"')


def kind_mixed(dice, n):
    parts = [text_part(dice)] + [attachment(dice, dice.between(1, 20000), b"file%d.bin" % i) for i in range(dice.between(1, 4))]
    return headers(dice, n) + multipart(dice, b"mixed", parts)


def kind_nested(dice, n):
    return headers(dice, n) + nested(dice, dice.between(2, 8))


def kind_deep(dice, n):
    return headers(dice, n) + nested(dice, 60)


def kind_forwarded(dice, n):
    inner = kind_alternative(Dice("inner", n), n)
    disposition = b"Content-Disposition: attachment\r\n"
    return headers(dice, n) + multipart(dice, b"mixed", [text_part(dice), entity(b"message/rfc822", None, inner, disposition)])


def kind_bare_forward(dice, n):
    return headers(dice, n) + entity(b"message/rfc822", b"7bit", kind_plain(Dice("inner", n), n))


def kind_digest(dice, n):
    parts = [b"\r\n" + kind_plain(Dice("digest", n, i), n) for i in range(dice.between(1, 6))]
    return headers(dice, n) + multipart(dice, b"digest", parts, preamble=b"This is a digest.\r\n")


def kind_name_2231(dice, n):
    charset = dice.pick(["utf-8", "iso-8859-1", "koi8-r", "shift_jis"])
    name = percent(sentence(dice, charset), charset)
    half = name[:len(name) // 6 * 3]  # a cut inside %XX is wrong, so cut where it is not
    cut = half.rfind("%") if "%" in half[-2:] else len(half)
    extra = ("Content-Disposition: attachment;\r\n filename*0*=%s'en'%s;\r\n filename*1*=%s;\r\n filename*2=\".txt\"\r\n"
             % (charset, name[:cut], name[cut:])).encode()
    part = entity(b"application/octet-stream", b"base64", base64_lines(dice.bytes(300)), extra)
    return headers(dice, n) + multipart(dice, b"mixed", [text_part(dice), part])


def kind_long_line(dice, n):
    length = dice.pick([998, 999, 2047, 2048, 4096, 8191, 65536, 100000])
    return headers(dice, n) + entity(b"text/plain", b"8bit", b"x" * length + b"\r\nshort\r\n")


def kind_long_header(dice, n):
    return b"X-Long: " + b"v" * dice.pick([900, 5000, 30000]) + b"\r\n" + headers(dice, n) + b"\r\nbody\r\n"


def kind_many_headers(dice, n):
    return headers(dice, n) + b"".join(b"X-Line-%d: %d\r\n" % (i, dice.below(10**6)) for i in range(400)) + b"\r\nbody\r\n"


def kind_dots(dice, n):
    lines = [b".", b"..", b".leading", b"...three", b". ", b"a.", b".\t", b""] * dice.between(1, 5)
    return headers(dice, n) + b"\r\n" + b"\r\n".join(lines) + b"\r\n.\r\n"


def kind_empty_body(dice, n):
    return headers(dice, n) + b"\r\n"


def kind_headers_only(dice, n):
    return headers(dice, n)


def kind_no_headers(dice, n):
    return b"\r\nThere is no header at all, and the body is message %d.\r\n" % n


def kind_one_line(dice, n):
    return b"just one line, no header, no colon %d\r\n" % n


def kind_blank_lines(dice, n):
    return b"\r\n" * dice.between(1, 5)


def kind_bad_header_lines(dice, n):
    return (b"Subject: before %d\r\nthis line is no header\r\nFrom: after@north.example\r\n: no name\r\nX-Space : odd\r\n"
            b"Bad Name: x\r\n\r\nbody\r\n" % n)


def kind_bad_mime(dice, n):
    kind = dice.pick([b"text", b"/", b"multipart/mixed", b"multipart/mixed; boundary=", b'multipart/mixed; boundary="',
                      b"text/plain; charset=\xff\xfe; =; ;;", b"application/x; a=b; a=c; a", b"message/rfc822; x",
                      b"multipart/mixed; boundary=\"" + b"b" * 200 + b"\"", b"text/plain; charset=no-such-charset"])
    encoding = dice.pick([b"quoted-printable", b"base64", b"x-unknown", b"8bit, base64", b""])
    return headers(dice, n) + entity(kind, encoding, b"=ZZ=\r\n====\r\n@@@@=\r\n--\r\n--b\r\n\r\nend =\r\n")


def kind_unterminated(dice, n):
    whole = kind_mixed(dice, n)
    return whole[:whole.rfind(b"--=_")] if dice.chance(50) else whole[:len(whole) * 2 // 3].rsplit(b"\r\n", 1)[0] + b"\r\n"


def kind_never_begun(dice, n):
    return headers(dice, n) + b'Content-Type: multipart/mixed; boundary="never"\r\n\r\nno part anywhere\r\n'


def kind_same_boundary(dice, n):
    inner = b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n\r\ninner\r\n--b--\r\n'
    return headers(dice, n) + b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n' + inner + b"--b\r\n\r\nafter\r\n--b--\r\n"


def kind_raw_headers(dice, n):
    charset = dice.pick(["utf-8", "iso-8859-1", "koi8-r", "gb2312"])
    raw = sentence(dice, charset).encode(charset)
    return headers(dice, n, subject=raw + b" %d" % n) + b"X-Raw: \xff\xfe\x80 " + raw + b"\r\n" + text_part(dice)


def kind_bad_words(dice, n):
    subject = dice.pick([b"=?utf-8?B?w6?= =?utf-8?B?tg==?=", b"=?utf-8?Q?=ZZ?=", b"=?nope?Q?x?=", b"=?utf-8?B?====?=",
                         b"=?utf-8*en?Q?lang?=", b"=?utf-8?X?x?=", b"=?utf-8?Q?two words?=", b"=?", b"\"unclosed"])
    return headers(dice, n, subject=subject + b" %d" % n) + b"\r\nbody\r\n"


def kind_bad_addresses(dice, n):
    bad = dice.pick([b"<<a@b>>", b"a@b@c", b"undisclosed-recipients:;", b"Group: a@x.example, b@y.example;", b'"open', b"(nest(ed))", b",,,",
                     b"@route.example:a@b.example", b"a b c", b"", b"=?utf-8?Q?=C3=A9?= <x@y.example>", b"<>", b"\xe9 <x@y>"])
    return headers(dice, n) + b"Reply-To: " + bad + b"\r\nSender: " + bad + b"\r\n\r\nbody\r\n"


def kind_many_addresses(dice, n):
    everyone = b",\r\n ".join(b"Person %d <p%d@%s>" % (i, i, dice.pick(HOSTS).encode()) for i in range(300))
    return headers(dice, n) + b"Bcc: " + everyone + b"\r\n\r\nto all\r\n"


def kind_report(dice, n):
    status = entity(b"message/delivery-status", None, b"Reporting-MTA: dns; north.example\r\n\r\nFinal-Recipient: rfc822; a@b.example\r\n"
                    b"Action: failed\r\nStatus: 5.1.1\r\n")
    return headers(dice, n, subject=b"Undelivered %d" % n) + multipart(
        dice, b"report", [text_part(dice, "us-ascii"), status, entity(b"text/rfc822-headers", None, headers(dice, n))],
        b"; report-type=delivery-status")


def kind_signed(dice, n):
    signature = entity(b"application/pgp-signature", None, b"-----BEGIN PGP SIGNATURE-----\r\n\r\n" + base64_lines(dice.bytes(70), 64)
                       + b"-----END PGP SIGNATURE-----\r\n")
    return headers(dice, n) + multipart(dice, b"signed", [text_part(dice, "utf-8"), signature],
                                        b'; micalg=pgp-sha256;\r\n protocol="application/pgp-signature"')


def kind_calendar(dice, n):
    event = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nSUMMARY:Mötet\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n".encode()
    part = entity(b"text/calendar; method=REQUEST; charset=utf-8", b"base64", base64_lines(event))
    return headers(dice, n) + multipart(dice, b"alternative", [text_part(dice), part])


def kind_flowed(dice, n):
    body = b"Lines that \r\nflow together \r\n> quoted \r\n> lines\r\n-- \r\nsignature\r\nFrom the beginning\r\n>From escaped\r\n"
    return headers(dice, n) + entity(b"text/plain; format=flowed; delsp=yes", b"7bit", body)


def kind_uuencoded(dice, n):
    return headers(dice, n) + b"\r\nbegin 644 cat.txt\r\n#0V%T\r\n`\r\nend\r\n"


def kind_odd_multipart(dice, n):
    parts = [b"\r\n", b"\r\nno header\r\n", b"Content-Type: text/plain\r\n\r\n", b"Content-Type: multipart/mixed; boundary=q\r\n\r\n--q--\r\n"]
    return headers(dice, n) + multipart(dice, b"mixed", parts, preamble=b"preamble\r\n", epilogue=b"epilogue\r\n--\r\nmore\r\n")


def kind_boundary_spaces(dice, n):
    return (headers(dice, n) + b"Content-Type: multipart/mixed;\r\n\tboundary=\"a b'()+_,-./:=?\" (comment)\r\n\r\n--a b'()+_,-./:=?  \t\r\n\r\n"
            b"one\r\n--a b'()+_,-./:=?--  \r\n")


def kind_control_bytes(dice, n):
    body = bytes(b for b in dice.bytes(600) if b not in (0, 10, 13))
    return headers(dice, n) + entity(b"text/plain; charset=us-ascii", b"8bit", body + b"\r\n")


def kind_lying_charset(dice, n):
    body = sentence(dice, "koi8-r").encode("koi8-r") + b"\r\n"
    return headers(dice, n) + entity(b"text/plain; charset=utf-8", b"8bit", body)


def kind_folded(dice, n):
    return (b"Subject:\r\n folded %d\r\n\tagain\r\n \r\n" % n + b"From:\r\n\t\"A\r\n B\"\r\n <a@north.example>\r\n"
            + b"Content-Type:\r\n text/plain;\r\n charset\r\n =\r\n utf-8\r\n\r\nbody\r\n")


def kind_duplicates(dice, n):
    return headers(dice, n) + headers(dice, n) + b"Content-Type: text/plain\r\nContent-Type: text/html\r\n\r\nwhich?\r\n"


def kind_eight_bit_attachment(dice, n):
    data = b"".join(bytes(b for b in dice.bytes(200) if b not in (0, 10, 13)) + b"\r\n" for _ in range(20))
    part = entity(b"application/x-raw", b"8bit", data, b"Content-Disposition: attachment; filename=raw\r\n")
    return headers(dice, n) + multipart(dice, b"mixed", [text_part(dice), part])


def kind_base64_odd(dice, n):
    body = base64.b64encode(dice.bytes(500))
    body = b"\r\n".join(body[i:i + 60] + dice.pick([b"", b" ", b"\t"]) for i in range(0, len(body), 60)) + b"\r\n\r\ntrailer\r\n"
    return headers(dice, n) + entity(b"application/octet-stream", b"BASE64", body)


def kind_quoted_odd(dice, n):
    return headers(dice, n) + entity(b"text/plain; charset=utf-8", b"Quoted-Printable",
                                     b"soft=\r\nlower =c3=a9 bad =G1 end=\r\n trailing \t\r\n=\r\n= \r\nlast=")[:-1] + b"=\r\n"


def kind_middling(dice, n):
    return headers(dice, n) + multipart(dice, b"mixed", [text_part(dice), attachment(dice, dice.between(60000, 250000))])


def kind_big(dice, n):
    return headers(dice, n) + multipart(dice, b"mixed", [text_part(dice), attachment(dice, BIG_BYTES * 3 // 4, b"big.bin")])


KINDS = [function for name, function in sorted(globals().items()) if name.startswith("kind_") and name not in ("kind_big", "kind_middling")]
COMMON = [kind_plain, kind_alternative, kind_charset, kind_mixed, kind_html, kind_related]


def kind_of(n):
    """Even numbers: what mailboxes are full of. Odd numbers: every kind in turn."""
    if n % BIG_EVERY == BIG_EVERY - 1:
        return kind_big
    if n % 50 == 48:
        return kind_middling
    return COMMON[n // 2 % len(COMMON)] if n % 2 == 0 else KINDS[n // 2 % len(KINDS)]


def message(n):
    data = kind_of(n)(Dice("letterlock", n), n)
    assert is_transportable(data), (n, kind_of(n).__name__)
    return data


def corpus(count, first=0):
    for n in range(first, first + count):
        yield message(n)


def is_transportable(data):
    flat = data.replace(b"\r\n", b"")
    return data.endswith(b"\r\n") and b"\r" not in flat and b"\n" not in flat and b"\0" not in data and data[:1] not in (b" ", b"\t")


def main():
    if len(sys.argv) > 1:
        sys.stdout.buffer.write(message(int(sys.argv[1])))
        return
    table, digest = {}, hashlib.sha256()
    for n, data in enumerate(corpus(2000)):
        count, size = table.get(kind_of(n).__name__, (0, 0))
        table[kind_of(n).__name__] = count + 1, size + len(data)
        digest.update(data)
    for name, (count, size) in sorted(table.items()):
        print(f"{name[5:]:22} {count:5} messages {size:11,} bytes")
    print("sha256 of all", digest.hexdigest())


if __name__ == "__main__":
    main()
