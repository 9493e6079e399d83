"""Telling that memory ran out, which every library says in its own way."""

from collections.abc import Iterator
from contextlib import contextmanager

from mdc.runtime.errors import InputError

# of CUDA, of PyTorch's allocator on the CPU, of the kernel when a process is forked, of cuBLAS and cuDNN, of OpenCV
SIGNS = ("out of memory", "can't allocate memory", "Cannot allocate memory", "ALLOC_FAILED", "Insufficient memory")
MORE_MEMORY = "give the rule more memory (mem_mb) or fewer threads, then run the same command again"
SMALLER_PHOTOS = "lower data.max_side_px, or set device: cpu on a GPU, or give the rule more memory (mem_mb) on a CPU"


def ran_out(error: BaseException) -> bool:
    """Return whether an exception says that the memory of the machine, the job or the GPU ran out."""
    if isinstance(error, InputError):
        return False
    return isinstance(error, MemoryError) or any(sign in str(error) for sign in SIGNS)


def memory_sentence(error: BaseException, advice: str = MORE_MEMORY) -> str:
    """Return one line that says that memory ran out, the library's message, and what to do."""
    said = " ".join(str(error).split())[:150]
    return f"memory ran out{f' ({said})' if said else ''}: {advice}"


@contextmanager
def memory_faults_named(advice: str) -> Iterator[None]:
    """Raise `InputError` with `advice` where memory runs out in the block."""
    try:
        yield
    except Exception as error:
        if not ran_out(error):
            raise
        raise InputError(memory_sentence(error, advice)) from error
