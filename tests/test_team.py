"""What is dealt out to several processes, tried in one; `test_cluster_train` starts real ones."""

import hotdog_ft

# isort: split
import numpy as np
from conftest import make_source_net, run_python

from hotdog_ft.augment import TrainAugs
from hotdog_ft.loader import BatchLoader


def test_shares_of_a_mini_batch_are_all_of_it_and_none_twice():
    rng = np.random.default_rng(0)
    images = [(rng.integers(0, 255, (40, 40, 3), "uint8"), number) for number in range(11)]

    def batches(share_of=lambda count: slice(None)):
        hotdog_ft.seed_everything(3)
        loader = BatchLoader(images, TrainAugs(32), 5, shuffle=True, share_of=share_of)
        return list(loader)

    halves = [lambda count: slice(0, count // 2), lambda count: slice(count // 2, count)]
    whole, first, second = batches(), *map(batches, halves)
    assert [len(X) for X, _ in first] == [2, 2, 0]  # of the last one, a single picture
    for (X, y), (X1, y1), (X2, y2) in zip(whole, first, second):
        X1 = X1.reshape(-1, *X.shape[1:])
        assert np.array_equal(np.concatenate([X1, X2]), X)
        assert np.concatenate([y1, y2]).tolist() == y.tolist()


def test_without_horovods_part_for_mxnet_it_is_one_sentence(picture_folders, tmp_path):
    code = (
        "import sys; sys.modules['horovod'] = None\n"
        "from hotdog_ft.__main__ import main; sys.exit(main(sys.argv[1:]))"
    )
    source = tmp_path / "source.safetensors"
    hotdog_ft.save_net(make_source_net(), source, list("abcde"), size=32)
    arguments = ["train", "--data", picture_folders(), "--weights", source, "--out"]
    arguments.append(tmp_path / "net.safetensors")
    done = run_python(code, *arguments, HOROVOD_SIZE="2", HOROVOD_RANK="0")
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert done.stderr.startswith("hotdog_ft: Horovod started this process, but its part for MXNet")
