"""The rules that make execution classes; those of the zoo are in its golden tests."""

import pytest

from cells import execution_class, parse, zoo


@pytest.mark.parametrize(
    ("wanted", "states", "body"),
    [
        ("P1d", "h", "h' = relu(linear(x) + vector() * h)"),  # indrnn
        ("P1d", "h", "h' = tanh(linear(x) + linear(h, kind=diagonal, bias=none))"),
        ("S", "h", "h' = linear(h, kind=diagonal) + linear(x)"),
        ("P2", "h", "m = linear(x) * linear(h); h' = tanh(linear(x, m))"),  # multiplicative RNN
        ("P1", "h", "h' = tanh(linear(x) + linear(linear(h)))"),  # two linears in a row are one
        ("P1", "h", "h' = tanh(linear(2 * (linear(h) + x) - vector() * h))"),  # affine between them
        ("P2", "h", "h' = tanh(linear(tanh(x) * linear(h)))"),  # the factor moves with x
        ("P2", "h", "h' = linear(tanh(linear(h))) + x"),
        ("P2(3)", "h", "h' = linear(tanh(linear(tanh(linear(h))))) + x"),
        ("P1", "h", "h' = linear(h) + x"),  # affine, but a matrix touches the state
        ("P2", "h, z", "z' = tanh(linear(x, h, z)); h' = h + tanh(linear(x, z'))"),  # lem
        (
            "S",
            "c",
            "f = sigmoid(linear(x)); c' = f * c + (1 - f) * linear(x); out = tanh(linear(c'))",
        ),
        ("P1d", "c", "f = sigmoid(linear(x) + vector() * c); c' = f * c + x; out = c'"),  # sru
        (
            "S",
            "h",
            "f = sigmoid(linear(x)); i = sigmoid(linear(x)); h' = (f * h + i * x) / (f + i)",
        ),
        (
            "S",
            "h, d",
            "d' = x; f = sigmoid(linear(x, d)); h' = f * h + (1 - f) * linear(x, d)",
        ),  # qrnn
        ("S", "a, b", "a' = x; b' = a; out = tanh(linear(x, a, b))"),  # tdnn
        (
            "S",
            "s, h",
            "s' = 0.9 * s + x; h' = h * sigmoid(linear(s')) + s'; out = h'",
        ),  # scan, scan
        (
            "P1",
            "s, h",
            "s' = 0.9 * s + 0.1 * linear(x); h' = sigmoid(linear(s', x, h)); out = h'",
        ),  # scrn
        (
            "S",
            "p, q",
            "c = cos(linear(x)); s = sin(linear(x)); p' = c * p - s * q + x; q' = s * p + c * q",
        ),
        ("P1", "h, d", "d' = h; h' = tanh(linear(x, h, d))"),  # narx
        ("P1", "h, m", "m' = linear(m, linear(h, x)); h' = tanh(linear(x, h, m'))"),  # lmu, folded
        ("S", "h", "h' = 0.5 * h + x + tanh(h) * 0"),  # what folds away does not count
    ],
)
def test_the_class_follows_from_the_graph(wanted: str, states: str, body: str):
    lines = "\n".join(f"  {line.strip()}" for line in body.split(";"))
    assert execution_class(parse(f"cell f(x; {states})\n{lines}\n")) == wanted


@pytest.mark.parametrize(
    ("name", "right", "wrong", "classes"),
    [
        # Public libraries give h the old z: one round of products less than the source.
        ("lem", "linear(x, z'))", "linear(x, z))", ("P2", "P1")),
        # Public libraries feed the output back: one round more than the source.
        (
            "scrn",
            "h' = sigmoid(linear(s', x, h, bias=none))\n  out = linear(h', s', bias=none)",
            "a = sigmoid(linear(s', x, h, bias=none))\n  h' = linear(a, s', bias=none)",
            ("P1", "P2"),
        ),
    ],
)
def test_a_published_mistake_changes_the_class(
    name: str, right: str, wrong: str, classes: tuple[str, str]
):
    assert right in zoo.source(name)
    text = zoo.source(name).replace(right, wrong)
    assert (execution_class(zoo.load(name)), execution_class(parse(text))) == classes
