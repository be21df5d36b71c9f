"""Cells of the zoo that a package publishes as torch modules, and what the comparison found.

Plain data, without torch: `test_published.py` holds every row, `scripts/document_zoo.py` prints it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

VERSION: Final = "0.2.5"
"""The release of torchrecurrent that the findings are about."""


@dataclass(frozen=True)
class Published:
    """One cell of the zoo and one class of a package.

    Attributes:
        cell: a cell of the zoo.
        module: package and class.
        parameters: the module's own, by name, as the letters of the cell's golden recurrence, stacked
            from top to bottom. A bias written k times is shared out in k equal parts. A number stands
            for that vector, or for that multiple of the identity: what the module has beyond the paper.
        finding: how the two differ, and which is right and why; where they agree, under what setting.
        options: of the module; numbers that papers leave to the user, here those of our cell.
        edit: a part of our text and what the package computes in its place; none where they agree.
        cure: options with which the module, which else differs, agrees after all; a number stands for
            the hard sigmoid of that slope.
    """

    cell: str
    module: str
    parameters: Mapping[str, str]
    finding: str = ""
    options: Mapping[str, object] = field(default_factory=dict[str, object])
    edit: tuple[str, str] | None = None
    cure: Mapping[str, object] = field(default_factory=dict[str, object])

    @property
    def verdict(self) -> str:
        if self.edit:
            return "differs by default" if self.cure else "differs"
        return "agrees as a special case" if self.surplus else "agrees"

    @property
    def surplus(self) -> bool:
        """Whether the module has parameters that the paper does not have."""
        words = " ".join(self.parameters.values()).split()
        return any(word[0].isdigit() for word in words)


def _both(ih: str, hh: str, biases: str) -> dict[str, str]:
    """The parameters of a cell with one bias a gate, which packages split in two."""
    return {"weight_ih": ih, "weight_hh": hh, "bias_ih": biases, "bias_hh": biases}


_LSTM: Final = "W_ii W_if W_ig W_io", "W_hi W_hf W_hg W_ho", "b_ii b_if b_ig b_io"
_MULT: Final = {
    "weight_ih": "W_mx W_i W_f W_h W_o",
    "weight_hh": "W_mh",
    "weight_mh": "R_i R_f R_h R_o",
    "bias_ih": "0 b_i b_f b_h b_o",
    "bias_hh": "0",
    "bias_mh": "b_i b_f b_h b_o",
}
_SGU: Final = {
    "weight_ih": "W_xh W_xz",
    "weight_hh": "W_zxh W_hz",
    "bias_ih": "b_g b_z",
    "bias_hh": "0 b_z",
}
_HARD: Final = ("0.2 * linear(x, h) + 0.5", "linear(x, h) / 6 + 0.5")
_SLOPE: Final = (
    "its hard sigmoid has torch's slope of 1/6; the code of the first author calls that of Keras in 2016,"
    " 0.2, as ours; agrees once it is given our gate. It adds a bias beside the first recurrent product"
    " that neither that code nor the paper's equations have; left at 0 here"
)

TORCH: Final[list[Published]] = [
    Published("elman", "torch.nn.RNNCell", _both("W_ih", "W_hh", "b_ih")),
    Published(
        "irnn",
        "torch.nn.RNNCell",
        _both("W_ih", "W_hh", "b_ih"),
        'with `nonlinearity="relu"`',
        {"nonlinearity": "relu"},
    ),
    Published("lstm", "torch.nn.LSTMCell", _both(*_LSTM)),
    Published(
        "gru_after",
        "torch.nn.GRUCell",
        {
            "weight_ih": "W_ir W_iz W_in",
            "weight_hh": "W_hr W_hz W_hn",
            "bias_ih": "b_ir b_iz b_in",
            "bias_hh": "b_ir b_iz b_hn",
        },
    ),
    Published(
        "gru",
        "torch.nn.GRUCell",
        {
            "weight_ih": "W_xr W_xz W_xh",
            "weight_hh": "W_hr W_hz W_hh",
            "bias_ih": "b_r b_z b_h",
            "bias_hh": "b_r b_z 0",
        },
        "resets after the recurrent product, ours before it: both are published, ours is the form of"
        " the 2015 study, and torch's is `gru_after`",
        edit=("linear(x, r * h)", "linear(x) + r * linear(h, bias=none)"),
    ),
]

TORCHRECURRENT: Final[list[Published]] = [
    Published(
        "antisym",
        "torchrecurrent.AntisymmetricRNNCell",
        _both("V", "W", "b"),
        "its defaults are a step of 1 and no diffusion",
        {"epsilon": 0.01, "gamma": 0.01},
    ),
    Published(
        "antisym_gated",
        "torchrecurrent.GatedAntisymmetricRNNCell",
        {"weight_ih": "V_z V_h", "weight_hh": "W", "bias_ih": "b_z b_h", "bias_hh": "b_h"},
        "its defaults are a step of 1 and no diffusion",
        {"epsilon": 0.01, "gamma": 0.01},
    ),
    Published(
        "atr",
        "torchrecurrent.ATRCell",
        _both("W", "U", "0"),
        "adds biases to both products, which the paper does not have",
    ),
    Published(
        "brc",
        "torchrecurrent.BRCell",
        {
            "weight_ih": "U_a U_c U",
            "weight_hh": "w_a w_c",
            "bias_ih": "b_a b_c b",
            "bias_hh": "b_a b_c",
        },
    ),
    Published(
        "nbrc",
        "torchrecurrent.NBRCell",
        {
            "weight_ih": "U_a U_c U",
            "weight_hh": "W_a W_c",
            "bias_ih": "b_a b_c b",
            "bias_hh": "b_a b_c",
        },
    ),
    Published(
        "cfn",
        "torchrecurrent.CFNCell",
        {
            "weight_ih": "V_t V_e W",
            "weight_hh": "U_t U_e",
            "bias_ih": "b_t b_e b",
            "bias_hh": "b_t b_e",
        },
    ),
    Published(
        "cornn",
        "torchrecurrent.coRNNCell",
        {
            "weight_ih": "V",
            "weight_hh": "W",
            "weight_ch": "R",
            "bias_ih": "b",
            "bias_hh": "b",
            "bias_ch": "b",
        },
        "its defaults are a step of 0.1, and 1 for frequency and damping",
        {"dt": 0.042, "gamma": 2.7, "epsilon": 4.7},
    ),
    Published(
        "fastrnn",
        "torchrecurrent.FastRNNCell",
        _both("W", "U", "b") | {"alpha": "g_1", "beta": "g_2"},
    ),
    Published(
        "fastgrnn",
        "torchrecurrent.FastGRNNCell",
        {
            "weight_ih": "W",
            "weight_hh": "U",
            "bias_ih": "b_z b_h",
            "bias_hh": "b_z b_h",
            "zeta": "zeta",
            "nu": "nu",
        },
        "its gate z is a tanh; ours is right, a sigmoid, since z and 1 - z are shares, and the authors'"
        ' code (EdgeML) defaults to it; agrees with `nonlinearity="sigmoid"`',
        edit=("z = sigmoid(q", "z = tanh(q"),
        cure={"nonlinearity": "sigmoid"},
    ),
    Published(
        "indrnn",
        "torchrecurrent.IndRNNCell",
        {"weight_ih": "W", "vector_u": "u", "bias_ih": "b", "bias_hh": "b"},
        "computes a tanh; ours is right, the relu that the paper builds its deep networks on;"
        ' agrees with `nonlinearity="relu"`',
        edit=("relu(", "tanh("),
        cure={"nonlinearity": "relu"},
    ),
    Published(
        "plus_rnn",
        "torchrecurrent.IntersectionRNNCell",
        _both("W_yx W_hx W_gyx W_ghx", "W_yh W_hh W_gyh W_ghh", "b_y b_h b_gy b_gh"),
    ),
    Published(
        "janet",
        "torchrecurrent.JANETCell",
        _both("W_f W_c", "U_f U_c", "b_f b_c") | {"beta": "1"},
        "trains the shift, which the paper holds at 1, and carries its one state twice",
    ),
    Published(
        "lem",
        "torchrecurrent.LEMCell",
        {
            "weight_ih": "V_2 V_1 V_z V_y",
            "weight_hh": "W_2 W_1 W_z",
            "weight_ch": "W_y",
            "bias_ih": "b_2 b_1 b_z b_y",
            "bias_hh": "b_2 b_1 b_z",
            "bias_ch": "b_y",
        },
        "h reads the old z; ours is right, the new one: the paper steps z first and reads it in the"
        " step of y, and so does the authors' code",
        edit=("tanh(linear(x, z'))", "tanh(linear(x, z))"),
    ),
    Published(
        "lightru",
        "torchrecurrent.LightRUCell",
        {
            "weight_ih": "W_h W_f",
            "weight_hh": "U_f",
            "bias_ih": "b_h b_f",
            "bias_hh": "b_f",
        },
    ),
    Published(
        "ligru",
        "torchrecurrent.LiGRUCell",
        _both("W_z W_h", "U_z U_h", "b_z b_h"),
        "both lack the paper's batch norm",
    ),
    Published(
        "lstm_1997",
        "torchrecurrent.OriginalLSTMCell",
        _both("W_in W_c W_out", "U_in U_c U_out", "b_in b_c b_out"),
        "both squash by tanh, not by the paper's 2 tanh(a/2) and tanh(a/2)",
    ),
    Published(
        "lstm_peep",
        "torchrecurrent.PeepholeLSTMCell",
        _both("W_i W_f W_z W_o", "R_i R_f R_z R_o", "b_i b_f b_z b_o")
        | {"weight_ph": "p_i p_f p_o"},
    ),
    Published(
        "mc_lstm",
        "torchrecurrent.MCLSTMCell",
        _both("W_f W_i W_o W_m W_n", "R_f R_i R_o R_m R_n", "b_f b_i b_o b_m b_n"),
    ),
    Published("mgu", "torchrecurrent.MGUCell", _both("W_f W_h", "U_f U_h", "b_f b_h")),
    Published(
        "minimalrnn",
        "torchrecurrent.MinimalRNNCell",
        {
            "weight_ih": "W_x",
            "weight_hh": "U_h",
            "weight_mm": "U_z",
            "bias_ih": "b_x",
            "bias_hh": "b_u",
        },
    ),
    Published(
        "miru_1",
        "torchrecurrent.MiRU1Cell",
        _both("W_r W_h", "U_r U_h", "b_r b_h"),
        "its default keeps 0.5 of the old state",
        {"update_coefficient": 0.9},
    ),
    Published(
        "miru_2",
        "torchrecurrent.MiRU2Cell",
        _both("W_h", "U_h", "b_h"),
        "its default keeps 0.5 of the old state",
        {"update_coefficient": 0.9, "reset_coefficient": 0.5},
    ),
    Published(
        "mult_lstm",
        "torchrecurrent.MultiplicativeLSTMCell",
        _MULT,
        "has the output gate outside the tanh, where the workshop paper is reported to print it inside;"
        " not decided, since later versions were not read: theirs is `mult_lstm_outer`",
        edit=("tanh(c' * o)", "o * tanh(c')"),
    ),
    Published(
        "mult_lstm_outer",
        "torchrecurrent.MultiplicativeLSTMCell",
        _MULT,
        "adds biases to the factors of m",
    ),
    Published(
        "mut1",
        "torchrecurrent.MUT1Cell",
        {
            "weight_ih": "W_xz W_xr 1",
            "weight_hh": "W_hr W_hh",
            "bias_ih": "b_z b_r 0",
            "bias_hh": "b_r b_h",
        },
        "puts W x + b for x; ours is right, the study prints tanh(x): theirs is `mut1_linear`",
    ),
    Published(
        "mut1_linear",
        "torchrecurrent.MUT1Cell",
        {
            "weight_ih": "W_z W_r W_h",
            "weight_hh": "U_r U_h",
            "bias_ih": "b_z b_r b_x",
            "bias_hh": "b_r b_h",
        },
    ),
    Published(
        "mut2",
        "torchrecurrent.MUT2Cell",
        _both("W_xz 1 W_xh", "W_hz W_hr W_hh", "b_z b_r b_h"),
        "puts W x for x in the reset gate; ours is right, the study prints x: theirs is `mut2_linear`",
    ),
    Published(
        "mut2_linear",
        "torchrecurrent.MUT2Cell",
        _both("W_z W_r W_h", "U_z U_r U_h", "b_z b_r b_h"),
    ),
    Published(
        "mut3",
        "torchrecurrent.MUT3Cell",
        _both("W_xz W_xr W_xh", "W_hz W_hr W_hh", "b_z b_r b_h"),
    ),
    Published(
        "nas",
        "torchrecurrent.NASCell",
        _both(*(" ".join(f"{letter}_{which}" for which in "01234567") for letter in "WRb")),
        "adds W x and U h in the fourth branch; ours is right, the product: so it is in TensorFlow's"
        " cell, which the authors' company ships",
        edit=("linear(x, bias=none) * linear(h)", "linear(x, bias=none) + linear(h)"),
    ),
    Published(
        "ran",
        "torchrecurrent.RANCell",
        {
            "weight_ih": "W_cx W_ix W_fx",
            "weight_hh": "W_ih W_fh",
            "bias_ih": "b_i b_f",
            "bias_hh": "b_i b_f",
        },
    ),
    Published(
        "res_lstm",
        "torchrecurrent.ResLSTMCell",
        _both("W_i W_f W_c W_o", "R_i R_f R_c R_o", "b_i b_f b_c b_o")
        | {"weight_ph": "p_i p_f p_o", "weight_proj": "W_p", "weight_res": "1"},
        "trains a matrix on the shortcut, which in the paper is x itself where both widths agree",
    ),
    Published(
        "scrn",
        "torchrecurrent.SCRNCell",
        {
            "alpha": "0.95",
            "weight_ih": "B A",
            "weight_hh": "R U",
            "weight_ch": "P V",
            "bias_ih": "0",
            "bias_hh": "0",
            "bias_ch": "0",
        },
        "feeds the output back, through a tanh; ours is right, h: in the paper R multiplies the hidden"
        " layer of the step before, and U h + V s goes to the softmax alone; also adds biases and"
        " trains the rate",
        edit=(
            "h' = sigmoid(linear(s', x, h, bias=none))\n  out = linear(h', s', bias=none)",
            "a = sigmoid(linear(s', x, h, bias=none))\n  h' = tanh(linear(a, s', bias=none))",
        ),
    ),
    Published(
        "sgrn",
        "torchrecurrent.SGRNCell",
        {"weight_ih": "W", "weight_hh": "U", "bias_ih": "0", "bias_hh": "b"},
        "adds a bias to W x that also reaches the content; not decided, since the paper was not read: one"
        " version of the same author's LuxRecurrentLayers.jl has the bias in the gate alone, as ours",
    ),
    Published(
        "sgu", "torchrecurrent.SGUCell", _SGU, _SLOPE, edit=_HARD, cure={"gate_nonlinearity": 0.2}
    ),
    Published(
        "dsgu",
        "torchrecurrent.DSGUCell",
        _SGU | {"weight_ho": "W_go"},
        _SLOPE,
        edit=_HARD,
        cure={"gate_nonlinearity": 0.2},
    ),
    Published(
        "star",
        "torchrecurrent.STARCell",
        {
            "weight_ih": "W_z W_k",
            "weight_hh": "U_k",
            "bias_ih": "b_z b_k",
            "bias_hh": "b_k",
        },
    ),
    Published(
        "t_rnn",
        "torchrecurrent.TRNNCell",
        {"weight_ih": "W V", "bias_ih": "0 b"},
        "adds a bias to the content, where the paper has W x alone",
    ),
    Published(
        "t_gru",
        "torchrecurrent.TGRUCell",
        _both("W_z W_f W_o", "V_z V_f V_o", "b_z b_f b_o"),
    ),
    Published(
        "t_lstm",
        "torchrecurrent.TLSTMCell",
        _both("W_z W_f W_o", "V_z V_f V_o", "b_z b_f b_o"),
    ),
    Published(
        "taugru",
        "torchrecurrent.tauGRUCell",
        _both("U_1 U_2 U_3 U_4", "W_1 W_2 W_3 W_4", "b_1 b_2 b_3 b_4"),
        "the delayed state is handed in; its layer counts the delay as we do, by default 1 step",
    ),
    Published("ugrnn", "torchrecurrent.UGRNNCell", _both("W_cx W_gx", "W_ch W_gh", "b_c b_g")),
    Published(
        "unicornn",
        "torchrecurrent.UnICORNNCell",
        {"weight_ih": "V", "weight_hh": "w", "weight_ch": "c", "bias_ih": "b"},
        "its default restoring force is 0",
        {"dt": 0.1, "alpha": 1.0},
    ),
    Published(
        "wmc_lstm",
        "torchrecurrent.WMCLSTMCell",
        _both("W_i W_f W_c W_o", "R_i R_f R_c R_o", "b_i b_f b_c b_o")
        | {"weight_mh": "W_ic W_fc W_oc", "bias_mh": "0"},
        "adds a bias inside the tanh of the memory",
    ),
]

PUBLISHED: Final = TORCH + TORCHRECURRENT
