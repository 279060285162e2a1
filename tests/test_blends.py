"""Ensembles and blends: weights against closed forms, what is taken in and what is left out, and what is said of it."""

import math

import operated
import pytest
import torch
from made_up import LEVEL, WON, entry, write
from series_files import task as series_task
from test_reporting import LABELS, text_of

from pipeline import results as results_command
from pipeline.baselines.linear_text import LinearText
from pipeline.blends import fitting, mixing
from pipeline.common import InputError, files, paths
from pipeline.evaluation import best, candidates, combined, fitted
from pipeline.evaluation.candidates import Candidate
from pipeline.evaluation.settings import Evaluate
from pipeline.reporting import blends, figures, overview, results, tables
from pipeline.reporting.chapter import chapter
from pipeline.tasks import Prepared, open_prepared
from pipeline.tasks.adding import Adding
from pipeline.tasks.sentiment import Sentiment
from pipeline.tracking import artifacts, runs

ROWS = 3000
RESAMPLES = Evaluate(resamples=200)


def evidence(labels: torch.Tensor, strength: float, seed: int) -> torch.Tensor:
    """Log-odds of a Gaussian observation of each label: whoever sees several adds them."""
    random = torch.Generator().manual_seed(seed)
    seen = (2.0 * labels - 1) * strength + torch.randn(len(labels), generator=random)
    odds = 2 * strength * seen
    return torch.stack([-odds / 2, odds / 2], dim=1)


def labels_of(seed: int) -> torch.Tensor:
    return torch.randint(0, 2, (ROWS,), generator=torch.Generator().manual_seed(seed))


LABELS_OF = {"valid": labels_of(1), "test": labels_of(2)}


class MadeUp(Prepared):
    """Reviews of which only the labels are known."""

    def __init__(self):
        self.task, self.learned, self.audit = Sentiment(source="mine.csv"), {}, {"digests": {}}

    def membership(self, split: str) -> None:
        return None

    def targets(self, split: str) -> torch.Tensor:
        return LABELS_OF[split]


def network(seeds: dict[int, int], strength: float = 1.0) -> Candidate:
    """A network by its seeds, each with its own evidence: the seed of its draws."""
    described = {str(s): {"status": "ok", "valid_loss": 0.5} for s in seeds}
    return Candidate(
        "gru", "network", 100, 60, list(seeds), *answers(seeds, strength), {"seeds": described, "serves": min(seeds)}
    )


def baseline(name: str, draws: int, strength: float = 1.0, kind: str = "linear_text") -> Candidate:
    return Candidate(name, "baseline", None, None, [0], *answers({0: draws}, strength), None, {"kind": kind})


def answers(seeds: dict[int, int], strength: float) -> tuple[dict[int, torch.Tensor], dict[int, torch.Tensor]]:
    """Outputs for test and for validation."""
    test, valid = (
        {seed: evidence(LABELS_OF[split], strength, shift + draws) for seed, draws in seeds.items()}
        for split, shift in (("test", 1000), ("valid", 0))
    )
    return test, valid


def combine(*made: Candidate) -> tuple[list[Candidate], dict[str, str]]:
    """The candidates, and what was left out."""
    return combined.combine(MadeUp(), list(made), RESAMPLES, 0)[:2]


def test_a_mix_of_labels_is_the_product_of_their_probabilities():
    sure, unsure = torch.tensor([[0.9, 0.1]]).log() + 3.0, torch.tensor([[0.4, 0.6]]).log()
    mixed = mixing.mix({"a": sure, "b": unsure}, [1.0, 2.0], labels=True).softmax(dim=1)
    expected = torch.tensor([0.9 * 0.4**2, 0.1 * 0.6**2])
    torch.testing.assert_close(mixed[0], expected / expected.sum())


def test_a_mix_of_forecasts_is_their_weighted_mean():
    mixed = mixing.mix({"a": torch.tensor([[1.0, 3.0]]), "b": torch.tensor([[2.0, 7.0]])}, [0.75, 0.25], labels=False)
    assert mixed.tolist() == [[1.25, 4.0]]


@pytest.mark.parametrize("shapes", [((4, 2), (4, 3)), ((4, 2), (3, 2)), ()])
def test_outputs_of_different_shapes_are_refused_by_name(shapes):
    outputs = {name: torch.zeros(shape) for name, shape in zip("ab", shapes, strict=False)}
    with pytest.raises(InputError, match=r"different shapes.*(a \[4, 2\], b \[|there are none)"):
        mixing.mix(outputs, [0.5, 0.5], labels=True)


def test_independent_evidence_is_added():
    """The sum of the log-odds is the truth, so that each weight is 1."""
    targets = LABELS_OF["valid"]
    parts = mixing.stacked({str(draws): evidence(targets, 1.0, draws) for draws in (3, 4)}, labels=True)
    assert fitting.fit(Sentiment(source="mine.csv"), parts, targets).tolist() == pytest.approx([1, 1], abs=0.15)


def test_no_weight_is_negative():
    """The second member is the first one's noise: without the bound it would be subtracted."""
    targets = LABELS_OF["valid"]
    useful, noise = evidence(targets, 1.0, 3), evidence(torch.zeros_like(targets), 0.0001, 5) * 1e4
    noisy = useful + noise
    weights = fitting.fit(Sentiment(source="mine.csv"), mixing.stacked({"a": noisy, "b": noise}, labels=True), targets)
    assert weights[1] == 0
    assert weights[0] > 0


def test_the_shares_of_forecasts_are_those_of_their_variances():
    """Independent errors of deviations 1 and 2: shares of 4/5 and 1/5 have the least squared error."""
    random = torch.Generator().manual_seed(0)
    targets = torch.randn(20_000, 1, generator=random)
    first, second = (targets + deviation * torch.randn(20_000, 1, generator=random) for deviation in (1, 2))
    parts = mixing.stacked({"first": first, "second": second, "worse": first + 5}, labels=False)
    weights = fitting.fit(Adding(), parts, targets)
    assert weights.tolist() == pytest.approx([0.8, 0.2, 0], abs=0.03)
    assert weights.sum().item() == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize(("block", "inside"), [(1, slice(0, None, 5)), (12, slice(0, 20))])
def test_a_row_s_weights_are_fitted_to_rows_of_other_folds(block, inside):
    """Where neighbours are alike a fold is a span of them."""
    task = series_task(block_windows=block)
    random = torch.Generator().manual_seed(0)
    targets = torch.randn(100, 2, 1, generator=random)
    parts = torch.stack([targets + torch.randn(100, 2, 1, generator=random) for _ in range(2)]).double()
    changed = targets.clone()
    changed[inside] = parts[1, inside].float()  # whoever learns from these takes the second member alone
    before, after = (fitting.out_of_fold(task, parts, of).squeeze(2) for of in (targets, changed))
    torch.testing.assert_close(after[inside], before[inside], rtol=0, atol=0)
    assert not torch.equal(after, before)


def test_in_a_panel_folds_are_spans_of_time():
    """Two series of the same times, one after the other: rows of one time are in one fold."""
    task = series_task(block_windows=5)
    random = torch.Generator().manual_seed(0)
    times = torch.arange(50).repeat(2)
    targets = torch.randn(100, 2, 1, generator=random)
    parts = torch.stack([targets + torch.randn(100, 2, 1, generator=random) for _ in range(2)]).double()
    early, changed = times < 10, targets.clone()
    changed[early] = parts[1, early].float()
    before, after = (fitting.out_of_fold(task, parts, of, times) for of in (targets, changed))
    torch.testing.assert_close(after[early], before[early], rtol=0, atol=0)
    assert not torch.equal(after[~early], before[~early])


def test_a_network_s_seeds_and_a_baseline_that_knows_something_else_are_blended():
    made, left_out = combine(network({0: 3, 1: 4}), baseline("nb", 5), baseline("constant", 6, kind="constant"))
    assert left_out == {}
    ensemble, blend = made
    assert (ensemble.kind, ensemble.parameters, ensemble.core_parameters, ensemble.seeds) == ("ensemble", 200, 120, [0])
    assert [(m["name"], m["seed"]) for m in ensemble.members] == [("gru", 0), ("gru", 1)]
    assert [(m["name"], m["seed"]) for m in blend.members] == [("gru", 0), ("gru", 1), ("nb", 0)]
    assert [m["weight"] for m in blend.members] == pytest.approx([1, 1, 1], abs=0.15)
    assert (blend.best_member, blend.gain["than"], blend.parameters) == ("ensemble", "ensemble", 200)
    assert blend.gain["measure"] == "log_loss"
    assert blend.gain["better_by"] > 3 * blend.gain["standard_error"]
    right = (blend.outputs[0].argmax(1) == LABELS_OF["test"]).double().mean().item()
    assert right == pytest.approx(0.5 * (1 + math.erf(math.sqrt(3 / 2))), abs=0.015)  # three observations


def test_a_baseline_that_only_adds_noise_is_left_out():
    gru = network({0: 3, 1: 4})
    copy = baseline("copy", 7)
    for own, of_network in ((copy.outputs, gru.outputs), (copy.valid, gru.valid)):
        own[0] = of_network[0] + of_network[1] + 2 * own[0].roll(1, 0)
    made, left_out = combine(gru, copy)
    assert [c.kind for c in made] == ["ensemble"]
    assert left_out["blend"].startswith("on validation copy improves ensemble by no more than a standard error (by ")


def test_the_seed_that_diverged_is_in_neither():
    gru = network({0: 3, 1: 4})
    del gru.outputs[0], gru.valid[0]
    made, left_out = combine(gru, baseline("nb", 5))
    assert left_out == {"ensemble": "gru has only one sound seed"}
    assert [(m["name"], m["seed"]) for m in made[0].members] == [("gru", 1), ("nb", 0)]
    assert made[0].parameters == 100


def test_without_a_sound_network_or_a_fitted_baseline_there_is_no_blend():
    gru = network({0: 3, 1: 4})
    gru.outputs.clear()
    why = "no network has finite predictions"
    assert combine(gru, baseline("nb", 5)) == ([], {"ensemble": why, "blend": why})
    broken = baseline("nb", 5)
    broken.outputs.clear()
    made, left_out = combine(network({0: 3, 1: 4}), broken)
    assert ([c.kind for c in made], left_out) == (["ensemble"], {"blend": "there is nothing to blend"})


def test_drawn_tasks_have_neither(recall):
    assert combined.combine(recall, [], RESAMPLES, 0) == combined.Combined([], {})


def test_a_baseline_that_cannot_be_fitted_is_a_result(tmp_path, monkeypatch, capsys):
    def fit(self, prepared):
        raise ValueError("After pruning, no terms remain.\nTry a lower min_df.")

    monkeypatch.setattr(LinearText, "fit", fit)
    with operated.project(tmp_path, mine=operated.REVIEWS):
        operated.write_reviews()
        from pipeline import fetch, prepare

        fetch.main("mine")
        prepare.main("mine")
        prepared = open_prepared("mine")
        name = "tfidf_logistic_regression"
        made = candidates._baseline(prepared, name)
        why = f"{name} cannot be fitted: After pruning, no terms remain. Try a lower min_df."
        assert (made.status, made.outputs, made.not_scored) == ("not_fitted", {}, {0: why})
        assert name not in fitted.on_gate(prepared).outputs
        assert f"baseline left out: {why}" in capsys.readouterr().out


@pytest.mark.parametrize("task", ["mine", "load"])
def test_evaluate_scores_the_ensemble_and_says_what_it_is_made_of(champions, monkeypatch, task):
    monkeypatch.chdir(champions)
    metrics = files.read_json(paths.metrics(task))
    entries = {e["name"]: e for e in metrics["results"]}
    ensemble = entries["ensemble"]
    assert [(m["name"], m["seed"]) for m in ensemble["members"]] == [("gru", 3), ("gru", 4)]
    assert ensemble["parameters"] == 2 * entries["gru"]["parameters"]
    assert ensemble["against"]["best_member"]["name"] == "gru"
    assert ("blend" in entries) != ("blend" in metrics["left_out"])
    headline = files.read_json(paths.headline(task))[task]
    assert headline["ensemble"] == pytest.approx(ensemble["metrics"][metrics["main_metric"]]["mean"], rel=1e-5)
    run_id = runs.find(task, {"architecture": "ensemble", "kind": "ensemble"})
    assert artifacts.load_json(run_id, "members.json")["members"] == ensemble["members"]
    assert (paths.predictions(task) / "ensemble.parquet").exists()
    text = text_of(chapter(results.read(task, ["gru"])))
    assert "The ensemble averages 2 seeds of gru" in text


GAIN = {
    "measure": "log_loss",
    "than": "ensemble",
    "better_by": 0.02,
    "low": 0.01,
    "high": 0.03,
    "standard_error": 0.005,
}
MEMBERS = [{"name": "gru", "seed": seed, "weight": 0.25} for seed in (0, 1)]


@pytest.fixture
def blended(project):
    """A task with a network, a baseline and what is made of them, and one without."""
    project(tasks={"bits": {"kind": "recall"}, "plain": {"kind": "recall"}}, architectures={"gru": {}})
    made = {"seeds": [0], "serves": None, "against": {"best_member": {"name": "gru", **LEVEL}}}
    of_blend = made | {"against": {"best_member": {"name": "ensemble", **WON}}, "gain": GAIN}
    kept = [
        entry("blend", "blend", members=[*MEMBERS, {"name": "linear", "seed": 0, "weight": 0.75}], **of_blend),
        entry("ensemble", "ensemble", members=MEMBERS, **made),
        entry("gru", "network"),
        entry("linear", "baseline"),
        entry("broken", "baseline", metrics={}, status="not_fitted"),
    ]
    best = {"name": "blend", "kind": "blend"}
    write("bits", "recall", kept, LABELS, classes=2, left_out={}, best_on_validation=best)
    write("plain", "recall", kept[2:4], LABELS, classes=2, left_out={"blend": "it gains nothing"})
    return {name: results.read(name, ["gru"]) for name in ("bits", "plain")}


def test_the_page_says_what_a_blend_is_made_of_and_what_it_gains(blended):
    assert blended["bits"].lacks == ()  # nobody trains a blend
    assert "Best on validation is blend ." in text_of(chapter(blended["bits"]))
    assert "Best on validation is gru seed 1 ." in text_of(chapter(blended["plain"]))
    text = text_of(chapter(blended["bits"]))
    assert "The blend is 0.50 of gru (2 seeds) and 0.75 of linear: accuracy 0.7500 [0.5000, 0.8750]." in text
    assert "Its gain over ensemble is 0.250 [0.125, 0.375]." in text
    assert "On validation its gain in log loss over ensemble is 0.0200 [0.0100, 0.0300]." in text
    assert "The ensemble averages 2 seeds of gru, times 0.50: accuracy" in text
    assert "not fitted" in text_of(tables.scores(blended["bits"]))
    assert text_of(blends.described(blended["plain"])) == "No blend : it gains nothing."
    assert blends.seconds(blended["bits"], blended["bits"].metrics["results"][0]) == 25.0
    assert "blend" in text_of(tables.comparisons(blended["bits"]))
    assert [trace.y[0] for trace in figures.scores(blended["bits"]).figure.data[::-1] if trace.y[0] == "blend"]


def test_the_map_and_the_command_have_the_blend_s_column(blended, capsys):
    table = text_of(overview.table_of([*blended.values()], ["gru"]))
    assert "gru blend strongest baseline" in table
    assert '<td class="number">–</td>' in str(overview.table_of([*blended.values()], ["gru"]))  # nothing was lost to
    results_command.main()
    head, bits, plain = capsys.readouterr().out.splitlines()[:3]
    place = head.index("blend")
    assert (bits[place:].split()[0], plain[place:].split()[0]) == ("0.750", "–")


def test_of_those_about_the_best_the_simplest_is_the_challenger():
    """Within one standard error of the least loss: a network, though the blend is a little better."""
    spread = torch.linspace(-1, 1, 200)

    def compared(made: Candidate, loss: float, error: float) -> best.Compared:
        resamples = loss + error * spread / spread.std()
        return best.Compared(made, torch.cat([torch.tensor([loss]), resamples]).double())

    gru, nb = network({0: 3, 1: 4}), baseline("nb", 5)
    blend = Candidate("blend", "blend", None, None, [0], {}, {}, None)
    ranked = best.rank([compared(nb, 0.5, 0.02), compared(gru, 0.41, 0.02), compared(blend, 0.4, 0.0)])
    assert ranked.best is gru
    assert ranked.losses == pytest.approx({"nb": 0.5, "gru": 0.41, "blend": 0.4})
    assert ranked.standard_errors["gru"] == pytest.approx(0.02, rel=0.01)
    assert best.rank([compared(gru, 0.43, 0.02), compared(blend, 0.4, 0.0)]).best is blend
    assert (
        best.rank([best.Compared(gru, torch.tensor([0.41])), best.Compared(blend, torch.tensor([0.4]))]).best is blend
    )


def test_metrics_name_the_challenger_and_the_networks_it_was_chosen_among():
    made = combined.combine(MadeUp(), [network({0: 3, 1: 4}), baseline("nb", 5)], RESAMPLES, 0).best
    assert (made["name"], made["kind"], made["measure"]) == ("blend", "blend", "log_loss")
    assert set(made["losses"]) == {"nb", "gru", "ensemble", "blend"}
    assert min(made["losses"], key=made["losses"].get) == "blend"
    assert made["calibration"] == {"temperature": 1.0}
    alone = combined.combine(MadeUp(), [baseline("nb", 5)], RESAMPLES, 0).best
    assert alone["members"] == [{"name": "nb", "seed": 0, "weight": 1.0}]
