"""What a stranger can make one connection cost before login (invariant 7), measured; and that one client's slowness is not another's."""
import os
import resource
import ssl
import time

from letterlock import Failure, Lines, Server, is_sanitized

CONNECTIONS = 600
TICK_MS = 1000 / os.sysconf("SC_CLK_TCK")
# Ceilings per connection, far above what is measured on one machine: they catch a change of kind, not of degree.
IDLE_CLEAR_KB, IDLE_TLS_KB, GARBAGE_KB, CPU_MS = 48, 160, 200, 40


def cpu_ms(server):
    with open(f"/proc/{server.process.pid}/stat") as file:
        fields = file.read().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * TICK_MS


class Cost:
    """With it: what the server spent, per connection, while the body ran and its connections are still open."""

    def __init__(self, server, name, memory_max, cpu_max=CPU_MS, count=CONNECTIONS):
        self.server, self.name, self.memory_max, self.cpu_max, self.count = server, name, memory_max, cpu_max, count

    def __enter__(self):
        self.memory, self.cpu = self.server.memory_kb(), cpu_ms(self.server)
        self.sent = 0
        return self

    def __exit__(self, kind, value, trace):
        if kind:
            return
        time.sleep(0.2)
        self.kb = (self.server.memory_kb() - self.memory) / self.count
        self.ms = (cpu_ms(self.server) - self.cpu) / self.count
        print(f"  {self.name:44} {self.sent / self.count:10.0f} bytes sent {self.kb:8.1f} kB held {self.ms:8.2f} ms of processor")
        if is_sanitized():
            return
        assert self.kb <= self.memory_max, f"{self.name}: {self.kb:.1f} kB a connection"
        assert self.ms <= self.cpu_max, f"{self.name}: {self.ms:.1f} ms a connection"


def opened(server, protocol):
    lines = Lines(server, protocol)
    lines.line()
    return lines


def close_all(connections):
    for lines in connections:
        lines.sock.close()
    time.sleep(0.3)


def push(lines, data):
    """As much as the server takes; bytes that went out."""
    sent = 0
    lines.sock.settimeout(0.2)
    try:
        while sent < len(data):
            sent += lines.sock.send(data[sent:sent + 65536])
    except (OSError, ssl.SSLError):
        pass
    return sent


def warm(server):
    close_all([opened(server, name) for name in ("imap", "imaps", "smtp") for _ in range(5)])


def clear(server, protocol):
    """A connection to a TLS port on which no TLS is spoken."""
    lines = Lines.__new__(Lines)
    lines.server, lines.sock, lines.buffer = server, server.connect(protocol), b""
    return lines


ENVELOPE = b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<ann@example.com>\r\n"
ATTACKS = [  # name, protocol, what is sent, kB that one may hold; the server is free to end any of them
    ("imap: one endless line", "imap", b"a" * (1 << 20), GARBAGE_KB),
    ("imap: a literal of 4 GB", "imap", b"a LOGIN {4294967295+}\r\n" + b"x" * (1 << 20), GARBAGE_KB),
    ("imap: deep parentheses", "imap", b"a ID " + b"(" * (1 << 19) + b"\r\n", GARBAGE_KB),
    ("imap: an endless AUTHENTICATE answer", "imap", b"a AUTHENTICATE PLAIN\r\n" + b"A" * (1 << 20), GARBAGE_KB),
    ("imap: 7 KB of a command left open", "imap", b"a ID (" + b'"x" "y" ' * 900, GARBAGE_KB),
    ("imap: 2000 NOOPs", "imap", b"a NOOP\r\n" * 2000, GARBAGE_KB),
    ("imaps: bytes that are no TLS", "clear imaps", bytes(range(256)) * 1024, GARBAGE_KB),
    ("imaps: most of a ClientHello", "clear imaps", b"\x16\x03\x01\x40\x00\x01\x00\x3f\xfc\x03\x03" + b"h" * 16000, GARBAGE_KB),
    ("smtp: one endless line", "smtp", b"E" * (1 << 20), GARBAGE_KB),
    ("smtp: 2 KB of a line left open", "smtp", b"EHLO " + b"x" * 2000, GARBAGE_KB),
    ("smtp: EHLO without end", "smtp", b"EHLO x\r\n" * 2000, GARBAGE_KB),
    ("smtp: 1000 unknown recipients", "smtp", b"EHLO x\r\nMAIL FROM:<>\r\n" + b"RCPT TO:<nobody@example.com>\r\n" * 1000, GARBAGE_KB),
    ("smtp: 1000 recipients, left open", "smtp", ENVELOPE + b"RCPT TO:<ann@example.com>\r\n" * 999, 400),
    ("smtp: 250 KB of a message, left open", "smtp", ENVELOPE + b"DATA\r\n" + (b"y" * 70 + b"\r\n") * 3500, 700),
    ("smtp: 1 MB of header lines, left open", "smtp", ENVELOPE + b"DATA\r\n" + b"To: a@b.example, c@d.example\r\n" * 34000, 2000),
    ("smtp: 1 MB of nested multiparts, left open", "smtp",
     ENVELOPE + b"DATA\r\n" + b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(19000)), 2000),
    ("smtp: 1 MB of empty parts, left open", "smtp",
     ENVELOPE + b"DATA\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\n" * 145000, 2000),
]


def test_cost_of_silence():
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(limit[1], max(limit[0], CONNECTIONS * 2)), limit[1]))
    print()
    for protocol, ceiling in (("imap", IDLE_CLEAR_KB), ("smtp", IDLE_CLEAR_KB), ("imaps", IDLE_TLS_KB)):
        with Server() as server:
            warm(server)
            with Cost(server, protocol + ": connected and silent", ceiling):
                connections = [opened(server, protocol) for _ in range(CONNECTIONS)]
            close_all(connections)


def test_cost_of_attacks():
    """Each on a fresh server, twenty connections at once."""
    count = 20
    print()
    for name, protocol, data, ceiling in ATTACKS:
        with Server() as server:
            server.alias("ann")
            warm(server)
            connections = []
            with Cost(server, name, ceiling, count=count) as cost:
                for _ in range(count):
                    lines = clear(server, "imaps") if protocol == "clear imaps" else opened(server, protocol)
                    connections.append(lines)
                    cost.sent += push(lines, data)
            server.imap("ann@example.com").logout()  # it still serves
            close_all(connections)


def test_budget_ends_the_connection():
    """A stranger who goes on for ever is shown the door, in clear text, before he has cost more than his budget."""
    with Server() as server:
        for protocol, data in (("imap", b"a" * 200000), ("imap", b"a NOOP\r\n" * 20000), ("imap", b"?\r\n" * 50), ("smtp", b"NOOP\r\n" * 200),
                               ("smtp", b"x" * 200000), ("smtp", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"), ("smtp", b"EHLO " + b"y" * 300 + b"\r\n" * 20)):
            with opened(server, protocol) as lines:
                push(lines, data)
                assert lines.is_closed(5), (protocol, data[:20])


def test_failed_logins_end_the_connection():
    """Three wrong passwords, each no quicker than login_failure_delay, then BYE."""
    with Server(settings={"login_failure_delay": "500ms"}) as server:
        ann, _ = server.alias("ann")
        with opened(server, "imap") as lines:
            start = time.monotonic()
            for _ in range(2):
                assert b"[AUTHENTICATIONFAILED]" in lines.command(f'LOGIN "{ann}" wrong'.encode())[1]
            lines.send(f't LOGIN "{ann}" wrong\r\n'.encode())
            assert lines.is_closed(5)
            assert time.monotonic() - start >= 1.4


def test_wrong_logins_do_not_delay_others():
    """Thirty strangers guess; the owner of a generated password logs in meanwhile."""
    with Server() as server:
        ann, _ = server.alias("ann")
        strangers = [opened(server, "imap") for _ in range(30)]
        for lines in strangers:
            lines.send(f'a LOGIN "{ann}" "wrong password it is"\r\n'.encode())
        start = time.monotonic()
        server.imap(ann).logout()
        spent = time.monotonic() - start
        print(f"  login beside 30 wrong ones: {spent:.2f} s")
        assert spent < 10
        close_all(strangers)


def test_connection_cap():
    """Over `connections`: refused with a reason, and room again when one leaves."""
    with Server(settings={"connections": "10"}) as server:
        held = [opened(server, "imap") for _ in range(10)]
        with Lines(server, "smtp") as lines:
            assert lines.line().startswith(b"421 ") and lines.is_closed()
        with Lines(server, "imap") as lines:
            assert lines.line().startswith(b"* BYE") and lines.is_closed()
        held.pop().sock.close()
        end = time.monotonic() + 5
        while True:
            with Lines(server, "imap") as lines:
                if lines.line().startswith(b"* OK"):
                    break
            if time.monotonic() > end:
                raise Failure("no room after one left")
            time.sleep(0.05)
        close_all(held)


def test_slow_writer_blocks_nobody():
    """A message that comes byte by byte, a login that never ends: others are served at once."""
    with Server() as server:
        ann, _ = server.alias("ann")
        slow = Lines(server, "smtp")
        slow.reply()
        slow.ask(b"EHLO x.example")
        slow.send(f"MAIL FROM:<a@x.example>\r\nRCPT TO:<{ann}>\r\nDATA\r\n".encode())
        assert [slow.reply()[0] for _ in range(3)] == [250, 250, 354]
        half = opened(server, "imap")
        half.send(b"a LOGIN {20}\r\n")
        assert half.line().startswith(b"+")
        client = server.imap(ann)
        for byte in b"Subject: slow\r\n\r\nb\r\n":
            slow.send(bytes([byte]))
            start = time.monotonic()
            client.noop()
            assert time.monotonic() - start < 1
        server.send(ann, b"Subject: quick\r\n\r\nb\r\n")
        slow.send(b".\r\n")
        assert slow.reply()[0] == 250
        client.select("INBOX")
        assert client.search(None, "ALL")[1] == [b"1 2"]
        client.logout()
        close_all([slow, half])
