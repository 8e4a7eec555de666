"""The command line: what it refuses, what it prints, and that it does the same with a running and a stopped server."""
import os
import re
import shutil
import signal
import ssl
import subprocess
import tempfile
import time

from letterlock import Failure, Lines, Server, append, body_of, fetch_all, raw_imap, wait_for

MESSAGE = b"From: a@elsewhere.example\r\nSubject: kept\r\n\r\nbody\r\n"
COMMANDS = ["init", "serve", "domain add", "domain list", "domain remove", "alias add", "alias list", "alias show", "alias remove",
            "alias password", "status", "check", "vault check", "vault compact", "salvage", "config", "search"]
GENERATED = "hX7-pQ2_vB9.kR4+tW6:zM"


def run(server, *words, stdin=""):
    return subprocess.run([server.program, *words], input=stdin, capture_output=True, text=True, timeout=60)


def certificate(server):
    """The certificate that the IMAPS port shows, as DER."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with context.wrap_socket(server.connect("imaps")) as sock:
        return sock.getpeercert(binary_form=True)


def test_help_of_every_command():
    with Server(start=False) as server:
        whole = run(server, "--help")
        assert whole.returncode == 0 and not whole.stderr
        for command in COMMANDS:
            assert re.search(rf"^  {command}\b", whole.stdout, re.M), command
            done = run(server, *command.split(), "--help")
            assert done.returncode == 0 and done.stdout.startswith(f"usage: letterlock {command}"), (command, done.stdout, done.stderr)
            assert "--data DIR" in done.stdout and not done.stderr
        assert run(server, "--version").stdout.startswith("letterlock ")
        for page in ("letterlock.1", "letterlock.conf.5"):
            assert run(server, "manual", page).stdout.startswith((".TH", ".\\\"", "'\\\"")), page


def test_wrong_words():
    """To stderr, with a way out, and non-zero."""
    with Server(start=False) as server:
        for words in ([], ["fly"], ["alias"], ["alias", "fly"], ["alias", "add", "--data", server.data], ["alias", "add", "ann@example.com"],
                      ["status", "--data", server.data, "--fast"], ["status", "--data", server.data, "word"], ["init", "--data", server.data],
                      ["init", "--port-base", "x"], ["serve"], ["serve", "--data"], ["manual", "none"],
                      ["alias", "add", "a@example.com", "--quota", "many", "--data", server.data],
                      ["alias", "password", "a@example.com", "--data", server.data],
                      ["status", "--data", server.parent + "/nowhere"], ["serve", "--data", server.parent + "/nowhere"]):
            done = run(server, *words)
            assert done.returncode != 0 and done.stderr and not done.stdout, (words, done)
        for address in ("ann", "ann@", "@example.com", "ann@elsewhere.example", "a b@example.com", "ann@example.com\r\nx", ""):
            done = run(server, "alias", "add", address, "--data", server.data)
            assert done.returncode != 0 and done.stderr and not done.stdout, (address, done)


def test_init_refuses():
    with Server(start=False) as server:
        before = {name: os.path.getmtime(os.path.join(server.data, name)) for name in os.listdir(server.data)}
        done = run(server, "init", "--data", server.data, "--domain", "other.example")
        assert done.returncode == 1 and "in use" in done.stderr, done
        assert {name: os.path.getmtime(os.path.join(server.data, name)) for name in os.listdir(server.data)} == before
        for words in (["--domain", "not a domain"], ["--domain", "example.com", "--hostname", "-x-"], ["--domain", "example.com", "--port-base", "65000"]):
            done = run(server, "init", "--data", server.parent + "/two", *words)
            assert done.returncode != 0 and done.stderr, words
        assert oct(os.stat(server.data).st_mode & 0o7777) == "0o700"
        for folder, _, files in os.walk(server.data):
            for name in files:
                mode = os.stat(os.path.join(folder, name)).st_mode & 0o077
                assert mode == 0 or name == "cert.pem", (name, oct(mode))


def test_settings_refused_all_at_once():
    """Unknown and ill-typed ones, each with file and line, and the server does not start."""
    with Server(start=False) as server:
        path = os.path.join(server.data, "letterlock.conf")
        with open(path) as file:
            good = file.read()
        assert all(re.search(rf"^{name} =", good, re.M) for name in ("hostname", "listen_imap", "message_size", "vault_grace"))
        start = good.count("\n") + 1
        with open(path, "a") as file:
            file.write("no_such = 1\nworkers = many\nquota = 5X\njust words\nlisten_smtp = nowhere\n")
        for words in (["serve"], ["status"], ["alias", "list"]):
            done = run(server, *words, "--data", server.data)
            assert done.returncode != 0, words
            for line, word in enumerate(("no_such", "workers", "quota", "", "listen_smtp"), start):
                assert f"{path}:{line}: " in done.stderr and word in done.stderr, (line, done.stderr)
        with open(path, "w") as file:
            file.write(good)
        server.start()


def test_config_prints_every_setting():
    with Server(settings={"message_size": "1M"}) as server:
        running = server.cli("config").stdout
        with open(os.path.join(server.data, "letterlock.conf")) as file:
            names = re.findall(r"^(\w+) =", file.read(), re.M)
        assert len(names) > 15 and all(re.search(rf"\b{name}\b", running) for name in names)
        assert re.search(r"message_size\s*[=:]?\s*1M", running), running
        server.stop()
        assert server.cli("config").stdout == running


def test_alias_add():
    """Recovery code on the line before the last, password on the last; both once."""
    with Server() as server:
        lines = server.cli("alias", "add", "ann@example.com").stdout.split("\n")
        assert lines[-1] == "" and len(lines[-2]) >= 22 and re.fullmatch(r"[ -~]+", lines[-2]), lines
        assert len(lines[-3]) > 20 and "ann@example.com" not in lines[-3]
        server.passwords["ann@example.com"] = lines[-2]
        shown = server.cli("alias", "show", "ann@example.com").stdout + server.cli("alias", "list").stdout + server.log()
        assert lines[-2] not in shown and lines[-3] not in shown
        again = server.cli("alias", "add", "ann@example.com", check=False)
        assert again.returncode == 1 and "already" in again.stderr and not again.stdout
        assert server.cli("alias", "add", "ANN@Example.COM", check=False).returncode == 1
        server.imap("ann@example.com").logout()
        assert "ann@example.com" in server.cli("alias", "list").stdout


def test_password_rules():
    with Server(settings={"login_failure_delay": "500ms"}) as server:
        for password, words in (("", []), ("short", []), ("only-twenty-one-chars", ["--generated"]), ("a" * 30, ["--generated"]),
                                ("abcdefghijklmnopqrstuvwxyz", ["--generated"]), ("ann@example.com", [])):
            done = server.cli("alias", "add", "ann@example.com", "--password-stdin", *words, stdin=password + "\n", check=False)
            if password == "ann@example.com":
                server.cli("alias", "remove", "ann@example.com", "--confirm", "ann@example.com", check=False)
                continue  # whether a password may be one's own address is the server's choice
            assert done.returncode == 1 and done.stderr and not done.stdout, (password, words, done)
        assert server.cli("alias", "add", "ann@example.com", "--generated", check=False).returncode == 1
        assert server.cli("alias", "add", "ann@example.com", "--password-stdin", stdin="", check=False).returncode != 0
        ann, _ = server.alias("ann", "--password-stdin", stdin="a good long phrase, chosen\n")
        bob, _ = server.alias("bob", "--password-stdin", "--generated", stdin=GENERATED + "\n")
        shown = [server.cli("alias", "show", address).stdout for address in (ann, bob)]
        assert "chosen" in shown[0] and "\tgenerated\t" in shown[1] and "recovery" in shown[0], shown
        for address in (ann, bob):
            server.imap(address).logout()


def test_same_with_and_without_server():
    """Every command of one life, once over the control socket and once alone: the same output but for ids, times and secrets."""
    outputs = []
    for running in (True, False):
        with Server(start=running) as server:
            said = []

            def do(*words, stdin=""):
                done = server.cli(*words, stdin=stdin, check=False)
                hidden = re.sub(r"\d{4}-\d\d-\d\dT[\d:]+Z", "TIME", re.sub(r"\b[0-9a-f]{32}\b", "ID", done.stdout + done.stderr))
                said.append((words, done.returncode, hidden.replace(server.data, "DATA").replace(str(server.base)[:3], "BASE")))
                return done.stdout

            do("domain", "add", "two.example")
            do("domain", "add", "two.example")
            do("domain", "list")
            do("alias", "add", "ann@two.example", "--password-stdin", "--label", "phone", "--quota", "1M", stdin="some good phrase here\n")
            said[-1] = (said[-1][0], said[-1][1], "secret")
            do("alias", "list")
            do("alias", "list", "--domain", "example.com")
            do("alias", "show", "ann@two.example")
            do("alias", "show", "nobody@two.example")
            do("domain", "remove", "two.example")
            do("alias", "password", "ann@two.example", "--add", "--password-stdin", "--label", "tablet", stdin="some good phrase here\nanother good phrase\n")
            do("alias", "password", "ann@two.example", "--add", "--password-stdin", stdin="wrong phrase it is\nanother good phrase\n")
            do("alias", "show", "ann@two.example")
            do("alias", "remove", "ann@two.example", stdin="ann@example.com\n")
            do("alias", "remove", "ann@two.example", stdin="ann@two.example\n")
            do("alias", "list")
            do("domain", "remove", "two.example")
            do("domain", "remove", "two.example")
            do("domain", "list")
            do("config")
            outputs.append(said)
    for one, two in zip(*outputs):
        assert one == two, f"\nrunning: {one}\nstopped: {two}"
    codes = [code for _, code, _ in outputs[0]]
    assert codes == [0, 1, 0, 0, 0, 0, 0, 1, 1, 0, 1, 0, 1, 0, 0, 0, 1, 0, 0], codes


def test_status():
    with Server() as server:
        ann, _ = server.alias("ann")
        server.send(ann, MESSAGE)
        client = Lines(server, "smtp")
        client.reply()
        status = dict(line.split(": ", 1) for line in server.cli("status").stdout.split("\n") if ": " in line)
        assert status["running"] == "yes" and status["aliases"] == "1" and status["sessions_smtp"] == "1" and status["vaults_unlocked"] == "0"
        assert status["waiting_messages"] == "1" and int(status["waiting_bytes"]) > len(MESSAGE) and status["messages_received"] == "1"
        assert all(f"{name} 127.0.0.1:{server.port(name)}" in server.cli("status").stdout for name in ("smtp", "lmtp", "imap", "imaps"))
        client.sock.close()
        server.stop()
        status = server.cli("status").stdout
        assert "running: no" in status and "waiting_messages: 1\n" in status, status


def test_vault_compact():
    """A locked vault waits for its owner; an unlocked one is done at once."""
    with Server() as server:
        ann, _ = server.alias("ann")
        compacted = lambda: "vault compact status=" in server.log()
        locked = server.cli("vault", "compact", ann).stdout
        assert "next login" in locked, locked
        assert not compacted()
        with raw_imap(server, ann) as imap:
            wait_for(compacted, 10, 0.1, "it is compacted")
            assert "vault compact status=LL_OK" in server.log()
            for _ in range(3):
                append(imap, b"INBOX", MESSAGE)
            done = dict(line.split(": ", 1) for line in server.cli("vault", "compact", ann).stdout.splitlines())
            assert done["state"] == "done" and done["messages_stored_anew"] == "0", done
            assert int(done["bytes_after"]) <= int(done["bytes_before"])
        nobody = server.cli("vault", "compact", "bob@example.com", check=False)
        assert nobody.returncode == 1 and "alias list" in nobody.stderr, nobody


def test_check_finds_faults():
    """Each finding with its remedy; a fault makes it exit 1."""
    with Server() as server:
        done = server.cli("check", check=False)
        assert done.returncode == 0, done.stdout
        assert "self-signed" in done.stdout
        key = os.path.join(server.data, "server.key")
        os.chmod(key, 0o644)
        done = server.cli("check", check=False)
        assert done.returncode == 1 and f"chmod 600 {key}" in done.stdout, done.stdout
        os.chmod(key, 0o600)
        server.stop()
        with Server() as other:
            server.configure(listen_smtp=f"127.0.0.1:{other.port('smtp')}")
            done = server.cli("check", check=False)
            assert done.returncode == 1 and "another program has the port" in done.stdout, done.stdout
        assert server.cli("check", check=False).returncode == 0


def test_sighup_reads_certificate_and_settings():
    with Server() as server, Server(start=False) as other:
        ann, _ = server.alias("ann")
        session = server.imap(ann, tls=True)
        before = certificate(server)
        for name in ("cert.pem", "key.pem"):
            shutil.copy(os.path.join(other.data, "tls", name), os.path.join(server.data, "tls", name))
        server.configure(message_size="1M")
        assert certificate(server) == before
        server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "reloaded" in server.log(), what="reload")
        after = certificate(server)
        assert after != before
        with Lines(server, "smtp") as lines:
            lines.reply()
            assert "SIZE 1048576" in lines.ask(b"EHLO x.example")[1]
        assert session.noop()[0] == "OK"  # who was there before goes on
        # a broken file changes nothing
        with open(os.path.join(server.data, "tls", "cert.pem"), "w") as file:
            file.write("no certificate\n")
        server.configure(message_size="many")
        server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "reload-failed" in server.log(), what="refusal")
        assert certificate(server) == after and session.noop()[0] == "OK"
        session.logout()


def test_sigterm_stops_cleanly():
    """Idle sessions hear BYE or 421, what was acknowledged is there, and the status is 0."""
    with Server() as server:
        ann, _ = server.alias("ann")
        idle = server.imap(ann)
        idle.select("INBOX")
        smtp = Lines(server, "smtp")
        smtp.reply()
        half = Lines(server, "smtp")
        half.reply()
        half.ask(b"EHLO x.example")
        half.send(f"MAIL FROM:<a@x.example>\r\nRCPT TO:<{ann}>\r\nDATA\r\n".encode())
        assert [half.reply()[0] for _ in range(3)] == [250, 250, 354]
        server.send(ann, MESSAGE)
        start = time.monotonic()
        server.stop(timeout=20)
        assert time.monotonic() - start < 15
        assert smtp.reply()[0] == 421
        assert not os.path.exists(os.path.join(server.data, "control.socket"))
        for folder, _, files in os.walk(server.data):
            assert not [name for name in files if name.endswith("-wal") and os.path.getsize(os.path.join(folder, name))], files
        server.start()
        client = server.imap(ann)
        assert [body_of(data) for _, data in fetch_all(client)] == [MESSAGE]
        client.logout()


def test_second_server_refused():
    with Server() as server:
        done = run(server, "serve", "--data", server.data)
        assert done.returncode == 1 and done.stderr and "ready" not in done.stdout, done
        with Server(start=False) as other:
            other.configure(listen_imap=f"127.0.0.1:{server.port('imap')}")
            done = run(other, "serve", "--data", other.data)
            assert done.returncode == 1 and "listen_imap" in done.stderr and "ready" not in done.stdout, done
        server.kill()
        server.start()  # a lock left behind by a killed server does not count


def test_remove_and_reset_ask_again():
    with Server(settings={"login_failure_delay": "500ms"}) as server:
        ann, password = server.alias("ann")
        server.send(ann, MESSAGE)
        session = server.imap(ann)
        for words in (["alias", "remove", ann], ["alias", "password", ann, "--reset"]):
            for answer in ("", "yes\n", "bob@example.com\n"):
                done = server.cli(*words, stdin=answer, check=False)
                assert done.returncode != 0 and done.stderr and not done.stdout, (words, answer, done)
        assert session.select("INBOX") == ("OK", [b"1"])
        vaults = set(os.listdir(os.path.join(server.data, "vaults")))
        lines = server.cli("alias", "password", ann, "--reset", stdin=ann + "\n").stdout.rstrip("\n").split("\n")
        assert lines[-1] != password
        assert not vaults & set(os.listdir(os.path.join(server.data, "vaults"))), "the old vault is still there"
        try:
            session.noop()
            ended = False
        except Exception:
            ended = True
        assert ended, "the session on the old vault goes on"
        try:
            server.imap(ann)
            raise Failure("the old password still works")
        except Exception as error:
            assert "AUTHENTICATIONFAILED" in str(error), error
        server.passwords[ann] = lines[-1]
        client = server.imap(ann)
        assert client.select("INBOX") == ("OK", [b"0"])
        client.logout()
        server.send(ann, MESSAGE)
        server.cli("alias", "remove", ann, stdin=ann + "\n")
        assert os.listdir(os.path.join(server.data, "vaults")) == []
        assert "waiting_messages: 0\n" in server.cli("status").stdout
        with Lines(server, "smtp") as lines:
            lines.reply()
            lines.ask(b"EHLO x.example")
            lines.ask(b"MAIL FROM:<a@x.example>")
            assert lines.ask(f"RCPT TO:<{ann}>".encode())[0] == 550


def test_passwords_add_replace_revoke():
    with Server(settings={"login_failure_delay": "500ms"}) as server:
        ann, first = server.alias("ann")
        server.send(ann, MESSAGE)
        second = server.cli("alias", "password", ann, "--add", "--label", "phone", stdin=first + "\n").stdout.rstrip("\n").split("\n")[-1]
        third = server.cli("alias", "password", ann, "--replace", "current", stdin=second + "\n").stdout.rstrip("\n").split("\n")[-1]
        works = lambda password: subprocess_login(server, ann, password)
        assert works(first) and works(third) and not works(second)
        server.cli("alias", "password", ann, "--revoke", "current", stdin=first + "\n")
        assert not works(first) and works(third)
        done = server.cli("alias", "password", ann, "--revoke", "current", stdin=third + "\n", check=False)
        assert done.returncode == 1 and "only password" in done.stderr
        rescue = server.cli("alias", "password", ann, "--add", "--password-stdin", stdin=server.recovery[ann] + "\nby the recovery code\n")
        assert rescue.returncode == 0 and works("by the recovery code")
        code = server.cli("alias", "password", ann, "--recovery", stdin=third + "\n").stdout.rstrip("\n").split("\n")[-1]
        assert code != server.recovery[ann]
        done = server.cli("alias", "password", ann, "--add", stdin=server.recovery[ann] + "\n", check=False)
        assert done.returncode == 1
        server.passwords[ann] = third
        client = server.imap(ann)
        assert [body_of(data) for _, data in fetch_all(client)] == [MESSAGE]
        client.logout()


def subprocess_login(server, address, password):
    try:
        server.imap(address, password).logout()
        return True
    except Exception as error:
        assert "AUTHENTICATIONFAILED" in str(error), error
        return False


def test_data_directory_elsewhere():
    """A path with spaces, given relative."""
    with Server(start=False) as server, tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([server.program, "init", "--data", "my mail", "--domain", "example.org"], cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0 and done.stdout, done
        done = subprocess.run([server.program, "domain", "list", "--data", "./my mail"], cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0 and "example.org" in done.stdout, done
