"""Functions for the `setup.py` of a package with native environments. See `puffer.authoring.building`."""

from puffer.authoring.building import VARIANTS, chosen_variant, compiler_arguments, native_extensions

__all__ = ["VARIANTS", "chosen_variant", "compiler_arguments", "native_extensions"]
