"""Write a shared library that holds nothing but its name and those of the libraries it needs."""

import struct

NEEDED, STRTAB, SYMTAB, STRSZ, SYMENT, SONAME = 1, 5, 6, 10, 11, 14  # <elf.h>: DT_…


def write_library(path, needed=(), size=4096):
    """An x86-64 ELF file that ``dlopen`` takes as it takes any; its name is that of `path`."""
    names = b"\0" + b"".join(name.encode() + b"\0" for name in [path.name, *needed])
    entries = [(SONAME, 1)]
    entries += [(NEEDED, names.index(b"\0" + name.encode() + b"\0") + 1) for name in needed]
    start = 64 + 3 * 56  # of the dynamic section, after the header and three program headers
    symbols = start + 16 * (len(entries) + 5)
    strings = symbols + 24  # one symbol, the empty one that each table begins with
    entries += [(STRTAB, strings), (SYMTAB, symbols), (STRSZ, len(names)), (SYMENT, 24), (0, 0)]
    dynamic = b"".join(struct.pack("<QQ", *entry) for entry in entries)
    header = b"\x7fELF\2\1\1".ljust(16, b"\0")
    header += struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, 64, 0, 0, 64, 56, 3, 0, 0, 0)
    for kind, place, length in ((1, 0, size), (2, start, len(dynamic)), (0x6474E551, 0, 0)):
        # PT_LOAD, PT_DYNAMIC, PT_GNU_STACK: all read and written, none executed
        header += struct.pack("<IIQQQQQQ", kind, 6, place, place, place, length, length, 4096)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes((header + dynamic + bytes(24) + names).ljust(size, b"\0"))
