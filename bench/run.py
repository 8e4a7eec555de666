#!/usr/bin/env python3
"""The numbers of docs/benchmarks.md: a real server on loopback, loaded by bench/load.c.

    bench/run.py [--quick] [--write] [--awake] [--only SECTION,...] [--peer dovecot] [--build DIR] [--runs N]

Every number is the median of N runs (3). --awake keeps the cores from sleeping (a loop of the lowest priority on each): on a virtual
machine it can take milliseconds to wake for the end of a sync, and one connection at a time then measures nothing else. --quick is a slice of under 20 s that shows that everything still runs, not how fast.
--write puts the tables into docs/benchmarks.md. --peer dovecot measures Dovecot under the same load. Sections: disk lmtp smtp
append fetch select cold store login memory notify."""
import argparse
import contextlib
import glob
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "bench"))
import servers  # noqa: E402

LOAD = os.path.join(ROOT, "build", "bench", "load")
USERS = 8  # deliveries go round these mailboxes: a server has more than one
HELD = 500  # connections held for a memory figure: enough to drown what the server keeps anyway


def keep_awake():
    """One process a core that runs only when nobody else wants to. They end with us (their stdin does)."""
    code = "import os, threading, sys; threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0))).start()\nwhile True: pass"
    spinners = [subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) for _ in range(os.cpu_count() or 1)]
    for spinner in spinners:
        os.sched_setscheduler(spinner.pid, os.SCHED_IDLE, os.sched_param(0))
    return spinners


def build_load():
    sources = sorted(glob.glob(os.path.join(ROOT, "bench", "*.c")))
    headers = glob.glob(os.path.join(ROOT, "bench", "*.h"))
    if os.path.exists(LOAD) and os.path.getmtime(LOAD) > max(map(os.path.getmtime, sources + headers)):
        return
    os.makedirs(os.path.dirname(LOAD), exist_ok=True)
    subprocess.run([os.environ.get("CC", "cc"), "-O2", "-D_GNU_SOURCE", "-o", LOAD, *sources, "-lssl", "-lcrypto", "-lpthread"], check=True)


def load(workload, **options):
    words = [LOAD, workload, *[f"{name}={value}" for name, value in options.items()]]
    done = subprocess.run(words, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise SystemExit(f"bench: {' '.join(words)}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def short(number, unit=""):
    if number >= 1000:
        text = f"{number:,.0f}"
    else:
        text = f"{number:.3g}" if number < 100 else f"{number:.0f}"
    return f"{text} {unit}".rstrip()


def microseconds(us):
    if us < 1:
        return "< 1 µs"
    return f"{us / 1000:.3g} ms" if us >= 1000 else f"{us:.0f} µs"


class Bench:
    def __init__(self, options):
        self.options = options
        self.kind = servers.PEERS[options.peer]
        self.runs = 1 if options.quick else options.runs
        self.sections = []
        self.rows = []

    def count(self, full, quick):
        return quick if self.options.quick else full

    def server(self, users=USERS):
        return self.kind(self.options.build, users)

    def row(self, what, result, latency="", cpu=""):
        self.rows.append((what, result, latency, cpu))
        print(f"  {what:58} {result:>20}  {latency:24} {cpu}", flush=True)

    def measure(self, server, what, show, workload, before=None, **options):
        """Run a workload some times; a row of its medians."""
        results = []
        for number in range(self.runs):
            more = before(number) if before else {}
            cpu = servers.cpu_seconds(server.pid)
            result = load(workload, **{**options, **more})
            result["cpu"] = servers.cpu_seconds(server.pid) - cpu
            results.append(result)
        middle = {name: statistics.median(result[name] for result in results) for name in results[0]}
        latency = f"{microseconds(middle['p50_us'])} / {microseconds(middle['p99_us'])}" if middle["p50_us"] else ""
        cpu = microseconds(middle["cpu"] * 1e6 / max(1, middle["operations"]))
        if middle["client_cpu_ms"] > 700 * middle["seconds"] * min(2, os.cpu_count() or 1):
            cpu += " (client-bound)"
        self.row(what, show(middle), latency, cpu)
        return middle

    def append(self, server, user, count, mailbox="INBOX"):
        load("append", port=server.port("imap"), user=user[0], password=user[1], mailbox=mailbox, count=count, window=16)


def per_second(unit):
    return lambda result: short(result["operations"] / result["seconds"], unit + "/s")


def megabytes(result):
    return short(result["bytes"] / result["seconds"] / 1e6, "MB/s")


# ------------------------------------------------------------------------------------------------------------- the sections

def disk(bench):
    """What one sync costs here: the floor under every "acknowledged is durable"."""
    took = []
    path = os.path.join(os.environ.get("TMPDIR", "/tmp"), f"ll-bench-{os.getpid()}")
    with open(path, "wb", buffering=0) as file:
        os.unlink(path)
        for _ in range(bench.count(300, 50)):
            start = time.monotonic()
            file.write(b"x" * 8192)
            os.fdatasync(file.fileno())
            took.append((time.monotonic() - start) * 1e6)
    took.sort()
    middle, late = took[len(took) // 2], took[len(took) * 99 // 100]
    bench.row("append 8 KB to a file and fdatasync it", short(1e6 / middle, "syncs/s"), f"{microseconds(middle)} / {microseconds(late)}")


def deliveries(bench, protocol, widths):
    server = bench.server()
    try:
        everybody = ",".join(address for address, _ in server.users)
        for state in ("locked", "unlocked") if server.locks else ("",):
            if state != "locked":
                server.unlock()
            for width in widths:
                count = bench.count({1: 400, 8: 2000, 64: 4000}[width], {1: 20, 8: 80, 64: 192}[width])
                bench.measure(server, f"{protocol.upper()}, {width} connection{'s' if width > 1 else ''}, {USERS} mailboxes"
                              + (f", {state}" if state else ""), per_second("messages"), protocol, port=server.port(protocol),
                              to=everybody, connections=width, count=count)
            if protocol == "lmtp" and state != "locked":
                bench.measure(server, "LMTP, 8 connections, one mailbox" + (f", {state}" if state else ""), per_second("messages"),
                              protocol, port=server.port(protocol), to=server.users[0][0], connections=8, count=bench.count(2000, 80))
    finally:
        server.remove()


def lmtp(bench):
    """A message is acknowledged when it is synced. Locked: it is sealed to the drop; unlocked: it goes into the vault."""
    deliveries(bench, "lmtp", (1, 8) if bench.options.quick else (1, 8, 64))


def smtp(bench):
    """The same through the MX port, with everything that is checked there."""
    if not bench.kind.has_smtp:
        return
    deliveries(bench, "smtp", (1, 8))


def append(bench):
    """One connection; every OK means synced."""
    server = bench.server(1)
    try:
        user = {"user": server.users[0][0], "password": server.users[0][1], "port": server.port("imap")}
        bench.measure(server, "APPEND, synchronising literal, one at a time", per_second("messages"), "append", window=1,
                      count=bench.count(400, 20), **user)
        bench.measure(server, "APPEND, LITERAL+, 16 under way", per_second("messages"), "append", window=16,
                      count=bench.count(1600, 64), **user)
    finally:
        server.remove()


def with_mail(bench, measure):
    server = bench.server(1)
    try:
        count = bench.count(5000, 200)
        bench.append(server, server.users[0], count)
        user = {"user": server.users[0][0], "password": server.users[0][1], "port": server.port("imap")}
        measure(server, count, user)
    finally:
        server.remove()


def fetch(bench):
    """One session, the whole mailbox in one command."""
    def measure(server, count, user):
        user["count"] = bench.count(5, 1)
        tls = dict(user, port=server.port("imaps"), tls=1)
        bench.measure(server, f"FETCH 1:* (BODY.PEEK[]) of {count:,} messages", megabytes, "fetch", items="UID BODY.PEEK[]", **user)
        bench.measure(server, f"FETCH 1:* (BODY.PEEK[]) of {count:,} messages, TLS", megabytes, "fetch", items="UID BODY.PEEK[]", **tls)
        bench.measure(server, f"FETCH 1:* (UID FLAGS) of {count:,} messages", per_second("messages"), "fetch", items="UID FLAGS", **user)
        bench.measure(server, f"FETCH 1:* (ENVELOPE BODYSTRUCTURE ...) of {count:,} messages", per_second("messages"), "fetch",
                      items="UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE", **user)
        bench.measure(server, f"FETCH 1:* (BODY.PEEK[HEADER.FIELDS (...)]) of {count:,} messages", per_second("messages"), "fetch",
                      items="UID BODY.PEEK[HEADER.FIELDS (FROM TO SUBJECT DATE)]", **user)
    with_mail(bench, measure)


def select(bench):
    """SELECT and UNSELECT in turn; the time is that of SELECT."""
    with_mail(bench, lambda server, count, user: bench.measure(
        server, f"SELECT of {count:,} messages", per_second("SELECT"), "select", count=bench.count(2000, 50), **user))


def cold(bench):
    """After a restart of the server, nothing of the mailbox in its memory: the first commands of a session, medians of 7."""
    def measure(server, count, user):
        commands = {f"SELECT of {count:,} messages": "SELECT INBOX", "then ENVELOPE of the last 50": f"FETCH {count - 49}:{count} (UID FLAGS ENVELOPE)",
                    "then FLAGS of all": "FETCH 1:* (UID FLAGS)"}
        took = {what: [] for what in commands}
        for _ in range(bench.count(8, 3)):
            server.restart()
            with socket.create_connection(("127.0.0.1", server.port("imap"))) as client, client.makefile("rb") as replies:
                replies.readline()
                for what, command in {"": f"LOGIN {user['user']} {user['password']}", **commands}.items():
                    begin = time.perf_counter()
                    client.sendall(f"x {command}\r\n".encode())
                    while not (line := replies.readline()).startswith(b"x OK"):
                        assert line, "the server hung up"
                    if what:
                        took[what].append((time.perf_counter() - begin) * 1e6)
        for what, times in took.items():  # the first restart comes before the view is kept
            bench.row(what, microseconds(statistics.median(times[1:])))
    with_mail(bench, measure)


def store(bench):
    """One message at a time; every OK means committed."""
    with_mail(bench, lambda server, count, user: bench.measure(
        server, f"STORE +FLAGS of one of {count:,} messages", per_second("STORE"), "flags", count=bench.count(1000, 50), **user))


def login(bench):
    """Connect, greeting, login, logout. The password is a generated one."""
    server = bench.server(20 if not bench.options.quick else 4)
    try:
        address, password = server.users[0]
        if server.locks:
            first = [load("login", port=server.port("imap"), user=name, password=word, count=1) for name, word in server.users[1:]]
            took = statistics.median(result["p50_us"] for result in first)
            bench.row("LOGIN that unlocks a vault, one at a time", short(1e6 / took, "logins/s"), microseconds(took) + " / -")
        server.unlock()
        for name, mechanism in (("LOGIN", "login"), ("AUTHENTICATE PLAIN", "plain")):
            for width in (1, 8):
                bench.measure(server, f"{name}, {width} connection{'s' if width > 1 else ''} at a time", per_second("logins"), "login",
                              port=server.port("imap"), user=address, password=password, connections=width, mechanism=mechanism,
                              count=bench.count(1000, 40))
        bench.measure(server, "LOGIN over TLS, 8 connections at a time", per_second("logins"), "login", port=server.port("imaps"), tls=1,
                      user=address, password=password, connections=8, count=bench.count(1000, 40))
    finally:
        server.remove()


def hold(server, count, **options):
    """Memory per connection, in KB: what `count` of them add to the first one, which opens whatever is opened once."""
    sizes = []
    with contextlib.ExitStack() as stack:
        for connections in (1, count):
            words = [LOAD, "idle", f"connections={connections}", *[f"{name}={value}" for name, value in options.items()]]
            held = stack.enter_context(subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
            if not held.stdout.readline():
                raise SystemExit(f"bench: {' '.join(words)} failed")
            stack.callback(held.stdin.close)
            time.sleep(0.5)
            sizes.append(servers.memory_kb(server.pid))
    return (sizes[1] - sizes[0]) / count


def memory(bench):
    """Proportional set size of the server's processes. Each line has a freshly started server, with one connection before those counted."""
    count = bench.count(HELD, 50)
    cases = [("before login, in clear", "imap", "greeting"), ("in IDLE on a mailbox of 1,000 messages, in clear", "imap", "idle"),
             ("in IDLE on a mailbox of 1,000 messages, TLS", "imaps", "idle")]
    for number, (what, port, state) in enumerate(cases):
        server = bench.server(1)
        try:
            if number == 0:
                bench.row("the server itself, just started", short(servers.memory_kb(server.pid) / 1024, "MB"))
            bench.append(server, server.users[0], bench.count(1000, 100))
            server.restart()
            each = hold(server, count, port=server.port(port), tls=int(port == "imaps"), state=state, user=server.users[0][0],
                        password=server.users[0][1])
            bench.row(f"one connection {what} ({count} held)", short(each, "KB"))
        finally:
            server.remove()


def notify(bench):
    """From the last byte of an APPEND to EXISTS at another session that idles: parse, commit, sync, wake-up."""
    server = bench.server(1)
    try:
        bench.measure(server, "EXISTS at an idling session", lambda result: microseconds(result["p50_us"]), "notify",
                      port=server.port("imap"), user=server.users[0][0], password=server.users[0][1], count=bench.count(300, 30))
    finally:
        server.remove()


SECTIONS = {"disk": disk, "lmtp": lmtp, "smtp": smtp, "append": append, "fetch": fetch, "select": select, "cold": cold, "store": store, "login": login,
            "memory": memory, "notify": notify}


# -------------------------------------------------------------------------------------------------------------- the report

def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        found = re.search(r"model name\s*: (.*)", file.read())
    with open("/proc/meminfo", encoding="utf-8") as file:
        memory_gb = int(file.readline().split()[1]) / 1024 / 1024
    virtual = " virtual" if os.path.exists("/sys/hypervisor") or "hypervisor" in open("/proc/cpuinfo", encoding="utf-8").read() else ""
    return f"{os.cpu_count()}{virtual} cores ({found.group(1).strip() if found else 'unknown'}), {memory_gb:.0f} GB of memory"


def table(bench, command):
    lines = []
    for name, about, rows in bench.sections:
        lines += [f"### {name}", "", about, "", f"    {command} --only {name}", "",
                  "| what | result | p50 / p99 | server CPU per operation |", "| --- | ---: | ---: | ---: |"]
        lines += [f"| {what} | {result} | {latency} | {cpu} |" for what, result, latency, cpu in rows]
        lines.append("")
    return "\n".join(lines)


def write(bench, command, intro):
    path = os.path.join(ROOT, "docs", "benchmarks.md")
    begin, end = f"<!-- {bench.options.peer}: begin -->", f"<!-- {bench.options.peer}: end -->"
    with open(path, encoding="utf-8") as file:
        text = file.read()
    if begin not in text:
        text = text.rstrip("\n") + f"\n\n## {bench.kind.name}\n\n{begin}\n{end}\n"
    head, rest = text.split(begin, 1)
    tail = rest.split(end, 1)[1]
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{head}{begin}\n\n{intro}\n\n{table(bench, command)}\n{end}{tail}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--awake", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--peer", default="letterlock", choices=sorted(servers.PEERS))
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    names = [name for name in options.only.split(",") if name] or list(SECTIONS)
    if options.quick and not options.only:
        names = ["lmtp", "append", "fetch", "login", "notify"]
    unknown = set(names) - set(SECTIONS)
    if unknown:
        parser.error(f"no such section: {', '.join(sorted(unknown))}")
    build_load()
    bench = Bench(options)
    before = os.getloadavg()
    spinners = keep_awake() if options.awake else []
    print(f"{bench.kind.name} on {machine()}; load average before: {before[0]:.2f} {before[1]:.2f} {before[2]:.2f}", flush=True)
    for name in names:
        bench.rows = []
        about = (SECTIONS[name].__doc__ or "").strip()
        print(f"{name}: {about}", flush=True)
        SECTIONS[name](bench)
        if bench.rows:
            bench.sections.append((name, about, bench.rows))
    after = os.getloadavg()
    for spinner in spinners:
        spinner.kill()
        spinner.wait()
    print(f"load average after: {after[0]:.2f} {after[1]:.2f} {after[2]:.2f}")
    if options.write:
        peer = f" --peer {options.peer}" if options.peer != "letterlock" else ""
        write(bench, f"bench/run.py{' --awake' if options.awake else ''}{peer}",
              f"On {machine()}; the load generator runs on the same cores. Medians of {bench.runs} runs. Load average before "
              f"{before[0]:.2f}, after {after[0]:.2f} (the load generator"
              f"{' and the loops that keep the cores awake' if options.awake else ''} included).")
    return 0


if __name__ == "__main__":
    sys.exit(main())
