"""Images of a VOC folder as annotated, for `validate`."""

import pathlib
from collections.abc import Callable, Iterator

from ssd_tf.data.sources.annotations import RawImage, RawObject
from ssd_tf.data.sources.voc_layout import VocLayout
from ssd_tf.data.sources.voc_xml import VocAnnotation, inspect_annotation
from ssd_tf.errors import InputError


def raw_images(layout: VocLayout, split: str) -> Iterator[RawImage]:
    """See `annotations.Annotated.raw_images`."""
    for image_id in layout.ids_to_validate(split):
        yield _raw_image(layout, image_id)


def _raw_image(layout: VocLayout, image_id: str) -> RawImage:
    xml = layout.xml_path(image_id)
    annotation, positions, problems = inspect_annotation(xml)
    path, read = _find_image(layout, image_id, annotation)
    size = (annotation.height_px, annotation.width_px)
    objects = zip(positions, annotation.objects, strict=True)
    return RawImage(
        image_id=path.name,
        location=str(xml),
        image_path=str(path),
        read=read,
        declared_size=size if all(size) else None,
        objects=tuple(
            RawObject(
                class_name=item.class_name,
                box=(item.ymin, item.xmin, item.ymax, item.xmax),
                place=f"box {position}",
            )
            for position, item in objects
        ),
        problems=problems,
    )


def _find_image(
    layout: VocLayout, image_id: str, annotation: VocAnnotation
) -> tuple[pathlib.Path, Callable[[], bytes]]:
    """The path of an image, and what reads it or tells that it is missing."""
    try:
        path = layout.image_path(image_id, annotation)
    except InputError as error:
        missing = str(error)

        def refuse() -> bytes:
            raise FileNotFoundError(missing)

        return layout.root / "JPEGImages" / image_id, refuse
    return path, path.read_bytes
