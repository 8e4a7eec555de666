"""Quotas of accounts, domains and aliases: never passed by a byte, however many write at a time, and the last that fits gets in."""
import imaplib
import random
import re
import smtplib
import threading
import time

from letterlock import Failure, Server, wait_for

KIB = 1024


def message(size):
    """What a message of about this size looks like; every one is different."""
    head = f"Subject: {random.random()}\r\n\r\n".encode()
    return head + b"x" * max(0, size - len(head) - 2) + b"\r\n"


def shown(server, *words):
    """What a quota command prints, as a dictionary."""
    lines = server.cli(*words).stdout.strip().split("\n")
    return {name: value for name, value in (line.split(": ", 1) for line in lines)}


def used(server, account):
    return int(shown(server, "account", "quota", account)["used_bytes"])


def kept(server, address):
    """Bytes of the messages that the owner sees, the waiting ones with them."""
    client = server.imap(address)
    client.select("INBOX", readonly=True)
    answer = client.fetch("1:*", "(RFC822.SIZE)")[1] if client.response("EXISTS")[1] != [b"0"] else []
    client.logout()
    return sum(int(size) for line in answer if line for size in re.findall(rb"RFC822.SIZE (\d+)", line))


def lmtp(server, to, content):
    """The code and text of one recipient."""
    client = smtplib.LMTP("127.0.0.1", server.port("lmtp"), timeout=60)
    try:
        client.ehlo_or_helo_if_needed()
        client.mail("s@elsewhere.example")
        answer = client.rcpt(to)
        if answer[0] == 250:
            answer = client.data(content)
        return answer[0], answer[1].decode()
    finally:
        client.close()


def append(client, content):
    """NO [OVERQUOTA] is False; anything else that is not OK is a failure."""
    kind, data = client.append("INBOX", None, None, content)
    if kind == "OK":
        return True
    if kind != "NO" or not data[0].startswith(b"[OVERQUOTA]"):
        raise Failure(f"APPEND: {kind} {data}")
    return False


def deliver_until_full(server, to, size, refused, seed):
    rng = random.Random(seed)
    for _ in range(400):
        code, text = lmtp(server, to, message(rng.randrange(200, size)))
        if code == 250:
            continue
        if code != 452 or not text.startswith("4.2.2"):
            refused.append(f"{code} {text}")
        return


def append_until_full(server, address, size, refused, seed):
    rng = random.Random(seed)
    client = server.imap(address)
    while append(client, message(rng.randrange(200, size))):
        pass
    client.logout()


def fill(server, people, size):
    """Everybody at once; returns what went wrong."""
    wrong, threads = [], []
    for number, (address, work) in enumerate(people):
        threads.append(threading.Thread(target=work, args=(server, address, size, wrong, number)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return wrong


def test_pool_under_load():
    """Three aliases of one account in two domains, locked and unlocked, by LMTP and by APPEND, until it is full."""
    limit = 300 * KIB
    with Server() as server:
        server.cli("domain", "add", "other.example")
        server.cli("account", "add", "owner", "--quota", "300K")
        ann, ben, cat = (server.alias(name, "--account", "owner")[0] for name in ("ann", "ben", "cat@other.example"))
        dan, _ = server.alias("dan")
        held = server.imap(ann)
        wrong = fill(server, [(ann, deliver_until_full), (ben, deliver_until_full), (ann, append_until_full), (cat, append_until_full),
                              (ben, deliver_until_full), (cat, deliver_until_full)], 9000)
        if wrong:
            raise Failure(f"refused, but not so: {wrong[:3]}")
        now = used(server, "owner")
        if now > limit or limit - now > 9000:
            raise Failure(f"the account keeps {now} bytes of {limit}")

        # The last that fits is taken, and not one byte more. What delivery puts on top counts too: it is found by APPEND.
        room = limit - now
        if append(held, message(room + 1)) or not append(held, message(room)) or append(held, b"x"):
            raise Failure("the last byte was not exactly the last")
        if used(server, "owner") != limit:
            raise Failure(f"full, but {used(server, 'owner')} bytes of {limit}")
        code, text = lmtp(server, ben, message(10))
        if code != 452 or not text.startswith("4.2.2"):
            raise Failure(f"a full account: {code} {text}")
        if lmtp(server, dan, message(10))[0] != 250:
            raise Failure("somebody else's quota kept a stranger out")

        # What they see is what is counted, also after the waiting mail has come in.
        seen = sum(kept(server, address) for address in (ann, ben, cat))
        if seen != limit or used(server, "owner") != limit:
            raise Failure(f"they see {seen} bytes, counted are {used(server, 'owner')}")

        # Deleting gives room back, to all of them.
        held.select("INBOX")
        held.store("1:5", "+FLAGS.SILENT", "\\Deleted")
        held.expunge()
        freed = limit - used(server, "owner")
        if freed <= 0 or lmtp(server, cat, message(freed // 2))[0] != 250:
            raise Failure("what was deleted gave no room")
        now = used(server, "owner")
        held.logout()
        server.stop()
        server.start()
        if used(server, "owner") != now:
            raise Failure(f"after a restart {used(server, 'owner')} bytes, before {now}")
        wait_for(lambda: kept(server, cat) is not None)
        server.process.kill()
        server.kill()
        server.start()
        if used(server, "owner") != now:
            raise Failure(f"after a crash {used(server, 'owner')} bytes, before {now}")


def test_copy_and_quota_command():
    """COPY takes room, MOVE does not; GETQUOTA shows the quota that the alias meets first, with what others have used of it."""
    with Server() as server:
        server.cli("account", "add", "owner", "--quota", "100K")
        ann, _ = server.alias("ann", "--account", "owner")
        ben, _ = server.alias("ben", "--account", "owner", "--quota", "40K")
        client = server.imap(ann)

        def quota():
            line = client.getquotaroot("INBOX")[1][1][0].decode()
            return [int(n) for n in re.search(r"STORAGE (\d+) (\d+) MESSAGE (\d+) \d+", line).groups()]

        assert quota() == [0, 100, 0], quota()
        assert append(client, message(30 * KIB))
        client.select("INBOX")
        assert client.copy("1", "Archive")[0] == "OK"
        assert quota() == [60, 100, 2], quota()
        assert client.copy("1", "Archive")[0] == "OK"
        kind, data = client.copy("1", "Archive")
        assert kind == "NO" and data[0].startswith(b"[OVERQUOTA]"), (kind, data)
        assert quota() == [90, 100, 3], quota()
        assert client._simple_command("MOVE", "1", "Archive")[0] == "OK"
        assert quota() == [90, 100, 3], quota()
        # ben's own cap, then the account's pool
        code, text = lmtp(server, ben, message(50 * KIB))
        assert code == 552 and text.startswith("5.2.2"), (code, text)
        code, text = lmtp(server, ben, message(20 * KIB))
        assert code == 452 and text.startswith("4.2.2"), (code, text)
        assert lmtp(server, ben, message(5 * KIB))[0] == 250
        numbers = shown(server, "alias", "quota", ben)
        assert numbers["own_quota_bytes"] == "40960" and numbers["quota_bytes"] == "102400" and numbers["account"] == "owner", numbers
        assert quota()[0] >= 95, quota()
        client.logout()


def test_caps_of_domain_and_alias():
    """A domain's cap counts for all of its aliases; changed while the server runs, it counts at once. SMTP with several recipients."""
    with Server() as server:
        ann, _ = server.alias("ann")
        ben, _ = server.alias("ben", "--quota", "20K")
        server.cli("domain", "quota", "example.com", "--set", "60K")
        assert lmtp(server, ben, message(15 * KIB))[0] == 250
        assert lmtp(server, ben, message(10 * KIB))[0] == 452
        assert lmtp(server, ann, message(30 * KIB))[0] == 250
        assert lmtp(server, ann, message(30 * KIB))[0] == 452
        assert lmtp(server, ann, message(70 * KIB))[0] == 552
        numbers = shown(server, "domain", "quota", "example.com")
        assert numbers["quota_bytes"] == "61440" and int(numbers["used_bytes"]) > 45 * KIB, numbers
        server.cli("domain", "quota", "example.com", "--set", "0")
        assert lmtp(server, ann, message(70 * KIB))[0] == 250
        server.cli("alias", "quota", ann, "--set", "1K")
        assert lmtp(server, ann, message(100))[0] == 452
        # shrunk: what waits comes in all the same
        client = server.imap(ann)
        assert client.select("INBOX")[1] == [b"2"]
        assert not append(client, b"x\r\n")
        client.logout()
        server.cli("alias", "quota", ann, "--set", "10G")
        # one answer for two: who may have no room is taken alone, and a message that does not fit is nobody's
        smtp = smtplib.SMTP("127.0.0.1", server.port("smtp"), timeout=60)
        smtp.ehlo()
        smtp.mail("s@elsewhere.example")
        assert smtp.rcpt(ann)[0] == 250
        code, text = smtp.rcpt(ben)
        assert code == 452 and text.startswith(b"4.5.3"), (code, text)
        assert smtp.data(message(30 * KIB))[0] == 250
        smtp.mail("s@elsewhere.example", ["SIZE=300"])
        assert smtp.rcpt(ann)[0] == 250
        before = used_of(server, ben)
        code, text = smtp.rcpt(ben)
        if code == 250:
            code, text = smtp.data(message(30 * KIB))
            assert code in (452, 552) and used_of(server, ben) == before, (code, text)
        smtp.close()


def used_of(server, address):
    return int(shown(server, "alias", "quota", address)["own_used_bytes"])


def test_commands():
    """Accounts: made, listed, given and taken; faults are told."""
    with Server() as server:
        server.cli("account", "add", "Owner", "--quota", "1M")
        for words in (["account", "add", "owner"], ["account", "add", "two words"], ["account", "quota", "nobody"],
                      ["account", "quota", "owner", "--set", "much"], ["alias", "add", "x@example.com", "--account", "nobody"],
                      ["domain", "quota", "nowhere.example"], ["account", "remove", "nobody"]):
            done = server.cli(*words, check=False)
            if done.returncode == 0 or not done.stderr.strip():
                raise Failure(f"{words}: {done.returncode} {done.stderr}")
        ann, _ = server.alias("ann")
        assert server.cli("alias", "account", ann).stdout == "account: -\n"
        server.send(ann, message(5 * KIB), lmtp=True)
        server.cli("alias", "account", ann, "--set", "owner")
        assert used(server, "owner") > 5 * KIB
        assert server.cli("account", "remove", "owner", check=False).returncode != 0
        row = server.cli("account", "list").stdout.strip().split("\t")
        assert row[:3] == ["owner", "1", str(KIB * KIB)], row
        server.stop()
        assert used(server, "owner") > 5 * KIB  # without a server the command line looks itself
        server.start()
        server.cli("alias", "account", ann, "--none")
        assert used(server, "owner") == 0
        server.cli("account", "remove", "owner")
        assert server.cli("account", "list").stdout == ""
