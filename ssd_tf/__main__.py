"""python -m ssd_tf COMMAND."""

from ssd_tf import program

if __name__ == "__main__":
    program.start()
