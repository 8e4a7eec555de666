"""What the disk, the log and the process's memory may not hold (invariants 5 and 10). Marker words go in by every door; afterwards they, and
the vault keys, are looked for in every form they could have: as they are, base64, hex, UTF-16, in either case."""
import base64
import imaplib
import os
import random
import re
import resource
import secrets
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "durability"))
import vaultcheck
from clients import Imap, Smtp
from letterlock import Failure, Server, wait_for
from skip import Skip

QUICK = {"login_failure_delay": "500ms", "vault_grace": "1s"}


CORE = secrets.token_hex(9)  # in every marker of this run: one quick look for it tells whether to look for each


def word(kind):
    """A marker that occurs nowhere else; `kind` says in a failure what it was. Lower case, so that it is also a good local part."""
    return kind + CORE


def strong():
    """Passes as a generated password."""
    return "Aa1" + secrets.token_urlsafe(21).replace("-", "x").replace("_", "y")


def forms(secret):
    """The bytes by which a secret could be found. Base64 depends on where the secret lies in what was encoded: three ways."""
    raw = secret if isinstance(secret, bytes) else secret.encode()
    found = {raw, raw.hex().encode(), raw.hex().upper().encode()}
    if not isinstance(secret, bytes):
        found |= {raw.lower(), raw.upper(), secret.encode("utf-16-le"), secret.encode("utf-16-be")}
    for shift in range(3):
        encoded = base64.b64encode(bytes(shift) + raw)
        start, end = (0, 2, 3)[shift], len(encoded) - (0, 4, 4)[(len(raw) + shift) % 3]
        found.add(encoded[start + (shift > 0):end])
    return found


class Hunt:
    """Secrets by name, and where they were found. Markers share CORE; other secrets are looked for one by one."""

    def __init__(self):
        self.secrets, self.markers = {}, {}
        self.core = forms(CORE)
        self.found = set()

    def add(self, name, secret):
        self.secrets[name] = forms(secret)
        return secret

    def marker(self, name):
        marker = word(name)
        self.markers[name] = forms(marker)
        return marker

    def look(self, place, data):
        suspects = dict(self.secrets)
        if any(needle in data for needle in self.core):
            suspects.update(self.markers)
            self.found.add(f"a marker in {place}")
        for name, needles in suspects.items():
            if any(needle in data for needle in needles):
                self.found.add(f"{name} in {place}")

    def look_file(self, place, path):
        try:
            with open(path, "rb") as file:
                self.look(place, file.read())
        except OSError:
            pass  # it went away, or is a socket

    def look_tree(self, what, folder):
        for where, _, names in os.walk(folder):
            for name in names:
                self.look(f"a name below {what}", os.path.join(where, name).encode())
                self.look_file(f"{what}: {os.path.relpath(os.path.join(where, name), folder)}", os.path.join(where, name))

    def look_open_files(self, server):
        """Files without a name too."""
        folder = f"/proc/{server.process.pid}/fd"
        for number in os.listdir(folder):
            try:
                target = os.readlink(os.path.join(folder, number))
            except OSError:
                continue
            if target.startswith("/") and not target.startswith(("/dev/", "/proc/", "/sys/")):
                self.look_file(f"open file {target}", os.path.join(folder, number))

    def verdict(self):
        if self.found:
            raise Failure("found:\n  " + "\n  ".join(sorted(self.found)))


def test_forms():
    """The net catches what it should: else all the others would pass by being blind."""
    hunt = Hunt()
    marker = hunt.marker("marker")
    for n in range(6):
        for data in (base64.b64encode(bytes(n) + marker.encode() + bytes(7 - n)), marker.upper().encode(), marker.encode().hex().encode(),
                     b"xx" + marker.encode("utf-16-le"), b"\0" + marker.encode()):
            hunt.found.clear()
            hunt.look("data", b"some " + data + b" more")
            if not hunt.found:
                raise Failure(f"{marker} was not found in {data!r}")


# ------------------------------------------------------------------------------------------------------- the scenario


def mail(hunt, door):
    """A message with a marker in every part of it."""
    secret = hunt.marker(f"attachment{door}")
    return (f"From: \"{hunt.marker('fromname' + door)}\" <{hunt.marker('fromaddress' + door)}@elsewhere.example>\r\n"
            f"To: {hunt.marker('toname' + door)} <someone@example.com>\r\nSubject: {hunt.marker('subject' + door)}\r\n"
            f"Message-ID: <{hunt.marker('messageid' + door)}@elsewhere.example>\r\nX-Own: {hunt.marker('header' + door)}\r\n"
            f"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n"
            f"{hunt.marker('text' + door)}\r\n--b\r\nContent-Type: text/plain; name={hunt.marker('filename' + door)}.txt\r\n"
            f"Content-Transfer-Encoding: base64\r\n\r\n{base64.b64encode(b'some words ' + secret.encode()).decode()}\r\n"
            f"--b--\r\n").encode()


def large(hunt, door):
    """2 MB, full of a marker: it goes through the spool's files."""
    body = (hunt.marker("large" + door) + " ") * 30
    return mail(hunt, door) + (body.encode() + b"\r\n") * (2_000_000 // len(body))


def upload(hunt, server, address):
    """Half of a large message by LMTP and by APPEND, held there while the disk is searched."""
    lmtp, client = Smtp(server, lmtp=True), Imap(server, address)
    content = large(hunt, "half")
    lmtp.send(b"MAIL FROM:<a@elsewhere.example>\r\nRCPT TO:<%s>\r\nDATA\r\n" % address.encode())
    for code in (b"250", b"250", b"354"):
        lmtp.want(code)
    lmtp.send(content)  # without the final dot
    client.send(b"a1 APPEND INBOX {%d+}\r\n" % (len(content) + 10) + content)
    time.sleep(0.5)
    hunt.look_open_files(server)
    hunt.look_tree("the data directory, amid an upload", server.data)
    lmtp.close()
    client.close()


def intrude(hunt, server, address):
    """Logins that fail, and strangers' words."""
    for user, password in ((address, hunt.marker("wrongpassword")), (hunt.marker("unknownuser") + "@example.com", hunt.marker("itspassword"))):
        try:
            server.imap(user, password)
            raise Failure("a wrong password logs in")
        except imaplib.IMAP4.error:
            pass
    smtp = Smtp(server)
    smtp.send(f"VRFY {hunt.marker('vrfy')}\r\nMAIL FROM:<{hunt.marker('sender')}@elsewhere.example>\r\n"
              f"RCPT TO:<{hunt.marker('stranger')}@example.com>\r\nRCPT TO:<x@{hunt.marker('relay')}.example>\r\n"
              f"{hunt.marker('command')}\r\nQUIT\r\n".encode())
    try:
        while True:
            smtp.line()
    except Exception:  # the server closes after QUIT
        smtp.close()


def read_and_write(hunt, server, address):
    """What an owner does."""
    client = Imap(server, address)
    box, other = hunt.marker("mailbox"), hunt.marker("renamed")
    client.must(f"CREATE {box}")
    client.must(f"RENAME {box} {other}")
    client.must(f"SUBSCRIBE {other}")
    client.must("SELECT INBOX")
    for content in (mail(hunt, "append"), large(hunt, "append")):
        client.append("INBOX", content)
        if not client.finish().ok:
            raise Failure("APPEND failed")
    count = client.must("NOOP") and client.must("SELECT INBOX").number(b"EXISTS")
    client.must(f"STORE 1:* +FLAGS ({hunt.marker('keyword')})")
    client.must(f"SEARCH TEXT {hunt.marker('searched')}")
    client.must(f"SEARCH SUBJECT {hunt.marker('searchedsubject')}")
    client.must("FETCH 1:* (ENVELOPE BODYSTRUCTURE BODY.PEEK[])")
    client.must(f"COPY 1:* {other}")
    client.must(f"STORE {count} +FLAGS (\\Deleted)")
    client.must("EXPUNGE")
    client.ask(f"SELECT {hunt.marker('nosuchmailbox')}")
    client.ask(f"{hunt.marker('nonsense')} {hunt.marker('arguments')}")
    client.logout()


def scenario(hunt, server):
    ann = hunt.marker("localpart")
    address, password = server.alias(ann, "--label", hunt.marker("label"))
    chosen = server.alias(hunt.marker("chosenlocalpart"), "--password-stdin", stdin="horse battery " + word("chosen") + "\n")[0]
    hunt.add("generated password", password)
    hunt.add("chosen password", server.passwords[chosen])
    hunt.add("recovery code", server.recovery[address])
    sender = hunt.marker("envelopesender") + "@elsewhere.example"
    for lmtp in (True, False):
        for door, content in (("locked", mail), ("largelocked", large)):
            server.send([address, chosen], content(hunt, f"{door}{'lmtp' if lmtp else 'smtp'}"), sender=sender, lmtp=lmtp)
    read_and_write(hunt, server, address)
    session = Imap(server, address)  # keeps it unlocked
    session.must("SELECT INBOX")
    for lmtp in (True, False):
        for door, content in (("unlocked", mail), ("largeunlocked", large)):
            server.send([address, chosen], content(hunt, f"{door}{'lmtp' if lmtp else 'smtp'}"), sender=sender, lmtp=lmtp)
    upload(hunt, server, address)
    new = hunt.add("added password", strong())
    server.cli("alias", "password", address, "--add", "--password-stdin", "--generated", stdin=f"{password}\n{new}\n")
    intrude(hunt, server, address)
    server.imap(chosen).logout()
    server.imap(address, new, tls=True).logout()
    hunt.add("vault key", vaultcheck.key(server, address))
    session.logout()


def test_disk_and_log():
    """No marker in the data directory (files with and without a name), the log, temporary files, environment or arguments."""
    hunt = Hunt()
    folders = {tempfile.gettempdir(), "/tmp", "/var/tmp"}
    before = {folder: set(os.listdir(folder)) for folder in folders if os.path.isdir(folder)}
    with Server(settings=QUICK) as server:
        scenario(hunt, server)
        for name in ("environ", "cmdline", "comm"):
            hunt.look_file(f"/proc/PID/{name}", f"/proc/{server.process.pid}/{name}")
        hunt.look_open_files(server)
        hunt.look_tree("the data directory, running", server.data)
        server.stop()
        hunt.look_tree("the data directory, stopped", server.data)
        hunt.look("the log", server.log().encode())
        for folder, names in before.items():
            for name in set(os.listdir(folder)) - names:
                path = os.path.join(folder, name)
                if os.path.isfile(path):
                    hunt.look_file(path, path)
        for where, _, names in os.walk(server.data):
            for name in names:
                mode = os.lstat(os.path.join(where, name)).st_mode
                if mode & 0o077:
                    hunt.found.add(f"{name} has mode {mode & 0o777:o}")
    hunt.verdict()


# ----------------------------------------------------------------------------------------------------------- no cores


def dumped(process):
    """End it with SIGABRT. Did the kernel write a core, or hand one to a collector?"""
    os.kill(process.pid, signal.SIGABRT)
    end = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    return end.si_code == os.CLD_DUMPED


def cores_are_written():
    """An ordinary process as a control."""
    with tempfile.TemporaryDirectory(prefix="ll-test-") as folder:
        control = subprocess.Popen(["sleep", "60"], cwd=folder)
        try:
            return dumped(control)
        finally:
            control.kill()
            control.wait()


def test_no_core():
    """Neither with an unlimited core size from whoever starts it, nor when root raises the limit of the running process."""
    old = resource.getrlimit(resource.RLIMIT_CORE)
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    except ValueError:
        raise Skip("the limit of core files cannot be raised here") from None
    try:
        if not cores_are_written():
            raise Skip("this system writes no cores at all")
        with Server() as server:
            with open(f"/proc/{server.process.pid}/limits") as limits:
                line = next(line for line in limits if line.startswith("Max core file size"))
            if re.split(r"\s{2,}", line)[1:3] != ["0", "0"]:
                raise Failure(f"RLIMIT_CORE is not 0: {line.strip()}")
            if dumped(server.process):
                raise Failure("SIGABRT left a core")
            server.kill()
            server.start()
            try:
                resource.prlimit(server.process.pid, resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            except PermissionError:
                return
            time.sleep(0.1)
            if dumped(server.process):
                raise Failure("the process is dumpable: with the limit raised by root, SIGABRT left a core")
            server.kill()
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, (0, old[1]))


# ------------------------------------------------------------------------------------------------------------- logins


def answer_time(server, user, password):
    """Seconds until a LOGIN is refused, and the answer."""
    client = imaplib.IMAP4("127.0.0.1", server.port("imap"), timeout=30)
    start = time.monotonic()
    try:
        client.login(user, password)
        raise Failure("a wrong password logs in")
    except imaplib.IMAP4.error as error:
        return time.monotonic() - start, str(error)
    finally:
        client.shutdown()


def test_login_tells_nothing():
    """A wrong password for a generated one, for a chosen one, and an unknown user: same answer, same time."""
    with Server(settings=QUICK) as server:
        generated = server.alias("ann")[0]
        chosen = server.alias("bob", "--password-stdin", stdin="correct horse battery staple\n")[0]
        times, answers, faults = {}, set(), []

        def one(user, attempt):
            try:
                seconds, answer = answer_time(server, user, f"Wrong{attempt}Password{attempt}abcdefgh")
                times.setdefault(user.split("@")[0], []).append(seconds)
                answers.add(answer)
            except Exception as error:
                faults.append(repr(error))

        for attempt in range(12):
            users = [generated, chosen, f"nobody{attempt % 3}@example.com"]
            random.shuffle(users)
            threads = [threading.Thread(target=one, args=(user, attempt)) for user in users]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        if faults or len(answers) != 1:
            raise Failure(f"the answers differ: {answers} {faults[:3]}")
        unknown = [t for name, each in times.items() if name.startswith("nobody") for t in each]
        medians = [statistics.median(each) for each in (times["ann"], times["bob"], unknown)]
        if max(medians) - min(medians) > 0.05 or min(medians) < 0.5:
            raise Failure("medians in seconds: generated %.3f, chosen %.3f, unknown user %.3f" % tuple(medians))
        close_calls(server, generated, server.passwords[generated])


def close_calls(server, address, password):
    """Nothing but the password opens the vault."""
    wrong = [password[:-1], password + "x", password.swapcase(), " " + password, password[1:] + password[0], server.recovery[address]]
    opened = []

    def one(attempt):
        try:
            server.imap(address, attempt).logout()
            opened.append(attempt)
        except imaplib.IMAP4.error:
            pass

    threads = [threading.Thread(target=one, args=(attempt,)) for attempt in wrong]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if opened:
        raise Failure(f"{len(opened)} of {len(wrong)} almost right passwords log in")
    server.imap(address, password).logout()


# -------------------------------------------------------------------------------------------------------------- memory


def memory(pid, by_address=False):
    """Every readable piece of a process's memory, in overlapping parts: (mapping, bytes)."""
    overlap, part = 4096, 8 << 20
    with open(f"/proc/{pid}/maps") as maps:
        lines = maps.read().splitlines()
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as mem:
        for line in lines:
            fields = line.split(None, 5)
            if not fields[1].startswith("r") or (len(fields) > 5 and fields[5] in ("[vvar]", "[vsyscall]", "[vvar_vclock]")):
                continue
            at, end = (int(number, 16) for number in fields[0].split("-"))
            kept = b""
            while at < end:
                try:
                    mem.seek(at)
                    got = mem.read(min(part, end - at))
                except (OSError, ValueError):
                    break
                if not got:
                    break
                yield fields[5] if len(fields) > 5 and not by_address else fields[0], kept + got
                kept = got[-overlap:]
                at += len(got)


def readable(pid):
    if os.geteuid() != 0:
        raise Skip("another process's memory is for root only")
    if vaultcheck.sanitizers() != "none":
        raise Skip("a sanitizer keeps freed memory")
    try:
        with open(f"/proc/{pid}/mem", "rb", buffering=0):
            return
    except OSError as error:
        raise Skip(f"another process's memory cannot be read here: {error}") from None


def plain(address, password):
    return base64.b64encode(f"\0{address}\0{password}".encode()).decode()


def every_login(hunt, server, address):
    """Log in by every way, each with a password of its own; use the vault; leave."""
    first = hunt.add("password made by `alias add`", server.passwords[address])
    ways = {}
    for way in ("LOGIN", "LOGIN with a literal", "AUTHENTICATE PLAIN", "AUTHENTICATE PLAIN, no initial response", "LOGIN over TLS"):
        ways[way] = hunt.add(f"password used by {way}", strong())
        server.cli("alias", "password", address, "--add", "--password-stdin", "--generated", stdin=f"{first}\n{ways[way]}\n")
    added = server.cli("alias", "password", address, "--add", stdin=server.recovery[address] + "\n").stdout.strip().split("\n")[-1]
    hunt.add("password made by `alias password`", added)
    hunt.add("recovery code", server.recovery[address])
    client = Imap(server, address, ways["LOGIN"])
    client.must("SELECT INBOX")
    client.must("FETCH 1:* (BODY.PEEK[])")
    client.must("SEARCH TEXT hello")
    client.append("INBOX", b"Subject: x\r\n\r\nhello\r\n")
    client.finish()
    client.logout()
    for lines in ([f"a LOGIN {address} {{{len(ways['LOGIN with a literal'])}+}}", ways["LOGIN with a literal"]],
                  [f"a AUTHENTICATE PLAIN {plain(address, ways['AUTHENTICATE PLAIN'])}"],
                  ["a AUTHENTICATE PLAIN", plain(address, ways["AUTHENTICATE PLAIN, no initial response"])]):
        with server.connect("imap", timeout=10) as sock:
            file = sock.makefile("rb")
            file.readline()
            for line in lines:
                sock.sendall(line.encode() + b"\r\n")
            answer = b"+"
            while answer.startswith((b"+", b"*")):
                answer = file.readline()
            if not answer.startswith(b"a OK"):
                raise Failure(f"{lines[0].split()[1]} was answered {answer!r}")
            sock.sendall(b"b LOGOUT\r\n")
            file.read()
    server.imap(address, ways["LOGIN over TLS"], tls=True).logout()


def locked(pid):
    """Mappings that never go to swap."""
    found, current = set(), None
    with open(f"/proc/{pid}/smaps") as maps:
        for line in maps:
            if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
                current = line.split()[0]
            elif line.startswith("VmFlags:") and "lo" in line.split():
                found.add(current)
    return found


def test_memory_unlocked():
    """While a vault is unlocked its key is in memory, but only where it is never swapped out."""
    hunt = Hunt()
    with Server(settings=QUICK) as server:
        readable(server.process.pid)
        address = server.alias("ann")[0]
        client = Imap(server, address)
        client.must("SELECT INBOX")
        hunt.add("vault key", vaultcheck.key(server, address))
        for mapping, data in memory(server.process.pid, by_address=True):
            hunt.look(mapping, data)
        safe = locked(server.process.pid)
        if not hunt.found:
            raise Failure("the key was not found: this search finds nothing")
        loose = [place for place in hunt.found if place.split()[-1] not in safe]
        if loose:
            raise Failure(f"in memory that may be swapped out: {loose}")
        client.logout()


def test_memory_after_grace():
    """After the last session and the grace neither the vault's key nor any password is anywhere in the server's memory."""
    hunt = Hunt()
    with Server(settings=QUICK) as server:
        readable(server.process.pid)
        address = server.alias("ann")[0]
        server.send(address, b"From: a@elsewhere.example\r\nSubject: hello\r\n\r\nhello\r\n", lmtp=True)
        every_login(hunt, server, address)
        hunt.add("vault key", vaultcheck.key(server, address))
        wait_for(lambda: "state: locked" in server.cli("alias", "show", address).stdout, 15, 0.2, "the vault is locked after the grace")
        time.sleep(0.3)
        known, size = False, 0
        for place, data in memory(server.process.pid):
            hunt.look(f"memory ({os.path.basename(place)})", data)
            known = known or b"Letterlock" in data
            size += len(data)
        if not known or size < 1 << 20:
            raise Failure(f"the memory was not read: {size} bytes")
    hunt.verdict()
