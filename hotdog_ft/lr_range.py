"""The learning-rate range test: which rate a net bears (Smith 2017, "Cyclical Learning Rates")."""

import numpy as np
from mxnet import gluon, nd

from .devices import arrays, available_devices
from .learning import learning_parameters
from .mxnet_internals import parameters
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
        Batches; the test ends before, once the loss is four times its smallest value.

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
        `train_iter` is empty, or an iterator with fewer mini-batches than are needed.
    """
    import pandas as pd

    devices = available_devices()
    net.collect_params().reset_ctx(devices)
    before = {name: p.data(devices[0]).copy() for name, p in parameters(net).items()}
    trainer = gluon.Trainer(
        learning_parameters(net), "sgd", {"wd": weight_decay}, update_on_kvstore=False
    )
    rates, losses = [], []
    try:
        for rate, batch in zip(np.geomspace(lowest, highest, num_steps), _repeated(train_iter)):
            X, y = arrays(batch)
            trainer.set_learning_rate(rate)
            loss, _ = train_step(net, X, y, trainer, devices)
            loss /= len(X)
            if not np.isfinite(loss) or (losses and loss > 4 * min(losses)):
                break
            rates.append(rate)
            losses.append(loss)
    finally:
        nd.waitall()
        for name, parameter in parameters(net).items():
            parameter.set_data(before[name])
    if len(losses) < 7:
        raise FloatingPointError(
            f"The loss explodes in batch {len(losses) + 1} already, at rate {rate:g}: "
            f"begin below lowest={lowest:g}, with at least 7 batches."
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
