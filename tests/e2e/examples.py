"""The example programs, each driven by real clients: curl, Python's imaplib, mbsync."""
import glob
import imaplib
import os
import shutil
import socket
import subprocess
import tempfile
import threading

from letterlock import ROOT, wait_for
from skip import Skip

MAIL = b"From: Ada <ada@example.com>\r\nTo: me@example.com\r\nSubject: number %d\r\n\r\nText %d\r\n"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Example:
    """One running example program; a context manager."""

    def __init__(self, name, password, *words, env=None, port=0):
        self.program = os.path.join(ROOT, os.environ.get("LL_BUILD", "build/release"), "examples", name)
        if not os.path.exists(self.program):
            raise Skip("examples are not built here")
        self.password, self.words, self.env = password, words, env
        self.port = port or free_port()
        self.folder = tempfile.mkdtemp(prefix="ll-example-")

    def __enter__(self):
        self.process = subprocess.Popen([self.program, str(self.port), *self.words], stdout=subprocess.PIPE, text=True,
                                        env=dict(os.environ, **(self.env or {})))
        assert self.process.stdout.readline() == "ready\n"
        return self

    def __exit__(self, kind, value, trace):
        alive = self.process.poll() is None
        self.process.terminate()
        self.process.wait(timeout=20)
        self.process.stdout.close()
        shutil.rmtree(self.folder)
        assert alive or kind, "it had ended by itself"

    def login(self):
        client = imaplib.IMAP4("127.0.0.1", self.port, timeout=30)
        client.login("me", self.password)
        return client

    def curl(self, path, *words):
        if not shutil.which("curl"):
            raise Skip("curl is not installed")
        done = subprocess.run(["curl", "-sS", "-u", "me:" + self.password, f"imap://127.0.0.1:{self.port}/{path}", *words],
                              capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def mbsync(self):
        """One two-way sync with the Maildirs in self.folder."""
        if not shutil.which("mbsync"):
            raise Skip("mbsync is not installed")
        path = os.path.join(self.folder, "mbsyncrc")
        with open(path, "w") as file:
            file.write(f"IMAPAccount a\nHost 127.0.0.1\nPort {self.port}\nUser me\nPass {self.password}\nSSLType None\n"
                       f"AuthMechs PLAIN\n\nIMAPStore far\nAccount a\n\nMaildirStore near\nPath {self.folder}/\n"
                       f"Inbox {self.folder}/INBOX\nSubFolders Verbatim\n\nChannel c\nFar :far:\nNear :near:\nPatterns *\n"
                       "Create Both\nExpunge Both\nSyncState *\n")
        done = subprocess.run(["mbsync", "-c", path, "-a"], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr

    def maildir(self, name):
        return sorted(glob.glob(f"{self.folder}/{name}/cur/*") + glob.glob(f"{self.folder}/{name}/new/*"))


def texts(client, what="(BODY.PEEK[])"):
    return [part[1] for part in client.fetch("1:*", what)[1] if isinstance(part, tuple)]


def test_hello_curl():
    with Example("hello", "hello") as hello:
        assert b"INBOX" in hello.curl("")
        assert hello.curl("INBOX;UID=1").endswith(b"Hello, world.\r\n")
        assert b"SEARCH 2\r\n" in hello.curl("INBOX", "-X", "SEARCH SUBJECT again")


def test_hello_imaplib():
    with Example("hello", "hello") as hello:
        client = hello.login()
        assert client.select("INBOX", readonly=True) == ("OK", [b"3"])
        assert [text[-15:] for text in texts(client)] == [b"Hello, world.\r\n", b"\nHello again.\r\n", b"That was all.\r\n"]
        assert client.fetch("2", "(ENVELOPE)")[1][0].count(b'"Again"') == 1
        assert client.search(None, "BODY", "again")[1] == [b"2"]
        assert client.create("other")[0] == "NO"
        assert client.append("INBOX", None, None, MAIL % (1, 1))[0] == "NO"
        assert client.copy("1", "INBOX")[0] == "NO"
        assert client.store("1", "+FLAGS", "\\Deleted")[0] == "NO"
        client.logout()
        wrong = imaplib.IMAP4("127.0.0.1", hello.port)
        try:
            wrong.login("me", "other")
            raise AssertionError("the wrong password was taken")
        except imaplib.IMAP4.error:
            pass
        wrong.logout()


def test_hello_mbsync():
    with Example("hello", "hello") as hello:
        path = os.path.join(hello.folder, "mbsyncrc")
        with open(path, "w") as file:  # one way: the far side is read-only
            file.write(f"IMAPAccount a\nHost 127.0.0.1\nPort {hello.port}\nUser me\nPass hello\nSSLType None\n\n"
                       f"IMAPStore far\nAccount a\n\nMaildirStore near\nPath {hello.folder}/\nInbox {hello.folder}/INBOX\n\n"
                       "Channel c\nFar :far:\nNear :near:\nSync Pull\nCreate Near\nSyncState *\n")
        done = subprocess.run(["mbsync", "-c", path, "-a"], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        assert len(hello.maildir("INBOX")) == 3


def test_memory_curl():
    with Example("memory", "memory") as memory:
        source = os.path.join(memory.folder, "mail")
        with open(source, "wb") as file:
            file.write(MAIL % (7, 7))
        memory.curl("INBOX", "-T", source)
        assert memory.curl("INBOX;UID=1") == MAIL % (7, 7)
        assert b"SEARCH 1\r\n" in memory.curl("INBOX", "-X", "SEARCH TEXT 7")


def test_memory_imaplib():
    with Example("memory", "memory") as memory:
        client = memory.login()
        for n in range(5):
            assert client.append("INBOX", "(\\Seen work)", None, MAIL % (n, n))[0] == "OK"
        assert client.select("INBOX") == ("OK", [b"5"])
        assert texts(client) == [MAIL % (n, n) for n in range(5)]
        assert client.create("a/b/c")[0] == "OK"
        names = [line.split(b" ")[-1].strip(b'"') for line in client.list()[1]]
        assert names[0] == b"INBOX" and {b"a", b"a/b", b"a/b/c"} <= set(names), names
        assert client.create("a/b")[0] == "NO"
        assert client.copy("1:3", "a/b/c")[0] == "OK"
        assert client.uid("MOVE", "4", "a/b/c")[0] == "OK"
        assert client.store("1", "+FLAGS", "(\\Deleted)")[0] == "OK"
        assert client.expunge()[1][-1:] == [b"1"]  # imaplib still has what MOVE expunged
        assert client.search(None, "ALL")[1] == [b"1 2 3"]
        assert client.rename("a/b", "x")[0] == "OK"
        assert client.select("x/c") == ("OK", [b"4"])
        assert all(b"work" in line for line in client.fetch("1:*", "(FLAGS)")[1])
        client.select("INBOX")  # a session whose mailbox is deleted says BYE
        assert client.delete("x")[0] == "OK"  # has a child: stays as a name
        assert client.delete("x/c")[0] == "OK"
        assert client.rename("INBOX", "old")[0] == "OK"
        fresh = memory.login()
        assert fresh.select("old") == ("OK", [b"3"])
        fresh.logout()


def test_memory_two_sessions():
    """What one client expunges the other reads until it has been told; new mail reaches one that idles."""
    with Example("memory", "memory") as memory:
        one, two = memory.login(), memory.login()
        for n in range(3):
            one.append("INBOX", None, None, MAIL % (n, n))
        one.select("INBOX")
        two.select("INBOX")
        one.store("2", "+FLAGS", "\\Deleted")
        one.expunge()
        assert texts(two)[1] == MAIL % (1, 1)
        two.noop()
        assert two.response("EXPUNGE")[1] == [b"2"]
        assert texts(two) == [MAIL % (0, 0), MAIL % (2, 2)]
        two.send(b"i IDLE\r\n")
        assert two.readline().startswith(b"+ ")
        timer = threading.Timer(0.2, lambda: one.append("INBOX", None, None, MAIL % (9, 9)))
        timer.start()
        assert two.readline() == b"* 3 EXISTS\r\n"
        timer.join()
        two.send(b"DONE\r\n")


def test_memory_mbsync():
    with Example("memory", "memory") as memory:
        client = memory.login()
        for n in range(20):
            client.append("INBOX", "(\\Seen)" if n % 2 else None, None, MAIL % (n, n))
        client.create("Projects")
        memory.mbsync()
        assert len(memory.maildir("INBOX")) == 20
        assert os.path.isdir(memory.folder + "/Projects")
        files = memory.maildir("INBOX")
        os.remove(files[0])  # gone near, then far
        flagged = next(f for f in files[1:] if f.endswith(":2,"))
        os.rename(flagged, flagged + "F")
        with open(memory.folder + "/Projects/new/1.2.3", "wb") as file:
            file.write((MAIL % (77, 77)).replace(b"\r\n", b"\n"))
        client.select("INBOX")
        client.store("20", "+FLAGS", "\\Answered")
        memory.mbsync()
        client.noop()
        assert len(client.search(None, "ALL")[1][0].split()) == 19
        assert len(client.search(None, "FLAGGED")[1][0].split()) == 1
        assert client.select("Projects") == ("OK", [b"1"])
        assert sum("R" in f.split(":2,")[-1] for f in memory.maildir("INBOX")) == 1
        memory.mbsync()
        assert len(memory.maildir("INBOX")) == 19


def bridge_to(memory, vault):
    env = {"BRIDGE_USER": "me", "BRIDGE_PASSWORD": "memory", "BRIDGE_SECONDS": "0.2"}
    return Example("bridge", "memory", vault, "127.0.0.1", str(memory.port), env=env)


def uids(client, mailbox, key="ALL"):
    assert client.select(mailbox)[0] == "OK"
    return [int(uid) for uid in client.uid("SEARCH", key)[1][0].split()]


def flags(client, mailbox):
    client.select(mailbox)
    lines = [line for line in client.fetch("1:*", "(FLAGS)")[1] if line]
    return sorted(" ".join(sorted(f for f in line.split(b"FLAGS (")[1].split(b")")[0].decode().split()
                                  if f != "\\Recent")) for line in lines)


def names(client):
    return {line.split(b' "/" ')[1].strip(b'"').decode() for line in client.list()[1]}


def test_bridge_down():
    """What happens at the source comes to the clients of the bridge, also to one that idles, and stays over a restart."""
    with Example("memory", "memory") as memory:
        source = memory.login()
        source.create("Work/2025")
        for n in range(120):
            source.append("INBOX", "(\\Seen $Label1)" if n % 3 == 0 else None, None, MAIL % (n, n))
        vault = memory.folder + "/vault"
        with bridge_to(memory, vault) as bridge:
            client = bridge.login()
            assert {"INBOX", "Work", "Work/2025", "Sent", "Trash"} <= names(client)
            assert client.select("INBOX") == ("OK", [b"120"])
            validity = client.response("UIDVALIDITY")[1]
            assert sorted(texts(client)) == sorted(MAIL % (n, n) for n in range(120))
            assert flags(client, "INBOX").count("$Label1 \\Seen") == 40
            client.send(b"i IDLE\r\n")
            assert client.readline().startswith(b"+ ")
            source.append("INBOX", "(\\Flagged)", None, MAIL % (500, 500))
            assert client.readline() == b"* 121 EXISTS\r\n"
            client.send(b"DONE\r\n")
            while not client.readline().startswith(b"i OK"):
                pass
            source.select("INBOX")
            source.store("1:5", "+FLAGS", "(\\Answered)")
            source.store("7", "+FLAGS", "(\\Deleted)")
            source.expunge()
            source.rename("Work/2025", "Work/2026")
            source.delete("Trash")
            wait_for(lambda: flags(client, "INBOX") == flags(source, "INBOX"), what="the same flags")
            wait_for(lambda: {"Work/2026"} <= names(client) and not {"Trash", "Work/2025"} & names(client), what="the names")
            before = uids(client, "INBOX")
            assert len(before) == 120
        with bridge_to(memory, vault) as bridge:  # again: nothing is fetched anew, nothing has another UID
            client = bridge.login()
            assert uids(client, "INBOX") == before and client.response("UIDVALIDITY")[1] == validity


def test_bridge_up():
    """What a client of the bridge does is done at the source, and shows once."""
    with Example("memory", "memory") as memory:
        source = memory.login()
        with bridge_to(memory, memory.folder + "/vault") as bridge:
            client = bridge.login()
            for n in range(10):
                assert client.append("INBOX", "(\\Seen work)", '"01-Feb-2024 10:00:00 +0000"', MAIL % (n, n))[0] == "OK"
            assert len(uids(source, "INBOX")) == 10 and texts(source) == [MAIL % (n, n) for n in range(10)]
            assert flags(source, "INBOX") == ["\\Seen work"] * 10
            assert client.create("a/b")[0] == "OK"
            client.select("INBOX")
            assert client.store("1:3", "FLAGS", "(\\Flagged $Junk)")[0] == "OK"
            assert client.copy("2:4", "a/b")[0] == "OK"
            assert client.uid("MOVE", "5,7", "a/b")[0] == "OK"
            assert client.store("1", "+FLAGS", "(\\Deleted)")[0] == "OK"
            assert client.expunge()[1][-1:] == [b"1"]  # imaplib still has what MOVE expunged
            for mailbox in ("INBOX", "a/b"):
                wait_for(lambda m=mailbox: flags(client, m) == flags(source, m) and flags(source, m), what=mailbox)
            assert len(uids(source, "a/b")) == 5 and len(uids(source, "INBOX")) == 7
            assert client.rename("a", "x")[0] == "OK"
            assert {"x", "x/b"} <= names(source) and "a" not in names(source)
            before = uids(client, "x/b")
            import time
            time.sleep(1)  # comparisons go by, and find nothing
            assert uids(client, "x/b") == before and names(client) == names(source)
            client.select("INBOX")
            assert client.delete("x/b")[0] == "OK"
            assert "x/b" not in names(source)
            assert client.create("x")[0] == "NO"


def test_bridge_source_is_gone():
    """The source dies: what a client appends is told NO, and kept. It comes back: the message can be moved in."""
    memory = Example("memory", "memory")
    with memory, bridge_to(memory, memory.folder + "/vault") as bridge:
        client = bridge.login()
        assert client.append("INBOX", None, None, MAIL % (1, 1))[0] == "OK"
        memory.process.kill()
        memory.process.wait()
        for _ in range(2):
            assert client.append("INBOX", None, None, MAIL % (2, 2))[0] == "NO"
        assert uids(client, "INBOX") == [1]  # what was here can still be read
        assert "Recovered Messages" in names(client)
        assert len(uids(client, '"Recovered Messages"')) == 1
        assert texts(client) == [MAIL % (2, 2)]
        assert client.create("new")[0] == "NO"
        with Example("memory", "memory", port=memory.port) as again:
            source = again.login()
            assert client.uid("MOVE", "1", "INBOX")[0] == "OK"
            assert len(uids(source, "INBOX")) == 1 and texts(source) == [MAIL % (2, 2)]
            wait_for(lambda: len(uids(client, "INBOX")) == 1, what="the old message to go with the old source")
            assert "Recovered Messages" not in names(client)
        memory.process = subprocess.Popen(["sleep", "60"], stdout=subprocess.PIPE)  # for the end of its `with`


def test_bridge_mbsync():
    with Example("memory", "memory") as memory, bridge_to(memory, memory.folder + "/vault") as bridge:
        source = memory.login()
        for n in range(20):
            source.append("INBOX", None, None, MAIL % (n, n))
        client = bridge.login()
        wait_for(lambda: len(uids(client, "INBOX")) == 20, what="20 messages")
        bridge.mbsync()
        files = bridge.maildir("INBOX")
        assert len(files) == 20
        os.remove(files[3])
        os.rename(files[4], files[4].replace("/new/", "/cur/").split(":2,")[0] + ":2,FS")
        with open(bridge.folder + "/Sent/new/1.2.3", "wb") as file:
            file.write((MAIL % (77, 77)).replace(b"\r\n", b"\n"))
        bridge.mbsync()
        assert len(uids(source, "INBOX")) == 19 and len(uids(source, "INBOX", "FLAGGED")) == 1
        assert len(uids(source, "Sent")) == 1
