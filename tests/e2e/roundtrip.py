"""Two thousand varied messages through the whole house: in by SMTP and LMTP, out by IMAPS, the same bytes in the same order."""
import smtplib
import threading

from corpus import corpus, kind_of, message
from letterlock import Server, append, body_of, fetch_all, raw_imap, same, waiting

COUNT = 2000
LANES = 4  # aliases, each fed by one connection, so that its order is known


def feed(server, address, first, lmtp, failures):
    kind = smtplib.LMTP if lmtp else smtplib.SMTP
    client = kind("127.0.0.1", server.port("lmtp" if lmtp else "smtp"), local_hostname="client.example", timeout=120)
    try:
        for n in range(first, COUNT, LANES):
            client.sendmail(f"sender{n}@elsewhere.example", [address], message(n), ["BODY=8BITMIME"])
        client.quit()
    except Exception as error:  # the test thread reports it
        failures.append(f"message {n} ({kind_of(n).__name__}): {error!r}")


def compare(server, address, first):
    client = server.imap(address, tls=True)
    try:
        found = fetch_all(client, "RFC822.SIZE BODY.PEEK[]")
    finally:
        client.logout()
    wanted = list(range(first, COUNT, LANES))
    assert len(found) == len(wanted), f"{address}: {len(found)} of {len(wanted)} messages"
    assert [uid for uid, _ in found] == list(range(1, len(wanted) + 1))
    for n, (_, data) in zip(wanted, found):
        assert body_of(data) == message(n), f"message {n} ({kind_of(n).__name__}) changed on its way"
        assert data.startswith(b"Return-Path: <sender%d@elsewhere.example>\r\n" % n)


def test_two_thousand_messages():
    """Lane 0: SMTP, locked; 1: LMTP, locked; 2: SMTP, unlocked; 3: LMTP, unlocked."""
    with Server() as server:
        lanes = [server.alias(f"lane{n}")[0] for n in range(LANES)]
        sessions = [server.imap(address) for address in lanes[2:]]
        failures = []
        threads = [threading.Thread(target=feed, args=(server, address, n, n % 2 == 1, failures)) for n, address in enumerate(lanes)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures, failures
        assert waiting(server) == COUNT // 2
        for session in sessions:
            session.logout()
        for n, address in enumerate(lanes):
            compare(server, address, n)
        assert waiting(server) == 0
        assert f"messages_received: {COUNT}\n" in server.cli("status").stdout


def test_one_mailbox_locked_then_unlocked_then_restarted():
    """The order of arrival holds across absorbing, direct delivery, and a restart with mail waiting."""
    with Server(settings={"vault_grace": "0s"}) as server:
        ann, _ = server.alias("ann")
        for n in range(0, 20):
            server.send(ann, message(n))
        session = server.imap(ann)
        for n in range(20, 40):
            server.send(ann, message(n))
        session.logout()
        server.stop()
        server.start()
        for n in range(40, 60):
            server.send(ann, message(n), lmtp=True)
        server.stop()
        server.start()
        assert waiting(server) == 20
        client = server.imap(ann, tls=True)
        found = [body_of(data) for _, data in fetch_all(client)]
        order = [found.index(data) if data in found else None for data in corpus(60)]
        same(order, list(range(60)), "places of the messages sent, in INBOX")
        client.logout()
        assert waiting(server) == 0


def test_append_and_copy_keep_every_byte():
    """The same corpus by APPEND, without lines on top, then COPY and MOVE."""
    with Server() as server:
        ann, _ = server.alias("ann")
        wanted = list(corpus(120, first=300)) + [b"no line end", b"\r\n", b"x", b"bare\nlines\rand both\n\r\n", b"8bit \xff\xfe\r\n\xe9"]
        with raw_imap(server, ann) as lines:
            for data in wanted:
                append(lines, b"INBOX", data)
        client = server.imap(ann, tls=True)
        client.create("Copies")
        client.select("INBOX")
        assert client.copy("1:*", "Copies")[0] == "OK"
        for mailbox in ("INBOX", "Copies"):
            assert [data for _, data in fetch_all(client, mailbox=mailbox)] == wanted, mailbox
        client.create("Moved")
        client.select("Copies")
        assert client.uid("MOVE", "1:*", "Moved")[0] == "OK"
        assert [data for _, data in fetch_all(client, mailbox="Moved")] == wanted
        assert fetch_all(client, mailbox="Copies") == []
        client.logout()
