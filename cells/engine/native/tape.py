"""What the native runtime reads: items, pointwise instructions, and the layout of its arrays.

A tape is a table of items, coarse pieces of work, and a table of instructions for the pointwise
ones. The C files of `runtime/` are compiled with the numbers of this page, see `prelude`, so both
sides always agree.

Layout: step arrays are `[rows][ld]`, series `[T][B][ld]`, several gates `[G][T][B][ld]`, where `ld`
is `row_stride(H)`. A matrix of a product y = x W, W `[K, N]`, is held as panels: `ceil(N / 16)`
times `[K][16]`, with zeros in the columns beyond N; of several gates the panels of gate 0 come
first. Columns beyond the width may hold anything in activations, and must be zero in panels and
in gradients, which the items below see to. All strides and steps count numbers, all bases are
byte addresses, and all bases are multiples of 64.
"""

import struct
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cells.op import OPS, POINTWISE

LANES: Final = 16
"""Columns of a panel; pointwise items run over multiples of it."""

ACCUMULATE: Final = 1 << 16
"""Added to the code of an instruction: the result is added to `out`."""


_BESIDES: Final = {
    "copy": 1,
    "fill": 1,  # a.base holds the number itself, see `bits`
    "negate": 1,
    "one_minus": 1,  # 1 - a
    "multiply_add": 3,  # a * b + c
    "multiply_subtract": 3,  # c - a * b
    "blend": 3,  # a * b + (1 - a) * c
}

ARITY: Final = {
    **_BESIDES,
    **{row.word: row.arity for row in POINTWISE},
    **{
        kernel: 1 + len(reads)
        for row in POINTWISE
        for kernel, reads in map(row.backward, range(row.arity))
        if kernel
    },
}
"""How many of `a`, `b`, `c` each pointwise kernel reads.

Kernels of operators have the row's word and compute exactly what `cells.op` says. Those of slopes,
`d_...`, read the upstream gradient as `a`, then what `Op.backward` names, in its order.
"""

CODES: Final = {kernel: code for code, kernel in enumerate(ARITY)}
"""The number of each kernel."""


def code(op: str) -> int:
    """The number of an operation of a pointwise program; see `cells.engine.lowering.adjoint`."""
    return CODES[OPS[op].word if op in OPS else op]


class Kind(IntEnum):
    """Kinds of items; `FIELDS` names what each is told."""

    POINTWISE = 0
    GEMM = 1
    WEIGHT_GRADIENT = 2
    COLUMN_SUM = 3
    ROW_GATHER = 4
    ROW_SCATTER_ADD = 5
    ZERO = 6
    COPY = 7
    LOOP = 8
    SOFTMAX_LOSS = 9
    BERNOULLI_LOSS = 10
    SQUARE_NORM = 11
    STEP = 12
    TRANSPOSE_PANELS = 13
    GEMM_BFLOAT16 = 14
    WEIGHT_GRADIENT_BFLOAT16 = 15
    ADAM = 16


FIELDS: Final[dict[Kind, tuple[str, ...]]] = {
    # Instructions [first, first + count) on elements [0, elements), a multiple of 16, block by
    # block: element e of step t of a reference is number t * step + e * walk from its base.
    Kind.POINTWISE: ("first", "count", "elements"),
    # C[g][row][:n] = (C if accumulate) + bias[g] + the sum over segments s of A[s][row][:k] P[s],
    # for all gates. Panels are `height` rows high (0 means segments * k), those of segment s
    # start at row s * k. `bias` is [gates][ldc], or 0. A and C move by their step each t.
    Kind.GEMM: (
        *("a_base", "a_step", "a_segment_stride", "segments", "k", "lda"),
        *("c_base", "c_step", "c_gate_stride", "gates", "n", "ldc"),
        *("rows", "panels", "accumulate", "bias", "height"),
    ),
    # Panels [gates][k][n] (= or +=) A^T G over rows. `height` as above (0 means k). `sums`, if not 0,
    # gets what COLUMN_SUM would give for G.
    Kind.WEIGHT_GRADIENT: (
        *("a_base", "lda", "k", "g_base", "g_gate_stride", "gates", "n", "ldg"),
        *("rows", "out_panels", "accumulate", "height", "sums"),
    ),
    # out[gates][ldg] (= or +=) the sum over rows of G[g][row][:n]; the other columns become zero.
    Kind.COLUMN_SUM: ("g_base", "g_gate_stride", "gates", "n", "ldg", "rows", "out", "accumulate"),
    # out[g][row][:n] = table[g][index[row]][:n]; index int64, moved by index_step each t.
    Kind.ROW_GATHER: (
        *("table", "table_gate_stride", "table_ld", "index", "index_step"),
        *("out", "out_step", "out_gate_stride", "out_ld", "gates", "n", "rows"),
    ),
    # table[g][index[row]][:n] += G[g][row][:n], row by row.
    Kind.ROW_SCATTER_ADD: (
        *("table", "table_gate_stride", "table_ld", "index", "index_step"),
        *("g_base", "g_step", "g_gate_stride", "ldg", "gates", "n", "rows"),
    ),
    Kind.ZERO: ("base", "step", "bytes"),
    # The two ranges must not overlap.
    Kind.COPY: ("destination", "destination_step", "source", "source_step", "bytes"),
    # Items [first, first + count) for t = 0 .. steps - 1, or backwards. Other items have t = 0.
    Kind.LOOP: ("first", "count", "steps", "reverse"),
    # logits [rows][ld] of n symbols, targets int64 [rows], mask uint8 [rows] or 0 for all.
    # Adds to loss, correct, scored; if `gradient`, logits become (p - target) * scale, zero in
    # unscored rows and in columns beyond n. `scale` by `bits`.
    Kind.SOFTMAX_LOSS: ("logits", "ld", "n", "rows", "targets", "mask", "scale", "gradient"),
    # The same for n independent notes a row; targets REAL [rows][target_ld].
    Kind.BERNOULLI_LOSS: (
        *("logits", "ld", "n", "rows", "targets", "mask", "scale", "gradient", "target_ld"),
    ),
    # Adds the squares of [rows][ld], columns [0, n), to the result.
    Kind.SQUARE_NORM: ("base", "rows", "n", "ld"),
    # If loss and norm are finite: weights -= lr * min(1, clip / norm) * gradients, `count` numbers.
    Kind.STEP: ("weights", "gradients", "count"),
    # The same by Adam, `count` a multiple of 16, with two averages as long; `own` is the address of
    # six float64, see `runtime/optimizer.c`. AdamW is `decoupled`.
    Kind.ADAM: ("weights", "gradients", "mean", "square", "count", "own", "decoupled"),
    # Panels of W^T with K = gates * n and N = k, from panels of `gates` matrices [k, n]. Heights:
    # rows of a panel, where these are part of taller ones (0 means k, and gates * n).
    Kind.TRANSPOSE_PANELS: (
        *("source", "source_height", "destination", "destination_height", "k", "n", "gates"),
    ),
}
"""What the numbers of an item mean, in order. A field that is not given is 0."""

# With A, P and G rounded to bfloat16, to the nearest and ties to even. Sums, bias and C stay
# float32. The runtime has these items for float32, and only where the CPU has such products.
FIELDS[Kind.GEMM_BFLOAT16] = FIELDS[Kind.GEMM]
FIELDS[Kind.WEIGHT_GRADIENT_BFLOAT16] = FIELDS[Kind.WEIGHT_GRADIENT]

REF: Final = np.dtype([("base", np.int64), ("step", np.int64), ("walk", np.int64)])
INSTRUCTION: Final = np.dtype(
    [("op", np.int64), ("out", REF), ("a", REF), ("b", REF), ("c", REF)], align=True
)
ITEM_FIELDS: Final = 23
"""Numbers of an item beside its kind."""

ITEM: Final = np.dtype([("kind", np.int64), ("f", np.int64, (ITEM_FIELDS,))])
RESULT: Final = np.dtype(
    [
        ("loss", np.float64),
        ("correct", np.float64),
        ("wrong", np.float64),
        ("scored", np.int64),
        ("square_norm", np.float64),
    ]
)
"""Sums of one call; whoever calls sets them to zero before."""

Ref = tuple[int, int, int]
Instruction = tuple[int, Ref, Ref, Ref, Ref]
Item = tuple[int, tuple[int, ...]]
NOTHING: Final[Ref] = (0, 0, 0)


def ref(base: int, step: int = 0, walk: int = 1) -> Ref:
    """Element e of step t is number `t * step + e * walk` from `base`; walk 0 for scratch."""
    return base, step, walk


def instruction(
    code: int, out: Ref, a: Ref, b: Ref = NOTHING, c: Ref = NOTHING, *, accumulate: bool = False
) -> Instruction:
    """One row of the instruction table."""
    return code | (ACCUMULATE if accumulate else 0), out, a, b, c


def fill(out: Ref, value: float) -> Instruction:
    """The instruction that writes one number everywhere."""
    return instruction(CODES["fill"], out, (bits(value), 0, 0))


def item(kind: Kind, **fields: int) -> Item:
    """One row of the item table.

    Raises:
        ValueError: on a field that this kind does not have.
    """
    names = FIELDS[kind]
    for name in fields.keys() - set(names):
        raise ValueError(f"{kind.name} has no field {name}, only {', '.join(names)}")
    values = [fields.get(name, 0) for name in names]
    return int(kind), tuple(values + [0] * (ITEM_FIELDS - len(values)))


def instructions(rows: list[Instruction]) -> NDArray[np.void]:
    """The instruction table of `rows`."""
    return np.array(rows, dtype=INSTRUCTION)


def items(rows: list[Item]) -> NDArray[np.void]:
    """The item table of `rows`."""
    return np.array(rows, dtype=ITEM)


def bits(value: float) -> int:
    """The bits of a float64 as int64, as immediates are stored."""
    return int(struct.unpack("<q", struct.pack("<d", value))[0])


def padded(width: int) -> int:
    """`width` rounded up to whole vectors of 16."""
    return -(-width // LANES) * LANES


def row_stride(width: int, real_size: int) -> int:
    """Numbers from one row to the next: padded, and kept off multiples of 4096 bytes.

    Rows at such multiples share cache sets.
    """
    stride = padded(width)
    return stride + LANES if stride * real_size % 4096 == 0 else stride


def pack(matrix: NDArray[np.floating]) -> NDArray[np.floating]:
    """Panels `[ceil(N / 16), K, 16]` of `[K, N]`, or `[G, ceil(N / 16), K, 16]` of `[G, K, N]`."""
    *gates, k, n = matrix.shape
    wide = np.zeros((*gates, k, padded(n)), dtype=matrix.dtype)
    wide[..., :n] = matrix
    return np.ascontiguousarray(np.moveaxis(wide.reshape(*gates, k, -1, LANES), -2, -3))


def unpack(panels: NDArray[np.floating], n: int) -> NDArray[np.floating]:
    """The matrix `[K, n]` or matrices `[G, K, n]` that `pack` was given."""
    *gates, _, k, _ = panels.shape
    return np.moveaxis(panels, -3, -2).reshape(*gates, k, -1)[..., :n].copy()


def prelude() -> str:
    """The part of the C source that says all the numbers of this page.

    `EACH_OP(ROW)` is `ROW(NAME)` for every pointwise kernel, in order; `ARITY_NAME` says how many
    arrays it reads.
    """
    numbers = {
        "LANES": LANES,
        "ACCUMULATE": ACCUMULATE,
        "OP_COUNT": len(CODES),
        "ITEM_FIELDS": ITEM_FIELDS,
        "INSTRUCTION_BYTES": INSTRUCTION.itemsize,
        "RESULT_BYTES": RESULT.itemsize,
    }
    lines = [f"#define {name} {number}" for name, number in numbers.items()]
    lines.append(f"#define EACH_OP(ROW) {' '.join(f'ROW({kernel.upper()})' for kernel in CODES)}")
    lines += [f"#define OP_{kernel.upper()} {number}" for kernel, number in CODES.items()]
    lines += [f"#define ARITY_{kernel.upper()} {arity}" for kernel, arity in ARITY.items()]
    lines += [f"#define ITEM_{kind.name} {int(kind)}" for kind in Kind]
    for kind, names in FIELDS.items():
        fields = ", ".join(names)
        lines.append(f"typedef struct {{ int64_t {fields}; }} {kind.name}_FIELDS;")
    return "\n".join(["#include <stdint.h>", *lines, ""])
