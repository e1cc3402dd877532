"""Read a whole data set and list everything that is wrong with it.

One line per problem, with file and box; then counts of images, objects,
classes and problems. The exit status is 1 if training would refuse, drop or
misplace something or leave it out (an image, a box, a class), 0 if not,
whatever else is listed.
"""

import json
import math
import sys

from absl import flags
from tqdm.auto import tqdm

from ssd_tf import console
from ssd_tf.commands.flag_groups import (
    FlagGroup,
    build_source,
    define_data_flags,
    define_max_bad_images,
)
from ssd_tf.data.sources import Source, usable_class_names
from ssd_tf.data.validation.checks import Problem
from ssd_tf.data.validation.report import Report
from ssd_tf.data.validation.run import check_splits
from ssd_tf.errors import InputError


def define_flags(values: flags.FlagValues) -> None:
    """Declares the flags."""
    define_data_flags(values, default_split="all")
    define_max_bad_images(FlagGroup(values, "data"))
    FlagGroup(values, "report").switch(
        "json", "Print a JSON object per problem, and a summary as the last."
    )


def run(values: flags.FlagValues, arguments: list[str]) -> None:
    """Prints the problems and the report; exits with 1 if anything is lost."""
    del arguments  # none
    source = build_source(values)
    class_names, unusable_classes = _class_names(source)
    report = Report(class_names, max_bad_images=values.max_bad_images)
    to_text = _to_json if values.json else str

    def tell(problems: list[Problem]) -> None:
        for problem in problems:
            report.add_problems([problem])
            print(to_text(problem))

    num_images, unusable_splits = _count_images(source, values.split)
    tell(unusable_splits)
    # On a terminal, above the bar; elsewhere that would repeat the bar.
    print_line = tqdm.write if sys.stderr.isatty() else print
    with tqdm(
        total=sum(num_images.values()),
        desc="validate",
        unit=" images",
        leave=False,
        mininterval=console.bar_interval(),
    ) as bar:
        for checked in check_splits(
            source, num_images, class_names=class_names
        ):
            report.add(checked)
            for problem in checked.problems:
                print_line(to_text(problem))
                # One that keeps the classes from being known is told once.
                if unusable_classes and _is_same(problem, unusable_classes):
                    unusable_classes = None
            bar.update()
    tell(report.absent_classes())
    tell([*report.default_split_problems(*source.default_splits)])
    if unusable_classes:
        tell([unusable_classes])
    print(json.dumps(report.as_dict()) if values.json else report)
    if report.is_anything_lost:
        sys.exit(1)


def _class_names(
    source: Source,
) -> tuple[tuple[str, ...] | None, Problem | None]:
    """The classes, or why training cannot use them."""
    try:
        return usable_class_names(source), None
    except InputError as error:
        # It may be a broken annotation, in a split that is not asked for.
        return None, Problem("unusable_classes", "", "classes", str(error))


def _is_same(problem: Problem, unusable_classes: Problem) -> bool:
    return f"{problem.location}: {problem.message}" == unusable_classes.message


def _count_images(
    source: Source, asked: str | None
) -> tuple[dict[str, int], list[Problem]]:
    """The number of images by split, and what is wrong with other splits."""
    splits = asked.split("+") if asked else source.splits()
    if not splits:
        raise InputError(f"{source.name}: there is no split")
    default_splits = "+".join(source.default_splits).split("+")
    num_images: dict[str, int] = {}
    problems = []
    for split in splits:
        try:
            num_images[split] = source.num_raw_images(split)
        except InputError as error:
            if asked:
                raise
            is_default = split in default_splits
            kind = "unusable_split" if is_default else "unusable_other_split"
            location = f"split {split}"
            problems.append(Problem(kind, "", location, str(error)))
    return num_images, problems


def _to_json(problem: Problem) -> str:
    box = None
    if problem.item:
        sides = zip(("ymin", "xmin", "ymax", "xmax"), problem.item.box)
        box = {
            "place": problem.item.place,
            "class": problem.item.class_name,
            **{name: _finite_or_text(side) for name, side in sides},
        }
    return json.dumps(
        {
            "kind": problem.kind,
            "severity": problem.severity,
            "image": problem.image,
            "location": problem.location,
            "box": box,
            "message": problem.message,
        }
    )


def _finite_or_text(number: float) -> float | str:
    # JSON has neither NaN nor infinity.
    return number if math.isfinite(number) else str(number)
