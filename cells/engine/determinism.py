"""What a process sets before it trains, so that the same trial gives the same bits."""

import os

import torch


def prepare() -> dict[str, str]:
    """Sets one thread, deterministic algorithms and denormals to zero; returns it for the record.

    Call once, first thing in a process, in the thread that will train: the handling of denormals
    belongs to a thread. Also returned are versions and the instruction set, which together with the
    settings make the machine class within which bits repeat.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    flushed = torch.set_flush_denormal(True)
    return {
        "threads": str(torch.get_num_threads()),
        "deterministic": str(torch.are_deterministic_algorithms_enabled()),
        "flush_denormal": str(flushed),
        "torch": torch.__version__,
        "capability": torch.backends.cpu.get_cpu_capability(),
    }
