"""How well certainty predicts scores, by hand."""

import numpy as np
import pandas as pd
import pytest

from mdc.masks.certainty import COLUMNS
from mdc.scores.certainty import rank_correlations, tabulate_certainty


def certainty(*rows: tuple) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(COLUMNS))


# four images: in the order of their mIoU, in the opposite one, all the same, and two neighbours swapped
TABLE = certainty(("a", 0.1, 0.9, 1, 0.2), ("b", 0.2, 0.8, 1, 0.1), ("c", 0.3, 0.7, 1, 0.3), ("d", 0.4, 0.6, 1, 0.4))
SCORES = pd.DataFrame({"id": ["d", "c", "b", "a", "void"], "miou": [0.9, 0.5, 0.4, 0.1, np.nan]})


def test_rank_correlations():
    found = rank_correlations(TABLE, SCORES)
    assert found == pytest.approx(
        {"images": 4, "maps_agree": 1, "saliency_agrees": -1, "labelled": np.nan, "certainty": 1 - 6 * 2 / (4 * 15)},
        nan_ok=True,
    )


@pytest.mark.parametrize("known", [0, 2])
def test_of_fewer_than_three_images_nothing_is_known(known):
    found = rank_correlations(TABLE, SCORES[:known])
    assert found.pop("images") == known
    assert np.isnan(list(found.values())).all()


def test_a_table_has_a_row_per_kind_of_masks(tmp_path):
    TABLE.to_csv(tmp_path / "c.csv", index=False)
    SCORES.to_csv(tmp_path / "i.csv", index=False)
    (tmp_path / "none.csv").write_text("id,miou,pixel_accuracy\n")
    tabulate_certainty(
        masks=[("mdc", 0, "fusion"), ("mdc", 1, "fusion")],
        certainties=[tmp_path / "c.csv"] * 2,
        images=[tmp_path / "i.csv", tmp_path / "none.csv"],
        table_csv=tmp_path / "t.csv",
    )
    assert (tmp_path / "t.csv").read_text().splitlines() == [
        "classifier,seed,masks,images,maps_agree,saliency_agrees,labelled,certainty",
        "mdc,0,fusion,4,1.0,-1.0,,0.8",
        "mdc,1,fusion,0,,,,",
    ]
