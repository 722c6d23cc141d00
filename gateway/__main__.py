"""`python -m gateway`: what a process that has no `manage.py` starts its own kind by."""

from gateway.command_line import run

if __name__ == "__main__":
    run()
