"""The ranges that int8 needs, and runs that end early or spoil them."""

import hotdog_ft

# isort: split
import pytest
from conftest import make_source_net

from hotdog_ft import precision
from hotdog_ft.quantization import find_ranges
from hotdog_ft.settings import Settings


@pytest.mark.parametrize("stop", [KeyboardInterrupt, FloatingPointError])
def test_ranges_of_other_features_are_never_on_a_net(stop, picture_folders):
    """Neither between two epochs nor after a run that ended early."""
    net, seen = hotdog_ft.finetune_net(make_source_net(1), 2), []
    images = hotdog_ft.load_image_folders(picture_folders())
    settings = Settings(size=64, batch_size=6, num_epochs=3, probe_steps=5, precision="int8")

    def after_epoch(history):
        seen.append(net.ranges)
        if len(seen) == 2:
            raise stop

    with pytest.raises(stop):
        hotdog_ft.train(net, *images, settings, after_epoch=after_epoch)
    assert seen == [None, None] and net.ranges is None


def test_a_run_that_int8_no_longer_fits_ends_with_a_warning(picture_folders, monkeypatch):
    found = []

    def refusing(net, pictures):
        found.append(1)
        if len(found) == 2:
            raise ValueError("Off by 40%.")
        return find_ranges(net, pictures)

    monkeypatch.setattr(precision, "find_ranges", refusing)
    net = hotdog_ft.finetune_net(make_source_net(1), 2)
    images = hotdog_ft.load_image_folders(picture_folders())
    settings = Settings(size=64, batch_size=6, num_epochs=1, probe_steps=5, precision="int8")
    with pytest.warns(UserWarning, match=r"^Off by 40%\. The net is left without ranges\.$"):
        history = hotdog_ft.train(net, *images, settings)
    assert net.ranges is None and len(history.loss) == 1
