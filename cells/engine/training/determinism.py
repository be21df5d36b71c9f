"""What a process sets before it trains, so that the same trial gives the same bits."""

import os
import sys


def prepare(executor: str = "reference") -> dict[str, str]:
    """Sets one thread, deterministic algorithms and denormals to zero; returns it for the record.

    Call once, first thing in a process, in the thread that will train: the handling of denormals
    belongs to a thread. Also returned are versions and the instruction set, which together with the
    settings make the machine class within which bits repeat.

    All of it concerns torch. The native runtime has one thread, and sets and restores the handling
    of denormals itself in every call (see `native.build.about`), so for it nothing is done, and
    torch is not loaded: it would take 170 MB and a second of every worker.
    """
    if executor != "reference" and "torch" not in sys.modules:
        return {"threads": "1"}
    import torch

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
