"""Counts the baselines of every corpus and writes `tasks/corpora/baselines.toml`.

usage: python scripts/compute_baselines.py [--print]
"""

import sys
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tasks.corpora import baseline, corpus, pianoroll, ptb
from tasks.task import Split

TABLE = Path(baseline.__file__).parent / "baselines.toml"
HEAD = """\
# Written by scripts/compute_baselines.py: mean losses in nats, a symbol or a step, of rules that only
# count. `digest` is the SHA-256 of the training file they were counted on.
"""


def compute() -> str:
    """The table as TOML."""
    parts = [HEAD]
    for name, read in (("ptb", ptb.words), ("ptb-char", ptb.characters)):
        files = [f"ptb/ptb.{'char.' * name.endswith('-char')}{split}.txt" for split in ptb.SPLITS]
        text = read(corpus.locate("ptb", files))
        losses = baseline.counted(name, text.streams, len(text.vocabulary), text.end)
        parts.append(section(name, text.digest.split()[0], losses))
    for name in pianoroll.SETS:
        file = pianoroll.file_of(name)
        pieces = pianoroll.read(corpus.locate(name, [file.path]), file)
        losses = baseline.heard({s: (piece.roll, piece.offsets) for s, piece in pieces.items()})
        parts.append(section(name, file.sha256, losses))
    return "\n".join(parts)


def section(name: str, digest: str, losses: Mapping[Split, baseline.Losses]) -> str:
    lines = [f"[{name}]", f'digest = "{digest}"']
    for split, rules in losses.items():
        lines.append(f"[{name}.{split}]")
        lines += [f'"{rule}" = {loss:.6f}' for rule, loss in rules.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    table = compute()
    if "--print" in sys.argv[1:]:
        print(table)
    else:
        TABLE.write_text(table, encoding="utf-8")
        print(f"wrote {TABLE}")
