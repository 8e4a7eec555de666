"""The other half of powercut.c: build it, run a process under it, and after its death take back what a power cut takes.

A file holds what it held at its last fsync. Of what was written later nothing is left; or, `torn`, each block of 4 KiB is as it was
at some moment since (a disk writes blocks in any order), and the size likewise. A name (created, removed, renamed) is durable when its
directory was synced after (`strict`), or when anything was (as ext4's one journal has it); torn keeps some more of them, in order."""
import mmap
import os
import random
import shutil
import struct
import subprocess

from letterlock import ROOT

HERE = os.path.dirname(os.path.abspath(__file__))
HEAD = struct.Struct("<IIQQQQQQ")
MAGIC = 0x4C4C5043
WRITE, SIZE, SYNC, CREATE, UNLINK, RENAME, LINK, MKDIR, RMDIR, DIRSYNC, SYNCALL = range(1, 12)
BLOCK = 4096


def library():
    """The path of the shared library, compiled if it is missing or old."""
    names = ["powercut.c", "powercut_log.c", "powercut_log.h"]
    sources, out = [os.path.join(HERE, name) for name in names], os.path.join(ROOT, "build", "powercut.so")
    if not os.path.exists(out) or os.path.getmtime(out) < max(map(os.path.getmtime, sources)):
        os.makedirs(os.path.dirname(out), exist_ok=True)
        fresh = f"{out}.{os.getpid()}"
        subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-std=gnu17", "-fvisibility=hidden", *sources[:2], "-o", fresh, "-ldl"], check=True)
        os.rename(fresh, out)
    return out


def environment(data, folder, delay_us=2000):
    """A fresh log in `folder` (on the file system of `data`); the variables for the process. LD_PRELOAD is the caller's."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    return {"POWERCUT_DIR": os.path.realpath(data), "POWERCUT_LOG": folder, "POWERCUT_DELAY_US": str(delay_us)}


class Record:
    __slots__ = ("type", "sequence", "file", "offset", "length", "before", "payload")

    def __init__(self, fields, payload):
        _, self.type, self.sequence, self.file, self.offset, self.length, self.before, _ = fields
        self.payload = payload

    def paths(self):
        return bytes(self.payload).decode().split("\0")


def read_log(path):
    """All whole records; the last may have been cut off by the kill: then its change was never begun."""
    if not os.path.exists(path) or os.path.getsize(path) == 0:
        return []
    records, at = [], 0
    with open(path, "rb") as file:
        view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    while at + HEAD.size <= len(view):
        fields = HEAD.unpack_from(view, at)
        assert fields[0] == MAGIC, f"powercut log damaged at {at}"
        end = at + HEAD.size + fields[7]
        if end > len(view):
            break
        records.append(Record(fields, view[at + HEAD.size:end]))
        at = end
    return records


class File:
    """One file's data since its last sync, and the choice of what stays of it."""

    def __init__(self, path, pending, rng):
        self.path, self.pending, self.rng = path, pending, rng
        self.start = pending[0].sequence - 1
        self.cuts = {}
        shrinks = any(r.type == SIZE and r.offset < r.before for r in pending)
        self.common = None if rng and not shrinks else self.choose()

    def choose(self):
        if not self.rng:
            return self.start
        kind = self.rng.random()
        return self.start if kind < 0.35 else self.pending[-1].sequence if kind < 0.7 else self.rng.choice(self.pending).sequence

    def cut(self, block):
        """Changes of this block up to this sequence number stay. Block -1: the file's size."""
        if self.common is not None:
            return self.common
        if block not in self.cuts:
            self.cuts[block] = self.choose()
        return self.cuts[block]

    def put_back(self, fd, r):
        at, end = r.offset, r.offset + (r.length if r.type == WRITE else len(r.payload))
        while at < end:
            stop = min(end, (at // BLOCK + 1) * BLOCK)
            if r.sequence > self.cut(at // BLOCK):
                old = bytes(r.payload[at - r.offset:stop - r.offset])
                os.pwrite(fd, old + bytes(stop - at - len(old)), at)
            at = stop

    def restore(self):
        fd = os.open(self.path, os.O_RDWR)
        try:
            size = os.fstat(fd).st_size
            for r in reversed(self.pending):
                self.put_back(fd, r)
            later = [r.before for r in self.pending if r.sequence > self.cut(-1)]
            os.ftruncate(fd, later[0] if later else size)
        finally:
            os.close(fd)


def inodes(*folders):
    found = {}
    for folder in folders:
        for where, _, names in os.walk(folder):
            for name in names:
                path = os.path.join(where, name)
                found.setdefault(os.lstat(path).st_ino, path)
    return found


def restore_files(records, data, folder, rng):
    synced, changes = {}, {}
    everything = 0
    for r in records:
        if r.type == SYNC:
            synced[r.file] = max(synced.get(r.file, 0), r.offset)
        elif r.type == SYNCALL:
            everything = max(everything, r.offset)
        elif r.type in (WRITE, SIZE):
            changes.setdefault(r.file, []).append(r)
    where = inodes(data, folder)
    lost = 0
    for inode, all_of_it in changes.items():
        upto = max(synced.get(inode, 0), everything)
        pending = [r for r in all_of_it if r.sequence > upto]
        if pending and inode in where:
            lost += len(pending)
            File(where[inode], pending, rng).restore()
    return lost


def undo_name(r, folder):
    paths = r.paths()
    kept = os.path.join(folder, str(r.sequence))
    if r.type in (CREATE, LINK):
        if os.path.lexists(paths[0]):
            os.unlink(paths[0])
    elif r.type == UNLINK:
        os.replace(kept, paths[0])
    elif r.type == RENAME:
        if os.path.lexists(paths[1]) and not os.path.lexists(paths[0]):
            os.rename(paths[1], paths[0])
        if r.offset and os.path.exists(kept):
            os.replace(kept, paths[1])
    elif r.type == MKDIR:
        shutil.rmtree(paths[0], ignore_errors=True)
    elif r.type == RMDIR:
        os.makedirs(paths[0], exist_ok=True)


def restore_names(records, folder, rng, strict):
    synced, any_sync = {}, 0
    for r in records:
        if r.type == DIRSYNC:
            path = r.paths()[0]
            synced[path] = max(synced.get(path, 0), r.offset)
        if r.type in (SYNC, DIRSYNC, SYNCALL):
            any_sync = max(any_sync, r.offset)

    def durable(r):
        if not strict:
            return r.sequence <= any_sync
        return all(r.sequence <= synced.get(os.path.dirname(path), 0) for path in r.paths())

    pending = [r for r in records if r.type in (CREATE, UNLINK, RENAME, LINK, MKDIR, RMDIR) and not durable(r)]
    kept = rng.randint(0, len(pending)) if rng else 0
    for r in reversed(pending[kept:]):
        undo_name(r, folder)
    return len(pending) - kept


def power_cut(data, folder, torn=False, seed=0, strict=True):
    """Leave in `data` what the disk has. Returns a line that says how much was taken back."""
    rng = random.Random(seed) if torn else None
    records = read_log(os.path.join(folder, "log"))
    writes = restore_files(records, data, folder, rng)
    names = restore_names(records, folder, rng, strict)
    for path in inodes(data).values():
        if path.endswith("-shm"):
            os.unlink(path)
    shutil.rmtree(folder)
    return f"{len(records)} records, {writes} writes and {names} names not synced{' (torn)' if torn else ''}"
