"""SCRAM-SHA-256 and -PLUS (RFC 5802, 7677, 5929) by a client of our own: the login unlocks the vault though the password never crosses the wire."""
import base64
import hashlib
import hmac
import os
import ssl

from letterlock import Lines, Server, waiting

MESSAGE = b"From: a@elsewhere.example\r\nSubject: sealed\r\n\r\nwaits in the drop\r\n"


def binding_of(lines):
    """tls-server-end-point (RFC 5929 section 4.1): SHA-256 of the certificate, unless its signature hash is stronger."""
    certificate = lines.sock.getpeercert(binary_form=True)
    stronger = {b"\x2a\x86\x48\xce\x3d\x04\x03\x03": "sha384", b"\x2a\x86\x48\xce\x3d\x04\x03\x04": "sha512",
                b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c": "sha384", b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d": "sha512"}
    for oid, name in stronger.items():
        if oid in certificate:
            return hashlib.new(name, certificate).digest()
    return hashlib.sha256(certificate).digest()


def mac(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


class Scram:
    """The client's side. gs2: "n,,", "y,," or "p=tls-server-end-point,,"."""

    def __init__(self, user, password, gs2=b"n,,", binding=b""):
        self.gs2, self.binding, self.password = gs2, binding, password.encode()
        user = user.replace("=", "=3D").replace(",", "=2C").encode()
        self.nonce = base64.b64encode(os.urandom(18))
        self.bare = b"n=" + user + b",r=" + self.nonce
        self.first = gs2 + self.bare

    def final(self, server_first):
        fields = dict(field.split(b"=", 1) for field in server_first.split(b","))
        assert fields[b"r"].startswith(self.nonce) and len(fields[b"r"]) > len(self.nonce)
        self.rounds = int(fields[b"i"])
        salted = hashlib.pbkdf2_hmac("sha256", self.password, base64.b64decode(fields[b"s"]), self.rounds)
        client_key = mac(salted, b"Client Key")
        without_proof = b"c=" + base64.b64encode(self.gs2 + self.binding) + b",r=" + fields[b"r"]
        signed = self.bare + b"," + server_first + b"," + without_proof
        proof = bytes(a ^ b for a, b in zip(client_key, mac(hashlib.sha256(client_key).digest(), signed)))
        self.signature = mac(mac(salted, b"Server Key"), signed)
        return without_proof + b",p=" + base64.b64encode(proof)


def login(lines, mechanism, scram, initial=False):
    """The tagged answer; the server's signature is checked when it comes."""
    first = base64.b64encode(scram.first)
    lines.send(b"a AUTHENTICATE " + mechanism + (b" " + first if initial else b"") + b"\r\n")
    if not initial:
        line = lines.line()
        if not line.startswith(b"+"):
            return line
        lines.send(first + b"\r\n")
    line = lines.line()
    if not line.startswith(b"+ "):
        return line
    lines.send(base64.b64encode(scram.final(base64.b64decode(line[2:]))) + b"\r\n")
    line = lines.line()
    if line.startswith(b"+ "):
        assert base64.b64decode(line[2:]) == b"v=" + base64.b64encode(scram.signature), line
        lines.send(b"\r\n")
        line = lines.line()
        while line.startswith(b"* "):
            line = lines.line()
    return line


def opened(server, name="imap"):
    lines = Lines(server, name)
    assert lines.line().startswith(b"* OK")
    return lines


def mechanisms(lines):
    return {word[5:] for word in lines.good(b"CAPABILITY")[0].split() if word.startswith(b"AUTH=")}


def test_scram_unlocks_and_mail_is_readable():
    for name, initial in (("imap", False), ("imap", True), ("imaps", False), ("imaps", True)):
        with Server() as server:
            ann, password = server.alias("ann")
            server.send(ann, MESSAGE)
            assert waiting(server) == 1
            with opened(server, name) as lines:
                assert b"SCRAM-SHA-256" in mechanisms(lines)
                scram = Scram(ann, password)
                assert login(lines, b"SCRAM-SHA-256", scram, initial).startswith(b"a OK")
                assert scram.rounds >= 4096
                assert b"* 1 EXISTS" in lines.good(b"SELECT INBOX")
                assert b"waits in the drop" in lines.good(b"FETCH 1 BODY[TEXT]")[0]
            assert waiting(server) == 0


def test_scram_plus():
    with Server() as server:
        ann, password = server.alias("ann")
        with opened(server) as lines:
            assert b"SCRAM-SHA-256-PLUS" not in mechanisms(lines)
            assert login(lines, b"SCRAM-SHA-256-PLUS", Scram(ann, password, b"p=tls-server-end-point,,", b"x" * 32)).startswith(b"a NO")
        for starttls in (False, True):
            with opened(server, "imap" if starttls else "imaps") as lines:
                if starttls:
                    lines.good(b"STARTTLS")
                    lines.start_tls()
                assert b"SCRAM-SHA-256-PLUS" in mechanisms(lines)
                scram = Scram(ann, password, b"p=tls-server-end-point,,", binding_of(lines))
                assert login(lines, b"SCRAM-SHA-256-PLUS", scram).startswith(b"a OK")
                lines.good(b"SELECT INBOX")


def test_scram_plus_tls_unique_is_not_taken_on_tls13():
    """RFC 9266: tls-unique is not defined for TLS 1.3."""
    with Server() as server:
        ann, password = server.alias("ann")
        with opened(server, "imaps") as lines:
            assert lines.sock.version() == "TLSv1.3"
            assert login(lines, b"SCRAM-SHA-256-PLUS", Scram(ann, password, b"p=tls-unique,,", b"x" * 32)).startswith(b"a NO")


def refused(lines, mechanism, scram):
    answer = login(lines, mechanism, scram)
    assert answer.startswith(b"a NO"), answer
    return answer


def test_wrong_ones_are_refused_alike():
    """RFC 5530 AUTHENTICATIONFAILED for a wrong password, an unknown user, and a wrong binding; nobody learns which."""
    with Server(settings={"login_failure_delay": "500ms"}) as server:
        ann, password = server.alias("ann")
        with opened(server, "imaps") as lines:
            one = refused(lines, b"SCRAM-SHA-256", Scram(ann, password[:-1] + "#"))
            two = refused(lines, b"SCRAM-SHA-256", Scram("nobody@example.com", password))
            assert one == two and b"[AUTHENTICATIONFAILED]" in one, (one, two)
        with opened(server, "imaps") as lines:
            wrong = bytes(32)
            assert b"[AUTHENTICATIONFAILED]" in refused(lines, b"SCRAM-SHA-256-PLUS", Scram(ann, password, b"p=tls-server-end-point,,", wrong))
        with opened(server) as lines:
            assert lines.command(b"SELECT INBOX")[1].startswith((b"t BAD", b"t NO"))


def test_downgrade_is_refused():
    """RFC 5802 section 6: a client that says "y" (would bind, but was not offered it) on a server that offers -PLUS was lied to."""
    with Server(settings={"login_failure_delay": "500ms"}) as server:
        ann, password = server.alias("ann")
        with opened(server, "imaps") as lines:
            refused(lines, b"SCRAM-SHA-256", Scram(ann, password, b"y,,"))
        with opened(server) as lines:  # without TLS nothing was offered, so the same is the truth
            assert login(lines, b"SCRAM-SHA-256", Scram(ann, password, b"y,,")).startswith(b"a OK")


def test_chosen_password_has_no_scram_but_plain():
    with Server(settings={"login_failure_delay": "500ms"}) as server:
        ann, password = server.alias("ann", "--password-stdin", stdin="correct horse battery staple\n")
        with opened(server, "imaps") as lines:
            refused(lines, b"SCRAM-SHA-256", Scram(ann, password))
            plain = base64.b64encode(b"\0" + ann.encode() + b"\0" + password.encode())
            lines.send(b"a AUTHENTICATE PLAIN " + plain + b"\r\n")
            line = lines.line()
            assert line.startswith(b"a OK"), line


def test_replayed_and_broken_messages():
    """An old proof on a new connection, a cancelled exchange, and messages that do not parse."""
    with Server(settings={"login_failure_delay": "500ms"}) as server:
        ann, password = server.alias("ann")
        with opened(server) as lines:
            lines.send(b"a AUTHENTICATE SCRAM-SHA-256\r\n")
            assert lines.line().startswith(b"+")
            lines.send(b"*\r\n")
            assert lines.line().startswith(b"a BAD")
            scram = Scram(ann, password)
            assert login(lines, b"SCRAM-SHA-256", scram).startswith(b"a OK")
        with opened(server) as lines:
            lines.send(b"a AUTHENTICATE SCRAM-SHA-256 " + base64.b64encode(scram.first) + b"\r\n")
            assert lines.line().startswith(b"+ ")
            lines.send(base64.b64encode(b"c=biws,r=" + scram.nonce + b",p=" + base64.b64encode(bytes(32))) + b"\r\n")
            assert lines.line().startswith(b"a NO")
        for broken in (b"", b"n,,", b"n,,n=", b"n,a=x,n=" + ann.encode() + b",r=abc", b"\xff\xff", b"n,,m=ext,n=a,r=b", b"n,,n=a=zz,r=b"):
            with opened(server) as lines:
                lines.send(b"a AUTHENTICATE SCRAM-SHA-256\r\n")
                assert lines.line().startswith(b"+")
                lines.send(base64.b64encode(broken) + b"\r\n")
                line = lines.line()
                if line.startswith(b"+ "):  # a server may go on with a user that does not exist, but not for ever
                    lines.send(base64.b64encode(b"c=biws,r=x,p=" + base64.b64encode(bytes(32))) + b"\r\n")
                    line = lines.line()
                assert line.startswith((b"a NO", b"a BAD")), (broken, line)
        with opened(server) as lines:
            lines.send(b"a AUTHENTICATE PLAIN\r\n")
            assert lines.line().startswith(b"+")
            lines.send(b"!!! no base64\r\n")
            assert lines.line().startswith((b"a BAD", b"a NO"))
            assert lines.command(b"NOOP")[1].startswith(b"t OK")


def test_tls_versions():
    """RFC 8996: nothing below TLS 1.2."""
    with Server() as server:
        for version, allowed in ((ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_1, False)):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = context.maximum_version = version
            with server.connect("imaps") as sock:
                try:
                    context.wrap_socket(sock).close()
                    done = True
                except (ssl.SSLError, OSError):
                    done = False
            assert done == allowed, version
