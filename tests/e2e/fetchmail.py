"""fetchmail over IMAP: messages to a program, to be kept or not, only the unseen ones, and while idling."""
import os
import shutil
import subprocess

from corpus import message
from letterlock import Failure, Server, append, fetch_all, raw_imap, same, wait_for
from skip import Skip


def setup(server, address, options, secure=True, server_options=""):
    """Write the rc file and the program that messages go to; returns (command, folder of what came)."""
    if not shutil.which("fetchmail"):
        raise Skip("fetchmail is not installed")
    home = os.path.join(server.parent, "fetchmail")
    came = os.path.join(home, "came")
    os.makedirs(came, exist_ok=True)
    program = os.path.join(home, "take")
    with open(program, "w") as file:  # a name that sorts by arrival; complete under its name
        file.write(f'#!/bin/sh\nn=$(ls {came} | wc -l)\ncat >{home}/half && mv {home}/half {came}/$(printf %04d "$n")\n')
    os.chmod(program, 0o700)
    rc = os.path.join(home, "rc")
    tls = f'ssl sslcertck sslcertfile "{server.data}/tls/cert.pem" sslcommonname "mail.example.com"' if secure else 'sslproto ""'
    with open(rc, "w") as file:
        file.write(f'set no bouncemail\npoll 127.0.0.1 protocol imap port {server.port("imaps" if secure else "imap")} {server_options}\n'
                   f'user "{address}" password "{server.passwords[address]}" mda "{program}" {tls} {options}\n')
    os.chmod(rc, 0o600)
    return ["fetchmail", "-f", rc, "--pidfile", os.path.join(home, "pid"), "--nosyslog", "-v"], came, dict(os.environ, HOME=home)


def fetchmail(server, address, options, secure=True, code=0):
    """One poll; the messages that have come so far."""
    command, came, environment = setup(server, address, options, secure)
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
    assert done.returncode == code, (done.returncode, (done.stdout + done.stderr)[-3000:])
    return messages(came)


def messages(came):
    found = []
    for name in sorted(os.listdir(came)):
        with open(os.path.join(came, name), "rb") as file:
            found.append(file.read())
    return found


def without_trace(data):
    """Without the Received field that fetchmail puts on top."""
    lines = data.split(b"\n")
    start = next(n for n, line in enumerate(lines) if line.startswith(b"Received: from"))
    assert start <= 1, data[:300]
    end = start + 1
    while lines[end].startswith((b"\t", b" ")):
        end += 1
    return b"\n".join(lines[end:])


def letter(n):
    return f"From: a{n}@elsewhere.example\r\nSubject: letter {n}\r\nMessage-ID: <{n}@x.example>\r\n\r\nbody {n}\r\n".encode()


def near(data):
    return data.replace(b"\r\n", b"\n")


def test_keep_and_unseen():
    """keep: they stay, are \\Seen, and a second poll brings nothing; `fetchall` brings all again."""
    for secure in (True, False):
        with Server() as server:
            ann, _ = server.alias("ann")
            with raw_imap(server, ann) as far:
                for n in range(3):
                    append(far, b"INBOX", letter(n))
                same([without_trace(data) for data in fetchmail(server, ann, "keep", secure)], [near(letter(n)) for n in range(3)])
                fetchmail(server, ann, "keep", secure, code=1)  # "no mail"
                append(far, b"INBOX", letter(3))
                same(len(fetchmail(server, ann, "keep", secure)), 4)
                same(len(fetchmail(server, ann, "keep fetchall", secure)), 8)
                far.good(b"SELECT INBOX")
                same(far.good(b"SEARCH UNSEEN"), [b"* SEARCH"])
                same(far.good(b"UID SEARCH SEEN"), [b"* SEARCH 1 2 3 4"])


def test_no_keep_and_kinds():
    """Without keep the server has nothing left; what came is what was there, for many kinds of well-formed mail."""
    with Server() as server:
        ann, _ = server.alias("ann")
        numbers = [0, 2, 4, 6, 11, 13, 19, 29, 33]
        with raw_imap(server, ann) as far:
            for n in numbers:
                append(far, b"INBOX", message(n))
            came = fetchmail(server, ann, "no keep fetchall expunge 2")
            for data, n in zip(came, numbers):
                got, want = without_trace(data).split(b"\n\n", 1), near(message(n)).split(b"\n\n", 1)
                same(got[1:], want[1:], f"body of message {n}")  # fetchmail rewrites addresses of the header
            same(len(came), len(numbers))
            assert any(line == b"* 0 EXISTS" for line in far.good(b"SELECT INBOX"))


def test_folder_and_limit():
    """Another mailbox with a space in its name; what is over the limit stays, and unseen."""
    with Server() as server:
        ann, _ = server.alias("ann")
        with raw_imap(server, ann) as far:
            far.good(b'CREATE "Two words"')
            append(far, b'"Two words"', letter(0))
            append(far, b'"Two words"', letter(1) + b"x" * 70 + b"\r\n" * 2000)
            same([without_trace(data) for data in fetchmail(server, ann, 'folder "Two words" no keep limit 1000')], [near(letter(0))])
            far.good(b'SELECT "Two words"')
            same(far.good(b"UID SEARCH UNSEEN"), [b"* SEARCH 2"])
        same(len(fetch_all(server.imap(ann), mailbox='"Two words"')), 1)


def test_idle():
    """With idle it stays, and takes each new message as it comes."""
    with Server() as server:
        ann, _ = server.alias("ann")
        command, came, environment = setup(server, ann, "keep idle", secure=False)
        with open(os.path.join(server.parent, "fetchmail-log"), "wb") as log, raw_imap(server, ann) as far:
            append(far, b"INBOX", letter(0))
            process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment)
            try:
                wait_for(lambda: len(messages(came)) == 1, what="the first message")
                for n in (1, 2):
                    append(far, b"INBOX", letter(n))
                    wait_for(lambda count=n + 1: len(messages(came)) == count, what=f"message {n + 1} while idling")
                same([without_trace(data) for data in messages(came)], [near(letter(n)) for n in range(3)])
                if process.poll() is not None:
                    raise Failure("fetchmail did not stay")
            finally:
                process.kill()
                process.wait()
