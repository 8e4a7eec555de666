"""getmail6 over IMAP: by UID, each message once, kept or deleted or moved, over IMAPS and in clear."""
import glob
import os
import re
import shutil
import subprocess

from corpus import message
from letterlock import Server, append, fetch_all, raw_imap, same
from skip import Skip


def getmail(server, address, options="", mailboxes='("INBOX",)', secure=True, retriever=""):
    """One run; the messages that it has delivered so far, sorted, as plain() has them."""
    if not shutil.which("getmail"):
        raise Skip("getmail6 is not installed")
    home = os.path.join(server.parent, "getmail")
    came = os.path.join(home, "came")
    os.makedirs(came, exist_ok=True)
    with open(os.path.join(home, "take"), "w") as file:  # its own Maildir writer refuses to work for root
        file.write(f'#!/bin/sh\nexec cat >"$(mktemp {came}/XXXXXXXXXX)"\n')
    os.chmod(os.path.join(home, "take"), 0o700)
    rc = os.path.join(home, "getmailrc")
    kind = "SimpleIMAPSSLRetriever" if secure else "SimpleIMAPRetriever"
    tls = f"ca_certs = {server.data}/tls/cert.pem\nssl_cert_hostname = mail.example.com" if secure else ""
    with open(rc, "w") as file:
        file.write(f"""[retriever]
type = {kind}
server = 127.0.0.1
port = {server.port("imaps" if secure else "imap")}
username = {address}
password = {server.passwords[address]}
mailboxes = {mailboxes}
{tls}
{retriever}
[destination]
type = MDA_external
path = {home}/take
allow_root_commands = true
[options]
delivered_to = false
received = false
verbose = 2
{options}
""")
    os.chmod(rc, 0o600)
    done = subprocess.run(["getmail", "--getmaildir", home, "--rcfile", rc], capture_output=True, text=True, timeout=60,
                          env=dict(os.environ, HOME=home))
    assert done.returncode == 0 and "error" not in (done.stdout + done.stderr).lower(), (done.stdout + done.stderr)[-3000:]
    found = []
    for path in glob.glob(came + "/*"):
        with open(path, "rb") as near:
            found.append(near.read())
    return sorted(map(plain, found))


def plain(data):
    """What getmail keeps: it folds long fields anew and adds two of its own."""
    head, body = data.replace(b"\r\n", b"\n").split(b"\n\n", 1)
    fields = re.sub(rb"\n[ \t]+", b" ", head).split(b"\n")
    return b"\n".join(field for field in fields if not field.startswith((b"Return-Path: <unknown>", b"X-getmail-"))), body


def test_each_once():
    """All at first, then only what is new, as its list of UIDs says; nothing at the server changes but \\Seen."""
    with Server() as server:
        ann, _ = server.alias("ann")
        numbers = [0, 2, 4, 6, 8, 10, 13, 19, 29, 31, 33]
        with raw_imap(server, ann) as far:
            for n in numbers:
                append(far, b"INBOX", message(n))
            for run in range(2):
                got = getmail(server, ann, "read_all = false")
                same(got, sorted(plain(message(n)) for n in numbers), f"run {run}")
            append(far, b"INBOX", message(48))
            same(len(getmail(server, ann, "read_all = false")), len(numbers) + 1)
            same(len(getmail(server, ann, "read_all = true", secure=False)), 2 * (len(numbers) + 1))
            same([data for _, data in fetch_all(server.imap(ann))], [message(n) for n in numbers + [48]])


def test_delete_and_folders():
    with Server() as server:
        ann, _ = server.alias("ann")
        with raw_imap(server, ann) as far:
            far.good(b'CREATE "Work/2024"')
            append(far, b"INBOX", message(0))
            append(far, b'"Work/2024"', message(2))
            append(far, b'"Work/2024"', message(4))
            got = getmail(server, ann, "delete = true", '("INBOX", "Work/2024")', secure=False)
            same(got, sorted(plain(message(n)) for n in (0, 2, 4)))
            client = server.imap(ann)
            same(fetch_all(client), [])
            same(fetch_all(client, mailbox='"Work/2024"'), [])
            client.logout()


def test_move_on_delete():
    """What it has taken it moves: COPY, STORE \\Deleted, EXPUNGE."""
    with Server() as server:
        ann, _ = server.alias("ann")
        with raw_imap(server, ann) as far:
            far.good(b"CREATE Taken")
            for n in (0, 2):
                append(far, b"INBOX", message(n))
            same(len(getmail(server, ann, "delete = true", retriever="move_on_delete = Taken")), 2)
            client = server.imap(ann)
            same(fetch_all(client), [])
            same(sorted(data for _, data in fetch_all(client, mailbox="Taken")), sorted(message(n) for n in (0, 2)))
            client.logout()
