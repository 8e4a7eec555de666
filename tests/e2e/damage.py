"""A vault that is damaged: `vault check` says so, `salvage` writes out the rest; with a password, a recovery code, or a key."""
import os
import sys

from letterlock import Server

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "durability"))
import vaultcheck  # noqa: E402

PAGE = 8192
WHO = "ann@example.com"


def message(n):
    return (f"From: b{n}@elsewhere.example\r\nSubject: number {n}\r\nMessage-ID: <{n}@elsewhere.example>\r\n\r\n".encode()
            + b"text %d " % n * (40 + 300 * (n % 3)) + b"\r\n")


class Damaged:
    """A server, stopped, with twelve messages in INBOX and six copies in Archive."""

    def __init__(self):
        self.server = Server()
        self.recovery = None

    def __enter__(self):
        server = self.server.__enter__()
        out = server.cli("alias", "add", WHO).stdout.split("\n")
        self.recovery, server.passwords[WHO] = out[-3], out[-2]
        client = server.imap(WHO)
        for n in range(12):
            assert client.append("INBOX", r"(\Seen \Flagged)" if n == 3 else "", None, message(n))[0] == "OK"
        client.select("INBOX")
        assert client.copy("1:6", "Archive")[0] == "OK"
        client.store("12", "+FLAGS", r"(\Deleted)")
        client.expunge()
        client.logout()
        server.stop()
        folder = os.path.join(server.data, "vaults")
        self.path = os.path.join(folder, next(name for name in os.listdir(folder) if name.endswith(".sqlite")))
        with open(self.path, "rb") as file:
            self.bytes = file.read()
        return self

    def __exit__(self, *problem):
        return self.server.__exit__(*problem)

    def write(self, data):
        with open(self.path, "wb") as file:
            file.write(data)

    def flip(self, page):
        at = (page - 1) * PAGE + 5000
        self.write(self.bytes[:at] + bytes([self.bytes[at] ^ 1]) + self.bytes[at + 1:])

    def run(self, *words, stdin=None, data=True):
        where = ["--data", self.server.data] if data else []
        return self.server.cli(*words, *where, stdin=(stdin or self.server.passwords[WHO]) + "\n", check=False)

    def out(self, name):
        return os.path.join(self.server.parent, name)


def maildir(folder):
    """Contents of all messages, and those of one mailbox by file name."""
    found = {}
    for root, _, names in os.walk(folder):
        if os.path.basename(root) == "cur":
            for name in names:
                with open(os.path.join(root, name), "rb") as file:
                    found[os.path.join(os.path.relpath(os.path.dirname(root), folder), name)] = file.read()
    return found


def test_whole_vault():
    with Damaged() as d:
        done = d.run("vault", "check", WHO)
        assert done.returncode == 0 and "no fault was found" in done.stdout, done
        for n, (what, secret) in enumerate([(WHO, None), (d.path, None), (WHO, d.recovery)]):
            done = d.run("salvage", what, d.out(f"out{n}"), stdin=secret)
            assert done.returncode == 0 and "messages: 17" in done.stdout, done
            found = maildir(d.out(f"out{n}"))
            assert sorted(found.values()) == sorted([message(i) for i in range(11)] + [message(i) for i in range(6)])
            seen = [name for name, content in found.items() if content == message(3)]
            assert len(seen) == 2 and all(name.endswith(":2,FS") for name in seen), seen
        with open(d.path, "rb") as file:
            assert file.read() == d.bytes
        done = d.run("salvage", WHO, d.out("out0"))
        assert done.returncode == 1 and "empty" in done.stderr and not done.stdout


def test_each_way_to_the_key():
    with Damaged() as d:
        key = vaultcheck.key(d.server, WHO).hex()
        other = d.out("moved.sqlite")
        os.rename(d.path, other)
        assert "--address" in d.run("vault", "check", other).stderr
        assert d.run("vault", "check", other, "--address", WHO).returncode == 0
        assert d.run("vault", "check", other, "--key", stdin=key, data=False).returncode == 0
        with open(d.out("key"), "w") as file:
            file.write(key + "\n")
        done = d.run("salvage", other, d.out("keyed"), "--key-file", d.out("key"), data=False)
        assert done.returncode == 0 and len(maildir(d.out("keyed"))) == 17, done
        for wrong in ("ab" * 32, "xyz", ""):
            done = d.run("vault", "check", other, "--key", stdin=wrong, data=False)
            assert done.returncode == 1 and done.stderr and not done.stdout, done
        done = d.run("vault", "check", other, "--address", WHO, stdin="not the password at all")
        assert done.returncode == 1 and "wrong" in done.stderr
        assert d.run("vault", "check", other, data=False).returncode == 1  # no directory to look into
        assert "no address" in d.run("vault", "check", "eve@example.com").stderr


def test_damage():
    """Page 1, a page in the middle, a cut: check says so, and little is lost. The unit test takes every page."""
    with Damaged() as d:
        pages = len(d.bytes) // PAGE
        for n, page in enumerate([1, 2, pages // 2, pages]):
            d.flip(page)
            done = d.run("vault", "check", WHO)
            assert done.returncode == 1 and f"page {page} is damaged" in done.stdout and "damaged_pages: 1" in done.stdout, done
            done = d.run("salvage", WHO, d.out(f"out{n}"))
            assert "damaged_pages: 1" in done.stdout and done.returncode in (0, 1), done
            have = set(maildir(d.out(f"out{n}")).values())
            assert len([i for i in range(11) if message(i) in have]) >= (11 if page <= 2 else 1), (page, done.stdout)
            with open(os.path.join(d.out(f"out{n}"), "unreadable.txt")) as file:
                assert f"page {page} is damaged" in file.read()
        d.write(d.bytes[:len(d.bytes) - 3 * PAGE - 100])
        done = d.run("vault", "check", WHO)
        assert done.returncode == 1 and "missing_pages: 3" in done.stdout, done
        done = d.run("salvage", WHO, d.out("cut"))
        assert "missing_pages: 3" in done.stdout, done


def test_beside_a_running_server():
    with Damaged() as d:
        d.server.start()
        assert d.run("vault", "check", WHO).returncode == 0
        client = d.server.imap(WHO)  # the vault is open and has a -wal
        assert client.append("INBOX", "", None, message(20))[0] == "OK"
        assert d.run("vault", "check", WHO).returncode == 0
        done = d.run("salvage", WHO, d.out("live"))
        assert done.returncode == 0 and message(20) in maildir(d.out("live")).values(), done
        assert client.noop()[0] == "OK"
        client.logout()
