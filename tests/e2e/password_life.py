"""The life of passwords: added, replaced and revoked through the command line, which is killed at any moment, or the server that does it
is. Afterwards the old or the new password opens the vault, never neither; what was revoked with an acknowledgement opens nothing.

Asked twice: of the files (vaultcheck) and, by login, of the server."""
import imaplib
import os
import random
import re
import secrets
import string
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "durability"))
import vaultcheck
from letterlock import Failure, Server, wait_for

ADDRESS = "ann@example.com"
LOGIN = {"login_failure_delay": "500ms", "vault_grace": "0s"}


def fresh():
    """As a password manager makes it: good for --generated."""
    while True:
        word = "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(26))
        if re.search("[a-z]", word) and re.search("[A-Z]", word) and re.search("[0-9]", word):
            return word


class Owner:
    """What the owner knows: which passwords must work, and which must not."""

    def __init__(self, server, seed):
        self.server = server
        self.rng = random.Random(seed)
        self.seed = seed
        self.password = server.alias(ADDRESS)[1]
        self.recovery = server.recovery[ADDRESS]
        self.devices = {}  # label: password
        self.dead = []
        self.duration = 0.1
        self.count = 0

    def fail(self, text):
        raise Failure(f"seed {self.seed}, change {self.count}: {text}")

    def slot(self, label):
        for line in self.server.cli("alias", "show", ADDRESS).stdout.split("\n"):
            fields = line.split("\t")
            if len(fields) == 5 and fields[4] == label:
                return fields[0]
        return None

    def change(self, words, lines, kill):
        """Run `alias password`, and `kill` it or its server at some moment (None: do not). True: it was acknowledged."""
        command = [self.server.program, "alias", "password", ADDRESS, *words, "--data", self.server.data]
        start = time.monotonic()
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        timer = None
        if kill:
            timer = threading.Timer(self.rng.random() * self.duration * 1.2, kill, [process])
            timer.start()
        try:
            out, error = process.communicate("\n".join(lines) + "\n", timeout=60)
        finally:
            if timer:
                timer.cancel()
                timer.join()
            process.kill()
        if kill is None:
            self.duration = time.monotonic() - start
            if process.returncode:
                self.fail(f"{words}: {error.strip()}")
        return process.returncode == 0, out

    def opens(self, password):
        return vaultcheck.opens(self.server, ADDRESS, password)

    def one_change(self, kill):
        self.count += 1
        kinds = ["add", "replace", "replace"] + ["revoke", "revoke"] * (len(self.devices) > 1)
        getattr(self, self.rng.choice(kinds))(kill)
        for word in self.dead:
            if self.opens(word):
                self.fail("a password that had ended opens the vault again")
        for word in [self.password, self.recovery, *self.devices.values()]:
            if not self.opens(word):
                self.fail("a password that nobody touched does not open the vault any more")

    def new_password(self):
        """The words and the password: mostly generated, sometimes a chosen one (Argon2id)."""
        if self.rng.random() < 0.2:
            return ["--password-stdin"], "correct horse battery " + str(self.rng.randrange(10 ** 6))
        return ["--password-stdin", "--generated"], fresh()

    def add(self, kill):
        words, new = self.new_password()
        label = f"device {self.count}"
        good, _ = self.change(["--add", "--label", label, *words], [self.password, new], kill)
        works = self.opens(new)
        if good and not works:
            self.fail("an added password was acknowledged, but does not open the vault")
        if works != (self.slot(label) is not None):
            self.fail("an added password works, but is not listed, or the other way round")
        if works:
            self.devices[label] = new
        else:
            self.dead.append(new)

    def replace(self, kill):
        words, new = self.new_password()
        good, _ = self.change(["--replace", "current", *words], [self.password, new], kill)
        old_works, new_works = self.opens(self.password), self.opens(new)
        if good and (old_works or not new_works):
            self.fail(f"a change was acknowledged, but: old password works {old_works}, new one {new_works}")
        if old_works == new_works:
            self.fail(f"after an interrupted change {'both passwords work' if old_works else 'NEITHER password works'}")
        self.dead.append(new if old_works else self.password)
        self.password = self.password if old_works else new

    def revoke(self, kill):
        label = self.rng.choice(sorted(self.devices))
        good, _ = self.change(["--revoke", self.slot(label)], [self.password], kill)
        works = self.opens(self.devices[label])
        if good and works:
            self.fail("a revoked password still opens the vault")
        if not works:
            self.dead.append(self.devices.pop(label))

    def logs_in(self, password):
        try:
            self.server.imap(ADDRESS, password).logout()
            return True
        except imaplib.IMAP4.error:
            return False

    def ask_server(self):
        """The server must say what the files say: for every living password, and two of the dead ones."""
        answers = {}

        def one(word, want):
            answers[word] = (self.logs_in(word), want)

        words = [(word, True) for word in [self.password, *self.devices.values()]] + [(word, False) for word in self.dead[-2:]]
        threads = [threading.Thread(target=one, args=pair) for pair in words]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for got, want in answers.values():
            if got != want:
                self.fail(f"a password {'works' if got else 'does not work'} at the server, but the files say otherwise")
        if len(answers) < len(words):
            self.fail("a login was neither accepted nor refused")


def seed_of():
    return int(os.environ.get("LL_SEED", "0")) or secrets.randbelow(2 ** 32)


def with_mail(server):
    server.send(ADDRESS, b"From: a@elsewhere.example\r\nSubject: kept\r\n\r\nstill here\r\n", lmtp=True)


def still_there(server, password):
    client = server.imap(ADDRESS, password)
    wait_for(lambda: client.select("INBOX")[1] == [b"1"], what="the message behind the passwords")
    client.logout()


def test_command_killed(rounds=0):
    """No server runs: the command line does the work itself, and dies in it."""
    with Server(settings=LOGIN, start=False) as server:
        owner = Owner(server, seed_of())
        server.start()
        with_mail(server)
        server.stop()
        owner.replace(None)
        for number in range(rounds or 14):
            owner.one_change(lambda process: process.kill())
            if number % 5 == 4:
                server.start()
                owner.ask_server()
                server.stop()
        server.start()
        owner.ask_server()
        still_there(server, owner.password)
        server.stop()
        vaultcheck.check(server, ADDRESS, owner.password)


def test_server_killed(rounds=0):
    """The server does the work, and dies in it."""
    with Server(settings=LOGIN) as server:
        owner = Owner(server, seed_of())
        with_mail(server)
        owner.replace(None)
        for number in range(rounds // 4 or 8):
            owner.one_change(lambda process: server.kill())
            server.kill()
            server.start()
            if number % 3 == 2:
                owner.ask_server()
        owner.ask_server()
        still_there(server, owner.password)


def test_recovery_code():
    """It opens the vault when all passwords are forgotten; a new one ends the old one; with a wrong one nothing happens."""
    with Server(settings=LOGIN) as server:
        owner = Owner(server, 1)
        with_mail(server)
        new = fresh()
        owner.change(["--add", "--label", "after the loss", "--password-stdin", "--generated"], [owner.recovery.lower(), new], None)
        still_there(server, new)
        if owner.logs_in(owner.recovery):
            owner.fail("the recovery code is a login password")
        _, out = owner.change(["--recovery"], [new], None)
        code = out.strip().split("\n")[-1]
        if owner.opens(owner.recovery) or not owner.opens(code):
            owner.fail("after --recovery the old code works, or the new one does not")
        wrong = server.cli("alias", "password", ADDRESS, "--add", stdin=owner.recovery + "\n", check=False)
        if wrong.returncode != 1 or owner.recovery in wrong.stderr:
            owner.fail(f"an ended recovery code was answered {wrong.returncode}: {wrong.stderr}")


def test_revoke_ends_sessions():
    """Whoever uses a revoked password is out at once, and the only password cannot be revoked."""
    with Server(settings=LOGIN) as server:
        owner = Owner(server, 1)
        with_mail(server)
        owner.add(None)
        label, password = next(iter(owner.devices.items()))
        session = server.imap(ADDRESS, password)
        session.select("INBOX")
        owner.revoke(None)
        start = time.monotonic()
        try:
            while time.monotonic() - start < 5:
                session.noop()
                time.sleep(0.05)
            owner.fail(f"a session that logged in with {label} lives on after its password was revoked")
        except (imaplib.IMAP4.abort, OSError):
            pass
        if owner.logs_in(password):
            owner.fail("a revoked password logs in")
        only = next(line.split("\t")[0] for line in server.cli("alias", "show", ADDRESS).stdout.split("\n")
                    if "\tgenerated\t" in line or "\tchosen\t" in line)
        refused = server.cli("alias", "password", ADDRESS, "--revoke", only, stdin=owner.password + "\n", check=False)
        if refused.returncode != 1 or not owner.opens(owner.password):
            owner.fail(f"revoking the only password was answered {refused.returncode}: {refused.stderr}{refused.stdout}")
        still_there(server, owner.password)
