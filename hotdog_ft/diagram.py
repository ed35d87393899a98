"""The chapter's idea in one figure."""

from matplotlib.patches import FancyBboxPatch

from .figure import Plot


def draw_fine_tuning(
    source_data="ImageNet", source_classes=1000, features=512, classes=("hot dog", "not hot dog")
):
    """The chapter's idea in one figure: what is copied from source to target model, what is new.

    Parameters
    ----------
    source_data : str
        What the source net has learnt.
    source_classes, features : int
        Outputs and inputs of the source net's `output`.
    classes : sequence of str
        The target's class names.
    """
    figure = Plot(figsize=(8, 3.6), layout="tight")
    axes = figure.add_subplot()
    axes.set(xlim=(0, 8), ylim=(0, 4.1))
    axes.set_axis_off()
    names = " / ".join(classes)
    target_data = names if len(names) <= 36 else f"{len(classes)} classes"
    models = [
        (
            0.4,
            "Source model",
            f"source data set\n({source_data}, {source_classes:,} classes)",
            f"output: {features} features\nto {source_classes:,} logits",
        ),
        (
            4.9,
            "Target model",
            f"target data set\n({target_data})",
            f"output: {features} features to {len(classes)} logits\nXavier, rate × 10",
        ),
    ]
    layers = ["stem", "stages 1 and 2", "stages 3 and 4"]
    for left, title, data, head in models:
        is_target = left > 1
        boxes = [(data, "#eeeeee")] + [(f"features: {layer}", "#a6cee3") for layer in layers]
        boxes.append((head, "#fdbf6f" if is_target else "#cccccc"))
        for number, (text, colour) in enumerate(boxes):
            bottom = 0.05 + 0.74 * number
            round_box = {"boxstyle": "round,pad=0.02", "edgecolor": "#555555"}
            axes.add_patch(FancyBboxPatch((left, bottom), 2.7, 0.54, facecolor=colour, **round_box))
            axes.text(left + 1.35, bottom + 0.28, text, ha="center", va="center", fontsize=9)
            if number:
                _arrow(axes, (left + 1.35, bottom - 0.17), (left + 1.35, bottom - 0.01))
            if is_target and 1 <= number <= 3:
                _arrow(axes, (3.15, bottom + 0.28), (4.85, bottom + 0.28))
                axes.text(4.0, bottom + 0.34, "copy, then fine-tune", ha="center", fontsize=8)
        axes.text(left + 1.35, 3.8, title, ha="center", fontsize=11, weight="bold")
    axes.text(4.0, 3.29, "not copied", ha="center", va="center", fontsize=8)
    return figure


def _arrow(axes, start, end):
    axes.annotate("", end, start, arrowprops={"arrowstyle": "->", "color": "#555555"})
