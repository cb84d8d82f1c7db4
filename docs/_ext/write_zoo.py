"""The zoo as Markdown, from its own table."""

from markdown import code, plain, table

from analogsim.inputs.known import NETWORKS, NORM_NAMES, shipped_norms
from analogsim.inputs.names import ZOO_OPTIONS


def zoo() -> list[str]:
    """Networks, and what their options take."""
    rows = []
    for name, network in NETWORKS.items():
        shape = " x ".join(map(str, network.input_shape))
        weights = (
            ", ".join(code(f"norm={norm}") for norm in shipped_norms(name))
            or "none: give `--weights`"
        )
        rows.append(
            (code(f"zoo:{name}"), plain(network.meaning), shape, f"{network.parameters:,}", weights)
        )
    norms = ", ".join(code(norm) for norm in NORM_NAMES)
    return [
        *table(("network", "what", "images", "parameters", "weights shipped for"), rows),
        f"Options, after a question mark: {', '.join(code(one) for one in ZOO_OPTIONS)}. "
        f"`norm` is one of {norms}.",
    ]
