"""From the flags of train to configurations, and what is refused."""

import pytest
from PIL import Image

from ssd_tf import training
from ssd_tf.data.sources import shapes_drawing


@pytest.fixture
def cells(tmp_path):
    """A folder of two classes, each in a split of one picture."""
    root = tmp_path / "cells"
    for folder in ("Annotations", "ImageSets/Main", "JPEGImages"):
        (root / folder).mkdir(parents=True)
    for split, name in (("train", "RBC"), ("val", "WBC")):
        (root / f"ImageSets/Main/{split}.txt").write_text(split)
        Image.new("RGB", (9, 9)).save(root / f"JPEGImages/{split}.jpg")
        (root / f"Annotations/{split}.xml").write_text(
            "<annotation><size><width>9</width><height>9</height></size>"
            f"<object><name>{name}</name><bndbox><xmin>1</xmin><ymin>1</ymin>"
            "<xmax>8</xmax><ymax>8</ymax></bndbox></object></annotation>"
        )
    return root


FOLDER = ["--dataset=voc_folder", "--data_dir={cells}"]


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--dataset=voc_folder"], "voc_folder needs data_dir: a folder with"),
        (
            ["--dataset=voc_folder", "--data_dir={cells}/no"],
            "{cells}/no: folder is missing",
        ),
        (
            [*FOLDER, "--train_split=all"],
            "{cells}/ImageSets/Main/all.txt: split 'all' is missing; found: "
            "train, val",
        ),
        (
            [*FOLDER, "--eval_split=test"],
            "split 'test' is missing; found: train, val",
        ),
        (
            [*FOLDER, "--class_names=RBC"],
            "{cells}/Annotations/val.xml: unknown class 'WBC'; known: RBC",
        ),
        (
            [*FOLDER, "--class_names=RBC,WBC,RBC"],
            "a class is named twice: RBC, WBC, RBC",
        ),
        (
            [*FOLDER, "--num_classes=3"],
            "--num_classes=3 contradicts voc_folder, which has 2 classes: "
            "RBC, WBC",
        ),
        (
            [*FOLDER, "--steps=3", "--epochs=2"],
            "give --steps or --epochs, not both",
        ),
        ([*FOLDER, "--epochs=0"], "--epochs must be above 0, got 0.0"),
        (
            [*FOLDER, "--recipe_params=momentum=2"],
            "recipe 'fine_tune': momentum must be in 0..1, got 2.0",
        ),
        (
            [*FOLDER, "--batch_size=4", "--recipe_params=alpha=1,batch_size=4"],
            "--batch_size and --recipe_params=batch_size=... are the same",
        ),
        (
            [*FOLDER, "--min_sizes_px=1,2", "--max_sizes_px=2,3"],
            "min_sizes_px must have one entry for each of the 6 feature_sizes",
        ),
        (
            [*FOLDER, "--init_weights={cells}"],
            "{cells} is not a run directory: it has no config.json",
        ),
        (
            [*FOLDER, "--preset=ssd300_tiny", "--init_weights=imagenet"],
            "'tiny' has no ImageNet weights; it trains from scratch",
        ),
        (
            [*FOLDER, "--class_names='RBC,W\tBC'"],
            'class_names: the class name "W\\tBC\'" has a line break or',
        ),
        (
            [*FOLDER, "--class_names=RBC,\nWBC"],
            "is no list; expected A,B,... in one line",
        ),
        (
            [*FOLDER, "--strategy=mirrored", "--batch_size=1"],
            "a batch of 1 images cannot be shared out to 2 devices; give "
            "--batch_size=2 or more",
        ),
        (
            [*FOLDER, "--strategy=multi_worker"],
            "needs the environment variable TF_CONFIG, which names no cluster",
        ),
        (
            [*FOLDER, "--data_service=localhost:1"],
            "--data_service=localhost:1 is no address; expected grpc://HOST",
        ),
        (
            [*FOLDER, "--data_service=grpc://localhost:1", "--cache=memory"],
            "--cache keeps pictures here, and --data_service prepares them",
        ),
        (
            [*FOLDER, "--rotate_90", "--flip_up_down", "--noflip_left_right"],
            "recipe 'fine_tune': flip_up_down and rotate_90 together mirror",
        ),
        ([*FOLDER, "steps=3"], "unexpected argument 'steps=3'; expected flags"),
        (["--mode=eval"], "run is not a run directory: it has no config.json"),
    ],
)
def test_errors_of_train(script, cells, tmp_path, arguments, message):
    """Exit status 1, one line, and nothing written."""
    status, out, err = script(
        "train",
        f"--run_dir={tmp_path / 'run'}",
        *(a.format(cells=cells) for a in arguments),
    )
    assert (status, out) == (1, "")
    assert [line for line in err if line.startswith("error: ")] == err[-1:]
    assert message.format(cells=cells) in err[-1]
    assert [p.name for p in tmp_path.iterdir()] == ["cells"]


def empty(cells, split):
    xml = cells / f"Annotations/{split}.xml"
    xml.write_text("<annotation/>")


def test_nothing_to_learn_from(script, cells, tmp_path):
    empty(cells, "train")
    arguments = [a.format(cells=cells) for a in FOLDER]
    status, out, err = script(
        "train", f"--run_dir={tmp_path / 'run'}", *arguments
    )
    assert (status, out) == (1, "")
    assert err[-1] == (
        "error: split 'train' of voc_folder has no object to learn from; its "
        "splits: train, val"
    )
    assert [p.name for p in tmp_path.iterdir()] == ["cells"]


@pytest.mark.parametrize("is_empty", [False, True])
def test_what_makes_figures_worthless(plan, cells, caplog, is_empty):
    """Told before the training begins."""
    if is_empty:
        empty(cells, "val")
    (cells / "ImageSets/Main/val.txt").write_text(
        "val" if is_empty else "val\ntrain"
    )
    plan(*(a.format(cells=cells) for a in FOLDER))
    told = [record.getMessage() for record in caplog.records]
    assert [line for line in told if "split 'val'" in line] == [
        "voc_folder: split 'val' has "
        + (
            "no object to be found; mAP will be none"
            if is_empty
            else "1 of the images of split 'train'"
        )
    ]


def test_shapes_of_other_classes(script, shapes_dir, tmp_path):
    status, _, err = script(
        *(
            "train",
            "--dataset=shapes",
            f"--data_dir={shapes_dir}",
            "--num_classes=3",
        ),
        f"--run_dir={tmp_path / 'run'}",
    )
    assert status == 1 and list(tmp_path.iterdir()) == []
    assert err[-1] == (
        "error: --num_classes=3 contradicts shapes, which has 4 classes: "
        "circle, square, star, triangle"
    )


@pytest.fixture
def plan(script, shapes_dir, tmp_path, monkeypatch):
    """Flags of train -> the two configurations that it begins to train."""
    made = []

    def start(detector_config, train_config, source, run_dir, **devices):
        made.append((detector_config, train_config))
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "TrainingRun", start)

    def call(*flags):
        status, _, _ = script(
            *("train", "--dataset=shapes", f"--data_dir={shapes_dir}", *flags),
            f"--run_dir={tmp_path / 'run'}",
        )
        assert status == 130
        return made.pop()

    return call


def test_epochs_and_the_recipe_s_flags(plan):
    """3 epochs of 6 images in batches of 4 are 5 steps."""
    detector, train = plan(
        *("--epochs=3", "--batch_size=4", "--learning_rate=0.25"),
        *("--weight_decay=0.125", "--eval_every=7", "--augmentation=ssd"),
        *("--matcher=atss", "--preset=ssd300_mobilenet_v2", "--rotate_90"),
        *("--init_weights=none", "--seed=5", "--eval_split=test[:50%]"),
        "--recipe=small_data",
    )
    assert (detector.backbone, detector.matcher) == ("mobilenet_v2", "atss")
    assert detector.class_names == tuple(shapes_drawing.CLASS_NAMES)
    assert (train.steps, train.batch_size, train.eval_every) == (5, 4, 7)
    assert (train.learning_rate, train.weight_decay) == (0.25, 0.125)
    assert (train.rotate_90, train.flip_up_down) == (True, False)
    assert (train.seed, train.init_weights) == (5, "none")
    assert (train.train_split, train.eval_split) == ("train", "test[:50%]")
    assert (train.recipe, train.optimizer) == ("small_data", "adamw")
    assert train.augmentation == "ssd"


def test_own_pictures_begin_with_a_trained_backbone(plan, cells):
    own = ["--dataset=folder", f"--data_dir={cells}"]
    detector, train = plan(*own)
    assert (detector.backbone, detector.head, detector.extras) == (
        "efficientnet_lite0",
        "conv",
        "backbone",
    )
    assert (detector.neck, detector.matcher) == ("fpn_lite", "topk")
    assert (train.recipe, train.init_weights) == ("fine_tune", "imagenet")
    assert (train.freeze, train.freeze_batch_norm) == ("stem", True)
    assert train.backbone_lr_multiplier < 1
    # Random weights are not kept.
    _, train = plan(*own, "--init_weights=none")
    assert (train.recipe, train.init_weights) == ("small_data", "none")
    detector, train = plan(*own, "--preset=ssd300_tiny")
    assert (detector.backbone, train.recipe) == ("tiny", "small_data")


def test_more_to_try(plan):
    """Off by default, in every recipe."""
    for recipe in training.RECIPES:
        # Which has the ImageNet weights that one of them keeps.
        detector, train = plan(
            f"--recipe={recipe}", "--preset=ssd300_mobilenet_v2"
        )
        assert (detector.neck, train.box_loss) == ("none", "smooth_l1")
        assert (train.mosaic, train.mixup) == (0, 0)
        assert (train.balance_classes, train.flip_left_right) == (False, True)
    detector, train = plan(
        *("--neck=fpn_lite", "--box_loss=giou", "--mosaic=0.5", "--mixup=0.1"),
        *("--balance_classes", "--noflip_left_right", "--cache=memory"),
    )
    assert (detector.neck, train.box_loss) == ("fpn_lite", "giou")
    assert (train.mosaic, train.mixup) == (0.5, 0.1)
    assert (train.balance_classes, train.flip_left_right) == (True, False)


def test_precision_and_compilation(plan):
    _, train = plan()
    assert (train.precision, train.jit_compile) == ("float32", False)
    _, train = plan("--precision=mixed_bfloat16", "--jit_compile")
    assert (train.precision, train.jit_compile) == ("mixed_bfloat16", True)


def test_recipe_params(plan):
    detector, train = plan(
        "--recipe_params=optimizer=sgd,decay_steps=20:30,box_scales=voc,"
        "flip_up_down=true",
        "--steps=40",
    )
    assert (train.optimizer, train.steps) == ("sgd", 40)
    assert (train.decay_steps, train.flip_up_down) == ((20, 30), True)
    assert train.recipe == "shapes" and train.alpha == 2.0
    assert detector.min_sizes_px == (30, 60, 111, 162, 213, 264)


@pytest.mark.parametrize(
    "flag", ["truncate_sizes", "clip_anchors", "encode_variance_in_target"]
)
def test_switches_of_the_detector(plan, flag):
    for flags, expected in (([], False), ([f"--{flag}"], True)):
        detector, _ = plan(*flags)
        assert getattr(detector, flag) is expected
