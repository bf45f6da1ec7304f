"""A seccomp filter that leaves a process what decoding needs: reading, writing, memory and the clock.

Everything else (opening files, sockets, new processes and threads, tracing, new executable memory) fails with
EPERM. See seccomp(2) and the kernel's Documentation/userspace-api/seccomp_filter.rst.
"""

import ctypes
import errno
import platform
import struct
from dataclasses import dataclass

_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2

_ALLOW = 0x7FFF0000
_KILL = 0x80000000
_DENY = 0x00050000 | errno.EPERM

_LOAD = 0x20  # BPF_LD | BPF_W | BPF_ABS
_JUMP_EQUAL = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_JUMP_GREATER_EQUAL = 0x35
_JUMP_BITS = 0x45  # BPF_JMP | BPF_JSET | BPF_K
_RETURN = 0x06

_OFFSET_NUMBER = 0
_OFFSET_ARCHITECTURE = 4
_OFFSET_ARGUMENTS = 16
_X32_BIT = 0x40000000
_PROT_EXEC = 4


@dataclass(frozen=True, slots=True)
class _Machine:
    audit: int
    allowed: tuple[int, ...]
    protect: tuple[int, int]
    limits: int


# The numbers of `allowed`, in this order: read write writev lseek close munmap mremap brk madvise futex
# rt_sigreturn rt_sigaction rt_sigprocmask exit exit_group getrandom clock_gettime gettimeofday getpid gettid
# getrusage sched_getaffinity sched_yield restart_syscall (and on x86_64 time). `protect`: mmap, mprotect;
# `limits`: prlimit64.
_MACHINES = {
    "x86_64": _Machine(
        audit=0xC000003E,
        allowed=(
            0, 1, 20, 8, 3, 11, 25, 12, 28, 202, 15, 13, 14,
            60, 231, 318, 228, 96, 39, 186, 98, 204, 24, 219, 201,
        ),
        protect=(9, 10),
        limits=302,
    ),
    "aarch64": _Machine(
        audit=0xC00000B7,
        allowed=(
            63, 64, 66, 62, 57, 215, 216, 214, 233, 98, 139, 134, 135,
            93, 94, 278, 113, 169, 172, 178, 165, 123, 124, 128,
        ),
        protect=(222, 226),
        limits=261,
    ),
}  # fmt: skip


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def available() -> bool:
    """Tell whether this kernel and machine take a filter."""
    libc = ctypes.CDLL(None, use_errno=True)
    if platform.machine() not in _MACHINES or not hasattr(libc, "prctl"):
        return False
    # Asked to install a filter at address 0, a kernel with seccomp complains about the address.
    libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, None, 0, 0)
    return ctypes.get_errno() == errno.EFAULT


def confine() -> None:
    """Put this process, for good, under the filter.

    Raises:
        OSError: the kernel refuses.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    code = _assemble(_MACHINES[platform.machine()])
    memory = ctypes.create_string_buffer(code, len(code))
    program = _Program(len(code) // 8, ctypes.cast(memory, ctypes.c_void_p))
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "no_new_privs was refused")
    if libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "the seccomp filter was refused")


def _assemble(machine: _Machine) -> bytes:
    """Give the filter as an array of `struct sock_filter`."""
    code = [
        _instruction(_LOAD, _OFFSET_ARCHITECTURE),
        _instruction(_JUMP_EQUAL, machine.audit, when_true=1),
        _instruction(_RETURN, _KILL),
        _instruction(_LOAD, _OFFSET_NUMBER),
        _instruction(_JUMP_GREATER_EQUAL, _X32_BIT, when_false=1),
        _instruction(_RETURN, _DENY),
    ]
    for number in machine.allowed:
        code += [_instruction(_JUMP_EQUAL, number, when_false=1), _instruction(_RETURN, _ALLOW)]
    for number in machine.protect:
        code += [
            _instruction(_JUMP_EQUAL, number, when_false=4),
            _instruction(_LOAD, _OFFSET_ARGUMENTS + 2 * 8),
            _instruction(_JUMP_BITS, _PROT_EXEC, when_false=1),
            _instruction(_RETURN, _DENY),
            _instruction(_RETURN, _ALLOW),
        ]
    # Limits of this process only (process id 0): the soft CPU limit moves when the length is known.
    code += [
        _instruction(_JUMP_EQUAL, machine.limits, when_false=4),
        _instruction(_LOAD, _OFFSET_ARGUMENTS),
        _instruction(_JUMP_EQUAL, 0, when_false=1),
        _instruction(_RETURN, _ALLOW),
        _instruction(_RETURN, _DENY),
        _instruction(_RETURN, _DENY),
    ]
    return b"".join(code)


def _instruction(operation: int, value: int, *, when_true: int = 0, when_false: int = 0) -> bytes:
    return struct.pack("=HBBI", operation, when_true, when_false, value)
