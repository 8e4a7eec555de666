"""offlineimap3: a Maildir and the server, in step: bytes, flags and deletions both ways, nothing twice, over IMAPS and in clear."""
import glob
import hashlib
import os
import re
import shutil
import ssl
import subprocess

from corpus import message
from letterlock import Server, append, fetch_all, raw_imap, same
from skip import Skip


def fingerprint(server):
    with open(os.path.join(server.data, "tls/cert.pem")) as file:
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(file.read())).hexdigest()


def setup(server, address, secure=True, settings=""):
    """Write the configuration; returns (its path, the Maildir's folder)."""
    if not shutil.which("offlineimap"):
        raise Skip("offlineimap3 is not installed")
    name = "tls" if secure else "clear"
    folder = os.path.join(server.parent, "mail-" + name)
    path = os.path.join(server.parent, "offlineimaprc-" + name)
    # the certificate is for mail.example.com: its fingerprint instead of its name
    tls = f"ssl = yes\ncert_fingerprint = {fingerprint(server)}" if secure else "ssl = no\nstarttls = no"
    with open(path, "w") as file:
        file.write(f"""[general]
accounts = a
metadata = {server.parent}/offlineimap-{name}
ui = basic
socktimeout = 20
[Account a]
localrepository = near
remoterepository = far
[Repository near]
type = Maildir
localfolders = {folder}
[Repository far]
type = IMAP
remotehost = 127.0.0.1
remoteport = {server.port("imaps" if secure else "imap")}
remoteuser = {address}
remotepass = {server.passwords[address]}
{tls}
{settings}
""")
    return path, folder


def sync(path):
    done = subprocess.run(["offlineimap", "-o", "-c", path], capture_output=True, text=True, timeout=60)
    said = done.stdout + done.stderr
    assert done.returncode == 0 and "ERROR" not in said, said[-3000:]
    return said


def near(folder, name="INBOX"):
    """{uid: (path, flags)}; a message that has no UID yet is 0."""
    found = {}
    for path in glob.glob(f"{folder}/{name}/cur/*") + glob.glob(f"{folder}/{name}/new/*"):
        uid = re.search(r",U=(\d+)", path)
        found[int(uid.group(1)) if uid else 0] = (path, path.rsplit(":2,", 1)[-1] if ":2," in path else "")
    return found


def read(path):
    with open(path, "rb") as file:
        return file.read()


def flags_of(client, mailbox="INBOX"):
    client.select(mailbox, readonly=True)
    _, data = client.uid("FETCH", "1:*", "(FLAGS)")
    return {int(re.search(rb"UID (\d+)", row).group(1)): set(re.search(rb"FLAGS \((.*?)\)", row).group(1).split()) - {rb"\Recent"}
            for row in data if row}


def test_bytes_and_second_run():
    """Many kinds of well-formed mail come down as they are but for its line ends, over TLS and in clear; a second run changes nothing."""
    with Server() as server:
        ann, _ = server.alias("ann")
        with raw_imap(server, ann) as far:
            # all under 32 KB: its imaplib2 waits for the socket while inflated bytes beyond that are still in its hand
            for n in (0, 2, 4, 8, 10, 13, 19, 25, 27, 29, 33, 41, 47):
                append(far, b"INBOX", message(n))
            stored = dict(fetch_all(server.imap(ann)))
        for secure in (True, False):
            path, folder = setup(server, ann, secure, "" if secure else "usecompression = yes\nauth_mechanisms = PLAIN")
            sync(path)
            have = near(folder)
            same(sorted(have), sorted(stored), "the UIDs")
            for uid, (file, _) in have.items():
                same(read(file), stored[uid].replace(b"\r\n", b"\n"), f"message {uid}")
            sync(path)
            same(near(folder), have, "the second run changed something")


def test_flags_and_deletions_both_ways():
    with Server() as server:
        ann, _ = server.alias("ann")
        with raw_imap(server, ann) as far:
            for n in range(6):
                append(far, b"INBOX", f"Message-ID: <{n}@x.example>\r\nSubject: {n}\r\n\r\nbody {n}\r\n".encode())
        client = server.imap(ann)
        client.create('"Old things/2024"')
        path, folder = setup(server, ann)
        sync(path)
        assert os.path.isdir(os.path.join(folder, "Old things.2024")) or os.path.isdir(os.path.join(folder, "Old things/2024"))
        have = near(folder)
        same(sorted(have), [1, 2, 3, 4, 5, 6])
        # near: flag 1, remove 2, mark 3 as thrown away, write a new one
        cur = os.path.join(folder, "INBOX", "cur")
        base = lambda uid: os.path.basename(have[uid][0]).split(":")[0]
        os.rename(have[1][0], os.path.join(cur, base(1) + ":2,FRS"))
        os.unlink(have[2][0])
        with open(os.path.join(folder, "INBOX", "new", "17.written.here"), "wb") as file:
            file.write(b"Message-ID: <new@x.example>\nSubject: written here\n\nbody\n")
        # far: see 4, flag and draft 5, delete 6
        client.select("INBOX")
        client.uid("STORE", "4", "+FLAGS", r"(\Seen)")
        client.uid("STORE", "5", "+FLAGS", r"(\Flagged \Draft)")
        client.uid("STORE", "6", "+FLAGS", r"(\Deleted)")
        client.expunge()
        sync(path)
        want = {1: {rb"\Seen", rb"\Flagged", rb"\Answered"}, 3: set(), 4: {rb"\Seen"}, 5: {rb"\Flagged", rb"\Draft"}, 7: set()}
        same(flags_of(client), want, "at the server")
        have = near(folder)
        same({uid: "".join(sorted(flags)) for uid, (_, flags) in have.items()}, {1: "FRS", 3: "", 4: "S", 5: "DF", 7: ""}, "here")
        _, data = client.uid("FETCH", "7", "BODY.PEEK[]")
        # offlineimap puts a field of its own on top when it uploads, to find the UID; UIDPLUS makes that needless
        same(data[0][1], b"Message-ID: <new@x.example>\r\nSubject: written here\r\n\r\nbody\r\n", "what was written here")
        sync(path)
        same(near(folder), have, "one more run changed something")
        client.logout()


def test_folders_both_ways():
    """A folder made here is made there, with its mail; one made there comes here, and so does what was moved into it."""
    with Server() as server:
        ann, _ = server.alias("ann")
        path, folder = setup(server, ann, settings="subscribedonly = no")
        with raw_imap(server, ann) as far:
            for n in range(3):
                append(far, b"INBOX", f"Message-ID: <{n}@x.example>\r\nSubject: {n}\r\n\r\nbody {n}\r\n".encode())
            sync(path)
            for part in ("cur", "new", "tmp"):
                os.makedirs(os.path.join(folder, "Made here", part))
            os.rename(near(folder)[1][0], os.path.join(folder, "Made here", "new", "1.moved"))
            far.good(b'CREATE "Made there"')
            far.good(b"SELECT INBOX")
            far.good(b'UID MOVE 3 "Made there"')
            sync(path)
            sync(path)
            same(sorted(near(folder)), [2], "INBOX here")
            file, _ = near(folder, "Made there")[1]
            same(read(file), b"Message-ID: <2@x.example>\nSubject: 2\n\nbody 2\n")
            client = server.imap(ann)
            same([data for _, data in fetch_all(client, mailbox='"Made here"')],
                 [b"Message-ID: <0@x.example>\r\nSubject: 0\r\n\r\nbody 0\r\n"], "the folder made here, at the server")
            same([uid for uid, _ in fetch_all(client)], [2], "INBOX there")
            client.logout()
