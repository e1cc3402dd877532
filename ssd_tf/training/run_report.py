"""What a run keeps for its report, and the report itself."""

import io
import pathlib

import numpy as np
from absl import logging

from ssd_tf.config import DetectorConfig
from ssd_tf.data.pictures import read_pictures
from ssd_tf.data.sources import build_source, cached_objects
from ssd_tf.errors import InputError
from ssd_tf.evaluation import EvaluatedImage
from ssd_tf.evaluation.anchor_coverage import Coverage, measure_coverage
from ssd_tf.evaluation.image_archive import unpack_images
from ssd_tf.files import write_bytes
from ssd_tf.report import RunFacts, is_report, render_run
from ssd_tf.training.run_dir import RunDir

# Enough to see sizes by; all of COCO would take minutes.
_MAX_IMAGES_TO_COVER = 2_000


def leave_report(run_dir: RunDir, source) -> None:
    """Makes the report of a finished run; says so if it cannot be made.

    Args:
      run_dir: the run.
      source: its data.
    """
    try:
        if not run_dir.coverage_file.exists():
            _keep_coverage(run_dir, source)
        facts = read_facts(run_dir, source=source)
        write_report(run_dir.report_file, render_run(facts))
    except InputError as error:
        # The run is finished all the same.
        logging.warning("no report: %s", error)


def write_report(path: pathlib.Path, html: str) -> None:
    """Writes a page, in the place of an earlier report but of no other file.

    Raises:
      InputError: there is another file, or it cannot be written.
    """
    if path.exists() and not (path.is_file() and is_report(_start(path))):
        raise InputError(
            f"{path} is there and is no report of ssd_tf; move it, or give "
            "another --output"
        )
    write_bytes(path, html.encode())


def _start(path: pathlib.Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(2000)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error


def read_facts(run_dir: RunDir, *, source=None) -> RunFacts:
    """All that a run has kept.

    Args:
      run_dir: the run.
      source: its data; by default they are looked for where it was trained,
        once pictures are wanted.

    Raises:
      InputError: it is no run, or a file of it is damaged.
    """
    detector, training = run_dir.read_configs()
    result = run_dir.read_result() if run_dir.is_finished else None

    def pictures(positions):
        nonlocal source
        source = source or build_source(
            training.dataset,
            data_dir=training.data_dir,
            class_names=detector.class_names,
        )
        return read_pictures(source, training.eval_split, positions)

    return RunFacts(
        name=run_dir.path.resolve().name,
        detector=detector,
        training=training,
        log=run_dir.metrics.entries(),
        result=result,
        starts=run_dir.journal.starts(),
        seconds=run_dir.journal.seconds(),
        images=_read_images(run_dir),
        coverage=_read_coverage(run_dir),
        read_pictures=pictures,
    )


def _read_images(run_dir: RunDir) -> list[EvaluatedImage]:
    path = run_dir.evaluation_file
    if not path.exists():
        return []
    try:
        return unpack_images(path.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error


def _keep_coverage(run_dir: RunDir, source) -> None:
    """Keeps how the anchors cover the objects to train on."""
    detector, training = run_dir.read_configs()
    coverage = _measure(detector, source, training.train_split)
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        shapes=coverage.shapes,
        best_iou=coverage.best_iou,
        num_anchors=coverage.num_anchors,
    )
    write_bytes(run_dir.coverage_file, buffer.getvalue())


def _measure(config: DetectorConfig, source, split: str) -> Coverage:
    objects = cached_objects(source, split).take(_MAX_IMAGES_TO_COVER)
    objects = objects.ignore_errors()  # of images that cannot be read
    return measure_coverage(config, objects)


def _read_coverage(run_dir: RunDir) -> Coverage | None:
    path = run_dir.coverage_file
    if not path.exists():
        return None
    try:
        content = io.BytesIO(path.read_bytes())
        with np.load(content, allow_pickle=False) as archive:
            return Coverage(*(archive[name] for name in Coverage._fields))
    # Whatever zipfile, zlib and NumPy say of a damaged file.
    except Exception as error:  # noqa: B902
        raise InputError(f"{path} cannot be read: {error}") from error
