#!/usr/bin/env python3
"""A Letterlock server with mail in it, to look at: what `make demo` runs.

    tools/demo.py           makes ./demo, or goes on with it; runs until Ctrl-C
    tools/demo.py --once    the same in a temporary directory, reads everything back over IMAPS, compares, and exits

Loopback only. The passwords stand in demo/passwords.txt, so that a second run can go on: only a demo does this."""
import argparse
import glob
import imaplib
import os
import re
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))
import corpus  # noqa: E402  (tests/lib is not a package)

DOMAIN = "letterlock.example"
HOST = "mail." + DOMAIN
NAMES = ("anna", "bertil")
FIRST_BASE = 12000
PORTS = {"lmtp": 24, "smtp": 25, "imap": 143, "imaps": 993}


class Trouble(Exception):
    """Said to the user as it is; the demo ends with 1."""


def bold(text):
    return f"\033[1m{text}\033[0m" if sys.stdout.isatty() else text


def free_base():
    for base in range(FIRST_BASE, 60000, 1000):
        try:
            for offset in PORTS.values():
                with socket.socket() as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind(("127.0.0.1", base + offset))
            return base
        except OSError:
            continue
    raise Trouble("no free ports between 12000 and 60000")


def letters():
    """[(name, message)]: the samples, and one with 10 MB attached."""
    found = []
    for path in sorted(glob.glob(os.path.join(ROOT, "tests", "samples", "*.eml"))):
        with open(path, "rb") as file:
            found.append((os.path.basename(path)[:-4], file.read().replace(b"\n", b"\r\n")))
    return found + [("13-ten-megabytes", corpus.kind_big(corpus.Dice("demo"), 13))]


def readers(message):
    """Who of the two it is written to, both if it does not say."""
    head = message.split(b"\r\n\r\n", 1)[0]
    named = [name for name in NAMES if f"{name}@{DOMAIN}".encode() in head]
    return [f"{name}@{DOMAIN}" for name in named or NAMES]


class Demo:
    def __init__(self, folder):
        self.folder = folder
        self.data = os.path.join(folder, "data")
        self.program = os.path.join(ROOT, "build", "release", "letterlock")
        self.process = None
        self.passwords = {}
        if not os.path.exists(self.program):
            raise Trouble("build/release/letterlock is not there: run `make` first")

    # ------------------------------------------------------------------------------------------------ making it

    def run(self, *words):
        done = subprocess.run([self.program, *words, "--data", self.data], capture_output=True, text=True)
        if done.returncode:
            raise Trouble(f"letterlock {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout.rstrip("\n").split("\n")

    def private(self, name, text):
        path = os.path.join(self.folder, name)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
        return path

    def make(self):
        """A new data directory with two aliases; or False if there is one."""
        if os.path.exists(os.path.join(self.folder, "passwords.txt")):
            with open(os.path.join(self.folder, "passwords.txt")) as file:
                self.passwords = dict(re.findall(r"^(\S+@\S+) password (\S+)$", file.read(), re.M))
            with open(os.path.join(self.data, "letterlock.conf")) as file:
                self.base = int(re.search(r"^listen_imaps = 127\.0\.0\.1:(\d+)", file.read(), re.M).group(1)) - PORTS["imaps"]
            return False
        if os.path.exists(self.data):
            raise Trouble(f"{self.data} was left half made: remove {self.folder} and try again")
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        self.base = free_base()
        self.run("init", "--domain", DOMAIN, "--hostname", HOST, "--port-base", str(self.base))
        lines = ["Passwords of the demo. Letterlock prints a password once and keeps none: only a demo writes them down.\n"]
        for name in NAMES:
            address = f"{name}@{DOMAIN}"
            *_, recovery, password = self.run("alias", "add", address)
            self.passwords[address] = password
            lines.append(f"{address} password {password}\n{address} recovery {recovery}\n")
        self.private("passwords.txt", "".join(lines))
        return True

    def port(self, name):
        return self.base + PORTS[name]

    def start(self):
        log = open(os.path.join(self.folder, "log"), "ab")
        self.process = subprocess.Popen([self.program, "serve", "--data", self.data], stdout=subprocess.PIPE, stderr=log, text=True)
        log.close()
        line = self.process.stdout.readline()
        if not line.startswith("ready"):
            self.process.wait()
            with open(os.path.join(self.folder, "log"), errors="replace") as file:
                raise Trouble("the server did not start: " + "".join(file.readlines()[-3:]).strip())

    def stop(self):
        if not self.process:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=60)
        self.process.stdout.close()
        self.process = None
        return code

    def deliver(self):
        """All letters by SMTP with STARTTLS, as another mail server would. {address: [message]}"""
        sent = {address: [] for address in self.passwords}
        client = smtplib.SMTP("127.0.0.1", self.port("smtp"), local_hostname="client.example", timeout=60)
        client.starttls(context=self.trust())
        for name, message in letters():
            to = readers(message)
            client.sendmail("sender@elsewhere.example", to, message, ["BODY=8BITMIME"])
            for address in to:
                sent[address].append((name, message))
        client.quit()
        return sent

    def trust(self):
        context = ssl.create_default_context(cafile=os.path.join(self.data, "tls", "cert.pem"))
        context.check_hostname = False  # the certificate names mail.letterlock.example, and we connect to 127.0.0.1
        return context

    # ---------------------------------------------------------------------------------------------- telling of it

    def write_client_files(self):
        mbsync, neomutt = [], []
        certificate = os.path.join(self.data, "tls", "cert.pem")
        for address, password in self.passwords.items():
            name = address.split("@")[0]
            mail = os.path.join(self.folder, "mail", name)
            os.makedirs(mail, exist_ok=True)
            mbsync.append(f"""IMAPAccount {name}
Host 127.0.0.1
Port {self.port("imaps")}
User {address}
Pass "{password}"
AuthMechs SCRAM-SHA-256
SSLType IMAPS
CertificateFile "{certificate}"
SystemCertificates no

IMAPStore {name}-far
Account {name}

MaildirStore {name}-near
Path "{mail}/"
Inbox "{mail}/INBOX"
SubFolders Verbatim

Channel {name}
Far :{name}-far:
Near :{name}-near:
Patterns *
Create Both
Expunge Both
SyncState *

""")
        address, password = next(iter(self.passwords.items()))
        url = f"imaps://{address.replace('@', '%40')}@127.0.0.1:{self.port('imaps')}"
        neomutt = [f'set imap_user = "{address}"', f'set imap_pass = "{password}"', f'set folder = "{url}/"', f'set spoolfile = "{url}/INBOX"',
                   f'set from = "{address}"', f'set certificate_file = "{certificate}"', "set ssl_verify_host = no", "set imap_idle = yes",
                   "set mail_check = 5", 'set header_cache = ""', ""]
        self.private("mbsyncrc", "".join(mbsync))
        self.private("neomuttrc", "\n".join(neomutt))

    def describe(self):
        near = lambda *parts: os.path.relpath(os.path.join(self.folder, *parts))
        address, password = next(iter(self.passwords.items()))
        print()
        for who, secret in self.passwords.items():
            print(f"  {bold(who)}   password {bold(secret)}")
        print("\n  " + "   ".join(f"{name} 127.0.0.1:{self.port(name)}" for name in ("smtp", "lmtp", "imap", "imaps")))
        print(f"""
  read a letter    curl -sS --cacert {near("data", "tls", "cert.pem")} --resolve {HOST}:{self.port("imaps")}:127.0.0.1 \\
                        -u '{address}:{password}' 'imaps://{HOST}:{self.port("imaps")}/INBOX;UID=1'
  copy them all    mbsync -c {near("mbsyncrc")} -a        (into {near("mail")}; logs in with SCRAM-SHA-256)
  look around      neomutt -n -F {near("neomuttrc")}
  write one        swaks --server 127.0.0.1:{self.port("smtp")} --tls --from you@elsewhere.example --to {address}
  see the server   {os.path.relpath(self.program)} status --data {near("data")}

  The log is in {near("log")}, the passwords in {near("passwords.txt")} (only a demo keeps them). Ctrl-C stops; `make demo` goes on from here.
""", flush=True)

    # ------------------------------------------------------------------------------------------------ checking it

    def read_back(self, address, sent):
        """Everything in INBOX over IMAPS against what was sent; what is below the lines that delivery put on top."""
        client = imaplib.IMAP4_SSL("127.0.0.1", self.port("imaps"), ssl_context=self.trust(), timeout=60)
        client.login(address, self.passwords[address])
        client.select("INBOX", readonly=True)
        _, data = client.fetch("1:*", "(RFC822.SIZE BODY.PEEK[])")
        client.logout()
        found = [item[1] for item in data if isinstance(item, tuple)]
        if len(found) != len(sent):
            raise Trouble(f"{address}: {len(sent)} letters were sent, {len(found)} are there")
        for (name, message), stored in zip(sent, found):
            top = re.match(rb"Return-Path: <sender@elsewhere\.example>\r\nReceived: from client\.example .*?;\r\n\t[^\r]*\r\n", stored, re.S)
            if not top or stored[top.end():] != message:
                raise Trouble(f"{address}: letter {name} is not what was sent")
            print(f"  {address:28} {name:18} {len(message):11,} bytes equal")

    def status(self, name):
        return next(line.split(": ", 1)[1] for line in self.run("status") if line.startswith(name + ": "))

    def expect(self, good, what):
        if not good:
            raise Trouble("not so: " + what)
        print("  " + what)

    def refuses(self, address, password):
        client = imaplib.IMAP4_SSL("127.0.0.1", self.port("imaps"), ssl_context=self.trust(), timeout=60)
        try:
            client.login(address, password)
            return False
        except imaplib.IMAP4.error:
            return True
        finally:
            client.shutdown()

    def is_in_any_file(self, word):
        for folder, _, files in os.walk(self.data):
            for name in files:
                with open(os.path.join(folder, name), "rb") as file:
                    if word in file.read():
                        return True
        return False

    def check(self, sent):
        count = sum(len(messages) for messages in sent.values())
        self.expect(int(self.status("waiting_messages")) == count, f"{count} letters wait sealed for their locked vaults")
        for address in self.passwords:
            self.expect(self.refuses(address, "not the password"), f"{address}: a wrong password opens nothing")
        for address, messages in sent.items():
            self.read_back(address, messages)
        self.expect(int(self.status("waiting_messages")) == 0, "nothing waits any more: each letter is in its vault, once")
        with socket.create_connection(("127.0.0.1", self.port("smtp")), timeout=30) as sock, sock.makefile("rwb", buffering=0) as lines:
            lines.readline()
            for command in (b"HELO client.example\r\n", b"MAIL FROM:<a@elsewhere.example>\r\n", b"RCPT TO:<b@elsewhere.example>\r\n"):
                lines.write(command)
                answer = lines.readline()
        self.expect(answer.startswith(b"550 5.7.1"), "mail for elsewhere is not relayed")
        self.expect(self.stop() == 0, "the server stopped by itself")
        words = [b"gustav@harbour.example", b"The boat is in the water", b"bilge was dry", *(p.encode() for p in self.passwords.values())]
        self.expect(not any(self.is_in_any_file(word) for word in words), "no word of a letter, sender or password in any file of the data directory")


def once():
    folder = tempfile.mkdtemp(prefix="letterlock-demo-")
    demo = Demo(folder)
    try:
        demo.make()
        demo.start()
        print(f"{bold('letterlock')} on ports {demo.base}+; letters by SMTP with STARTTLS in, by IMAPS out:")
        demo.check(demo.deliver())
        print(bold("All well."))
    finally:
        demo.stop()
        shutil.rmtree(folder, ignore_errors=True)


def forever():
    demo = Demo(os.path.join(ROOT, "demo"))
    try:
        anew = demo.make()
        demo.start()
        if anew:
            sent = demo.deliver()
            print(bold("Letterlock") + " runs, with " + " and ".join(
                f"{len(messages)} letters for {address.split('@')[0]}" for address, messages in sent.items()) + ".")
        else:
            print(bold("Letterlock") + " runs again, with the mail of last time (remove ./demo to begin anew).")
        demo.write_client_files()
        demo.describe()
        code = demo.process.wait()
        raise Trouble(f"the server ended by itself with {code}; its last words are in {demo.folder}/log")
    except KeyboardInterrupt:
        print("\nStopping ...", flush=True)
    finally:
        demo.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--once", action="store_true", help="check everything in a temporary directory and exit")
    options = parser.parse_args()

    def terminated(number, frame):
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, terminated)
    try:
        once() if options.once else forever()
    except (Trouble, OSError, smtplib.SMTPException, imaplib.IMAP4.error) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
