"""A Letterlock server under test: made, started, asked, killed. Loopback only; everything is stopped by process id."""
import atexit
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_running = []


def _stop_all():
    for server in list(_running):
        server.kill()


atexit.register(_stop_all)


def free_base():
    """A port base N whose ports N+24, N+25, N+143, N+993 are free. Below the kernel's ephemeral range."""
    start = 20000 + (os.getpid() * 37) % 9000
    for step in range(200):
        base = 20000 + (start - 20000 + step * 1009) % 11000
        try:
            for offset in (24, 25, 143, 993):
                with socket.socket() as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind(("127.0.0.1", base + offset))
            return base
        except OSError:
            continue
    raise RuntimeError("no free ports")


class Failure(Exception):
    pass


class Server:
    """One data directory with its server. Use as a context manager: it is started, and removed at the end."""

    def __init__(self, build=None, domain="example.com", settings=None, preload=None, folder=None, start=True, env=None):
        self.program = os.path.join(ROOT, build or os.environ.get("LL_BUILD", "build/release"), "letterlock")
        self.domain = domain
        self.parent = folder or tempfile.mkdtemp(prefix="ll-test-")
        self.data = os.path.join(self.parent, "data")
        self.base = free_base()
        self.preload = preload
        self.env = env or {}
        self.process = None
        self.log_path = os.path.join(self.parent, "log")
        self.passwords = {}
        self.recovery = {}
        self.cli("init", "--domain", domain, "--hostname", "mail." + domain, "--port-base", str(self.base))
        if settings:
            self.configure(**settings)
        _running.append(self)
        if start:
            self.start()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None and os.path.exists(self.log_path):
            with open(self.log_path, errors="replace") as log:
                print("".join(log.readlines()[-40:]))
        self.remove()

    def configure(self, **settings):
        path = os.path.join(self.data, "letterlock.conf")
        with open(path) as file:
            lines = file.read().split("\n")
        for name, value in settings.items():
            lines = [f"{name} = {value}" if line.startswith(name + " =") else line for line in lines]
        with open(path, "w") as file:
            file.write("\n".join(lines))

    def cli(self, *words, stdin="", check=True, code=None):
        done = subprocess.run([self.program, *words, "--data", self.data], input=stdin, capture_output=True, text=True,
                              timeout=180)
        if check and done.returncode != (code or 0):
            raise Failure(f"letterlock {' '.join(words)}: exit {done.returncode}: {done.stderr.strip()} {done.stdout.strip()}")
        return done

    def alias(self, name, *words, stdin=""):
        """Add an alias; returns (address, password)."""
        address = name if "@" in name else f"{name}@{self.domain}"
        lines = self.cli("alias", "add", address, *words, stdin=stdin).stdout.rstrip("\n").split("\n")
        if "--password-stdin" in words:
            self.recovery[address], self.passwords[address] = lines[-1], stdin.split("\n")[0]
        else:
            self.recovery[address], self.passwords[address] = lines[-2], lines[-1]
        return address, self.passwords[address]

    def start(self):
        env = dict(os.environ, TZ="UTC", **self.env) if "TZ" not in self.env else dict(os.environ, **self.env)
        if self.preload:
            env["LD_PRELOAD"] = self.preload
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([self.program, "serve", "--data", self.data], stdout=subprocess.PIPE, stderr=log,
                                            env=env, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("ready"):
            self.process.wait(timeout=10)
            with open(self.log_path, errors="replace") as log:
                raise Failure(f"the server did not start: {line!r}\n{log.read()[-3000:]}")
        return line

    def stop(self, timeout=30):
        """SIGTERM, and it must end by itself with status 0."""
        if not self.process:
            return
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=timeout)
        self.process.stdout.close()
        self.process = None
        if code != 0:
            with open(self.log_path, errors="replace") as log:
                raise Failure(f"the server ended with {code}\n{log.read()[-6000:]}")

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
            self.process = None

    def remove(self):
        try:
            self.stop()
        finally:
            self.kill()
            if self in _running:
                _running.remove(self)
            shutil.rmtree(self.parent, ignore_errors=True)

    def port(self, name):
        return self.base + {"smtp": 25, "lmtp": 24, "imap": 143, "imaps": 993}[name]

    def log(self):
        with open(self.log_path, errors="replace") as log:
            return log.read()

    def connect(self, name, timeout=30):
        sock = socket.create_connection(("127.0.0.1", self.port(name)), timeout=timeout)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    def imap(self, address, password=None, tls=False):
        """imaplib, logged in."""
        import imaplib
        import ssl
        imaplib._MAXLINE = 50_000_000
        if tls:
            context = ssl.create_default_context(cafile=os.path.join(self.data, "tls/cert.pem"))
            context.check_hostname = False
            client = imaplib.IMAP4_SSL("127.0.0.1", self.port("imaps"), ssl_context=context, timeout=60)
        else:
            client = imaplib.IMAP4("127.0.0.1", self.port("imap"), timeout=60)
        client.login(address, password or self.passwords[address])
        return client

    def send(self, to, message, sender="sender@elsewhere.example", lmtp=False):
        """One message by SMTP (or LMTP) with smtplib. Bytes."""
        import smtplib
        kind = smtplib.LMTP if lmtp else smtplib.SMTP
        client = kind("127.0.0.1", self.port("lmtp" if lmtp else "smtp"), timeout=60)
        try:
            return client.sendmail(sender, to if isinstance(to, list) else [to], message,
                                   mail_options=["BODY=8BITMIME"])
        finally:
            client.close()

    def memory_kb(self, field="VmRSS"):
        with open(f"/proc/{self.process.pid}/status") as status:
            for line in status:
                if line.startswith(field + ":"):
                    return int(line.split()[1])
        return 0


def wait_for(condition, seconds=10, every=0.05, what="condition"):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(every)
    raise Failure(f"{what} did not come true within {seconds} s")


def body_of(stored):
    """The message without the Return-Path and Received fields that delivery put on top."""
    assert stored.startswith(b"Return-Path: <"), stored[:200]
    rest = stored.split(b"\r\n", 1)[1]
    assert rest.startswith(b"Received: from "), rest[:200]
    lines = rest.split(b"\r\n")
    n = 1
    while lines[n].startswith((b"\t", b" ")):
        n += 1
    return b"\r\n".join(lines[n:])


class Lines:
    """A raw connection, line by line: for what the libraries will not say. Reads SMTP replies and IMAP responses."""

    def __init__(self, server, name, timeout=30):
        self.server = server
        self.sock = server.connect(name, timeout=timeout)
        self.buffer = b""
        if name == "imaps":
            self.start_tls()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.sock.close()

    def start_tls(self):
        """Shake hands now; what is still in the buffer came before it, in clear, and is given back."""
        import ssl
        left, self.buffer = self.buffer, b""
        context = ssl.create_default_context(cafile=os.path.join(self.server.data, "tls/cert.pem"))
        context.check_hostname = False
        self.sock = context.wrap_socket(self.sock)
        return left

    def send(self, data):
        self.sock.sendall(data)

    def more(self):
        got = self.sock.recv(65536)
        if not got:
            raise Failure(f"the server closed; left over: {self.buffer[-200:]!r}")
        self.buffer += got

    def line(self):
        """Without its CRLF."""
        while b"\r\n" not in self.buffer:
            self.more()
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line

    def exactly(self, count):
        pieces, have = [self.buffer], len(self.buffer)
        self.buffer = b""
        while have < count:
            got = self.sock.recv(1 << 20)
            if not got:
                raise Failure(f"the server closed after {have} of {count} bytes")
            pieces.append(got)
            have += len(got)
        data = b"".join(pieces)
        self.buffer = data[count:]
        return data[:count]

    def reply(self):
        """SMTP: (code, text of all lines joined by newlines)."""
        texts = []
        while True:
            line = self.line()
            texts.append(line[4:].decode("utf-8", "replace"))
            if line[3:4] != b"-":
                return int(line[:3]), "\n".join(texts)

    def ask(self, command):
        """SMTP: one command, its reply."""
        self.send(command + b"\r\n")
        return self.reply()

    def response(self):
        """IMAP: one response with the literals inside it; the last CRLF is left out."""
        whole = b""
        while True:
            line = self.line()
            whole += line
            size = line[line.rfind(b"{") + 1:-1] if line.endswith(b"}") else b""
            if not size.isdigit():
                return whole
            whole += b"\r\n" + self.exactly(int(size))

    def command(self, text, tag=b"t"):
        """IMAP: (untagged responses, tagged response)."""
        self.send(tag + b" " + text + b"\r\n")
        untagged = []
        while True:
            response = self.response()
            if response.startswith(tag + b" "):
                return untagged, response
            untagged.append(response)

    def good(self, text):
        """IMAP: a command that must end in OK; its untagged responses."""
        untagged, last = self.command(text)
        if not last.startswith(b"t OK"):
            raise Failure(f"{text[:80]!r}: {last!r}")
        return untagged

    def is_closed(self, seconds=10):
        """True once the server has closed the connection; what it still said is dropped."""
        import ssl
        self.sock.settimeout(seconds)
        try:
            while self.sock.recv(65536):
                pass
        except (socket.timeout, ssl.SSLWantReadError):
            return False
        except OSError:
            pass
        return True


def raw_imap(server, address, name="imap"):
    """A raw IMAP connection, logged in."""
    lines = Lines(server, name)
    lines.line()
    lines.good(f'LOGIN "{address}" "{server.passwords[address]}"'.encode())
    return lines


def is_sanitized():
    """The server under test is built for finding faults: its memory and time say nothing."""
    return any(word in os.environ.get("LL_BUILD", "") for word in ("asan", "tsan"))


def same(got, want, what=""):
    """They are equal; if not, both are shown, shortened."""
    if got != want:
        raise Failure(f"{what}\n    got  {repr(got)[:1500]}\n    want {repr(want)[:1500]}")


def append(lines, mailbox, data, flags=b""):
    """With a raw connection: APPEND these very bytes; the tagged answer."""
    lines.send(b"t APPEND %s %s{%d}\r\n" % (mailbox, flags + b" " if flags else b"", len(data)))
    line = lines.line()
    if not line.startswith(b"+"):
        raise Failure(f"APPEND was not continued: {line!r}")
    lines.send(data + b"\r\n")
    while not line.startswith(b"t "):
        line = lines.response()
    if not line.startswith(b"t OK"):
        raise Failure(f"APPEND: {line!r}")
    return line


def fetch_all(client, what="BODY.PEEK[]", mailbox="INBOX"):
    """With imaplib: [(uid, bytes)] of the whole mailbox, in its order."""
    import re
    kind, counted = client.select(mailbox, readonly=True)
    assert kind == "OK", counted
    found, total = [], int(counted[0])
    for first in range(1, total + 1, 50):
        kind, data = client.fetch(f"{first}:{min(first + 49, total)}", f"(UID {what})")
        assert kind == "OK", data
        for item in data:
            if isinstance(item, tuple):
                found.append((int(re.search(rb"UID (\d+)", item[0]).group(1)), item[1]))
    return found


def waiting(server):
    """Messages in the drop, by `letterlock status`."""
    for line in server.cli("status").stdout.split("\n"):
        if line.startswith("waiting_messages:"):
            return int(line.split(":")[1])
    raise Failure("status does not say waiting_messages")
