"""The same conversations with Dovecot: what differs is explained in table.md or fails."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import letterlock  # noqa: E402
import scripts  # noqa: E402
import talk_both  # noqa: E402
from dovecot import Dovecot  # noqa: E402

RANDOM = int(os.environ.get("LL_DIFFERENTIAL", "20"))  # random scripts


def run(named):
    known, used, left, commands, different = talk_both.rules(), set(), [], 0, 0
    with Dovecot() as dovecot, letterlock.Server() as server:
        for n, (name, steps) in enumerate(named):
            address, password = server.alias(f"d{n}")
            ours = talk_both.Peer(server, address, password)
            theirs = talk_both.Peer(dovecot, f"d{n}", "secret")
            found = talk_both.compare(name, steps, ours, theirs)
            ours.close()
            theirs.close()
            commands += len(steps)
            different += len(found)
            left += talk_both.unexplained(found, known, used)
    print(f"{commands} commands, {different} of them answered differently, {different - len(left)} explained by {len(used)} rules of table.md")
    for key, step, a, b in left:
        print(f"{key} {step[:100]!r}\n    ours   {a}\n    theirs {b}")
    if left:
        raise letterlock.Failure(f"{len(left)} differences that table.md does not explain")
    return used


def test_scripts():
    run(scripts.SCRIPTS.items())


def test_random():
    run((f"random{seed}", scripts.random_script(seed)) for seed in range(RANDOM))


if __name__ == "__main__":
    test_scripts()
