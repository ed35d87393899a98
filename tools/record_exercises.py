"""Run the exercises at full size and keep their records: hours on a CPU. What is done is not done again.

    HOTDOG_FT_DATA=hotdog HOTDOG_FT_WEIGHTS=resnet18.params python tools/record_exercises.py [NAME ...]
"""

import sys
from pathlib import Path

import hotdog_ft

RESULTS = Path(__file__).parents[1] / "results"
STUDIES = {
    "learning-rate": [{"run": "finetune", "learning_rate": rate, "num_epochs": 2}
                      for rate in (0.001, 0.003, 0.03, 0.1)],
    "size": [{"run": run, "fraction": 0.1, "num_epochs": 5} for run in hotdog_ft.RUNS],
    # the book's 0.01, and 0.1 for the output layer, is above that layer's stability bound with these weights
    "frozen": [{"trained": part, "learning_rate": 0.001, "num_epochs": 3}
               for part in ("output, stored features", "output", "last stage")],
    "hot-dog-row": [{"row": row, "seed": seed} for row in (None, 934, 713) for seed in range(10)],
}

recipe = hotdog_ft.load_recipe("full")
print(recipe)
for name in sys.argv[1:] or STUDIES:
    run_case = hotdog_ft.head_start if name == "hot-dog-row" else None
    hotdog_ft.study(name, recipe, STUDIES[name], RESULTS, run_case=run_case)
