"""`python -m ssd_tf evaluate`, in this process."""

import io
import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from ssd_tf import Decoder, commands, serving, training
from ssd_tf.commands import evaluate as command
from ssd_tf.commands import predictor_flags
from ssd_tf.data.sources.voc_folder import VocFolder

NAMES = ("cat", "dog", "bird")
FIGURES = (
    *("mAP", "AP", "absent_classes", "num_images"),
    *("coco", "voc", "errors", "best_f1"),
)
FILES = [
    "confusion.png",
    "detections.json",
    "errors.png",
    "examples.jpg",
    "metrics.json",
    "precision_recall.png",
]

# Images of 100 x 80 pixels. Objects: class, box yxyx in pixels, difficult.
OBJECTS = {
    "a": [("cat", (8, 10, 40, 50), 0), ("dog", (40, 50, 72, 90), 0)],
    "b": [("cat", (0, 0, 20, 20), 0), ("dog", (30, 30, 60, 60), 1)],
}
# Label, box yxyx in pixels, score. The second dog overlaps a third of one.
ANSWERS = {
    "a": [
        (1, (8, 10, 40, 50), 0.9),
        (1, (8, 10, 40, 50), 0.8),
        (2, (40, 70, 72, 110), 0.7),
        (3, (60, 0, 80, 20), 0.6),
        (1, (50, 0, 70, 20), 0.2),
    ],
    "b": [(2, (30, 30, 60, 60), 0.5)],
}


def encode(grey):
    """Blocks, so that no two scores are equal; the first is of that grey."""
    blocks = np.random.default_rng(grey).integers(0, 256, (8, 10, 3))
    blocks[0, 0] = grey
    pixels = blocks.repeat(10, axis=0).repeat(10, axis=1).astype(np.uint8)
    encoded = io.BytesIO()
    Image.fromarray(pixels).save(encoded, "PNG")
    return encoded.getvalue()


GREYS = (50, 100)
IMAGES = {name: encode(grey) for name, grey in zip(OBJECTS, GREYS)}


def detect_known(pixels):
    """Outputs of a model that gives `ANSWERS`."""
    found = {
        "detection_boxes": np.zeros((len(pixels), 9, 4), np.float32),
        "detection_scores": np.zeros((len(pixels), 9), np.float32),
        "detection_classes": np.zeros((len(pixels), 9), np.float32),
        "num_detections": np.zeros(len(pixels), np.float32),
    }
    names = dict(zip(GREYS, OBJECTS))
    for i, image in enumerate(np.asarray(pixels)):
        assert image.shape == (80, 100, 3) and image.dtype == np.uint8
        answers = ANSWERS[names[image[0, 0, 0]]]
        found["num_detections"][i] = len(answers)
        for k, (label, box, score) in enumerate(answers):
            found["detection_boxes"][i, k] = np.divide(box, (80, 100) * 2)
            found["detection_classes"][i, k] = label
            found["detection_scores"][i, k] = score
    return found


@pytest.fixture
def known_model(monkeypatch):
    """Makes any --model one that gives `ANSWERS`; takes its class names."""

    def use(class_names=NAMES):
        predictor = serving.Predictor(detect_known, class_names)
        monkeypatch.setattr(
            predictor_flags, "load_predictor", lambda path, **how: predictor
        )

    use()
    return use


@pytest.fixture
def write_folder(tmp_path):
    """Objects by image -> VOC folder of these images in val, a also in train.

    The split empty has an image without objects.
    """
    root = tmp_path / "data"

    def write(objects_by_image):
        for name in ("Annotations", "ImageSets/Main", "JPEGImages"):
            (root / name).mkdir(parents=True)
        for image_id, objects in {**objects_by_image, "c": []}.items():
            parts = [
                f"<object><name>{name}</name><difficult>{difficult}</difficult>"
                f"<bndbox><ymin>{box[0]}</ymin><xmin>{box[1]}</xmin>"
                f"<ymax>{box[2]}</ymax><xmax>{box[3]}</xmax></bndbox></object>"
                for name, box, difficult in objects
            ]
            (root / f"Annotations/{image_id}.xml").write_text(
                "<annotation><size><width>100</width><height>80</height>"
                f"</size>{''.join(parts)}</annotation>"
            )
            (root / f"JPEGImages/{image_id}.png").write_bytes(
                IMAGES.get(image_id, IMAGES["a"])
            )
        for split, ids in (("train", "a"), ("val", "a\nb"), ("empty", "c")):
            (root / f"ImageSets/Main/{split}.txt").write_text(ids)
        return root

    return write


@pytest.fixture
def folder(write_folder):
    """`OBJECTS` as a VOC folder."""
    return write_folder(OBJECTS)


@pytest.fixture
def evaluate(capsys, keep_signals):
    """Arguments -> exit status, stdout, lines of stderr."""

    def call(*arguments):
        with pytest.raises(SystemExit) as stopped:
            commands.main(["evaluate", *map(str, arguments)])
        out, err = capsys.readouterr()
        return stopped.value.code, out, err.splitlines()

    return call


@pytest.fixture
def evaluate_known(evaluate, known_model, folder):
    """The same, for the known model on the known data."""

    def call(*arguments):
        return evaluate(
            *("--model=known", "--dataset=voc_folder", "--data_dir", folder),
            *arguments,
        )

    return call


TABLE = """\
known on voc_folder val: 2 images
AP at IoU 0.5, area under the curve; errors at scores from 0.4 on

class              AP  COCO AP  objects  detections  correct  wrong class\
  poor loc.  duplicate  background  missed
cat            0.5000   0.5050        2           3        1            0\
          0          1           0       1
dog            0.0000   0.0000        1           2        0            0\
          1          0           0       1
all            0.2500   0.2525        3           6        1            0\
          1          1           1       2
bird (absent)       -        -        0           1        0            0\
          0          0           1       0

mAP@0.5  0.2500
COCO AP  0.2525  AP50 0.2525  AP75 0.2525  small 0.0000  medium 0.5000\
  large -
best F1  0.5000 at scores from 0.85 on: precision 1.0000, recall 0.3333
"""


def test_table(evaluate_known):
    """One of two cats is found; 51 of COCO's 101 recalls are up to 1/2."""
    status, out, _ = evaluate_known()
    assert status == 0
    assert out == TABLE


def test_tiles_that_are_no_smaller_than_the_pictures(evaluate_known):
    assert evaluate_known("--tile=100", "--tile_overlap=0.5")[1] == TABLE


def test_looks(evaluate, small_run, small_backbone, shapes_dir):
    """At tiles, mirror images, and boxes of all classes together."""
    looks = {"agnostic_nms": True, "flip_average": True, "tile": 100}
    how = ("--json", f"--model={small_run}", f"--data_dir={shapes_dir}")
    how += ("--score_threshold=0.02",)
    figures = []
    for name, value in ((None, None), *looks.items()):
        status, out, _ = evaluate(*how, *([f"--{name}={value}"] * bool(name)))
        assert status == 0
        result = json.loads(out)
        used = [k for k in looks if result["configuration"][k]]
        assert used == [name] * bool(name)
        figures.append(result["errors"])
    for found in figures[1:]:
        assert found != figures[0]


def test_options(evaluate_known):
    """Six of eleven recalls are up to 1/2; at IoU .3 the dog is right too."""
    _, out, _ = evaluate_known(
        *("--json", "--method=voc07", "--iou_threshold=0.3", "--plus_one"),
        *("--score_threshold=0.1", "--split=train+val"),
    )
    result = json.loads(out)
    assert result["voc"]["AP"] == {"cat": pytest.approx(6 / 11), "dog": 1.0}
    assert result["voc"]["method"] == "voc07"
    assert result["errors"]["per_class"]["cat"]["background"] == 1
    for part in ("voc", "errors"):
        assert result[part]["iou_threshold"] == 0.3
        assert result[part]["plus_one"] is True
    assert result["errors"]["score_threshold"] == 0.1
    assert result["configuration"]["split"] == "train+val"


def test_output_dir(evaluate_known, folder, tmp_path):
    out_dir = tmp_path / "new/figures"
    status, out, _ = evaluate_known("--json", "--output_dir", out_dir)
    assert status == 0
    assert sorted(path.name for path in out_dir.iterdir()) == FILES
    for name in FILES:
        if name == "examples.jpg":
            with Image.open(out_dir / name) as picture:
                assert picture.width == 2 * 100 + 6
        if name.endswith(("png", "jpg")):
            with Image.open(out_dir / name) as picture:
                assert np.asarray(picture).std() > 1

    metrics = json.loads((out_dir / "metrics.json").read_text())
    assert metrics == json.loads(out)
    assert set(metrics) == {
        *("configuration", "curves", "confusion"),
        *FIGURES,
    }
    assert metrics["confusion"] == {
        "score_threshold": 0.4,
        "iou_threshold": 0.5,
        "names": [None, *NAMES],
        # A second cat, a dog and a bird where none is; two that are missed;
        # the difficult dog counts neither way.
        "counts": [[0, 1, 1, 1], [1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]],
    }
    assert metrics["mAP"] == metrics["voc"]["mAP"] == 0.25
    assert metrics["AP"] == metrics["voc"]["AP"]
    assert metrics["absent_classes"] == ["bird"]
    assert metrics["num_images"] == 2
    assert metrics["configuration"] == {
        "model": "known",
        "dataset": "voc_folder",
        "data_dir": str(folder),
        "split": "val",
        "num_images": 2,
        "class_names": list(NAMES),
        "agnostic_nms": False,
        "flip_average": False,
        "tile": None,
        "tile_overlap": 0.2,
    }
    assert metrics["curves"]["cat"] == {
        "precision": [1.0],
        "recall": [0.5],
        "scores": [pytest.approx(0.9)],
    }

    detections = json.loads((out_dir / "detections.json").read_text())
    assert len(detections) == 6
    assert detections[2] == {
        "image_id": "a.png",
        "category_id": 2,
        "bbox": [70.0, 40.0, 40.0, 32.0],
        "score": 0.7,
    }
    assert detections[5] == {
        "image_id": "b.png",
        "category_id": 2,
        "bbox": [30.0, 30.0, 30.0, 30.0],
        "score": 0.5,
    }


def test_figures_are_written_before_pictures(
    evaluate_known, tmp_path, monkeypatch
):
    def fail(*_, **__):
        raise RuntimeError("no picture")

    monkeypatch.setattr(command, "plot_precision_recall", fail)
    with pytest.raises(RuntimeError, match="no picture"):
        evaluate_known("--output_dir", tmp_path)
    assert "voc" in json.loads((tmp_path / "metrics.json").read_text())


def test_full_disk(evaluate_known, disk, fill_disk):
    """One line, and no half of a file."""
    output = disk / "figures"
    output.mkdir()
    with fill_disk():
        status, out, err = evaluate_known("--output_dir", output)
        assert [p for p in output.iterdir() if p.stat().st_size] == []
    assert status == 1
    assert re.fullmatch(
        f"error: {output}/detections.json cannot be written: "
        "(No space left on device|File too large)",
        err[-1],
    )


def test_coco_keeps_its_ids(evaluate, known_model, tmp_path):
    """Ids, areas and crowds are those of the file."""
    (tmp_path / "val").mkdir()
    for name, image in IMAGES.items():
        (tmp_path / f"val/{name}.png").write_bytes(image)
    ids = {"cat": 3, "dog": 18, "bird": 2}
    boxes = [
        {"id": 1, "category_id": 3, "bbox": [10, 8, 40, 32], "iscrowd": 0},
        {"id": 2, "category_id": 18, "bbox": [60, 30, 40, 50], "iscrowd": 1},
    ]
    content = {
        "images": [
            {"id": i, "file_name": f"{name}.png", "width": 100, "height": 80}
            for i, name in enumerate(IMAGES, start=41)
        ],
        "annotations": [{**box, "image_id": 41, "area": 900} for box in boxes],
        "categories": [{"id": ids[name], "name": name} for name in sorted(ids)],
    }
    (tmp_path / "val.json").write_text(json.dumps(content))
    status, out, _ = evaluate(
        *("--model=known", "--dataset=coco_folder", "--data_dir", tmp_path),
        *("--output_dir", tmp_path / "out", "--json"),
    )
    assert status == 0
    result = json.loads(out)
    assert result["voc"]["num_objects"] == {"cat": 1, "dog": 0, "bird": 0}
    # By the area in the file the cat is small, by its box it would not be.
    assert result["coco"]["AP_small"] == pytest.approx(1.0)
    assert result["coco"]["AP_medium"] is None
    detections = json.loads((tmp_path / "out/detections.json").read_text())
    found = [(d["image_id"], d["category_id"]) for d in detections]
    assert found == [(41, 3), (41, 3), (41, 18), (41, 2), (41, 3), (42, 18)]


def figures(out):
    result = json.loads(out)
    return {key: result[key] for key in FIGURES}


def box_px(found, i):
    return np.rint(found.boxes[i] * ((80, 100) * 2)).astype(int)


def assert_close(left, right):
    """Equal trees of figures, up to rounding."""
    if isinstance(left, dict):
        assert left.keys() == right.keys()
        for key in left:
            assert_close(left[key], right[key])
    else:
        assert left == pytest.approx(right, abs=1e-6)


def test_figures_of_a_run_are_those_of_its_result(
    evaluate, small_run, small_backbone, shapes_dir
):
    status, out, _ = evaluate(
        f"--model={small_run}", "--json", f"--data_dir={shapes_dir}"
    )
    assert status == 0
    result = json.loads((small_run / "result.json").read_text())
    assert {"step": 2, **figures(out)} == result["best"]


def test_run_and_its_export_agree_with_the_evaluation_of_the_training(
    evaluate, small_run, small_export, small_backbone, write_folder
):
    """On objects that are some of the run's own detections."""
    config, _, model = training.load_run(small_run)
    predictor = serving.predictor_of_saved_model(small_export)
    answers = predictor.detect_batch(list(IMAGES.values()))
    objects = {
        name: [
            (config.class_names[found.classes[i] - 1], box_px(found, i), 0)
            for i in (0, 3, 9)
        ]
        for name, found in zip(IMAGES, answers)
    }
    folder = write_folder(objects)
    trained, _ = training.evaluate(
        training.make_detect_function(model, Decoder(config)),
        VocFolder(folder, config.class_names),
        "val",
        image_size=config.image_size,
    )
    assert 0.2 < trained["mAP"] < 1 and 0.2 < trained["coco"]["mAP"] < 1

    arguments = (
        *("--dataset=voc_folder", f"--data_dir={folder}", "--split=val"),
        "--json",
    )
    _, of_run, _ = evaluate(f"--model={small_run}", *arguments)
    assert figures(of_run) == trained
    _, of_export, _ = evaluate(f"--model={small_export}", *arguments)
    assert_close(figures(of_export), figures(of_run))


def test_split_and_data_of_a_run(
    evaluate, small_run, small_backbone, shapes_dir, folder, tmp_path
):
    run_dir = tmp_path / "run"
    shutil.copytree(small_run, run_dir)
    config = json.loads((run_dir / "config.json").read_text())
    config["training"].update(data_dir=shapes_dir, eval_split="test[:50%]")
    (run_dir / "config.json").write_text(json.dumps(config))
    _, out, _ = evaluate(f"--model={run_dir}", "--json")
    configuration = json.loads(out)["configuration"]
    assert configuration["dataset"] == "shapes"
    assert configuration["data_dir"] == shapes_dir
    assert configuration["split"] == "test[:50%]"
    assert configuration["num_images"] == 2
    # Of another data set nothing is taken from the run.
    status, _, err = evaluate(f"--model={run_dir}", "--dataset=voc_folder")
    assert status == 1
    assert err[-1].startswith("error: voc_folder needs data_dir: a folder ")
    status, _, err = evaluate(
        f"--model={run_dir}", "--dataset=voc_folder", f"--data_dir={folder}"
    )
    assert status == 1
    assert err[-1] == (
        f"error: --model={run_dir} has the classes circle, square, star, "
        "triangle; voc_folder has cat, dog; expected the same, in the same "
        "order"
    )


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--iou_threshold=0"], "--iou_threshold must be in (0, 1], got 0.0"),
        (["--score_threshold=2"], "--score_threshold must be in [0, 1], got 2"),
        (["--split=x"], "split 'x' is missing; found: empty, train, val"),
        (
            ["--split=empty"],
            "split 'empty' of voc_folder has no objects to be found; its "
            "splits: empty, train, val",
        ),
        (
            ["--output_dir={folder}/Annotations/a.xml"],
            "--output_dir={folder}/Annotations/a.xml cannot be made: File ex",
        ),
    ],
)
def test_errors(evaluate_known, folder, arguments, message):
    status, out, err = evaluate_known(
        *(a.format(folder=folder) for a in arguments)
    )
    assert (status, out) == (1, "")
    assert err[-1].startswith("error: ")
    assert message.format(folder=folder) in err[-1]


def test_split_without_annotations(evaluate_known, folder):
    (folder / "ImageSets/Main/test.txt").write_text("d")
    shutil.copy(folder / "JPEGImages/a.png", folder / "JPEGImages/d.png")
    status, out, err = evaluate_known("--split=test")
    assert (status, out) == (1, "")
    assert "no image of split 'test' has an annotation" in err[-1]


def test_classes_of_a_folder(evaluate_known, known_model):
    """They follow the model's order, and need not all be there."""
    known_model(("dog", "bird", "cat"))
    _, out, _ = evaluate_known("--json")
    # The answers have cats where these names have dogs.
    assert json.loads(out)["voc"]["num_objects"] == {
        "dog": 1,
        "bird": 0,
        "cat": 2,
    }
    assert json.loads(out)["voc"]["num_detections"] == {
        "dog": 3,
        "bird": 2,
        "cat": 1,
    }
    known_model(("dog", "bird"))
    status, _, err = evaluate_known()
    assert status == 1
    assert err[-1].startswith(
        "error: --model=known has the classes dog, bird; voc_folder has cat, "
        "dog; expected"
    )
    known_model(())
    status, _, err = evaluate_known()
    assert err[-1] == "error: --model=known holds no names of its classes"


def test_model_and_data(evaluate, known_model, shapes_dir, tmp_path):
    """A data set with classes of its own must have the model's."""
    known_model(("star", "square", "circle", "triangle"))
    status, _, err = evaluate(
        "--model=known", "--dataset=shapes", f"--data_dir={shapes_dir}"
    )
    assert status == 1
    assert err[-1] == (
        "error: --model=known has the classes star, square, circle, triangle;"
        " shapes has circle, square, star, triangle; expected the same, in "
        "the same order"
    )
    status, _, err = evaluate("--model=known")
    assert status == 1
    assert err[-1] == (
        "error: --model=known is no run directory, so it does not say what to "
        "measure on; give --data_dir for a folder, or --dataset"
    )


def test_model_that_is_not_there(evaluate, tmp_path):
    status, _, err = evaluate(f"--model={tmp_path}/x")
    assert status == 1
    assert err[-1] == (
        f"error: --model={tmp_path}/x does not exist; expected a run "
        "directory, a SavedModel, a .tflite or an .onnx file"
    )


def test_image_that_does_not_decode(evaluate_known, folder, tmp_path):
    (folder / "JPEGImages/b.png").write_bytes(IMAGES["b"][:40])
    status, _, err = evaluate_known("--output_dir", tmp_path / "out")
    assert status == 1
    assert err[-1].startswith(
        "error: 1 of the 2 images of split 'val' cannot be used, more than "
        "--max_bad_images=0.05 of them; the first is "
    )
    assert err[-1].endswith("b.png: PNG without its end, 40 bytes")
    assert list((tmp_path / "out").iterdir()) == []


def test_image_that_is_left_out(evaluate_known, folder, caplog):
    (folder / "JPEGImages/b.png").write_bytes(IMAGES["b"][:40])
    status, out, _ = evaluate_known("--max_bad_images=0.5", "--json")
    assert status == 0
    figures = json.loads(out)
    assert figures["num_images"] == 1
    assert figures["images_left_out"] == 1
    assert "b.png: PNG without its end, 40 bytes; left out" in caplog.text
