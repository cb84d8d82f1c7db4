"""An option that is a list of times: `1s,1h,1d`."""

from typing import Any

import click

from analogsim.durations import parse_times

__all__ = ["TIMES"]


# click made ParamType generic only in its later versions, where mypy wants the argument; giving it
# would fail at run time with the earlier ones that we support.
class _Times(click.ParamType):  # type: ignore[type-arg]
    """A comma-separated list of durations, in seconds; a tuple is left as it is."""

    name = "times"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, ...]:
        if isinstance(value, str):
            return parse_times(value, where=_option_name(param, "times"))
        return tuple(value)


def _option_name(param: click.Parameter | None, otherwise: str) -> str:
    return param.opts[-1] if param is not None and param.opts else otherwise


TIMES = _Times()
