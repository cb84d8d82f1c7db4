"""The sentences that answer a run, whatever else its chips were measured for."""

from analogsim.report.answer import answer
from analogsim.report.attribution_table import last_sentences
from analogsim.report.extras import Extras
from analogsim.report.summary import Run, Summary


def opening(run: Run, summary: Summary, extras: Extras) -> list[str]:
    """The sentences at the top. A comparison and an attribution answer for their last time."""
    header = run.header

    def answered() -> list[str]:
        return answer(run.trials, header.digital, run.rows, header.digital_correct, header.quantity)

    sweep = summary.get("sweep")
    if sweep is not None and sweep["sentences"]:
        digital, _, *nan = answered()
        return [digital, *sweep["sentences"], *nan]
    if extras.attribution is not None and extras.attribution["sentences"]:
        return last_sentences(extras.attribution)
    if extras.comparison is None or not extras.comparison["points"]:
        return answered()
    pairs = list(zip(extras.comparison["points"], extras.comparison["sentences"], strict=True))
    last = {point["preset"]: (point["t_s"], said) for point, said in
            sorted(pairs, key=lambda pair: pair[0]["t_s"])}  # fmt: skip
    return [answered()[0], *(said for _, said in last.values())]
