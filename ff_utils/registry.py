"""Functions found by name: what a run configuration names and a caller may add to."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .errors import UserError


def of_package(function: Callable) -> bool:
    """Whether a registered function is the package's own, which every process knows."""
    return function.__module__.startswith(f"{__package__}.")


class Registry:
    """The functions that `RunConfig`'s `field` may name; `kind` says what they are."""

    def __init__(self, field: str, kind: str):
        self.field, self.kind = field, kind
        self._functions: dict[str, Callable] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._functions)

    def register(self, name: str) -> Callable[[Callable], Callable]:
        """Make the decorated function known as `name`.

        One of the caller's own may be replaced, as a notebook cell does when it runs again. Raises `UserError` for
        a name of the package: runs remember the function by it alone.
        """

        def add(function: Callable) -> Callable:
            known = self._functions.get(name)
            if known is not None and of_package(known):
                raise UserError(f"{self.field}: {name!r} is the package's own; give yours another name")
            self._functions[name] = function
            return function

        return add

    def named(self, name: str) -> Callable:
        """The function called `name`. Raises `UserError` naming those there are."""
        if name not in self._functions:
            raise UserError(f"{self.field}: no {self.kind} {name!r}; there are {', '.join(self)}")
        return self._functions[name]
