"""Which sockets a process and its descendants listen on, read from /proc."""

import ipaddress
from pathlib import Path


def descendants(pid: int) -> set[int]:
    """`pid` and all processes below it."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(folder.name)] = int(fields[1])
    found = {pid}
    while True:
        more = {child for child, parent in parents.items() if parent in found} - found
        if not more:
            return found
        found |= more


def addresses(pid: int) -> set[tuple[str, int, int]]:
    """Address, port and process of every listening TCP socket of `pid` and its descendants."""
    owners: dict[str, int] = {}
    for one in descendants(pid):
        try:
            handles = list(Path(f"/proc/{one}/fd").iterdir())
        except OSError:
            continue
        for handle in handles:
            try:
                target = str(handle.readlink())
            except OSError:
                continue
            if target.startswith("socket:["):
                owners[target[8:-1]] = one
    found: set[tuple[str, int, int]] = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in owners:
                host, port = fields[1].split(":")
                found.add((_address(host), int(port, 16), owners[fields[9]]))
    return found


def _address(text: str) -> str:
    """The kernel prints addresses as 32-bit words in the machine's order."""
    words = [bytes.fromhex(text[i : i + 8])[::-1] for i in range(0, len(text), 8)]
    address = ipaddress.ip_address(b"".join(words))
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)
