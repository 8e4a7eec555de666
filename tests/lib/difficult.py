"""Difficult mail, reproducible from its number: trees that are cut, crossed or empty, boundaries that begin alike, broken
transfer encodings, many charsets, addresses and parameters in every form. Beside corpus.py, whose mail is well made."""
import base64
import random

WORDS = """quick brown Invoice meeting Straße naïve CAFÉ привет мир Москва 日本語 東京 会議 한국어 서울 שלום مرحبا Σίσυφος e\u0301te\u0301 ﬁnal İstanbul ısparta
ＦＵＬＬ ½ 100% a&b <tag> "quoted" don't x@y.example foo_bar 3.14 €uro “smart” soft\u00adhyphen nb\u00a0sp 👍🏽 ﷺ""".split()
CHARSETS = ["utf-8"] * 5 + ["us-ascii", "iso-8859-15", "windows-1251", "koi8-r", "iso-2022-jp", "shift_jis", "euc-kr", "gb18030",
                            "utf-16", "utf-16le", "utf-7", "'windows-1252'", "x-unknown"]
BOUNDARIES = ["b", "bb", "b b", "----=_Part_1", "--", "'()+_,-./:=?", "b" * 70, "ünï"]


def encode(words, charset):
    name = charset.strip("'")
    return words.encode("utf-8" if name == "x-unknown" else name, "ignore")


class Maker:
    def __init__(self, number):
        self.random = random.Random(number)
        self.left = self.random.choice([2, 4, 9, 16])

    def pick(self, *of):
        return self.random.choice(of)

    def words(self, low, high):
        return " ".join(self.random.choice(WORDS) for _ in range(self.random.randint(low, high)))

    def encoded(self):
        """Encoded words whose characters may be cut over two of them."""
        charset = self.pick(*CHARSETS)
        data = encode(self.words(1, 3), charset)[:90]
        half = self.random.randint(0, len(data))
        name = charset.strip("'")
        first = f"=?{name}?B?{base64.b64encode(data[:half]).decode()}?="
        second = f"=?{name}*en?q?{''.join('=%02X' % c for c in data[half:])}?="
        return first + self.pick(" ", "\r\n\t", "", " a ") + second

    def address(self):
        local, host = self.pick("ann", '"quoted local"', '"a\\"b"', "x+y", "üser"), self.pick("x.example", "[127.0.0.1]", "y . example", "")
        name = self.pick(self.encoded(), '"' + self.words(1, 2).replace('"', "") + '"', "J. R. Doe", "Doe, John", "John (Johnny) Doe")
        return self.pick(f"{name} <{local}@{host}>", f"{local}@{host}", f"{local}@{host} (a (nested) comment)", f"<@route.example:{local}@{host}>",
                         f"Group: {local}@{host}, b@c.example;", "undisclosed-recipients:;", f"{name} <{local}@{host}", ",", "<>", f"{name}\r\n <{local}@{host}>")

    def header(self):
        fields = [("From", self.address()), ("To", ", ".join(self.address() for _ in range(self.random.randint(0, 3)))),
                  ("Subject", self.pick(self.encoded(), self.words(0, 5), "Re: [list] " + self.words(1, 2), "re:   ")),
                  ("Date", self.pick("Mon, 3 Mar 2008 10:11:12 +0100", "3 Mar 08 10:11 EST", "garbage", "")), ("X-Test", self.words(0, 4)),
                  ("Message-ID", f"<{self.random.randint(0, 30)}@ids.example>"), ("References", "<1@ids.example>\r\n <2@ids.example>"), ("Cc", self.address())]
        self.random.shuffle(fields)
        return fields[self.random.randint(0, 3):]

    def leaf(self):
        charset, kind = self.pick(*CHARSETS), self.pick("plain", "plain", "html", "calendar")
        lines = [self.words(0, 9) for _ in range(self.random.randint(0, 6))] + self.random.sample(["", "--b", "--b--", "From x", "trail  ", "="], 2)
        if kind == "html":
            lines = [f"<p title='x'>{line}<br>a&amp;b &eacute;<!-- {line} --><script>var a='{line}'</script>" for line in lines]
        data = encode("\r\n".join(lines), charset)
        fields = [("Content-Type", f"text/{kind}; charset={charset}" + self.pick("", "; name*0*=utf-8''%C3%A9; name*1=\"t b.txt\"", "; format=flowed"))]
        way = self.pick("base64", "quoted-printable", "8bit", None, "x-odd")
        if way == "base64":
            data = base64.encodebytes(data).replace(b"\n", b"\r\n")
        elif way == "quoted-printable":
            data = b"".join(b"=%02X" % c if c > 126 or c == 61 else bytes([c]) for c in data)
        if way in ("base64", "quoted-printable") and self.random.random() < 0.3 and data:  # broken
            at = self.random.randrange(len(data))
            data = data[:at] + self.pick(b"=", b"==", b"=ZZ", b"= \r\n", b"!\r\n", b"=4") + data[at:]
        if way:
            fields.append(("Content-Transfer-Encoding", self.pick(way, way.upper(), way + " (c)")))
        return fields, data

    def entity(self, depth):
        self.left -= 1
        kind = self.random.random()
        if self.left <= 0 or depth > 8 or kind < 0.3:
            return self.leaf()
        if kind < 0.5:
            return [("Content-Type", self.pick("message/rfc822", "MESSAGE/RFC822", "message/global"))], self.message(depth + 1)
        boundary, body = self.pick(*BOUNDARIES), self.pick("", "preamble\r\n").encode()
        for _ in range(self.random.randint(0, 4)):
            fields, inner = self.entity(depth + 1)
            part = self.pick(self.write(fields, inner), self.write(fields, inner), b"\r\n" + inner, b"no header", b"X: only header\r\n", b"")
            body += b"\r\n--" + boundary.encode() + self.pick(b"", b" ", b" x") + b"\r\n" + part
        body += self.pick(b"\r\n--" + boundary.encode() + b"--\r\n", b"", b"\r\n--" + boundary.encode() + b"--epilogue")
        subtype = self.pick("mixed", "alternative", "digest", "report", "x-odd")
        return [("Content-Type", f'multipart/{subtype};\r\n boundary="{boundary}"')], body

    def write(self, fields, body):
        lines = (name + self.pick(": ", ":", " : ", ":\r\n ") + value for name, value in fields)
        return "".join(line + "\r\n" for line in lines).encode("utf-8", "replace") + b"\r\n" + body

    def message(self, depth=0):
        fields, body = self.entity(depth)
        return self.write(self.header() + fields, body)


def message(number):
    """With every fifth one damaged: LF or CR as line ends, cut off, or bytes changed. No NUL."""
    data = Maker(number).message().replace(b"\0", b"")
    chance = random.Random(-number)
    damage = chance.randrange(20)
    if damage == 0:
        return data.replace(b"\r\n", b"\n")
    if damage == 1:
        return data.replace(b"\r\n", b"\r")
    if damage == 2:
        return data[:chance.randint(1, len(data))]
    if damage == 3:
        changed = bytearray(data)
        for _ in range(20):
            changed[chance.randrange(len(changed))] = chance.choice(b"\r\n\xff\x80 :-=")
        return bytes(changed)
    return data
