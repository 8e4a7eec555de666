"""The second login with the same password is quick because the vault is unlocked, and only then: what ends the password or locks the vault
ends that too, and a wrong password costs and looks as it always did."""
import imaplib
import time

from letterlock import Failure, Server, wait_for

CHOSEN = "correct horse battery staple"
DELAY = 0.5


def login(server, address, password):
    """Seconds that it took, and whether it was let in."""
    client = imaplib.IMAP4("127.0.0.1", server.port("imap"), timeout=60)
    start = time.perf_counter()
    try:
        client.login(address, password)
        good = True
    except imaplib.IMAP4.error:
        good = False
    took = time.perf_counter() - start
    client.logout()
    return took, good


def must(server, address, password, good):
    took, got = login(server, address, password)
    if got != good:
        raise Failure(f"a password {'was let in' if got else 'was refused'}")
    if not good and took < DELAY - 0.005:  # the server counts whole milliseconds
        raise Failure(f"a refusal came after {took:.3f} s, sooner than all refusals shall")
    return took


def is_locked(server, address):
    return "state: locked" in server.cli("alias", "show", address).stdout


def test_quick_while_unlocked():
    """A chosen password: Argon2id once, then not again until the vault was locked."""
    with Server(settings={"login_failure_delay": f"{int(DELAY * 1000)}ms", "vault_grace": "2s"}) as server:
        address, _ = server.alias("ann", "--password-stdin", stdin=CHOSEN + "\n")
        slow = must(server, address, CHOSEN, True)
        quick = min(must(server, address, CHOSEN, True) for _ in range(5))
        if quick > slow / 3:
            raise Failure(f"the second login took {quick * 1000:.1f} ms, the first {slow * 1000:.1f} ms")
        must(server, address, CHOSEN + "x", False)
        must(server, address, CHOSEN[:-1], False)
        must(server, "nobody@example.com", CHOSEN, False)
        must(server, address.upper(), CHOSEN, True)
        wait_for(lambda: is_locked(server, address), seconds=10, what="the lock after the grace")
        again = must(server, address, CHOSEN, True)
        if again < quick * 3:
            raise Failure(f"after a lock the login took {again * 1000:.1f} ms: as if somebody remembered the password")


def test_ended_passwords():
    """Replaced and revoked passwords are refused at once, however often they were used a moment ago."""
    with Server(settings={"login_failure_delay": f"{int(DELAY * 1000)}ms"}) as server:
        address, first = server.alias("ann")
        device = server.cli("alias", "password", address, "--add", "--label", "device", stdin=first + "\n").stdout.strip().split("\n")[-1]
        for _ in range(3):
            must(server, address, first, True)
            must(server, address, device, True)
        slot = next(line.split("\t")[0] for line in server.cli("alias", "show", address).stdout.split("\n") if line.endswith("\tdevice"))
        server.cli("alias", "password", address, "--revoke", slot, stdin=first + "\n")
        must(server, address, device, False)
        must(server, address, first, True)
        second = server.cli("alias", "password", address, "--replace", "current", stdin=first + "\n").stdout.strip().split("\n")[-1]
        must(server, address, first, False)
        must(server, address, second, True)
        must(server, address, second, True)
