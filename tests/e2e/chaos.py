"""Clients that vanish at any byte, in any state, and a server that is told to reload or stop meanwhile: nobody else notices, nothing is lost twice."""
import os
import signal
import socket
import ssl
import struct
import threading
import time

from corpus import Dice, message
from letterlock import Failure, Lines, Server, append, body_of, fetch_all, is_sanitized, raw_imap, same, wait_for

BIG = b"Subject: big\r\n\r\n" + (b"z" * 76 + b"\r\n") * 30000


def vanish(sock):
    """End the connection with RST, as a pulled cable does in the end."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
    except OSError:
        pass


def scripts(ann, password):
    """(port, what is sent before the end comes somewhere inside it)"""
    login = f'a LOGIN "{ann}" "{password}"\r\n'.encode()
    envelope = f"EHLO c.example\r\nMAIL FROM:<s@elsewhere.example>\r\nRCPT TO:<{ann}>\r\n".encode()
    return [
        ("smtp", envelope + b"DATA\r\nSubject: half\r\n\r\n" + b"half a message\r\n" * 50),
        ("smtp", envelope + b"BDAT 100000\r\n" + b"y" * 60000),
        ("smtp", b"EHLO c.example\r\nSTARTTLS\r\n\x16\x03\x01"),
        ("lmtp", envelope.replace(b"EHLO", b"LHLO") + b"DATA\r\n" + BIG),
        ("imap", login),
        ("imap", login + b"b SELECT INBOX\r\nc IDLE\r\n"),
        ("imap", login + b"b SELECT INBOX\r\nc FETCH 1:* BODY.PEEK[]\r\nd FETCH 1:* BODY.PEEK[]\r\n"),
        ("imap", login + b"b APPEND Trash {%d+}\r\n" % len(BIG) + BIG[:-5]),
        ("imap", login + b"b SELECT INBOX\r\nc STORE 1:* +FLAGS (\\Seen)\r\nd COPY 1:* Trash\r\ne SEARCH BODY zzzz\r\n"),
        ("imap", b"a AUTHENTICATE SCRAM-SHA-256\r\n"),
        ("imap", b"a STARTTLS\r\n\x16\x03\x01\x02"),
        ("imaps", b"\x16\x03\x01\x00\x05hello"),
    ]


def test_vanishing_clients():
    """Two hundred of them; after that no session is left, the vault is whole, and the server stops with 0."""
    with Server(settings={"login_failure_delay": "500ms"}) as server:
        ann, password = server.alias("ann")
        with raw_imap(server, ann) as lines:
            for n in range(10):
                append(lines, b"INBOX", message(n * 2))
            append(lines, b"INBOX", BIG)
            append(lines, b"INBOX", BIG)
        dice = Dice("chaos")
        everything = scripts(ann, password)
        memory = 0
        for number in range(200):
            port, data = everything[number % len(everything)]
            sock = server.connect(port)
            sock.settimeout(0.05)
            end = dice.pick([len(data), dice.below(len(data)) + 1, dice.below(min(len(data), 200)) + 1])
            try:
                sock.sendall(data[:end])
                if dice.chance(50):
                    sock.recv(dice.pick([1, 100, 65536]))
            except OSError:
                pass
            vanish(sock)
            if number == 100:
                memory = server.memory_kb()
        with raw_imap(server, ann) as lines:
            assert any(r.endswith(b" EXISTS") for r in lines.good(b"SELECT INBOX"))
            same([fetch for fetch in lines.good(b"FETCH 1:10 RFC822.SIZE") if b"FETCH" in fetch][:1],
                 [b"* 1 FETCH (RFC822.SIZE %d)" % len(message(0))])
        wait_for(lambda: all(f"sessions_{name}: 0\n" in server.cli("status").stdout for name in ("smtp", "lmtp", "imap")), 15, 0.2,
                 "every session is gone")
        growth = server.memory_kb() - memory
        assert growth < 30 * 1024 or is_sanitized(), f"{growth} kB more after the second hundred"
        client = server.imap(ann)
        assert all(not data.endswith(b"half a message\r\n") for _, data in fetch_all(client))
        client.logout()


def sender(server, to, name, stop, acknowledged):
    """Deliver until told to stop or refused; what was acknowledged is remembered."""
    number = 0
    while not stop.is_set():
        try:
            with Lines(server, "smtp", timeout=10) as lines:
                lines.reply()
                lines.ask(b"EHLO c.example")
                while not stop.is_set():
                    data = b"Subject: %s %d\r\n\r\nbody\r\n" % (name, number)
                    for command in (b"MAIL FROM:<s@elsewhere.example>", b"RCPT TO:<" + to.encode() + b">"):
                        if lines.ask(command)[0] != 250:
                            raise Failure("refused")
                    if lines.ask(b"DATA")[0] != 354:
                        raise Failure("refused")
                    lines.send(data + b".\r\n")
                    if lines.reply()[0] == 250:
                        acknowledged.append(data)
                    number += 1
        except (OSError, Failure, ValueError, ssl.SSLError):
            number += 1
            time.sleep(0.02)


def under_load(disturb):
    """Four senders, one vault open and one locked, while disturb(server) runs; then everything acknowledged is there, once."""
    with Server() as server:
        open_, locked = server.alias("open")[0], server.alias("locked")[0]
        session = raw_imap(server, open_)
        stop, lists = threading.Event(), {open_: [], locked: []}
        threads = [threading.Thread(target=sender, args=(server, to, b"%s%d" % (to[:4].encode(), n), stop, lists[to]))
                   for to in (open_, locked) for n in range(2)]
        for thread in threads:
            thread.start()
        try:
            disturb(server)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
            session.sock.close()
        for address, acknowledged in lists.items():
            client = server.imap(address, tls=True)
            found = [body_of(data) for _, data in fetch_all(client)]
            client.logout()
            assert len(acknowledged) > 20, len(acknowledged)
            same(sorted(set(acknowledged) - set(found)), [], f"{address}: acknowledged, but not there")
            same(len(found), len(set(found)), f"{address}: some are there twice")


def test_reload_under_load():
    def disturb(server):
        for number in range(20):
            server.process.send_signal(signal.SIGHUP)
            time.sleep(0.05)
        wait_for(lambda: server.log().count(" reloaded") >= 10, what="reloads")

    under_load(disturb)


def test_stop_under_load():
    """SIGTERM in the middle, three times: what was acknowledged is there after the last start, once."""
    def disturb(server):
        for _ in range(3):
            time.sleep(0.4)
            server.stop()
            server.start()
        time.sleep(0.3)

    under_load(disturb)


def test_commands_under_load():
    """Aliases and passwords are added and removed while mail comes in."""
    def disturb(server):
        for number in range(6):
            address, password = server.alias(f"brief{number}")
            server.send(address, b"Subject: x\r\n\r\ny\r\n")
            client = server.imap(address)
            same(client.select("INBOX"), ("OK", [b"1"]))
            server.cli("alias", "password", address, "--add", stdin=password + "\n")
            client.shutdown()
            server.cli("alias", "remove", address, "--confirm", address)
        same(len(os.listdir(os.path.join(server.data, "vaults"))) >= 2, True)
        assert server.cli("check", check=False).returncode == 0

    under_load(disturb)
