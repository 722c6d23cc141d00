"""The commands of `manage.py`: arguments, words, exit codes."""
