"""mbsync (isync) as the owner's own copy of the mailbox: bytes, flags both ways, new mail both ways, nothing twice."""
import glob
import os
import re
import shutil
import subprocess

from corpus import kind_of, message
from letterlock import Server, append, fetch_all, raw_imap, same
from skip import Skip

COUNT = 300


def setup(server, address, secure, mechanism, name="INBOX"):
    """Write the configuration; returns (its path, the Maildir's)."""
    if not shutil.which("mbsync"):
        raise Skip("mbsync is not installed")
    folder = os.path.join(server.parent, "mail-" + mechanism)
    os.makedirs(folder)
    path = os.path.join(server.parent, "mbsyncrc-" + mechanism)
    tls = f"SSLType IMAPS\nCertificateFile {server.data}/tls/cert.pem\nSystemCertificates no" if secure else "SSLType None"
    with open(path, "w") as file:
        file.write(f"""IMAPAccount a
Host 127.0.0.1
Port {server.port("imaps" if secure else "imap")}
User {address}
Pass "{server.passwords[address]}"
AuthMechs {mechanism}
{tls}

IMAPStore far
Account a

MaildirStore near
Path {folder}/
Inbox {folder}/INBOX
SubFolders Verbatim

Channel c
Far :far:
Near :near:
Patterns *
Create Both
Expunge Both
SyncState *
""")
    return path, os.path.join(folder, name)


def sync(path):
    done = subprocess.run(["mbsync", "-c", path, "-V", "-a"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-1500:] + done.stderr[-1500:]
    return done.stdout + done.stderr


def files(maildir):
    return sorted(glob.glob(maildir + "/cur/*") + glob.glob(maildir + "/new/*"))


def listing(maildir):
    return {os.path.basename(path): os.path.getmtime(path) for path in files(maildir)}


def near_bytes(data):
    """What mbsync keeps of a message: line ends LF, without the X-TUID field it adds."""
    return re.sub(rb"(?m)^X-TUID: .{12}\n", b"", data.replace(b"\r\n", b"\n"), count=1)


def has_whole_header(data):
    """mbsync passes over messages without an empty line, for it cannot add its field."""
    return b"\r\n\r\n" in data


def numbers():
    """The first COUNT small messages that mbsync takes."""
    wanted, n = [], 0
    while len(wanted) < COUNT:
        if has_whole_header(message(n)) and len(message(n)) < 100000:
            wanted.append(n)
        n += 1
    return wanted


def test_pull_three_hundred():
    with Server() as server:
        ann, _ = server.alias("ann")
        wanted = numbers()
        for n in wanted:
            server.send(ann, message(n), lmtp=True)
        client = server.imap(ann, tls=True)
        stored = [data for _, data in fetch_all(client)]
        for secure, mechanism in ((True, "SCRAM-SHA-256"), (False, "PLAIN"), (False, "LOGIN")):
            path, maildir = setup(server, ann, secure, mechanism)
            sync(path)
            pulled = {}
            for file in files(maildir):
                with open(file, "rb") as near:
                    pulled[int(re.search(r",U=(\d+)", file).group(1))] = near.read()
            assert len(pulled) == COUNT, f"{mechanism}: {len(pulled)}"
            for n, uid in zip(wanted, range(1, COUNT + 1)):
                assert near_bytes(pulled[uid]) == stored[uid - 1].replace(b"\r\n", b"\n"), f"{mechanism}: message {n} ({kind_of(n).__name__})"
            before = listing(maildir)
            sync(path)
            assert listing(maildir) == before, "the second run changed something"
        assert "mechanism=SCRAM-SHA-256\n" in server.log() or "mechanism=SCRAM-SHA-256 " in server.log()
        client.logout()


def test_flags_and_mail_both_ways():
    with Server() as server:
        ann, _ = server.alias("ann")
        for n in range(0, 10, 2):
            server.send(ann, message(n))
        path, maildir = setup(server, ann, True, "SCRAM-SHA-256")
        client = server.imap(ann, tls=True)
        client.create("Notes")
        sync(path)
        assert os.path.isdir(os.path.join(os.path.dirname(maildir), "Notes"))
        client.select("INBOX")
        # near to far: flag the first, delete the second, write a new one
        by_uid = {int(re.search(r",U=(\d+)", file).group(1)): file for file in files(maildir)}
        cur = os.path.join(maildir, "cur")
        base = lambda uid: os.path.basename(by_uid[uid]).split(":")[0]
        os.rename(by_uid[1], os.path.join(cur, base(1) + ":2,FS"))
        os.rename(by_uid[2], os.path.join(cur, base(2) + ":2,T"))
        with open(os.path.join(maildir, "new", "1.written.here"), "wb") as file:
            file.write(b"From: me@x.example\nSubject: written here\n\nbody\n")
        # far to near: answer the third, delete the fourth
        client.store("3", "+FLAGS", r"(\Answered)")
        client.store("4", "+FLAGS", r"(\Deleted)")
        sync(path)
        sync(path)
        client.select("INBOX")
        kind, data = client.fetch("1:*", "(UID FLAGS)")
        flags = {int(re.search(rb"UID (\d+)", row).group(1)): set(re.search(rb"FLAGS \((.*?)\)", row).group(1).split()) - {rb"\Recent"}
                 for row in data}
        assert flags[1] == {rb"\Flagged", rb"\Seen"} and flags[3] == {rb"\Answered"}, flags
        assert sorted(flags) == [1, 3, 5, 6], flags
        kind, data = client.uid("FETCH", "6", "BODY.PEEK[]")
        new = data[0][1]
        assert re.sub(rb"X-TUID: .{12}\r\n", b"", new) == b"From: me@x.example\r\nSubject: written here\r\n\r\nbody\r\n", new
        near = {int(re.search(r",U=(\d+)", file).group(1)): file.rsplit(":2,", 1)[-1] for file in files(maildir)}
        assert sorted(near) == [1, 3, 5, 6] and near[3] == "R", near
        before = listing(maildir)
        sync(path)
        assert listing(maildir) == before
        client.logout()


def letters_in(maildir):
    """The subjects in a Maildir, each once for each file."""
    found = []
    for path in files(maildir):
        with open(path, "rb") as file:
            found.append(re.search(rb"(?m)^Subject: (.*)$", file.read()).group(1).decode())
    return sorted(found)


def test_moves_and_folders_both_ways():
    """Moved here, moved there, folders made and removed on either side: both end up with the same, and nothing is there twice."""
    with Server() as server:
        ann, _ = server.alias("ann")
        path, maildir = setup(server, ann, False, "PLAIN")
        with open(path, "a") as file:
            file.write("Remove Both\n")
        root = os.path.dirname(maildir)
        with raw_imap(server, ann) as far:
            for n in range(8):
                append(far, b"INBOX", f"Message-ID: <{n}@x.example>\r\nSubject: letter {n}\r\n\r\nbody {n}\r\n".encode())
            far.good(b'CREATE "Made there"')
            far.good(b'CREATE "Gone soon"')
            sync(path)
            # near to far: a folder, and two moves by a program that knows nothing of mbsync's names
            for part in ("cur", "new", "tmp"):
                os.makedirs(os.path.join(root, "Made here", part))
            by_uid = {int(re.search(r",U=(\d+)", name).group(1)): name for name in files(maildir)}
            os.rename(by_uid[1], os.path.join(root, "Made here", "cur", "1.moved:2,S"))
            os.rename(by_uid[2], os.path.join(root, "Made there", "new", "2.moved"))
            # far to near: two moves, a rename, a removal
            far.good(b"SELECT INBOX")
            far.good(b'UID MOVE 3:4 "Made there"')
            far.good(b"UID MOVE 5 Archive")
            far.good(b'DELETE "Gone soon"')
            sync(path)
            far.good(b'RENAME "Made there" "Renamed there"')
            sync(path)
            sync(path)
            want = {"INBOX": ["letter 5", "letter 6", "letter 7"], "Made here": ["letter 0"], "Archive": ["letter 4"],
                    "Renamed there": ["letter 1", "letter 2", "letter 3"]}
            same({name: letters_in(os.path.join(root, name)) for name in want}, want, "here")
            client = server.imap(ann)
            there = {name: sorted(re.search(rb"(?m)^Subject: (.*)\r$", data).group(1).decode() for _, data in fetch_all(client, mailbox=f'"{name}"'))
                     for name in want}
            same(there, want, "there")
            names = {row.rsplit(b' "/" ', 1)[1].strip(b'"') for row in client.list()[1]}
            assert b"Made here" in names and b"Gone soon" not in names and b"Made there" not in names, names
            client.logout()
