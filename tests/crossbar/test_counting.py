"""Whose products are counted."""

from torch.utils.flop_counter import flop_registry

from analogsim.crossbar.conversion.counting import _PRODUCT


def test_torch_s_table_is_asked_of_every_operator_of_its_own() -> None:
    """It is imported where an operator's name says that it may be a product."""
    names = {packet._qualified_op_name for packet in flop_registry}
    ours = {name for name in names if name.startswith("aten::")}
    assert {"aten::mm", "aten::convolution", "aten::bmm"} < ours
    assert {name for name in ours if _PRODUCT.search(name) is None} == set()
