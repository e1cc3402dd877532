"""Starts a command as a program of its own."""

from ssd_tf import stderr_filter


def start(argv: list[str] | None = None) -> None:
    """Runs a command and exits with its status; as `ssd_tf.commands.main`."""
    stderr_filter.install()
    # Now, not before: importing TensorFlow is what makes most of the noise.
    from ssd_tf.commands import main

    main(argv)
