#!/usr/bin/python3
"""A filesystem in memory on pyfuse3, to be run as any FUSE program: memory_fs.py MOUNTPOINT."""

import errno
import os
import stat
import sys
import time

import pyfuse3
import trio
from pyfuse3 import FUSEError


class Inode:
    def __init__(self, number, mode, ctx, parent=None):
        self.number = number
        self.mode = mode
        self.uid, self.gid = (ctx.uid, ctx.gid) if ctx else (os.getuid(), os.getgid())
        self.rdev = 0
        self.links = 2 if stat.S_ISDIR(mode) else 1
        self.lookups = 0
        self.opens = 0
        self.data = bytearray()
        self.target = b""
        self.entries = {}  # of a directory: name to inode
        self.parent = parent
        self.xattrs = {}
        self.atime = self.mtime = self.ctime = time.time_ns()

    def attributes(self):
        attr = pyfuse3.EntryAttributes()
        attr.st_ino = self.number
        attr.generation = 0
        attr.entry_timeout = attr.attr_timeout = 1
        attr.st_mode = self.mode
        attr.st_nlink = self.links
        attr.st_uid, attr.st_gid = self.uid, self.gid
        attr.st_rdev = self.rdev
        attr.st_size = len(self.target) if stat.S_ISLNK(self.mode) else len(self.data)
        attr.st_blksize = 4096
        attr.st_blocks = (len(self.data) + 511) // 512
        attr.st_atime_ns, attr.st_mtime_ns, attr.st_ctime_ns = self.atime, self.mtime, self.ctime
        return attr

    def changed(self):
        self.mtime = self.ctime = time.time_ns()


class MemoryFs(pyfuse3.Operations):
    def __init__(self):
        super().__init__()
        root = Inode(pyfuse3.ROOT_INODE, stat.S_IFDIR | 0o755, None)
        self.inodes = {root.number: root}
        self.next_number = root.number + 1
        self.listings = {}  # what an open directory listed, by handle
        self.next_handle = 1

    # Lookup counts: counted before the reply, let go of by forget().

    def grant(self, inode):
        inode.lookups += 1
        return inode.attributes()

    def free_if_unused(self, inode):
        if inode.lookups == 0 and inode.links == 0 and inode.opens == 0:
            del self.inodes[inode.number]

    async def lookup(self, parent, name, ctx):
        directory = self.inodes[parent]
        if name == b".":
            return self.grant(directory)
        if name == b"..":
            return self.grant(directory.parent or directory)
        if name not in directory.entries:
            raise FUSEError(errno.ENOENT)
        return self.grant(directory.entries[name])

    async def forget(self, inode_list):
        for number, count in inode_list:
            inode = self.inodes[number]
            inode.lookups -= count
            self.free_if_unused(inode)

    # Names

    def make(self, parent, name, mode, ctx):
        directory = self.inodes[parent]
        if name in directory.entries:
            raise FUSEError(errno.EEXIST)
        inode = Inode(self.next_number, mode, ctx, directory)
        self.next_number += 1
        self.inodes[inode.number] = inode
        directory.entries[name] = inode
        if stat.S_ISDIR(mode):
            directory.links += 1
        directory.changed()
        return inode

    def remove(self, directory, name):
        inode = directory.entries.pop(name)
        if stat.S_ISDIR(inode.mode):
            directory.links -= 1
            inode.links = 0
        else:
            inode.links -= 1
        inode.ctime = time.time_ns()
        directory.changed()
        self.free_if_unused(inode)

    async def mknod(self, parent, name, mode, rdev, ctx):
        inode = self.make(parent, name, mode, ctx)
        inode.rdev = rdev
        return self.grant(inode)

    async def mkdir(self, parent, name, mode, ctx):
        return self.grant(self.make(parent, name, stat.S_IFDIR | stat.S_IMODE(mode), ctx))

    async def symlink(self, parent, name, target, ctx):
        inode = self.make(parent, name, stat.S_IFLNK | 0o777, ctx)
        inode.target = target
        return self.grant(inode)

    async def readlink(self, number, ctx):
        return self.inodes[number].target

    async def link(self, number, new_parent, new_name, ctx):
        inode, directory = self.inodes[number], self.inodes[new_parent]
        if new_name in directory.entries:
            raise FUSEError(errno.EEXIST)
        directory.entries[new_name] = inode
        inode.links += 1
        inode.ctime = time.time_ns()
        directory.changed()
        return self.grant(inode)

    async def unlink(self, parent, name, ctx):
        directory = self.inodes[parent]
        if name not in directory.entries:
            raise FUSEError(errno.ENOENT)
        self.remove(directory, name)

    async def rmdir(self, parent, name, ctx):
        directory = self.inodes[parent]
        if name not in directory.entries:
            raise FUSEError(errno.ENOENT)
        if directory.entries[name].entries:
            raise FUSEError(errno.ENOTEMPTY)
        self.remove(directory, name)

    async def rename(self, old_parent, old_name, new_parent, new_name, flags, ctx):
        if flags != 0:
            raise FUSEError(errno.EINVAL)
        source, target = self.inodes[old_parent], self.inodes[new_parent]
        if old_name not in source.entries:
            raise FUSEError(errno.ENOENT)
        inode, displaced = source.entries[old_name], target.entries.get(new_name)
        if inode is displaced:
            return
        if displaced is not None:
            if displaced.entries:
                raise FUSEError(errno.ENOTEMPTY)
            self.remove(target, new_name)
        target.entries[new_name] = source.entries.pop(old_name)
        if stat.S_ISDIR(inode.mode):
            source.links -= 1
            target.links += 1
            inode.parent = target
        source.changed()
        target.changed()

    # Attributes

    async def getattr(self, number, ctx=None):
        return self.inodes[number].attributes()

    async def setattr(self, number, attr, fields, fh, ctx):
        inode = self.inodes[number]
        if fields.update_mode:
            inode.mode = stat.S_IFMT(inode.mode) | stat.S_IMODE(attr.st_mode)
        if fields.update_uid:
            inode.uid = attr.st_uid
        if fields.update_gid:
            inode.gid = attr.st_gid
        if fields.update_size:
            size = attr.st_size
            inode.data = inode.data[:size] + bytes(max(0, size - len(inode.data)))
            inode.changed()
        if fields.update_atime:
            inode.atime = attr.st_atime_ns
        if fields.update_mtime:
            inode.mtime = attr.st_mtime_ns
        inode.ctime = time.time_ns()
        return inode.attributes()

    async def access(self, number, mode, ctx):
        return True

    async def statfs(self, ctx):
        data = pyfuse3.StatvfsData()
        data.f_bsize = data.f_frsize = 4096
        data.f_blocks = data.f_bfree = data.f_bavail = 1 << 20
        data.f_files = data.f_ffree = data.f_favail = 1 << 20
        data.f_namemax = 255
        return data

    async def setxattr(self, number, name, value, ctx):
        self.inodes[number].xattrs[name] = value

    async def getxattr(self, number, name, ctx):
        if name not in self.inodes[number].xattrs:
            raise FUSEError(pyfuse3.ENOATTR)
        return self.inodes[number].xattrs[name]

    async def listxattr(self, number, ctx):
        return list(self.inodes[number].xattrs)

    async def removexattr(self, number, name, ctx):
        if name not in self.inodes[number].xattrs:
            raise FUSEError(pyfuse3.ENOATTR)
        del self.inodes[number].xattrs[name]

    # Files: a handle is the inode's number.

    async def open(self, number, flags, ctx):
        inode = self.inodes[number]
        inode.opens += 1
        if flags & os.O_TRUNC:
            inode.data.clear()
            inode.changed()
        return pyfuse3.FileInfo(fh=number)

    async def create(self, parent, name, mode, flags, ctx):
        directory = self.inodes[parent]
        inode = directory.entries.get(name) or self.make(parent, name, stat.S_IFREG | stat.S_IMODE(mode), ctx)
        return await self.open(inode.number, flags, ctx), self.grant(inode)

    async def read(self, fh, offset, size):
        return bytes(self.inodes[fh].data[offset:offset + size])

    async def write(self, fh, offset, data):
        inode = self.inodes[fh]
        if offset > len(inode.data):
            inode.data += bytes(offset - len(inode.data))
        inode.data[offset:offset + len(data)] = data
        inode.changed()
        return len(data)

    async def flush(self, fh):
        pass

    async def fsync(self, fh, datasync):
        pass

    async def release(self, fh):
        inode = self.inodes[fh]
        inode.opens -= 1
        self.free_if_unused(inode)

    # Listings are of the moment of opendir: a position is how many entries come before it.

    async def opendir(self, number, ctx):
        handle = self.next_handle
        self.next_handle += 1
        self.listings[handle] = list(self.inodes[number].entries.items())
        return handle

    async def readdir(self, fh, start, token):
        for position, (name, inode) in enumerate(self.listings[fh][start:], start + 1):
            # Counted first, as the kernel may forget as soon as it has the reply.
            inode.lookups += 1
            if not pyfuse3.readdir_reply(token, name, inode.attributes(), position):
                inode.lookups -= 1
                break

    async def releasedir(self, fh):
        del self.listings[fh]

    async def fsyncdir(self, fh, datasync):
        pass


def main():
    options = set(pyfuse3.default_options)
    options.add("fsname=memory_fs")
    pyfuse3.init(MemoryFs(), sys.argv[1], options)
    try:
        trio.run(pyfuse3.main)
    finally:
        pyfuse3.close(unmount=False)


if __name__ == "__main__":
    main()
