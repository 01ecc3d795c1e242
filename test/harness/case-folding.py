"""A folder that ignores case and preserves it, as macOS's file systems do. Usage: case-folding.py ROOT MOUNTPOINT"""

import os
import sys

try:
    from fusepy import FUSE, FuseOSError, Operations
except ImportError:
    # What others than Debian call the same module.
    from fuse import FUSE, FuseOSError, Operations


class CaseFolding(Operations):
    """Passes everything on to ROOT; a name that is there in another case is that name."""

    def __init__(self, root):
        self.root = root

    def _real(self, path):
        real = self.root
        for part in path.strip("/").split("/"):
            if part == "":
                continue
            wanted = os.path.join(real, part)
            if not os.path.lexists(wanted):
                folded = part.casefold()
                for name in os.listdir(real) if os.path.isdir(real) else []:
                    if name.casefold() == folded:
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
        names = ("bavail", "bfree", "blocks", "bsize", "files", "ffree", "frsize", "namemax")
        return {f"f_{name}": getattr(found, f"f_{name}") for name in names}


if __name__ == "__main__":
    FUSE(CaseFolding(sys.argv[1]), sys.argv[2], foreground=True, nothreads=True, big_writes=True)
