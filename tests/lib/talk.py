"""Conversations with a running server, in a small language. One file is one conversation against one fresh server.

    # a comment
    set message_size 1M          a setting, before anything else
    alias ann                    add ann@example.com; $ann is its address, $ann.password its password
    open c imap                  a connection named c (imap, imaps, smtp, lmtp); the greeting is not read
    c> a1 LOGIN $ann $ann.password      send a line (CRLF is added)
    c>> bytes without line end\\r\\n    send exactly this (escapes \\r \\n \\t \\0 \\xNN)
    c< a1 OK*                    the next line must match: * is anything, ? one character; [ ] are plain
    c<< a1 OK*                   skip lines until this one matches
    c<! EXPUNGE                  none of the lines skipped by the last << contained this
    c~ 0.3                       nothing comes for so many seconds
    c. closed                    the server has closed the connection
    deliver ann Subject text     a small message by LMTP
    tls c                        STARTTLS handshake now
    deflate c                    from now on both directions are compressed (RFC 4978)
    close c
    sleep 0.2
    restart                      SIGTERM, start again
"""
import fnmatch
import os
import re
import socket
import ssl
import time
import zlib

from letterlock import Failure, Server


class Deflated:
    """A socket behind raw deflate; only what Talk uses."""

    def __init__(self, sock):
        self.sock = sock
        self.packer = zlib.compressobj(wbits=-15)
        self.unpacker = zlib.decompressobj(wbits=-15)

    def __getattr__(self, name):
        return getattr(self.sock, name)

    def sendall(self, data):
        self.sock.sendall(self.packer.compress(data) + self.packer.flush(zlib.Z_SYNC_FLUSH))

    def recv(self, size):
        while True:
            packed = self.sock.recv(size)
            data = self.unpacker.decompress(packed)
            if data or not packed:
                return data


class Talk:
    def __init__(self, path, build=None):
        self.path = path
        self.build = build
        self.names = {}
        self.socks = {}
        self.buffers = {}
        self.skipped = {}
        self.settings = {}
        self.server = None

    def run(self):
        with open(self.path, encoding="utf-8") as file:
            lines = file.read().split("\n")
        try:
            for number, line in enumerate(lines, 1):
                if not line.strip() or line.lstrip().startswith("#"):
                    continue
                try:
                    self.line(line.strip())
                except (Failure, OSError, AssertionError, KeyError) as error:
                    raise Failure(f"{os.path.basename(self.path)}:{number}: {line.strip()}\n    {error}") from error
        finally:
            for sock in self.socks.values():
                sock.close()
            if self.server:
                self.server.remove()

    def begin(self):
        if not self.server:
            self.server = Server(build=self.build, settings=self.settings)

    def expand(self, text):
        for name in sorted(self.names, key=len, reverse=True):
            text = text.replace("$" + name, self.names[name])
        return text

    def line(self, line):
        match = re.match(r"^([a-z][a-z0-9]*)(>>|<<|<!|>|<|~|\.)(?: (.*)|)$", line)
        if match and match.group(1) in self.socks:
            self.step(match.group(1), match.group(2), match.group(3) or "")
            return
        verb, _, rest = line.partition(" ")
        getattr(self, "do_" + verb)(*rest.split(" ", 1) if rest else [])

    def do_set(self, name, value):
        self.settings[name] = value

    def do_alias(self, name):
        self.begin()
        address, password = self.server.alias(name)
        self.names[name] = address
        self.names[name + ".password"] = password

    def do_open(self, name, protocol):
        self.begin()
        self.socks[name] = self.server.connect(protocol, timeout=10)
        if protocol == "imaps":
            self.do_tls(name)
        self.buffers[name] = b""

    def do_tls(self, name):
        context = ssl.create_default_context(cafile=os.path.join(self.server.data, "tls/cert.pem"))
        context.check_hostname = False
        self.socks[name] = context.wrap_socket(self.socks[name])

    def do_deflate(self, name):
        self.socks[name] = Deflated(self.socks[name])

    def do_close(self, name):
        self.socks.pop(name).close()

    def do_sleep(self, seconds):
        time.sleep(float(seconds))

    def do_restart(self):
        self.server.stop()
        self.server.start()

    def do_deliver(self, name, rest="hello"):
        subject = self.expand(rest)
        message = f"From: a@elsewhere.example\r\nTo: {self.names[name]}\r\nSubject: {subject}\r\n\r\nbody of {subject}\r\n"
        self.server.send(self.names[name], message.encode(), lmtp=True)

    def read_line(self, name, timeout=10.0):
        end = time.monotonic() + timeout
        while b"\r\n" not in self.buffers[name]:
            self.socks[name].settimeout(max(0.01, end - time.monotonic()))
            try:
                got = self.socks[name].recv(65536)
            except (socket.timeout, ssl.SSLWantReadError):
                return None
            if not got:
                raise Failure(f"the server closed {name}; left over: {self.buffers[name]!r}")
            self.buffers[name] += got
        line, self.buffers[name] = self.buffers[name].split(b"\r\n", 1)
        return line.decode("utf-8", "replace")

    @staticmethod
    def fits(line, pattern):
        return fnmatch.fnmatchcase(line, pattern.replace("[", "\0").replace("\0", "[[]"))

    def step(self, name, verb, text):
        text = self.expand(text)
        if verb == ">":
            self.socks[name].sendall(text.encode() + b"\r\n")
        elif verb == ">>":
            raw = re.sub(rb"\\(r|n|t|0|\\|x[0-9a-fA-F]{2})",
                         lambda m: {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"0": b"\0", b"\\": b"\\"}.get(m.group(1))
                         or bytes([int(m.group(1)[1:], 16)]), text.encode())
            self.socks[name].sendall(raw)
        elif verb == "<":
            line = self.read_line(name)
            if line is None or not self.fits(line, text):
                raise Failure(f"got {line!r}")
        elif verb == "<<":
            self.skipped[name] = []
            while True:
                line = self.read_line(name)
                if line is None:
                    raise Failure(f"it did not come; came: {self.skipped[name]}")
                if self.fits(line, text):
                    break
                self.skipped[name].append(line)
        elif verb == "<!":
            for line in self.skipped.get(name, []):
                if text in line:
                    raise Failure(f"came: {line!r}")
        elif verb == "~":
            line = self.read_line(name, float(text))
            if line is not None:
                raise Failure(f"got {line!r}")
        elif verb == ".":
            self.closed(name)

    def closed(self, name):
        self.socks[name].settimeout(10)
        while True:
            try:
                got = self.socks[name].recv(65536)
            except (ConnectionResetError, BrokenPipeError):
                return
            except (socket.timeout, ssl.SSLError) as error:
                raise Failure("it is still open") from error
            if not got:
                return
            self.buffers[name] += got
