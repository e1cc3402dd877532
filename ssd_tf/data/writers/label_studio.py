"""Tasks for Label Studio with boxes to begin with.

The form: https://labelstud.io/guide/predictions, of a labelling interface
with `<Image name="image" value="$image"/>` and `<RectangleLabels name="label"
toName="image">`.
"""

from typing import Any

from ssd_tf.data.writers.facts import LabelledImage


def label_studio_task(
    image: LabelledImage, *, model: str = ""
) -> dict[str, Any]:
    """A task with its predictions, in percent of the picture.

    The picture's name stands where Label Studio expects an address; with its
    local storage that is /data/local-files/?d=NAME.
    """
    results = []
    for number, item in enumerate(image.objects, start=1):
        ymin, xmin, ymax, xmax = item.box
        score = {} if item.score is None else {"score": item.score}
        results.append(
            {
                "id": f"box{number}",
                "type": "rectanglelabels",
                "from_name": "label",
                "to_name": "image",
                "original_width": round(image.width),
                "original_height": round(image.height),
                "image_rotation": 0,
                "value": {
                    "x": 100 * xmin / image.width,
                    "y": 100 * ymin / image.height,
                    "width": 100 * (xmax - xmin) / image.width,
                    "height": 100 * (ymax - ymin) / image.height,
                    "rotation": 0,
                    "rectanglelabels": [item.class_name],
                },
                **score,
            }
        )
    scores = [item.score for item in image.objects if item.score is not None]
    prediction: dict[str, Any] = {"model_version": model, "result": results}
    if scores:
        prediction["score"] = sum(scores) / len(scores)
    return {"data": {"image": image.name}, "predictions": [prediction]}
