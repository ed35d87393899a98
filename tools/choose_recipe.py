"""Choose the rate of fine-tuning after linear probing, on a validation part of the training set.

    python tools/choose_recipe.py DATA WEIGHTS results/choose-recipe.json

A fifth of the training pictures is set aside; the test set is never looked at.
"""

import sys

import hotdog_ft
import numpy as np
from hotdog_ft import results

NUM_EPOCHS = 3
RATES = (0.003, 0.001)

data, weights, out = sys.argv[1:]
train_imgs, test_imgs = hotdog_ft.load_image_folders(data)
source = hotdog_ft.load_net(weights)
order = np.random.default_rng(0).permutation(len(train_imgs))
cut = len(order) // 5
validation, training = train_imgs.subset(order[:cut]), train_imgs.subset(order[cut:])

record = {"provenance": results.provenance(train_imgs, test_imgs, weights),
          "validation_pictures": len(validation), "seed": 0, "runs": []}
for rate in RATES:
    hotdog_ft.seed_everything(0)
    net = hotdog_ft.finetune_net(source, len(train_imgs.classes))
    probe_acc, history = hotdog_ft.fine_tune(net, training, validation, learning_rate=rate, num_epochs=NUM_EPOCHS)
    record["runs"].append({"learning_rate": rate, "probe_valid_acc": probe_acc, "loss": history.loss,
                           "valid_acc": history.test_acc, "seconds": history.seconds})
    results.save_record(record, out)
    print(record["runs"][-1], flush=True)
