"""A package for a new native environment: `python -m puffer.new --help`.

It is the folder `template`, a package that works as it stands, under another name.
"""
