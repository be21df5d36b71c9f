import numpy as np
import pytest

from cells.engine.native import tape
from cells.engine.native.tape import CODES, Kind
from cells.op import ACTIVATIONS, ARITHMETIC


def test_every_operator_of_the_language_has_a_kernel_of_its_own() -> None:
    codes = [tape.code(name) for name in (*ACTIVATIONS, *ARITHMETIC)]
    assert len(set(codes)) == len(codes)
    assert sorted(CODES.values()) == list(range(len(CODES)))


def test_an_item_holds_its_fields_in_order_and_zeros_after_them() -> None:
    kind, values = tape.item(Kind.ZERO, bytes=64, base=128)
    assert kind == Kind.ZERO
    assert values == (128, 0, 64) + (0,) * 20
    assert all(len(names) <= 23 for names in tape.FIELDS.values())


def test_a_field_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="ZERO has no field rows"):
        tape.item(Kind.ZERO, rows=1)


def test_tables_are_plain_int64() -> None:
    table = tape.instructions([tape.fill(tape.ref(5, 6, 7), -2.0)])
    flat = table.view(np.int64)
    assert flat.tolist() == [CODES["fill"], 5, 6, 7, tape.bits(-2.0), 0, 0, 0, 0, 0, 0, 0, 0]
    assert tape.items([tape.item(Kind.ZERO, base=1)]).view(np.int64).tolist()[:2] == [6, 1]
    summed = tape.instruction(CODES["add"], tape.ref(0), tape.ref(1), tape.ref(2), accumulate=True)
    assert summed[0] == CODES["add"] + tape.ACCUMULATE


def test_unpacking_panels_gives_the_matrix_back() -> None:
    generator = np.random.default_rng(0)
    for shape in ((3, 7), (1, 16), (4, 2, 33)):
        matrix = generator.normal(size=shape)
        panels = tape.pack(matrix)
        assert panels.shape == (*shape[:-2], -(-shape[-1] // 16), shape[-2], 16)
        assert np.array_equal(tape.unpack(panels, shape[-1]), matrix)
    assert np.array_equal(tape.pack(np.ones((2, 17)))[1, :, 1:], np.zeros((2, 15)))


def test_row_strides_are_whole_vectors_off_page_multiples() -> None:
    assert tape.row_stride(1, 4) == 16
    assert tape.row_stride(100, 4) == 112
    assert tape.row_stride(1024, 4) == 1040
    assert tape.row_stride(512, 8) == 528
