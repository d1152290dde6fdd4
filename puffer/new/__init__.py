"""A package for a new native environment: `python -m puffer.new --help`.

The package is a copy of the folder `template`, which works as it is, under another name.
"""
