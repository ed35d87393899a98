"""Training in bfloat16, numbers of 16 bits, by MXNet's mixed precision.

Convolutions and products are computed in bfloat16. Parameters, running statistics, gradients and
the optimizer's states stay float32, so that small updates are not lost.
"""

from mxnet import gluon, sym
from mxnet.contrib import amp

from .cores import has_instructions

INSTRUCTIONS = {"avx512_bf16", "amx_bf16"}


def has_bfloat16():
    """Whether the processor has instructions for bfloat16."""
    return has_instructions(INSTRUCTIONS)


def check_bfloat16(devices):
    """Refuse devices that cannot train in bfloat16, or would be slower than in float32."""
    if any(device.device_type != "cpu" for device in devices):
        why = "that is for processors, and there is a GPU"
    elif not has_bfloat16():
        why = f"this processor has no instructions for it ({' or '.join(sorted(INSTRUCTIONS))})"
    else:
        return
    raise ValueError(f"train_precision is 'bfloat16', but {why}. Take 'float32'.")


def in_bfloat16(net):
    """A block that computes what `net` does in bfloat16, forward and backward.

    It shares the parameters of `net`, and their gradients. What of `net` learns, and by which
    statistics BatchNorm normalises, is as it was when this was called.

    Parameters
    ----------
    net : HybridBlock
        One that has computed something before: its parameters have their shapes.

    Returns
    -------
    SymbolBlock
        Its outputs are float32.

    Raises
    ------
    ValueError
        MXNet finds no graph in `net`.
    """
    data = sym.var("data", dtype="float32")
    try:
        graph = net(data)
    except Exception as error:  # whatever a layer raises that is no symbol's business
        raise ValueError(
            f"This {type(net).__name__} cannot learn in bfloat16: MXNet finds no graph in it. Take "
            "train_precision='float32'."
        ) from error
    graph = amp.convert_symbol(graph, "bfloat16", data_names=graph.list_inputs())
    block = gluon.SymbolBlock(graph, data, params=net.collect_params())
    block.hybridize(static_alloc=True, static_shape=True)
    return block
