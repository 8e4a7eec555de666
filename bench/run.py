#!/usr/bin/env python3
"""The numbers of docs/benchmarks.md: a real server on loopback, loaded by bench/load.c.

    bench/run.py [--quick] [--write] [--awake] [--only SECTION,...] [--peer dovecot|both] [--messages N] [--build DIR] [--runs N]

Every number is the median of N runs (3). --awake keeps the cores from sleeping (a loop of the lowest priority on each): on a virtual
machine it can take milliseconds to wake for the end of a sync, and one connection at a time then measures nothing else. --quick is a slice of under 20 s that shows that everything still runs, not how fast.
--write puts the tables into docs/benchmarks.md. --peer dovecot measures Dovecot under the same load; --peer both measures each section
of both, one right after the other, and sets them side by side. --messages: in the large mailboxes (10,000). Sections: disk lmtp smtp
append fetch search select store copy mailboxes login memory stream sessions notify cold space."""
import argparse
import base64
import contextlib
import glob
import imaplib
import json
import os
import re
import statistics
import subprocess
import sys
import threading
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
    def __init__(self, options, peer):
        self.options = options
        self.kind = servers.PEERS[peer]
        self.runs = 1 if options.quick else options.runs
        self.sections = []
        self.rows = []

    def count(self, full, quick):
        return quick if self.options.quick else full

    def messages(self):
        return self.count(self.options.messages, 200)

    def section(self, name):
        """Run it; its rows."""
        self.rows = []
        about = (SECTIONS[name].__doc__ or "").strip()
        print(f"{self.kind.name}, {name}: {about}", flush=True)
        SECTIONS[name](self)
        if self.rows:
            self.sections.append((name, about, self.rows))
        return about, self.rows

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

    def measure_once(self, server, what, show, workload, **options):
        """As measure, for what cannot be done again."""
        runs, self.runs = self.runs, 1
        try:
            return self.measure(server, what, show, workload, **options)
        finally:
            self.runs = runs

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
        bench.measure(server, "APPEND, 50 in one command (MULTIAPPEND)", per_second("messages"), "append", multi=50,
                      count=bench.count(1600, 64), **user)
    finally:
        server.remove()


def with_mail(bench, measure):
    server = bench.server(1)
    try:
        count = bench.messages()
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
                      items="UID BODY.PEEK[HEADER.FIELDS (FROM TO SUBJECT DATE MESSAGE-ID REFERENCES)]", **user)
        user["count"] = bench.count(4000, 100)
        for width in (1, 8):
            bench.measure(server, f"UID FETCH of one random message, {width} client{'s' if width > 1 else ''}", per_second("messages"),
                          "command", items="FETCH %r (UID BODY.PEEK[])", connections=width, **user)
    with_mail(bench, measure)


def search(bench):
    """One session. The needles stand in every tenth, hundredth and thousandth message, or nowhere; "tal" is in the middle of many words."""
    def measure(server, count, user):
        time.sleep(bench.count(5, 1))  # what learns of new mail in the background has had its turn
        for key in ("UNSEEN", "SINCE 1-Mar-2015", "SENTSINCE 1-Mar-2015", "LARGER 10000", "FROM sender7@", "SUBJECT meeting",
                    "HEADER Message-ID absent@", "BODY quicksilvery", "BODY xylophonist", "BODY zephyrously", "TEXT zephyrously",
                    "BODY ephyrousl", "BODY absentword", 'BODY "dear reader xylo"'):
            bench.measure(server, f"UID SEARCH {key} in {count:,} messages", lambda result: microseconds(result["p50_us"]), "command",
                          items=f"UID SEARCH {key}", count=bench.count(10, 2), **user)
    with_mail(bench, measure)


def select(bench):
    """SELECT and UNSELECT in turn; the time is that of SELECT."""
    with_mail(bench, lambda server, count, user: bench.measure(
        server, f"SELECT of {count:,} messages", per_second("SELECT"), "select", count=bench.count(2000, 50), **user))


def doubled(server, user, count):
    """A mailbox "many" of small messages, copied from itself until there are `count`."""
    load("command", count=1, items="CREATE many", **user)
    have = min(count, 500)
    load("append", window=16, count=have, **{**user, "mailbox": "many"})
    while have < count:
        more = min(have, count - have)
        load("command", count=1, items=f"COPY 1:{more} many", **{**user, "mailbox": "many"})
        have += more


def store(bench):
    """One message at a time, then all of them; every OK means committed."""
    def measure(server, count, user):
        bench.measure(server, f"STORE +FLAGS of one of {count:,} messages", per_second("STORE"), "command",
                      items="STORE %r +FLAGS (\\Flagged)|STORE %r -FLAGS (\\Flagged)", count=bench.count(1000, 50), **user)
        for size in bench.count((1000, 10000, 100000), (100,)):
            doubled(server, user, size)
            result = bench.measure(server, f"STORE 1:* +FLAGS.SILENT, {size:,} messages", lambda result: microseconds(result["p50_us"]), "command",
                                   items="STORE 1:* +FLAGS.SILENT (\\Answered)|STORE 1:* -FLAGS.SILENT (\\Answered)", count=bench.count(3, 1),
                                   **{**user, "mailbox": "many"})
            bench.row(f"the same, for each message (there are {size:,})", f"{result['p50_us'] / size / 2:.2f} µs")
            load("command", count=1, items="DELETE many", **user)
    with_mail(bench, measure)


def copy(bench):
    """A command over the whole mailbox; every OK means synced."""
    def measure(server, count, user):
        def fresh(_number):
            load("command", count=1, items="CREATE a|CREATE b", **user)
            return {}
        each = lambda result: short(count / (result["p50_us"] / 1e6), "messages/s")
        try_all = (("COPY 1:*", "INBOX", "COPY 1:* a"), ("MOVE 1:*", "a", "MOVE 1:* b"))
        for number in range(bench.runs):
            fresh(number)
            for what, mailbox, command in try_all:
                if number == 0:
                    bench.measure_once(server, f"{what} of {count:,} messages", each, "command", items=command, count=1, **{**user, "mailbox": mailbox})
                else:
                    load("command", items=command, count=1, **{**user, "mailbox": mailbox})
            if number == 0:
                half = lambda result: short(count / 2 / (result["p50_us"] / 1e6), "messages/s")
                load("command", items="STORE 1:%d +FLAGS.SILENT (\\Deleted)" % (count // 2), count=1, **{**user, "mailbox": "b"})
                bench.measure_once(server, "EXPUNGE of half of them", half, "command", items="EXPUNGE", count=1, **{**user, "mailbox": "b"})
            load("command", count=1, items="DELETE a|DELETE b", **user)
    with_mail(bench, measure)


def mailboxes(bench):
    """One connection, one mailbox after the other."""
    server = bench.server(1)
    try:
        user = {"user": server.users[0][0], "password": server.users[0][1], "port": server.port("imap"), "count": bench.count(200, 20)}
        for what, items in (("CREATE", "CREATE box%n"), ("STATUS", "STATUS box%n (MESSAGES UNSEEN UIDNEXT)"), ("LIST of all", 'LIST "" *'),
                            ("DELETE", "DELETE box%n")):
            bench.measure_once(server, what, per_second("commands"), "command", items=items, **user)
    finally:
        server.remove()


def sessions(bench):
    """What a second session on a large mailbox costs, and whether SELECT grows with it. Sizes of the server's processes (PSS)."""
    for size in bench.count((1000, 10000, 100000), (100,)):
        server = bench.server(1)
        try:
            user = {"user": server.users[0][0], "password": server.users[0][1], "port": server.port("imap")}
            doubled(server, user, size)
            many = {**user, "mailbox": "many"}
            bench.measure(server, f"SELECT, {size:,} messages, nobody else there", lambda result: microseconds(result["p50_us"]), "select",
                          count=bench.count(200, 5), **many)
            held = subprocess.Popen([LOAD, "idle", "connections=1", "state=idle", *[f"{name}={value}" for name, value in many.items()]],
                                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            held.stdout.readline()
            bench.measure(server, f"SELECT, {size:,} messages, open elsewhere", lambda result: microseconds(result["p50_us"]), "select",
                          count=bench.count(200, 5), **many)
            held.stdin.close()
            held.wait()
            each = hold(server, bench.count(100, 10), state="idle", **many)
            bench.row(f"each further session in IDLE, {size:,} messages", short(each, "KB"))
        finally:
            server.remove()


def cold(bench):
    """The server has just been started; the first login after a start also unlocks the vault. What the disk cache of the system holds stays there."""
    for size in bench.count((1000, 10000, 100000), (100,)):
        server = bench.server(1)
        try:
            user = {"user": server.users[0][0], "password": server.users[0][1], "port": server.port("imap")}
            doubled(server, user, size)
            for what, items in (("SELECT", "SELECT many"), ("SELECT and the last 50 envelopes", f"SELECT many|FETCH {max(1, size - 49)}:* (ENVELOPE)"),
                                ("SELECT and all flags", "SELECT many|FETCH 1:* (UID FLAGS)")):
                def restart(_number):
                    server.restart()
                    return {"port": server.port("imap")}
                bench.measure(server, f"{what}, {size:,} messages", lambda result: microseconds(result["p50_us"]), "command", before=restart,
                              items=items, count=1, **{**user, "mailbox": "INBOX"})
        finally:
            server.remove()


def space(bench):
    """Bytes on disk for a byte of mail, all indexes included: mail of the load generator, appended; then the same again into another mailbox."""
    server = bench.server(1)
    try:
        count = bench.messages()
        user = {"user": server.users[0][0], "password": server.users[0][1], "port": server.port("imap")}
        before = server.disk_bytes()
        mail = 0
        for what in ("mail that is new", "the same mail once more"):
            result = load("append", window=16, count=count, **user)
            mail += result["bytes"]
            server.settle()
            bench.row(f"{what}, {count:,} messages, {result['bytes'] / 1e6:.1f} MB", f"{(server.disk_bytes() - before) / mail:.2f} of the mail")
    finally:
        server.remove()


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
        bench.measure(server, "LOGIN, SELECT, LOGOUT, 8 connections at a time", per_second("logins"), "login", select=1,
                      port=server.port("imap"), user=address, password=password, connections=8, count=bench.count(1000, 40))
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


def stream(bench):
    """Ten clients each FETCH all of a large mailbox at the same time. The size (PSS) is the most that was seen of the server's processes."""
    server = bench.server(1)
    try:
        address, password = server.users[0]
        client = imaplib.IMAP4("127.0.0.1", server.port("imap"))
        client.login(address, password)
        many, size = bench.count((50, 20_000_000), (3, 1_000_000))
        for number in range(many):
            line = base64.b64encode(os.urandom(57)) + b"\r\n"
            client.append("INBOX", None, None, b"Subject: large %d\r\n\r\n" % number + line * (size // len(line)))
        client.logout()
        before = servers.memory_kb(server.pid)
        seen, stop = [before], threading.Event()

        def watch():
            while not stop.wait(0.2):
                seen.append(servers.memory_kb(server.pid))
        watcher = threading.Thread(target=watch)
        watcher.start()
        bench.measure_once(server, f"10 clients, {many * size / 1e9:.2g} GB each", megabytes, "command", port=server.port("imap"), user=address,
                           password=password, connections=10, count=10, items="FETCH 1:* (BODY.PEEK[])")
        stop.set()
        watcher.join()
        bench.row("memory of the server, before and at most", f"{before / 1024:.0f} and {max(seen) / 1024:.0f} MB")
    finally:
        server.remove()


def notify(bench):
    """From the last byte of an APPEND to EXISTS at another session that idles: parse, commit, sync, wake-up."""
    server = bench.server(1)
    try:
        for width in (1, 8):
            bench.measure(server, f"EXISTS at {'an idling session' if width == 1 else f'{width} idling sessions'}",
                          lambda result: microseconds(result["p50_us"]), "notify", port=server.port("imap"), connections=width,
                          user=server.users[0][0], password=server.users[0][1], count=bench.count(300, 30) if bench.kind.tells_at_once else bench.count(10, 3))
    finally:
        server.remove()


SECTIONS = {"disk": disk, "lmtp": lmtp, "smtp": smtp, "append": append, "fetch": fetch, "search": search, "select": select, "store": store,
            "copy": copy, "mailboxes": mailboxes, "login": login, "memory": memory, "stream": stream, "sessions": sessions, "notify": notify, "cold": cold,
            "space": space}


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


UNITS = {"µs": 1e-6, "ms": 1e-3, "s": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9, "of the mail": 1}


def value(shown):
    """The number of a result as it is shown, and whether more is better; None: it is not one number."""
    found = re.fullmatch(r"(?:< )?([\d.,]+(?:e[+]?\d+)?) (\S.*)", shown)
    if not found:
        return None
    number, unit = float(found.group(1).replace(",", "")), found.group(2)
    if unit.endswith("/s"):
        return number, True
    return (number * UNITS[unit], False) if unit in UNITS else None


def ratio(ours, theirs):
    """How many times better we are."""
    us, them = value(ours), value(theirs)
    if not us or not them or not us[0] or not them[0]:
        return ""
    times = us[0] / them[0] if us[1] else them[0] / us[0]
    return f"{times:,.0f}" if times >= 10 else f"{times:.2g}"


def side_by_side(sections, command):
    lines = []
    for name, about, ours, theirs in sections:
        known = {row[0]: row for row in theirs}
        lines += [f"### {name}", "", about, "", f"    {command} --only {name}", "",
                  "| what | Letterlock | Dovecot | times better | CPU of the server, each: Letterlock, Dovecot |", "| --- | ---: | ---: | ---: | ---: |"]
        for what, result, _latency, cpu in ours:
            peer = known.get(what) or known.get(re.sub(", (un)?locked$", "", what)) or ("", "", "", "")
            both = f"{cpu}, {peer[3]}" if cpu and peer[3] else cpu
            lines.append(f"| {what} | {result} | {peer[1]} | {ratio(result, peer[1])} | {both} |")
        lines.append("")
    return "\n".join(lines)


def write(key, title, intro, tables):
    path = os.path.join(ROOT, "docs", "benchmarks.md")
    begin, end = f"<!-- {key}: begin -->", f"<!-- {key}: end -->"
    with open(path, encoding="utf-8") as file:
        text = file.read()
    if begin not in text:
        text = text.rstrip("\n") + f"\n\n## {title}\n\n{begin}\n{end}\n"
    head, rest = text.split(begin, 1)
    tail = rest.split(end, 1)[1]
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{head}{begin}\n\n{intro}\n\n{tables}\n{end}{tail}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--awake", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--peer", default="letterlock", choices=[*sorted(servers.PEERS), "both"])
    parser.add_argument("--messages", type=int, default=10000)
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
    benches = [Bench(options, peer) for peer in (("letterlock", "dovecot") if options.peer == "both" else (options.peer,))]
    before = os.getloadavg()
    spinners = keep_awake() if options.awake else []
    print(f"On {machine()}; load average before: {before[0]:.2f} {before[1]:.2f} {before[2]:.2f}", flush=True)
    pairs = []
    for name in names:
        done = [bench.section(name) for bench in benches]
        if done[0][1] and len(done) > 1:
            pairs.append((name, done[0][0], done[0][1], done[1][1]))
    after = os.getloadavg()
    for spinner in spinners:
        spinner.kill()
        spinner.wait()
    print(f"load average after: {after[0]:.2f} {after[1]:.2f} {after[2]:.2f}")
    peer = f" --peer {options.peer}" if options.peer != "letterlock" else ""
    size = f" --messages {options.messages}" if options.messages != 10000 else ""
    command = f"bench/run.py{' --awake' if options.awake else ''}{peer}{size}"
    tables = side_by_side(pairs, command) if options.peer == "both" else table(benches[0], command)
    if options.peer == "both":
        print(tables)
    if options.write:
        title = "Letterlock and Dovecot side by side" if options.peer == "both" else benches[0].kind.name
        write(options.peer + (f"-{options.messages}" if size else ""), f"{title}, {options.messages:,} messages",
              f"On {machine()}; the load generator runs on the same cores. Medians of {benches[0].runs} runs. Load average before "
              f"{before[0]:.2f}, after {after[0]:.2f} (the load generator"
              f"{' and the loops that keep the cores awake' if options.awake else ''} included).", tables)
    return 0


if __name__ == "__main__":
    sys.exit(main())
