"""`Creator`: makes the copies of an environment, wherever they are stepped."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from puffer import checks
from puffer.rendering import copy_mode, declared_modes
from puffer.wrappers.adapters.adapter import Adapter, seeds_after, takes_parameter
from puffer.wrappers.adapters.kinds import adapter_of


class Creator:
    """Makes copies of an environment: called with the number of a copy, it returns the copy's adapter.

    A creator travels to workers by cloudpickle.

    Parameters
    ----------
    function : callable
        Returns one environment. It may be a class.
    arguments : mapping, optional
        Its keyword arguments. A `render_mode` among them is the mode of the batch, from which each copy gets its own;
        it is ignored if `function` has no such parameter.
    render_modes : sequence of str, optional
        The modes that the copies have; by default those that `function` declares in its `metadata`, or all modes if it
        declares none.
    reseed : "never", "once" or "always"
        Whether a copy is given a random seed where a reset has none: never, at its first reset, or at every reset.
        "once" is for copies that would otherwise all play the same episodes. "always" is for environments that would
        otherwise take a seed from the operating system; their seeds follow from the last one that a reset was given.
    adapter : callable
        Returns the adapter of an environment; by default `adapter_of`, which looks at the kind of environment.

    Attributes
    ----------
    max_length : int or mapping of str to int, optional
        Of observations of varying size, see `puffer.spaces.Layout`. None unless it is set.

    Raises ValueError for a render mode that the copies do not have.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        arguments: Mapping[str, Any] | None = None,
        *,
        render_modes: Sequence[str] | None = None,
        reseed: Literal["never", "once", "always"] = "never",
        adapter: Callable[[Any], Adapter] = adapter_of,
    ) -> None:
        self._function = function
        self._arguments = dict(arguments or {})
        mode = self._arguments.pop("render_mode", None)
        self._render_mode: str | None = None
        if mode is not None:
            # A partial function declares nothing itself.
            modes = declared_modes(getattr(function, "func", function)) if render_modes is None else render_modes
            checks.render_mode(mode, modes)
            if takes_parameter(function, "render_mode"):
                self._render_mode, self._render_modes = mode, modes
        self._reseed = reseed
        self._adapter = adapter
        self.max_length: int | Mapping[str, int] | None = None

    def __call__(self, copy: int) -> Adapter:
        arguments = self._arguments
        if self._render_mode is not None:
            arguments = {**arguments, "render_mode": copy_mode(self._render_mode, self._render_modes, copy)}
        lengths = {} if self.max_length is None else {"max_length": self.max_length}
        adapter = self._adapter(self._function(**arguments), **lengths)
        if self._reseed == "always":
            adapter.reseed()
        elif self._reseed == "once":
            adapter.seeds = iter([next(seeds_after(None))])
        return adapter
