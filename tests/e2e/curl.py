"""curl as an IMAP client: whole messages and sections by UID, SEARCH, APPEND, over verified TLS."""
import os
import shutil
import subprocess
import urllib.parse

from corpus import message
from letterlock import Server, body_of, fetch_all
from skip import Skip

MESSAGE = (b"From: a@elsewhere.example\r\nTo: ann@example.com\r\nSubject: parts\r\nMIME-Version: 1.0\r\n"
           b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nfirst part\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>second</p>\r\n--b--\r\n")


def curl(server, address, path, *more, secure=True, code=0):
    if not shutil.which("curl"):
        raise Skip("curl is not installed")
    scheme, port = ("imaps", server.port("imaps")) if secure else ("imap", server.port("imap"))
    host = "mail.example.com"
    words = ["curl", "-sS", "--cacert", os.path.join(server.data, "tls/cert.pem"), "--resolve", f"{host}:{port}:127.0.0.1",
             "-u", f"{address}:{server.passwords[address]}", f"{scheme}://{host}:{port}/{path}", *more]
    done = subprocess.run(words, capture_output=True, timeout=60)
    assert done.returncode == code, (done.returncode, done.stderr[-500:], done.stdout[-500:])
    return done.stdout


def test_fetch_by_uid():
    with Server() as server:
        ann, _ = server.alias("ann")
        numbers = [0, 2, 5, 11, 13, 23, 29, 31, 48]
        for n in numbers:
            server.send(ann, message(n))
        for uid, n in enumerate(numbers, 1):
            assert body_of(curl(server, ann, f"INBOX;UID={uid}")) == message(n), n
        assert body_of(curl(server, ann, "INBOX;MAILINDEX=3")) == message(numbers[2])
        assert body_of(curl(server, ann, "INBOX;UID=1", "--ssl-reqd", secure=False)) == message(0)  # STARTTLS
        curl(server, ann, "INBOX;UID=99", code=78)


def test_sections():
    with Server() as server:
        ann, _ = server.alias("ann")
        server.send(ann, MESSAGE)
        assert curl(server, ann, "INBOX;UID=1;SECTION=1") == b"first part"
        assert curl(server, ann, "INBOX;UID=1;SECTION=2") == b"<p>second</p>"
        assert curl(server, ann, "INBOX;UID=1;SECTION=2.MIME") == b"Content-Type: text/html\r\n\r\n"
        assert curl(server, ann, "INBOX;UID=1;SECTION=HEADER.FIELDS%20(SUBJECT)") == b"Subject: parts\r\n\r\n"
        assert curl(server, ann, "INBOX;UID=1;SECTION=TEXT") == MESSAGE.split(b"\r\n\r\n", 1)[1]


def test_append_and_search():
    with Server() as server:
        ann, _ = server.alias("ann")
        file = os.path.join(server.parent, "message.eml")
        with open(file, "wb") as out:
            out.write(message(4))
        curl(server, ann, "INBOX", "-T", file)
        with open(file, "wb") as out:
            out.write(MESSAGE)
        curl(server, ann, "INBOX", "-T", file)
        assert curl(server, ann, "INBOX?" + urllib.parse.quote("SUBJECT parts")).strip() == b"* SEARCH 2"
        assert curl(server, ann, "INBOX?" + urllib.parse.quote("ALL")).strip() == b"* SEARCH 1 2"
        assert curl(server, ann, "INBOX", "-X", "STORE 1 +Flags \\Flagged").startswith(b"* 1 FETCH (")
        assert curl(server, ann, "INBOX?FLAGGED").strip() == b"* SEARCH 1"
        assert b'INBOX' in curl(server, ann, "")
        client = server.imap(ann)
        assert [data for _, data in fetch_all(client)] == [message(4), MESSAGE]
        client.logout()


def test_flag_move_delete_with_commands_of_its_own():
    """-X: what scripts do with curl; the mailbox has a name that needs modified UTF-7 and quotes."""
    with Server() as server:
        ann, _ = server.alias("ann")
        client = server.imap(ann)
        for n in (0, 2, 4):
            client.append("INBOX", None, None, message(n))
        assert curl(server, ann, "", "-X", 'CREATE "Gr&APwA3w-e 2024"') == b""
        assert b'"Gr&APwA3w-e 2024"' in curl(server, ann, "", "-X", 'LIST "" "Gr*"')
        curl(server, ann, "INBOX", "-X", 'UID MOVE 1 "Gr&APwA3w-e 2024"')
        curl(server, ann, "INBOX", "-X", "UID STORE 2 +FLAGS.SILENT (\\Deleted)")
        assert curl(server, ann, "INBOX", "-X", "EXPUNGE").strip() == b"* 1 EXPUNGE"
        curl(server, ann, "INBOX", "-X", 'UID COPY 3 "Gr&APwA3w-e 2024"')
        assert [data for _, data in fetch_all(client)] == [message(4)]
        assert [data for _, data in fetch_all(client, mailbox='"Gr&APwA3w-e 2024"')] == [message(0), message(4)]
        there = curl(server, ann, urllib.parse.quote("Gr&APwA3w-e 2024") + ";UID=1", secure=False)
        assert there == message(0)
        assert curl(server, ann, "", "-X", 'STATUS "Gr&APwA3w-e 2024" (MESSAGES)').strip().endswith(b"(MESSAGES 2)")
        client.logout()


def test_wrong_password():
    with Server(settings={"login_failure_delay": "500ms"}) as server:
        ann, _ = server.alias("ann")
        server.passwords[ann] = "not this one"
        curl(server, ann, "", code=67)
