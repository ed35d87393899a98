"""Choose the rate of fine-tuning after linear probing, on a validation part of the training set.

    python tools/choose_recipe.py DATA WEIGHTS results/choose-recipe.json

A fifth of the training pictures is set aside; the test set is never looked at.
"""

import sys

import hotdog_ft  # before mxnet, which it tells to use every core
from hotdog_ft import results

import mxnet as mx
import numpy as np

SIZE, BATCH_SIZE, NUM_EPOCHS = 224, 32, 3
RATES = (0.003, 0.001)

data, weights, out = sys.argv[1:]
train_imgs, test_imgs = hotdog_ft.load_image_folders(data)
source = hotdog_ft.load_net(weights)
order = np.random.default_rng(0).permutation(len(train_imgs))
cut = len(order) // 5
validation, training = train_imgs.subset(order[:cut]), train_imgs.subset(order[cut:])
train_iter = hotdog_ft.BatchLoader(training, hotdog_ft.TrainAugs(SIZE), BATCH_SIZE, shuffle=True)
valid_iter = hotdog_ft.BatchLoader(validation, hotdog_ft.TestAugs(SIZE), BATCH_SIZE)

record = {"provenance": results.provenance(train_imgs, test_imgs, weights),
          "validation_pictures": len(validation), "seed": 0, "runs": []}
hotdog_ft.seed_everything(0)
probe = hotdog_ft.finetune_net(source, len(train_imgs.classes), lr_mult=1)
features = hotdog_ft.extract_features(
    probe, hotdog_ft.BatchLoader(training, hotdog_ft.TestAugs(SIZE), 128))
for rate in RATES:
    hotdog_ft.seed_everything(0)
    net = hotdog_ft.finetune_net(source, len(train_imgs.classes), lr_mult=1)
    hotdog_ft.fit_output(net, *features)
    probe_acc = hotdog_ft.evaluate(net, valid_iter)
    schedule = mx.lr_scheduler.CosineScheduler(NUM_EPOCHS * len(train_iter), rate)
    history = hotdog_ft.train(net, train_iter, valid_iter, rate, NUM_EPOCHS, momentum=0.9,
                              lr_scheduler=schedule, use_global_stats=True)
    record["runs"].append({"learning_rate": rate, "probe_valid_acc": probe_acc, "loss": history.loss,
                           "valid_acc": history.test_acc, "seconds": history.seconds})
    results.save_record(record, out)
    print(record["runs"][-1], flush=True)
