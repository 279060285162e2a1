"""The series of a panel that both old and new data have, and those of them that changed most."""

from collections.abc import Sequence

import numpy as np

from pipeline.common import InputError
from pipeline.monitoring.records import Blocks, ChangedSeries, Shown, ShownBlock, Side
from pipeline.services.records import Block, Current, Reference

SHOWN = 20  # series that changed most, in the file
NAMED = 3  # of them in a sentence


def of_common_series(reference: Reference, current: Current) -> tuple[Reference, Current]:
    """Both, reduced to the series that both have, in the same order; a single series is returned as it is."""
    if "series" not in current:
        return reference, current
    if "series" not in reference:
        raise InputError(
            "the champion was trained on a single series, and the data are a panel: train and promote again"
        )
    names = [name for name in current["series"] if name in set(reference["series"])]
    old_places, new_places = ([side["series"].index(name) for name in names] for side in (reference, current))
    return (
        {**reference, "series": names, "blocks": [_of_series(block, old_places) for block in reference["blocks"]]},
        {**current, "series": names, "blocks": [_of_series(block, new_places) for block in current["blocks"]]},
    )


def _of_series(block: Block, places: Sequence[int]) -> Block:
    level = [block["level"][place] for place in places]
    noise = [block["noise"][place] for place in places]
    return {**block, "level": level, "noise": noise}


def mean_over_series(shown: Shown) -> Shown:
    """The blocks that are drawn, with the mean over all series in place of the numbers of each."""
    sides: dict[Side, Blocks] = {"then": shown["then"], "now": shown["now"]}
    means: dict[Side, Blocks] = {
        side: {**blocks, "blocks": [_mean_of(block) for block in blocks["blocks"]]} for side, blocks in sides.items()
    }
    return {**shown, "then": means["then"], "now": means["now"]}


def _mean_of(block: ShownBlock) -> ShownBlock:
    level, noise = ([round(float(np.mean(values)), 5)] for values in (block["level"], block["noise"]))
    return {**block, "level": level, "noise": noise}


def worst(names: Sequence[str], old: Sequence[Block], new: Sequence[Block]) -> list[ChangedSeries]:
    """The series whose level has changed most, in deviations of their training rows; the noise as a log ratio."""
    level, noise = (
        np.mean([block[key] for block in new], axis=0) - np.mean([block[key] for block in old], axis=0)
        for key in ("level", "noise")
    )
    order = np.argsort(-np.abs(level), kind="stable")[:SHOWN]
    return [{"series": names[n], "level": round(float(level[n]), 4), "noise": round(float(noise[n]), 4)} for n in order]


def sentences(changed: Sequence[ChangedSeries]) -> list[str]:
    """A sentence on those that changed most."""
    changes = ", ".join(f"{each['series']} {each['level']:+.2f}" for each in changed[:NAMED])
    return [f"changes of level of the series that changed most, in standard deviations: {changes}"] if changed else []
