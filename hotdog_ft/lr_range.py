"""The learning-rate range test: which rate a net bears (Smith 2017, "Cyclical Learning Rates")."""

import numpy as np
from mxnet import gluon, nd

from .checks import check_net
from .devices import arrays, available_devices, devices_of
from .inference import outputs
from .learning import learning_parameters
from .mxnet_internals import arrays_of, set_arrays
from .mxnet_modes import plain_mode
from .settings import Settings
from .training import train_step


def lr_range_test(
    net, train_iter, lowest=1e-5, highest=10.0, num_steps=80, *, weight_decay=Settings.weight_decay
):
    """Train for a few batches at a rate that grows by the same factor every time.

    Afterwards `net` is as before.

    Parameters
    ----------
    net : HybridBlock
    train_iter : iterable of (X, y)
        Mini-batches; gone through again as often as needed.
    lowest, highest : float
        The rates of the first and the last batch, times each parameter's ``lr_mult``.
    num_steps : int
        Batches, at least 7; the test ends before, once the loss is four times its smallest value
        and above that of guessing.

    Returns
    -------
    losses : pandas.Series
        The mean loss of each batch before its update (nats), averaged over seven batches, against
        the rate.
    suggestion : float
        A tenth of the rate at which the smoothed loss is smallest, which is on the edge already.

    Raises
    ------
    FloatingPointError
        The loss explodes before the seventh batch.
    ValueError
        `train_iter` is empty, or an iterator with fewer mini-batches than are needed; `num_steps`
        is too small; the net is frozen, or has parameters without a shape yet.
    """
    import pandas as pd

    if num_steps < 7:
        raise ValueError(f"num_steps is {num_steps!r}: it must be at least 7.")
    if check_net(net):
        raise ValueError("The net leaves shapes to its first input: run it once on a mini-batch.")
    devices, learning = available_devices(), learning_parameters(net)
    if not learning:
        raise ValueError("The net is frozen and would learn nothing: call unfreeze(net) before.")
    before = arrays_of(net), devices_of(net), [parameter.grad_req for parameter in learning]
    rates, losses, guess = [], [], None
    try:
        with plain_mode():
            net.collect_params().reset_ctx(devices)
            for parameter in learning:
                parameter.grad_req = "write"  # "add" would keep the gradients of earlier steps
            trainer = gluon.Trainer(learning, "sgd", {"wd": weight_decay}, update_on_kvstore=False)
        for rate, batch in zip(np.geomspace(lowest, highest, num_steps), _repeated(train_iter)):
            X, y = arrays(batch)
            trainer.set_learning_rate(rate)
            loss, _ = train_step(net, X, y, trainer, devices)
            loss /= len(X)
            guess = guess or np.log(outputs(net, X[:1]).shape[1])
            if not loss <= max(4 * min(losses, default=loss), guess):  # nor where it is NaN
                break
            rates.append(rate)
            losses.append(loss)
    finally:
        nd.waitall()
        arrays_before, devices, grad_reqs = before
        with plain_mode():
            net.collect_params().reset_ctx(devices)
            set_arrays(net, arrays_before)
            for parameter, grad_req in zip(learning, grad_reqs):
                parameter.grad_req = grad_req
    if len(losses) < 7:
        raise FloatingPointError(
            f"The loss explodes in batch {len(losses) + 1} already, at rate {rate:g}: "
            f"begin below lowest={lowest:g}."
        )
    losses = pd.Series(losses, pd.Index(rates, name="learning rate"))
    smooth = losses.rolling(7, center=True).mean().dropna()
    return smooth, float(smooth.idxmin()) / 10


def _repeated(batches):
    while True:
        batch = None
        for batch in batches:
            yield batch
        if batch is None:
            raise ValueError(
                "train_iter gives no more mini-batches: give a loader or a list, which can be gone "
                "through again."
            )
