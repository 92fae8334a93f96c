"""Crowds or fills the keyring of a user, or closes it to the user's own processes: keyring.py crowded|full|closed UID."""

import ctypes
import os
import platform
import sys

ADD_KEY, KEYCTL = {"x86_64": (248, 250), "aarch64": (217, 219)}[platform.machine()]
USER, GET_ID, SETPERM = -4, 0, 5

user = int(sys.argv[2])
os.setgroups([])
os.setresgid(user, user, user)
os.setresuid(user, user, user)
libc = ctypes.CDLL(None, use_errno=True)
ring = libc.syscall(KEYCTL, GET_ID, USER, 1)
if ring < 0:
    raise OSError(ctypes.get_errno(), "keyctl")
if sys.argv[1] == "full":
    # Ever smaller keys, until not even the least goes in.
    number = 0
    for size in (8192, 1024, 64, 1):
        while True:
            number += 1
            description = f"ballast-{number}".encode()
            if libc.syscall(ADD_KEY, b"user", description, b"x" * size, size, USER) < 0:
                break
elif sys.argv[1] == "crowded":
    for number in range(120):
        libc.syscall(ADD_KEY, b"user", f"other-{number}".encode(), b"x", 1, USER)
elif libc.syscall(KEYCTL, SETPERM, ring, 0x00010000):
    raise OSError(ctypes.get_errno(), "keyctl")
