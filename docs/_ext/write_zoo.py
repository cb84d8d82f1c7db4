"""The zoo as Markdown, from its own table."""

from markdown import code, plain, table

from analogsim.inputs.names import ZOO_OPTIONS
from analogsim.inputs.norms import NORMS
from analogsim.inputs.zoo import ZOO, parse_zoo


def zoo() -> list[str]:
    """Networks, and what their options take."""
    rows = []
    for name, network in ZOO.items():
        shipped = [norm for norm in NORMS if parse_zoo(f"zoo:{name}?norm={norm}").shipped_weights]
        shape = " x ".join(map(str, network.input_shape))
        weights = ", ".join(code(f"norm={norm}") for norm in shipped) or "none: give `--weights`"
        rows.append((code(f"zoo:{name}"), plain(network.meaning), shape, weights))
    norms = ", ".join(code(norm) for norm in NORMS)
    return [
        *table(("network", "what", "images", "weights shipped for"), rows),
        f"Options, after a question mark: {', '.join(code(one) for one in ZOO_OPTIONS)}. "
        f"`norm` is one of {norms}.",
    ]
