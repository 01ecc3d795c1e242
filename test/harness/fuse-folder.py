"""A folder that treats names as some file systems do. Usage: fuse-folder.py ROOT MOUNTPOINT NAMES LONGEST

NAMES: exact; caseless (preserves case and ignores it, as exFAT); apfs (the same, and of Unicode's normal forms); hfs (the
same, and what it lists is in NFD). LONGEST: bytes of a name; eCryptfs allows 143.
"""

import errno
import os
import sys
import unicodedata

try:
    from fusepy import FUSE, FuseOSError, Operations
except ImportError:
    # What others than Debian call the same module.
    from fuse import FUSE, FuseOSError, Operations


def decomposed(name):
    return unicodedata.normalize("NFD", name)


# What tells names apart, and what is kept of a new one.
NAMES = {
    "exact": (lambda name: name, lambda name: name),
    "caseless": (str.casefold, lambda name: name),
    "apfs": (lambda name: decomposed(decomposed(name).casefold()), lambda name: name),
    "hfs": (lambda name: decomposed(decomposed(name).casefold()), decomposed),
}


class Folder(Operations):
    """Passes everything on to ROOT; a name that is there in another spelling is that name."""

    def __init__(self, root, names, longest):
        self.root = root
        self.folded, self.kept = NAMES[names]
        self.longest = longest

    def _real(self, path):
        real = self.root
        for part in path.strip("/").split("/"):
            if part == "":
                continue
            if len(os.fsencode(part)) > self.longest:
                raise FuseOSError(errno.ENAMETOOLONG)
            wanted = os.path.join(real, self.kept(part))
            if not os.path.lexists(wanted):
                folded = self.folded(part)
                for name in os.listdir(real) if os.path.isdir(real) else []:
                    if self.folded(name) == folded:
                        wanted = os.path.join(real, name)
                        break
            real = wanted
        return real

    def _call(self, function, *given):
        try:
            return function(*given)
        except OSError as error:
            raise FuseOSError(error.errno) from error

    def access(self, path, mode):
        self._call(os.stat, self._real(path))

    def getattr(self, path, fh=None):
        found = self._call(os.lstat, self._real(path))
        names = ("atime", "ctime", "gid", "mode", "mtime", "nlink", "size", "uid")
        return {f"st_{name}": getattr(found, f"st_{name}") for name in names}

    def readdir(self, path, fh):
        return [".", "..", *self._call(os.listdir, self._real(path))]

    def mkdir(self, path, mode):
        return self._call(os.mkdir, self._real(path), mode)

    def rmdir(self, path):
        return self._call(os.rmdir, self._real(path))

    def unlink(self, path):
        return self._call(os.unlink, self._real(path))

    def rename(self, old, new):
        return self._call(os.rename, self._real(old), self._real(new))

    def link(self, target, source):
        return self._call(os.link, self._real(source), self._real(target))

    def open(self, path, flags):
        return self._call(os.open, self._real(path), flags & ~os.O_APPEND)

    def create(self, path, mode, fi=None):
        return self._call(os.open, self._real(path), os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)

    def read(self, path, size, offset, fh):
        return self._call(os.pread, fh, size, offset)

    def write(self, path, data, offset, fh):
        return self._call(os.pwrite, fh, data, offset)

    def truncate(self, path, length, fh=None):
        return self._call(os.truncate, self._real(path) if fh is None else fh, length)

    def flush(self, path, fh):
        return 0

    def fsync(self, path, datasync, fh):
        return self._call(os.fdatasync if datasync else os.fsync, fh)

    def fsyncdir(self, path, datasync, fh):
        return 0

    def release(self, path, fh):
        return self._call(os.close, fh)

    def utimens(self, path, times=None):
        return self._call(os.utime, self._real(path), times)

    def chmod(self, path, mode):
        return self._call(os.chmod, self._real(path), mode)

    def statfs(self, path):
        found = self._call(os.statvfs, self._real(path))
        names = ("bavail", "bfree", "blocks", "bsize", "files", "ffree", "frsize")
        return {f"f_{name}": getattr(found, f"f_{name}") for name in names} | {"f_namemax": self.longest}


if __name__ == "__main__":
    folder = Folder(sys.argv[1], sys.argv[3], int(sys.argv[4]))
    FUSE(folder, sys.argv[2], foreground=True, nothreads=True, big_writes=True)
