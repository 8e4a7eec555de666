"""The example programs, each driven by real clients: curl, Python's imaplib, mbsync."""
import glob
import imaplib
import os
import shutil
import socket
import subprocess
import tempfile
import threading

from letterlock import ROOT
from skip import Skip

MAIL = b"From: Ada <ada@example.com>\r\nTo: me@example.com\r\nSubject: number %d\r\n\r\nText %d\r\n"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Example:
    """One running example program; a context manager."""

    def __init__(self, name, password, *words, env=None):
        self.program = os.path.join(ROOT, os.environ.get("LL_BUILD", "build/release"), "examples", name)
        if not os.path.exists(self.program):
            raise Skip("examples are not built here")
        self.password, self.words, self.env = password, words, env
        self.port = free_port()
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
        assert client.expunge()[1] == [b"1"]
        assert client.search(None, "ALL")[1] == [b"1 2 3"]
        assert client.rename("a/b", "x")[0] == "OK"
        assert client.select("x/c") == ("OK", [b"4"])
        assert all(b"work" in line for line in client.fetch("1:*", "(FLAGS)")[1])
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
