"""Run the exercises at full size and keep their records: hours on a CPU.

What is done is not done again.

HOTDOG_FT_DATA=hotdog HOTDOG_FT_WEIGHTS=resnet18.params python tools/record_exercises.py [NAME ...]
"""

import sys
from dataclasses import replace
from pathlib import Path

from hotdog_ft import load_recipe
from hotdog_ft.studies import head_start, run, study

RESULTS = Path(__file__).parents[1] / "results"
recipe = load_recipe("full")
finetune = recipe.finetune
# with these weights the book's 0.01, and 0.1 for `output`, is above that layer's stability bound
gentle = replace(finetune, learning_rate=0.001, num_epochs=3)
STUDIES = {
    "learning-rate": [
        replace(finetune, learning_rate=rate, num_epochs=2) for rate in (0.001, 0.003, 0.03)
    ],
    "size": [
        replace(settings, fraction=fraction)
        for fraction in (0.05, 0.1, 0.25, 0.5)
        for settings in (finetune, recipe.scratch, recipe.lp_ft)
    ],
    "frozen": [  # the first: the output layer on stored features
        replace(finetune, probe_steps=recipe.lp_ft.probe_steps, num_epochs=0),
        *(replace(gentle, trained=part) for part in ("output", "last stage")),
    ],
    "hot-dog-row": [
        (replace(finetune, seed=seed, learning_rate=1e-4), {"row": row})
        for row in (None, 934, 713)
        for seed in range(10)
    ],
}

if __name__ == "__main__":
    print(recipe)
    for name in sys.argv[1:] or STUDIES:
        study(
            name,
            recipe,
            STUDIES[name],
            RESULTS,
            run_case=head_start if name == "hot-dog-row" else run,
        )
