"""The clients of examples/ against servers that always answer the same."""

import contextlib
import functools
import io
import json

import numpy as np
import pytest
from PIL import Image

from ssd_tf.data import images
from tests.serving import stand_in_server

NOTHING = {
    "num_detections": 0.0,
    "detection_scores": [0.0],
    "detection_class_names": ["cat"],
    "detection_boxes": [[0.0] * 4],
}
FOUND = {**NOTHING, "num_detections": 1.0, "detection_scores": [0.75]}


@pytest.mark.parametrize(
    "status, content, expected",
    [
        (500, b"[]", "HTTP 500: expected predictions, found '[]'"),
        (200, b"{}", "HTTP 200: expected predictions, found '{}'"),
        (
            502,
            b"<html>\n<h1>Bad Gateway</h1>" + b"." * 100,
            "HTTP 502: expected predictions, found "
            f"'<html> <h1>Bad Gateway</h1>{'.' * 53}'",
        ),
        (
            503,
            b'{"error": "busy\\n\\t [[{{node a/b}}]] now"}',
            "HTTP 503: busy now",
        ),
        (
            200,
            b'{"predictions": [[0.5, 0.5]]}',
            "HTTP 200: expected predictions, found"
            """ '{"predictions": [[0.5, 0.5]]}'""",
        ),
        (
            200,
            b'{"predictions": [{"num_detections": 1, "scores": [0.5]}]}',
            "HTTP 200: the answer lacks detection_scores,"
            " detection_class_names, detection_boxes; expected the outputs of"
            " a detector",
        ),
    ],
)
def test_rest_client_names_what_is_no_answer(
    clients, files, status, content, expected
):
    with stand_in_server.answer_always(status, content, outputs={}) as fake:
        result = clients("rest")(*files[:2], server=fake.rest)
    assert result == (1, "", [f"error: {f}: {expected}" for f in files[:2]])


def test_grpc_client_names_another_model(clients, files):
    outputs = {"num_detections": 1.0, "scores": [0.5]}
    with stand_in_server.answer_always(200, b"", outputs=outputs) as fake:
        result = clients("grpc")(files[0], server=fake.grpc)
    assert result == (
        1,
        "",
        [
            f"error: {files[0]}: OK: the answer lacks detection_scores,"
            " detection_class_names, detection_boxes; expected the outputs of"
            " a detector"
        ],
    )


@pytest.fixture
def fake(clients):
    """A REST client of a server that finds `found` everywhere."""

    @contextlib.contextmanager
    def serve(found):
        content = json.dumps({"predictions": [found]}).encode()
        with stand_in_server.answer_always(200, content, outputs={}) as server:
            yield functools.partial(clients("rest"), server=server.rest)

    return serve


def test_client_numbers_pictures_of_one_name(fake, pictures, tmp_path):
    paths = [tmp_path / folder / "x.jpg" for folder in "ab"]
    for path, picture in zip(paths, pictures, strict=False):
        path.parent.mkdir()
        path.write_bytes(picture)
    with fake(NOTHING) as call:
        status, out, _ = call(*paths)
    drawn = ["x.jpg_detections.png", "x.jpg_detections_2.png"]
    assert (status, out.splitlines()) == (
        0,
        [
            f"{path}: 0 objects -> detections/{name}"
            for path, name in zip(paths, drawn, strict=True)
        ],
    )
    for name, size in zip(drawn, [(90, 60), (80, 120)], strict=True):
        with Image.open(tmp_path / "detections" / name) as picture:
            assert picture.size == size


@pytest.mark.parametrize("name", ["rest", "grpc"])
def test_client_names_a_folder_that_it_cannot_make(
    clients, name, capsys, tmp_path
):
    (tmp_path / "afile").write_text("")
    with pytest.raises(SystemExit, match="2"):
        clients(name)("--output_dir=afile", "x.jpg", server="nowhere")
    assert capsys.readouterr().err.splitlines()[-1] == (
        "client: error: argument --output_dir: cannot make the folder 'afile':"
        " File exists"
    )


def test_client_goes_on_after_what_pillow_cannot_open(fake, tmp_path, files):
    # The server may decode what the client does not.
    other = tmp_path / "other.jpg"
    other.write_bytes(b"<html>")
    with fake(NOTHING) as call:
        status, out, err = call(other, files[0])
    assert status == 1
    assert out.startswith(f"{files[0]}: 0 objects")
    assert len(err) == 1
    assert err[0].startswith(f"error: {other}: cannot identify image file")


def _encode(pixels, image_format="PNG", **parameters):
    encoded = io.BytesIO()
    Image.fromarray(pixels).save(encoded, image_format, **parameters)
    return encoded.getvalue()


SIXTEEN = np.array([[0x1234, 0xABCD, 0xFFFF]], np.uint16)
# Red that does not show, half of it, all of it.
ALPHA = np.array([[[255, 0, 0, a] for a in (0, 128, 255)]], np.uint8)
TURN = Image.Exif()
TURN[0x0112] = 6  # a quarter clockwise


@pytest.mark.parametrize(
    "encoded, expected",
    [
        (_encode(SIXTEEN), [[[v] * 3 for v in (0x12, 0xAB, 0xFF)]]),
        (
            _encode(SIXTEEN, exif=TURN),
            [[[v] * 3] for v in (0x12, 0xAB, 0xFF)],
        ),
        (_encode(ALPHA), [[[255] * 3, [255, 127, 127], [255, 0, 0]]]),
        (
            _encode(np.array([[7, 9]], np.uint8), transparency=7),
            [[[255] * 3, [9] * 3]],
        ),
        (
            _encode(np.array([[7, 9]], np.uint8), "GIF", transparency=7),
            [[[0] * 3, [9] * 3]],
        ),
    ],
    ids=["16 bits", "16 bits turned", "alpha", "tRNS", "GIF"],
)
def test_client_draws_on_what_the_detector_sees(
    fake, tmp_path, encoded, expected
):
    np.testing.assert_array_equal(images.decode(encoded), expected)
    (tmp_path / "x").write_bytes(encoded)
    with fake(NOTHING) as call:
        assert call("x")[0] == 0
    with Image.open("detections/x_detections.png") as drawn:
        np.testing.assert_array_equal(np.asarray(drawn), expected)


@pytest.mark.parametrize("side, line_px", [(100, 2), (1000, 4), (2000, 8)])
def test_client_draws_to_the_scale_of_the_picture(
    fake, tmp_path, side, line_px
):
    Image.new("RGB", (side, side)).save(tmp_path / "x.png")
    box = {"detection_boxes": [[0.5, 0.25, 1.0, 1.0]]}
    with fake({**FOUND, **box}) as call:
        assert call("x.png")[0] == 0
    with Image.open("detections/x.png_detections.png") as drawn:
        red = (np.asarray(drawn) == (255, 0, 0)).all(axis=2)
        lit = np.asarray(drawn).any(axis=2)
    # Clear of the name, which lies above the left of the box.
    rows = np.flatnonzero(red[:, -side // 8])
    edges = [side // 2 + i for i in range(line_px)]
    edges += [side - line_px + i for i in range(line_px)]
    assert rows.tolist() == edges
    # The name: black on a filled box that begins where the box does.
    above = lit[: side // 2].any(axis=1).sum()
    assert above >= max(10, side / 60)
    top = side // 2 - above
    name = red[top : side // 2, side // 4 :]
    name = name[:, name[0]]
    assert name[:2].all() and name[:, :2].all() and name[:, -2:].all()
    assert not name.all()
