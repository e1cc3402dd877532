"""Starts a command as a program of its own."""

from ssd_tf import interrupts, stderr_filter


def start(argv: list[str] | None = None) -> None:
    """Runs a command and exits with its status; as `ssd_tf.commands.main`."""
    interrupts.leave_on_signals("stopped before it began")
    stderr_filter.install()
    # Now, not before: to import TensorFlow makes most of the noise, and takes
    # seconds.
    from ssd_tf.commands import main

    # That which ends the process when the command is done needs no line.
    interrupts.leave_on_signals("")
    main(argv)
