"""The diagnose stage on a tiny task: what it finds, says and refuses."""

import pytest
import torch
from conftest import TINY

from pipeline import diagnose, fetch, prepare, sweep, train
from pipeline.challenges.deck import scalar
from pipeline.challenges.gradients import diagnosis
from pipeline.common import InputError, files, paths
from pipeline.reporting import sections

SETTINGS = {
    "tasks": {"near": {"kind": "recall", "lag": 12, **TINY, "epochs": 1}},
    "architectures": {"rnn": {}, "lstm": {}, "transformer": {}, "identity": {}},
    "model": {"embedding": 8},
    "train": {"device": "cpu", "seeds": 1},
    "evaluate": {},
    "diagnose": {
        "lag": 8,
        "batch": 2,
        "initializers": ["default", "deck", "chrono"],
        "tasks": ["near"],
        "lyapunov_steps": 3,
        "clipping_steps": 3,
        "scalar_weights": 3,
        "scalar_seeds": 2,
    },
}


@pytest.fixture
def near(project):
    def write(train_them=True, **changes):
        root = project(**{**SETTINGS, "diagnose": {**SETTINGS["diagnose"], **changes}})
        fetch.main("near")
        prepare.main("near")
        sweep.main("near")
        for name in SETTINGS["architectures"] if train_them else ():
            train.main("near", name)
        return root

    return write


def test_every_network_is_diagnosed_and_told(near):
    near()
    diagnose.main()
    found = files.read_json(paths.findings("diagnose"))
    fresh = {(one["architecture"], one["initializer"]) for one in found["fresh"]}
    assert ("lstm", "chrono") in fresh
    assert ("rnn", "chrono") not in fresh  # it sets nothing there
    assert all(one["steps"] == 9 for one in found["fresh"])
    (plain,) = (one for one in found["fresh"] if (one["architecture"], one["initializer"]) == ("rnn", "deck"))
    assert plain["blocks"][0]["largest_singular_value"] < 1
    assert plain["inputs"]["log10"][-1] < plain["inputs"]["log10"][0] - 3  # it vanishes
    (alone,) = (one for one in found["fresh"] if one["architecture"] == "identity")
    assert alone["inputs"]["log10"][1:] == [None] * 8  # exactly zero: it sees no other step
    assert {one["architecture"] for one in found["trained"]} == set(SETTINGS["architectures"])
    assert [len(row) for row in found["clipping"]["norms"]] == [5, 5, 5]
    assert paths.curves("gradients").read_text().startswith("network,lag,log10_gradient\nrnn default,0,")
    drawn = str(sections.section("diagnose", [found]))
    assert "vanishing is certain" not in drawn.lower() or "rnn with deck" in drawn
    assert drawn.count('class="plot"') == 5


def test_a_diverged_network_is_shown_up_to_its_divergence(near):
    near()
    place = paths.trained("near", "rnn")
    described = files.read_json(place / "model.json")
    described["seeds"]["0"] |= {"status": "diverged", "diverged_at": 3}
    files.write_json(place / "model.json", described)
    (place / "0.safetensors").unlink()
    diagnose.main()
    (one,) = (o for o in files.read_json(paths.findings("diagnose"))["trained"] if o["architecture"] == "rnn")
    assert (one["status"], one["diverged_at"]) == ("diverged", 3)
    assert one["norms"][0][1] > 0
    assert "diverged at step 3" in str(sections.section("diagnose", [files.read_json(paths.findings("diagnose"))]))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, "run `dvc repro train@near-rnn` first"),
        ({"tasks": ["far"]}, "no task named 'far'; there are: near"),
        ({"initializers": ["magic"]}, "no initializer named 'magic'"),
        ({"clippings": {"magic": 1.0}}, "no clipping named 'magic'"),
        ({"lag": 1}, "diagnose.lag"),
    ],
)
def test_mistakes_are_told_in_one_line(near, changes, told):
    near(train_them=False, **changes)
    with pytest.raises(InputError, match=told) as error:
        diagnose.main()
    assert "\n" not in str(error.value)
    assert not paths.findings("diagnose").exists()


def test_clippings_leave_the_gradients_as_they_are():
    model = torch.nn.Linear(3, 2)
    model(torch.ones(4, 3)).square().sum().backward()
    before = [p.grad.clone() for p in model.parameters()]
    norms = diagnosis.norms_after_clipping(model, {"none": 1.0, "norm": 0.5, "value": 1e-3}, torch.zeros(0))
    assert all(torch.equal(p.grad, b) for p, b in zip(model.parameters(), before, strict=True))
    assert norms["norm"] == pytest.approx(0.5, rel=1e-4)
    assert norms["value"] == pytest.approx(1e-3 * 8**0.5, rel=1e-4)
    assert norms["none"] > 0.5


def test_ten_does_not_explode():
    """Slides 4 to 6: the sigmoid saturates before a weight of 10 can blow anything up."""
    tenth, ten = scalar.chart(3, 8, seed=0)["slides"]
    assert tenth["log10"]["greatest"] < -100 < tenth["printed_log10"]
    assert not ten["explodes"]
    assert ten["log10"]["greatest"] < 0
