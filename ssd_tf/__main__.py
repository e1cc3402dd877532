"""python -m ssd_tf COMMAND."""

from ssd_tf.commands import main

if __name__ == "__main__":
    main()
