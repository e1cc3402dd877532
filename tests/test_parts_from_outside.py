"""A part of each kind, written outside of the package and handed in."""

import dataclasses

import keras
import numpy as np
import tensorflow as tf
from PIL import Image

from ssd_tf import (
    MultiBoxLoss,
    TargetEncoder,
    build_detector,
    serving,
    training,
)
from ssd_tf.data import pipeline
from ssd_tf.data.augmentation import POLICIES
from ssd_tf.data.sources import FolderSource, RawImage, RawObject
from ssd_tf.matchers import UNMATCHED, Matcher, MatchResult
from ssd_tf.models import Backbone


def test_a_folder_layout(tmp_path):
    class NamedByClass(FolderSource):
        """Each picture is called after the one object that fills it."""

        name, expected = "named_by_class", "a folder of <split>/<class>.png"

        def splits(self):
            return ("train", "val")

        def read_split(self, split):
            for path in sorted((self.root / split).glob("*.png")):
                item = RawObject(path.stem, (0, 0, 8, 8), place="the picture")
                yield RawImage(
                    image_id=path.name,
                    location=split,
                    image_path=str(path),
                    declared_size=None,
                    objects=[item],
                )

    for split in ("train", "val"):
        (tmp_path / split).mkdir()
        Image.new("RGB", (8, 8)).save(tmp_path / split / "dog.png")
    (example,) = NamedByClass(tmp_path).dataset("val").as_numpy_iterator()
    assert example["gt_boxes"].tolist() == [[0, 0, 1, 1]]


def test_a_matcher(toy_config):
    @dataclasses.dataclass(frozen=True)
    class EveryAnchor(Matcher):
        """All anchors learn the first object."""

        def __call__(self, gt_boxes, gt_labels, anchors):
            index = 0 if len(gt_boxes) else UNMATCHED
            count = len(anchors)
            return MatchResult(tf.fill([count], index), tf.ones([count]))

    encoder = TargetEncoder(toy_config, matcher=EveryAnchor())
    targets = encoder(tf.constant([2, 1]), tf.constant([[0.0, 0, 1, 1]] * 2))
    assert targets.gclasses.numpy().tolist() == [2] * 8


def test_a_backbone(toy_config):
    def build(images, image_size):
        del image_size
        return [keras.layers.Conv2D(4, 32, strides=32, name="patches")(images)]

    model = build_detector(toy_config, backbone=Backbone(build=build))
    outputs = model(np.zeros([1, 64, 64, 3], np.uint8))
    assert outputs["logits"].shape == (1, 8, 3)


def test_an_augmentation_operation(shapes_source):
    @dataclasses.dataclass(frozen=True)
    class Gray:
        """Images without colours."""

        def __call__(self, sample, *, seed, size):
            gray = tf.image.rgb_to_grayscale(sample.image)
            return sample._replace(image=tf.repeat(gray, 3, axis=-1))

    batches = pipeline.training_batches(
        *(shapes_source, "train"),
        encoder=lambda gt_labels, gt_boxes: (tf.size(gt_labels),),
        policy=(*POLICIES["ssd_light"], Gray()),
        **{"image_size": 32, "batch_size": 2, "seed": 0},
    )
    pixels = next(iter(batches)).images.numpy()
    np.testing.assert_array_equal(pixels[..., 0], pixels[..., 2])


def test_an_export_format(small_run, small_network, tmp_path):
    def export(request):
        path = request.export_dir / f"{request.run_name}.npz"
        np.savez(path, *request.model.get_weights())
        return serving.Exported(path, model=None)

    npz = serving.ExportFormat(
        "npz", ".npz", options=(), export=export, load=np.load
    )
    run = training.load_run(small_run, backbone=small_network)
    exported = serving.export(*run, tmp_path, export_format=npz)
    assert len(np.load(exported.path)) == len(run[-1].get_weights())


def test_a_run_with_parts_handed_in(
    small_detector, small_train, small_network, shapes_source, tmp_path
):
    """The loss, too, is an object."""
    scales = []

    class Halved(MultiBoxLoss):
        def __call__(self, *args, **kwargs):
            losses = super().__call__(*args, **kwargs)
            scales.append(0.5)
            return losses._replace(total=losses.total / 2)

    run = training.TrainingRun(
        *(small_detector, small_train, shapes_source),
        training.RunDir(tmp_path / "run"),
        backbone=small_network,
        policy=POLICIES["none"],
        loss=Halved(),
    )
    assert run.train()["num_images"] == 4
    assert scales
