"""Bare IMAP and SMTP clients for the load: they pipeline, and say exactly what was answered before the connection died."""
import re

from letterlock import Failure

FETCH = re.compile(rb"^\* (\d+) FETCH \(")


class Gone(Exception):
    """The server closed the connection."""


class Lines:
    def __init__(self, sock):
        self.sock = sock
        self.file = sock.makefile("rb", buffering=1 << 16)

    def line(self):
        got = self.file.readline()
        if not got.endswith(b"\n"):
            raise Gone()
        return got.rstrip(b"\r\n")

    def exactly(self, size):
        got = self.file.read(size)
        if len(got) != size:
            raise Gone()
        return got

    def send(self, data):
        self.sock.sendall(data)

    def close(self):
        self.file.close()
        self.sock.close()


class Reply:
    """One tagged answer and what came before it. untagged: (text with literals cut out, [literals])."""

    def __init__(self, text, untagged):
        self.text, self.untagged = text, untagged

    @property
    def ok(self):
        return self.text.startswith(b"OK")

    def code(self, name):
        """Arguments of a response code such as UIDNEXT, in the tagged or an untagged line; None: not there."""
        for text in [self.text] + [b" ".join(t.split(b" ")[1:]) for t, _ in self.untagged]:
            match = re.match(rb"\w+ \[" + name + rb" ([^\]]*)\]", text)
            if match:
                return match.group(1)
        return None

    def number(self, word):
        """N of the last `* N WORD`."""
        found = None
        for text, _ in self.untagged:
            match = re.match(rb"\* (\d+) " + word + rb"$", text)
            if match:
                found = int(match.group(1))
        return found

    def fetched(self):
        """{uid: (text, [literals])} of the FETCH responses that have a UID."""
        found = {}
        for text, literals in self.untagged:
            uid = re.search(rb"\bUID (\d+)", text) if FETCH.match(text) else None
            if uid:
                found[int(uid.group(1))] = (text, literals)
        return found


class Imap(Lines):
    def __init__(self, server, address, password=None):
        super().__init__(server.connect("imap", timeout=60))
        self.count = 0
        self.pending = []
        if not self.line().startswith(b"* OK"):
            raise Failure("IMAP: no greeting")
        self.must(f'LOGIN "{address}" "{password or server.passwords[address]}"')

    def tag(self):
        self.count += 1
        return b"t%d" % self.count

    def start(self, command):
        """Send, do not wait: `finish` gives the answers in order."""
        tag = self.tag()
        self.pending.append(tag)
        self.send(tag + b" " + (command if isinstance(command, bytes) else command.encode()) + b"\r\n")

    def response(self):
        """One response, its literals cut out."""
        text, literals = b"", []
        while True:
            line = self.line()
            match = re.search(rb"\{(\d+)\}$", line)
            if not match:
                return text + line, literals
            text += line[:match.start()] + b"{}"
            literals.append(self.exactly(int(match.group(1))))

    def finish(self):
        tag, untagged = self.pending.pop(0), []
        while True:
            text, literals = self.response()
            if text.startswith(tag + b" "):
                return Reply(text[len(tag) + 1:], untagged)
            if not text.startswith(b"* "):
                raise Failure(f"IMAP: unexpected {text[:200]!r} while waiting for {tag!r}")
            if text.startswith(b"* BYE"):
                raise Gone()
            untagged.append((text, literals))

    def ask(self, command):
        self.start(command)
        return self.finish()

    def must(self, command):
        reply = self.ask(command)
        if not reply.ok:
            raise Failure(f"IMAP: {command.split(' ')[0]} was answered {reply.text[:200]!r}")
        return reply

    def append(self, mailbox, message):
        """With a non-synchronizing literal (RFC 7888), not waiting."""
        self.start(b"APPEND %s {%d+}\r\n" % (mailbox.encode(), len(message)) + message)

    def logout(self):
        try:
            self.ask("LOGOUT")
        except (Gone, OSError):
            pass
        self.close()


class Smtp(Lines):
    """Also LMTP."""

    def __init__(self, server, lmtp=False):
        super().__init__(server.connect("lmtp" if lmtp else "smtp", timeout=60))
        self.lmtp = lmtp
        self.want(b"220")
        self.send(b"%s load.example\r\n" % (b"LHLO" if lmtp else b"EHLO"))
        self.want(b"250")

    def reply(self):
        while True:
            line = self.line()
            if line[3:4] != b"-":
                return line

    def want(self, code):
        line = self.reply()
        if not line.startswith(code):
            raise Failure(f"SMTP: {line[:200]!r} where {code.decode()} was wanted")

    def deliver(self, recipients, message, before):
        """Returns {recipient: reply line} (SMTP: the same for all). before() is called when the content is about to be sent."""
        commands = b"MAIL FROM:<sender@load.example> BODY=8BITMIME\r\n"
        commands += b"".join(b"RCPT TO:<%s>\r\n" % one.encode() for one in recipients) + b"DATA\r\n"
        self.send(commands)
        self.want(b"250")
        answers = [self.reply() for _ in recipients]
        taken = [one for one, answer in zip(recipients, answers) if answer.startswith(b"250")]
        refused = {one: answer for one, answer in zip(recipients, answers) if not answer.startswith(b"250")}
        go = self.reply()
        if not go.startswith(b"354"):
            return {**dict.fromkeys(recipients, go), **refused}
        before(taken)
        self.send(re.sub(rb"(?m)^\.", b"..", message) + b".\r\n")
        if self.lmtp:
            return {**{one: self.reply() for one in taken}, **refused}
        return {**dict.fromkeys(taken, self.reply()), **refused}
