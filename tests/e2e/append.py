"""APPENDs that a client sends without waiting (RFC 9051 section 5.5): committed together, answered in order, each for itself."""
import re
import socket
import threading
import time
import zlib

from corpus import message
from letterlock import Server, raw_imap, same

COUNT = 300


def literal(tag, mailbox, data):
    return b"%s APPEND %s {%d+}\r\n" % (tag, mailbox, len(data)) + data + b"\r\n"


class Deflated:
    """A raw connection after COMPRESS, as far as these tests need it."""

    def __init__(self, lines):
        self.lines, self.out, self.into = lines, zlib.compressobj(wbits=-15), zlib.decompressobj(wbits=-15)
        self.buffer = b""
        lines.good(b"COMPRESS DEFLATE")

    def send(self, data):
        self.lines.send(self.out.compress(data) + self.out.flush(zlib.Z_SYNC_FLUSH))

    def line(self):
        while b"\r\n" not in self.buffer:
            self.buffer += self.into.decompress(self.lines.sock.recv(65536))
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line


def tagged(lines, count):
    """So many tagged replies, and the largest EXISTS on the way."""
    replies, exists = [], 0
    while len(replies) < count:
        line = lines.line()
        found = re.match(rb"\* (\d+) EXISTS$", line)
        if found:
            assert int(found.group(1)) >= exists, "EXISTS went back"
            exists = int(found.group(1))
        elif not line.startswith(b"* "):
            replies.append(line)
    return replies, exists


def pour(lines, first):
    """COUNT messages without waiting; some that must fail are among them. The bytes that must be there, in order."""
    wanted, expected, said = [], [], []
    for n in range(first, first + COUNT):
        tag = b"a%d" % n
        if n % 50 == 7:
            said.append(literal(tag, b"nowhere", message(n)))
            expected.append(tag + b" NO [TRYCREATE]")
        elif n % 50 == 23:
            said.append(b"%s APPEND INBOX (\\Seen x {3+}\r\nabc\r\n" % tag)
            expected.append(tag + b" BAD")
        elif n % 50 == 31:
            said.append(b"%s NOOP\r\n" % tag)
            expected.append(tag + b" OK NOOP")
        else:
            said.append(literal(tag, b"INBOX", message(n)))
            expected.append(tag + b" OK [APPENDUID")
            wanted.append(message(n))
    sender = threading.Thread(target=lines.send, args=(b"".join(said),))
    sender.start()
    replies, exists = tagged(lines, COUNT)
    sender.join()
    for reply, start in zip(replies, expected):
        assert reply.startswith(start), (reply, start)
    return wanted, [int(reply.split(b"]")[0].split(b" ")[-1]) for reply in replies if b"APPENDUID" in reply], exists


def test_pipelined_in_clear_under_tls_and_deflated():
    with Server() as server:
        address = server.alias("ann")[0]
        wanted, uids = [], []
        for turn, name in enumerate(["imap", "imaps", "imap"]):
            with raw_imap(server, address, name) as lines:
                lines.good(b"SELECT INBOX")
                found, given, exists = pour(Deflated(lines) if turn == 2 else lines, turn * COUNT)
                wanted += found
                uids += given
                same(exists, len(wanted), "EXISTS")
        same(uids, list(range(1, len(wanted) + 1)), "UIDs in the order of the commands")
        client = server.imap(address)
        client.select("INBOX", readonly=True)
        for first in range(0, len(wanted), 100):
            _, data = client.fetch(f"{first + 1}:{min(first + 100, len(wanted))}", "(BODY.PEEK[])")
            same([item[1] for item in data if isinstance(item, tuple)] == wanted[first:first + 100], True, "bytes")
        client.logout()


def test_disconnect_in_the_middle():
    """What was answered is there; of the rest each message is there whole, or not."""
    with Server() as server:
        address = server.alias("bob")[0]
        messages = [message(n) for n in range(120)]
        for cut in (1000, 50000, 123456, 200000):
            with raw_imap(server, address) as lines:
                lines.send(b"".join(literal(b"a%d" % n, b"INBOX", data) for n, data in enumerate(messages))[:cut])
        time.sleep(0.5)
        client = server.imap(address)
        _, counted = client.select("INBOX", readonly=True)
        count = int(counted[0])
        assert count, "nothing was appended"
        _, data = client.fetch(f"1:{count}", "(BODY.PEEK[])")
        for item in data:
            if isinstance(item, tuple):
                assert item[1] in messages, "half a message"
        client.logout()


def test_half_closed():
    """Who says that nothing more will come still gets the replies."""
    with Server() as server:
        address = server.alias("dan")[0]
        with raw_imap(server, address) as lines:
            lines.send(b"".join(literal(b"a%d" % n, b"INBOX", message(n)) for n in range(100)))
            lines.sock.shutdown(socket.SHUT_WR)
            replies, _ = tagged(lines, 100)
            for n, reply in enumerate(replies):
                same(reply[: reply.index(b" [")], b"a%d OK" % n, "reply %d" % n)


def test_a_literal_and_the_rest_in_two_pieces():
    """imaplib sends the CRLF behind a literal by itself, and Nagle holds it back until the literal is acknowledged: at once, not after 40 ms."""
    with Server() as server:
        client = server.imap(server.alias("cat")[0])
        seconds = []
        for n in range(60):
            start = time.monotonic()
            assert client.append("INBOX", None, None, message(n))[0] == "OK"
            seconds.append(time.monotonic() - start)
        client.logout()
        assert min(seconds[-20:]) < 0.035, seconds[-20:]  # a connection is young only for its first 30 segments
