"""Studies: what is searched, who runs which trial, what survives a kill; on a journal and on a real PostgreSQL."""

import collections
import itertools
import os
import resource
import signal
import subprocess
import sys
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import optuna
import psutil
import pytest
from mlflow.tracking import MlflowClient
from optuna.trial import TrialState

from pipeline import fetch, prepare, sweep
from pipeline.common import InputError, files, paths, process
from pipeline.common.params import load
from pipeline.search import Plan, journal, study, trials
from pipeline.search.places import FINISHED, Places
from pipeline.search.space import clamped, make_space, spread
from pipeline.tracking import store
from pipeline.training import loop
from pipeline.training.choice import Choice

CLIPPINGS = {"none": None, "norm": [0.1, 10.0], "percentile": [5, 95]}
SWEEP = {
    "tasks": ["near"],
    "architectures": ["rnn"],
    "trials": 6,
    "workers": 1,
    "epochs": 2,
    "steps_per_epoch": 2,
    "initializers": ["deck", "default", "orthogonal", "chrono"],
    "clippings": CLIPPINGS,
    "learning_rates": {"adamw": [0.001, 0.01], "sgd": [0.01, 0.1]},
}
TINY = {
    "seed": 3,
    "tasks": {
        "near": {"kind": "recall", "lag": 20, "examples": 200, "held_out": 40, "epochs": 3, "steps_per_epoch": 4}
        | {"batch_size": 16, "parameters": 800}
    },
    "architectures": {"rnn": {"choice": {"initializer": "orthogonal"}}, "identity": {}},
    "model": {"embedding": 8},
    "train": {"device": "cpu"},
}


@pytest.fixture
def tiny(project):
    def write(**changes):
        project(**TINY, sweep={**SWEEP, **changes})
        if not paths.prepared("near").exists():
            fetch.main("near")
            prepare.main("near")
        return Plan("near", "rnn", load())

    return write


def states(plan):
    return counted(study.make(plan, make_space(plan)))


def counted(ours):
    return collections.Counter(trial.state for trial in ours.get_trials())


def test_parameters_are_conditional(tiny):
    plan = tiny()
    space = make_space(plan)
    assert space.initializers == ["deck", "default", "orthogonal"]  # chrono sets nothing in a plain rnn
    clippings = set()
    for number in range(40):
        trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(number)).ask()
        choice = space.suggest(trial)
        named = {"initializer", "clipping", "optimizer", f"rate_{choice.optimizer}"}
        assert set(trial.params) == named | ({f"threshold_{choice.clipping}"} - {"threshold_none"})
        low, high = plan.sweep.learning_rates[choice.optimizer]
        assert low <= choice.learning_rate <= high
        clippings.add(choice.clipping)
    assert clippings == set(CLIPPINGS)


def test_every_study_begins_with_the_decks_the_librarys_and_the_stated_choice(tiny):
    plan = tiny()
    sweep.main("near")
    first = study.make(plan, make_space(plan)).get_trials()[:3]
    assert [trial.user_attrs["origin"] for trial in first] == ["deck", "default", "stated"]
    assert [trial.params["initializer"] for trial in first] == ["deck", "default", "orthogonal"]
    assert first[0].params["optimizer"] == "sgd"
    assert first[0].params["clipping"] == "none"


def test_the_best_choice_is_written_and_the_others_are_the_stated_ones(tiny):
    plan = tiny()
    sweep.main("near")
    ours = study.make(plan, make_space(plan))
    best = min((t for t in ours.get_trials() if t.state == TrialState.COMPLETE), key=lambda t: t.value)
    assert files.read_json(paths.choice("near", "rnn")) == best.user_attrs["choice"]
    assert files.read_json(paths.choice("near", "identity")) == Choice().model_dump()


def test_with_one_worker_a_study_repeats(tiny):
    plan = tiny()
    sweep.main("near")
    first = [(t.params, t.value) for t in study.make(plan, make_space(plan)).get_trials()]
    files.remove(paths.STUDIES)
    sweep.main("near")
    assert [(t.params, t.value) for t in study.make(plan, make_space(plan)).get_trials()] == first


def test_a_finished_study_is_used_again_and_grows_with_more_trials(tiny):
    plan = tiny()
    sweep.main("near")
    before = states(plan)
    assert before[TrialState.COMPLETE] + before[TrialState.PRUNED] == 6
    sweep.main("near")
    assert states(plan) == before
    grown = tiny(trials=8)
    sweep.main("near")
    assert sum(states(grown)[state] for state in (TrialState.COMPLETE, TrialState.PRUNED)) == 8


def test_a_diverged_trial_is_complete_with_the_penalty(tiny):
    plan = tiny(learning_rates={"sgd": [1e30, 1e31]}, clippings={"none": None})
    with pytest.raises(InputError, match=r"all \d complete trials diverged, at steps"):
        sweep.main("near")
    complete = [t for t in study.make(plan, make_space(plan)).get_trials() if t.state == TrialState.COMPLETE]
    assert complete
    assert [run.info.status for run in runs_of_study() if "trial" not in run.data.tags] == ["FAILED"]
    assert all(trial.value == plan.sweep.penalty for trial in complete)


def test_a_trial_that_diverges_at_validation_is_not_pruned(tiny, monkeypatch):
    plan = tiny(trials=3, pruner="halving")
    monkeypatch.setattr(loop, "score", lambda *_: {"loss": float("nan")})
    with pytest.raises(InputError, match="all 3 complete trials diverged"):
        sweep.main("near")
    assert states(plan) == {TrialState.COMPLETE: 3}


def test_every_trials_run_has_its_curve(tiny):
    plan = tiny(pruner="none")
    sweep.main("near")
    ours, client = study.make(plan, make_space(plan)), MlflowClient(store.uri())
    children = [run for run in runs_of_study() if "trial" in run.data.tags]
    assert len(children) == 6
    for run in children:
        trial = ours.get_trials()[int(run.data.tags["trial"])]
        losses = [(m.step, m.value) for m in client.get_metric_history(run.info.run_id, "valid/loss")]
        assert losses == [(2, trial.intermediate_values[1]), (4, trial.intermediate_values[2])]
        assert run.data.metrics["valid/best_loss"] == trial.value
        assert {"grad_norm/before", "grad_norm/clip_rate"} <= set(run.data.metrics)


def test_the_finalists_are_the_best_first(tiny):
    plan = tiny(pruner="none")
    sweep.main("near")
    every = sorted((t for t in study.make(plan, make_space(plan)).get_trials()), key=lambda t: t.value)
    assert files.read_json(paths.finalists("near")) == {"rnn": [t.user_attrs["choice"] for t in every[:3]]}


def test_nothing_to_join_is_told(tiny, monkeypatch):
    tiny()
    monkeypatch.setattr(sweep, "JOIN_SECONDS", 0.0)
    with pytest.raises(InputError, match="no study near-rnn-.* there are: none"):
        sweep.main("near", join=True)
    tiny(tasks=[])
    with pytest.raises(InputError, match="near is not swept"):
        sweep.main("near", join=True)


def test_a_changed_space_or_seed_is_another_study(tiny):
    plan = tiny()
    other = tiny(epochs=3)
    assert study.digest(plan) != study.digest(other)
    assert study.digest(plan) == study.digest(tiny(trials=50, workers=2))
    assert study.digest(plan) != study.digest(tiny(sampler="random"))
    assert study.digest(plan) == study.digest(
        Plan("near", "rnn", {**plan.params, "train": {"device": "cpu", "seeds": 7}})
    )
    assert study.digest(plan) != study.digest(Plan("near", "rnn", {**plan.params, "seed": 4}))


def test_a_study_of_another_space_is_refused_and_stays(tiny):
    plan = tiny()
    ours = study.make(plan, make_space(plan))
    ours.set_user_attr("key", "of another")
    with pytest.raises(InputError, match="has another space, data or code"):
        sweep.main("near")
    assert (
        optuna.load_study(study_name=ours.study_name, storage=study.make_storage("")).user_attrs["key"] == "of another"
    )


def places_of(plan, ours, places, grace=60.0):
    return Places(ours, places, grace, partial(study.make_sampler, plan, make_space(plan)))


def test_a_trial_that_another_worker_marked_failed_before_it_had_a_name_is_replaced(tiny, monkeypatch):
    """Between asking for a trial and naming its process a loaded worker may seem dead to the others."""
    plan = tiny()
    ours = study.make(plan, make_space(plan))
    asked, marked = ours.ask, []

    def slow_ask():
        trial = asked()
        if not marked:
            marked.append(trial.number)
            ours.tell(trial.number, state=TrialState.FAIL)
        return trial

    monkeypatch.setattr(ours, "ask", slow_ask)
    trial = places_of(plan, ours, 6).claim()
    assert trial is not None
    assert trial.number not in marked
    assert ours.get_trials()[trial.number].state == TrialState.RUNNING


def test_what_a_queued_trial_had_not_yet_drawn_is_kept(tiny):
    plan = tiny()
    ours = study.make(plan, make_space(plan))
    trial = dead_trial(ours)
    wanted = ours.get_trials()[trial.number].system_attrs["fixed_params"]
    trial.suggest_categorical("clipping", list(plan.sweep.clippings))
    places_of(plan, ours, 6).free_dead()
    (again,) = (t for t in ours.get_trials() if t.user_attrs.get("origin") == f"retry of {trial.number}")
    assert again.system_attrs["fixed_params"] == wanted


def test_a_retry_of_what_was_not_yet_failed_has_its_place(tiny):
    plan = tiny()
    ours = study.make(plan, make_space(plan))
    places = places_of(plan, ours, 3)
    dead = dead_trial(ours)
    for _ in range(2):
        assert places._surplus(ours.ask()) == ""
    ours.enqueue_trial({}, user_attrs={"origin": f"retry of {dead.number}"})  # its worker was not yet failed
    assert places._surplus(ours.ask()) == ""
    assert ours.get_trials()[dead.number].state == TrialState.FAIL


def dead_trial(ours):
    """A trial of a process that is no more."""
    trial = ours.ask()
    trial.set_user_attr("process", process.this().replace(f":{os.getpid()}@", ":999999@"))
    return trial


def test_a_dead_workers_trial_is_failed_and_its_parameters_run_again(tiny):
    plan = tiny(workers=2)
    ours = study.make(plan, make_space(plan))
    number = dead_trial(ours).number
    wanted = ours.get_trials()[number].system_attrs["fixed_params"]
    sweep.main("near")
    every = ours.get_trials()
    assert every[number].state == TrialState.FAIL
    retries = [trial for trial in every if trial.user_attrs.get("origin") == f"retry of {number}"]
    (again,) = (trial for trial in retries if study.GIVEN_BACK not in trial.user_attrs)  # both workers may queue one
    assert again.params == wanted
    assert again.state in (TrialState.COMPLETE, TrialState.PRUNED)
    assert sum(trial.state in (TrialState.COMPLETE, TrialState.PRUNED) for trial in every) == 6


class Cut(BaseException):
    """A kill, right after the worker's nth write of what is cut."""


def cut_after(monkeypatch, text, number):
    """Have the nth write to the journal that holds this text end the worker."""
    write, calls = journal.Journal.append_logs, itertools.count(1)

    def cut(self, logs):
        write(self, logs)
        if text in str(logs) and next(calls) == number:
            raise Cut

    monkeypatch.setattr(journal.Journal, "append_logs", cut)


def bury(plan):
    """The study, whose running trials are those of a process that is no more."""
    ours, gone = study.make(plan, make_space(plan)), process.this().replace(f":{os.getpid()}@", ":999999@")
    for trial in ours.get_trials():
        if trial.state == TrialState.RUNNING and "process" in trial.user_attrs:
            ours._storage.set_trial_user_attr(trial._trial_id, "process", gone)
    return ours


def sweep_here(plan, cut=None):
    """As the one worker of a study, in this process; gives what the sweep would write, and what led there."""
    with suppress(Cut), pytest.MonkeyPatch.context() as patch:
        if cut:
            cut_after(patch, *cut)
        trials.work(plan, True, 0, lambda _: None)
    ours = bury(plan)
    return [(t.params, t.value, t.state, t.intermediate_values) for t in ours.get_trials() if t.state in FINISHED]


CUTS = (
    ("INTERMEDIATE_VALUE", 6),  # reported
    ("completed_rung_0", 2),  # what the pruner notes of the second trial, which it ends
    ("pruned_at", 1),
    ("'process'", 5),
    ("'param_name': 'clipping'", 5),  # of a trial that is drawn
    ("best_loss", 3),
)


def test_with_one_worker_a_study_repeats_although_it_was_killed(tiny):
    """As one asks for a trial, draws, trains, reports or prunes; kills at random moments are in test_kills.py."""
    plan = tiny(trials=8, epochs=4, pruner="halving")
    whole = sweep_here(plan)
    assert len(whole) == 8
    assert {state for _, _, state, _ in whole} == set(FINISHED)
    for cut in CUTS:
        files.remove(paths.STUDIES)
        assert len(sweep_here(plan, cut)) < 8, cut
        assert sweep_here(plan) == whole, cut


def test_a_failed_trial_moves_no_other_to_another_bracket(tiny):
    """A kill within the draws of a trial costs its number: the next draws the same, and is to be judged alike."""
    pruner = study.make_pruner(tiny(epochs=6, pruner="hyperband"))

    def brackets(states, asked):
        ours = optuna.create_study(study_name="same", pruner=pruner)
        for state in states:
            value = 0.0 if state == TrialState.COMPLETE else None
            ours.add_trial(optuna.trial.create_trial(state=state, value=value))
        pruner.prune(ours, ours.trials[-1])  # makes its brackets
        return [asked(pruner, ours, trial) for trial in ours.trials if trial.state == TrialState.COMPLETE]

    whole = [TrialState.COMPLETE] * 30
    broken = [*whole[:3], TrialState.FAIL, *whole[3:9], TrialState.FAIL, *whole[9:]]
    ours, optunas = type(pruner)._get_bracket_id, optuna.pruners.HyperbandPruner._get_bracket_id
    assert brackets(broken, ours) == brackets(whole, ours) == brackets(whole, optunas) != brackets(broken, optunas)


def test_a_live_workers_trial_is_left_alone(tiny):
    plan = tiny()
    ours = study.make(plan, make_space(plan))
    trial = ours.ask()
    trial.set_user_attr("process", process.this())
    places_of(plan, ours, 6, 0.01).free_dead()
    assert ours.get_trials()[trial.number].state == TrialState.RUNNING


def test_another_machines_silent_trial_is_failed_after_the_grace_alone(tiny):
    plan = tiny()
    ours = study.make(plan, make_space(plan))
    trial = ours.ask()
    trial.set_user_attr("process", "elsewhere:1@1")
    places = places_of(plan, ours, 6, 0.3)
    places.free_dead()
    time.sleep(0.2)
    trial.set_user_attr("beat", 1)
    places.free_dead()
    time.sleep(0.2)
    places.free_dead()
    assert ours.get_trials()[trial.number].state == TrialState.RUNNING
    time.sleep(0.2)
    places.free_dead()
    assert ours.get_trials()[trial.number].state == TrialState.FAIL


def test_a_trial_beyond_the_places_is_given_back(tiny):
    plan = tiny()
    ours = study.make(plan, make_space(plan))
    places = places_of(plan, ours, 3)
    for _ in range(3):
        assert places.claim() is not None
    late = ours.ask()
    assert places._surplus(late) == "no place was left"


def started(*words):
    root = str(Path(__file__).parent.parent)
    environment = {**os.environ, "PYTHONPATH": root}
    return subprocess.Popen(
        [sys.executable, "-m", "pipeline.sweep", "--task", "near", *words],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip


def finished_once(plan, places):
    ours = study.make(plan, make_space(plan))
    done = [t for t in ours.get_trials() if t.state in (TrialState.COMPLETE, TrialState.PRUNED)]
    assert len(done) == places
    assert all(t.state in (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL) for t in ours.get_trials())
    sampled = [tuple(sorted(t.params.items())) for t in done]
    assert len(set(sampled)) == len(sampled)
    return ours


def runs_of_study():
    client = MlflowClient(store.uri())
    (experiment,) = (e for e in client.search_experiments() if e.name == "near-sweep")
    return client.search_runs([experiment.experiment_id])


def agrees(ours):
    """MLflow's children have the states of the study's trials, one each, and nothing runs."""
    every = runs_of_study()
    wanted = {"COMPLETE": "FINISHED", "PRUNED": "KILLED", "FAIL": "FAILED"}
    children = {int(r.data.tags["trial"]): r.info.status for r in every if "trial" in r.data.tags}
    assert children == {t.number: wanted[t.state.name] for t in ours.get_trials() if t.state.is_finished()}
    assert len(every) == len(children) + 1
    assert all(run.info.status != "RUNNING" for run in every)


def two_workers(plan, places):
    first, second = started(), started("--join")
    for worker in (first, second):
        told, _ = worker.communicate(timeout=120)
        assert worker.returncode == 0, told
    agrees(finished_once(plan, places))


def test_two_processes_share_a_journal(tiny):
    two_workers(tiny(trials=12), 12)


def test_two_processes_share_a_postgresql(tiny, tmp_path):
    server = pytest.importorskip("pgserver").get_server(tmp_path / "pg")
    try:
        where = server.get_uri()
        two_workers(tiny(trials=12, storage=where), 12)
    finally:
        server.cleanup()


def test_a_killed_database_is_told_and_the_next_start_goes_on(tiny, tmp_path):
    server = pytest.importorskip("pgserver").get_server(tmp_path / "pg")
    try:
        where = server.get_uri()
        plan = tiny(trials=8, workers=2, steps_per_epoch=30, storage=where)
        begun = started()
        wait_for(busy(plan))
        postmaster = psutil.Process(server.get_pid())
        every = [postmaster, *postmaster.children(recursive=True)]
        for process_of_it in every:
            process_of_it.kill()
        psutil.wait_procs(every, timeout=10)
        told, _ = begun.communicate(timeout=60)
        assert begun.returncode == 2
        assert "error: sweep.storage: lost" in told
        assert "Traceback" not in told
        (tmp_path / "pg/postmaster.pid").unlink()  # a killed server leaves it
        server.ensure_postgres_running()
        sweep.main("near")
        agrees(finished_once(plan, 8))
    finally:
        server.cleanup()


def test_all_workers_killed_the_next_start_ends_with_exactly_as_many(tiny):
    plan = tiny(trials=10, workers=2, steps_per_epoch=30)
    begun = started()
    wait_for(busy(plan))
    os.killpg(begun.pid, signal.SIGKILL)
    begun.communicate()
    sweep.main("near")
    ours = finished_once(plan, 10)
    assert any(trial.state == TrialState.FAIL for trial in ours.get_trials())
    agrees(ours)


def test_one_worker_killed_the_others_end_with_exactly_as_many(tiny):
    plan = tiny(trials=10, workers=2, steps_per_epoch=30)
    begun = started()
    ours = study.make(plan, make_space(plan))
    wait_for(lambda: counted(ours)[TrialState.RUNNING] == 2)
    os.kill(psutil.Process(begun.pid).children()[0].pid, signal.SIGKILL)
    told, _ = begun.communicate(timeout=120)
    assert begun.returncode == 0, told
    assert "the others continue" in told
    agrees(finished_once(plan, 10))


LINES = [b'{"op_code":%d,"worker_id":"a"}\n' % number for number in range(4)]


@pytest.mark.parametrize("cut", range(1, len(LINES[0])))
def test_a_record_cut_anywhere_is_dropped(tmp_path, capsys, cut):
    """At the end of the file, and where others have written after it: the first of them to the half line."""
    file, half = tmp_path / "studies.journal", LINES[1][:cut]
    for content, left in (
        (LINES[0] + half, LINES[:1]),
        (LINES[0] + half + b"".join(LINES[2:]), [LINES[0], *LINES[2:]]),
        (LINES[0] + b"\0" * cut + b"\n" + LINES[2], [LINES[0], LINES[2]]),
        (half, []),
    ):
        file.write_bytes(content)
        journal.repair(file)
        assert file.read_bytes() == b"".join(left)
        place = f"{file}: dropped the broken record of line {1 if content == half else 2}"
        assert capsys.readouterr().err.startswith(place)
        journal.repair(file)
        assert capsys.readouterr().err == ""


def test_what_is_written_after_a_half_record_begins_a_line(tmp_path, capsys):
    """By a worker that read the journal before another was killed."""
    file = tmp_path / "studies.journal"
    living, other = journal.Journal(file), journal.Journal(file)
    living.append_logs([{"op_code": 1}])
    with file.open("ab") as half:
        half.write(LINES[1][:9])
    assert list(other.read_logs(0)) == [{"op_code": 1}]
    other.append_logs([{"op_code": 2}])
    assert list(living.read_logs(1)) == [{"op_code": 2}]
    assert "dropped the broken record of line 2" in capsys.readouterr().err


@pytest.mark.parametrize("place", ["end", "middle"])
def test_a_study_whose_journal_was_cut_goes_on_to_exactly_as_many(tiny, capfd, place):
    plan = tiny(workers=2)
    sweep.main("near")
    whole = paths.STUDIES.read_bytes()
    middle = [line for line in whole.splitlines(keepends=True) if b'"records"' in line][2]
    cut = whole.index(middle) + len(middle) // 2
    rest = whole[whole.index(middle) + len(middle) :] if place == "middle" else b""
    paths.STUDIES.write_bytes(whole[:cut] + rest)
    sweep.main("near")
    finished_once(plan, 6)
    assert f"{paths.STUDIES}: dropped the broken record of line " in capfd.readouterr().err


def test_a_full_disk_is_one_line_with_the_file_and_the_study_goes_on(tiny):
    plan = tiny(trials=8)
    study.make(plan, make_space(plan))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    most = paths.STUDIES.stat().st_size + 3001  # bytes that a file may have; a record is cut by it
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        with pytest.raises(InputError, match=rf"lost \({paths.STUDIES}: File too large\): start again when it is back"):
            trials.work(plan, True, 0, lambda _: None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert paths.STUDIES.stat().st_size == most
    bury(plan)
    sweep.main("near")
    finished_once(plan, 8)


def busy(plan):
    """Whether a trial runs and another is complete, asked of one study: each made anew would hold a connection."""
    ours = study.make(plan, make_space(plan))
    return lambda: counted(ours)[TrialState.RUNNING] > 0 and counted(ours)[TrialState.COMPLETE] > 0


def wait_for(condition, seconds=180):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"initializers": ["chrono"]}, "none applies to rnn: add default"),
        ({"initializers": ["default", "default"]}, "one is named twice"),
        ({"initializers": ["orthogonl"]}, "no initializer named 'orthogonl'; there are: default, deck"),
        ({"clippings": {"norms": [1, 2]}}, "no clipping named 'norms'; there are: none, norm"),
        ({"learning_rates": {"adam": [0.1, 0.2]}}, "no optimizer named 'adam'; there are: adamw, sgd, rmsprop"),
        ({"initializers": []}, "initializers is empty"),
        ({"clippings": {"norm": [2, 1]}}, r"the range \[2.0, 1.0\] is empty"),
        ({"clippings": {"norm": None}}, "every clipping needs a threshold, except none"),
        ({"tasks": ["nir"]}, "no task named 'nir'; there are: near"),
        ({"architectures": ["gru"]}, "no architecture named 'gru'; there are: rnn, identity"),
        ({"storage": "postgresql+psycopg2://nobody@127.0.0.1:1/none"}, "sweep.storage: cannot be used"),
        ({"sampler": "cmaes"}, "state one initializer, one clipping, one optimizer"),
    ],
)
def test_a_mistake_is_told(tiny, changes, told):
    tiny(**changes)
    with pytest.raises(InputError, match=told):
        sweep.main("near")


def test_a_folder_that_cannot_be_written_is_told(tiny):
    tiny()
    files.remove(paths.WORK)
    paths.WORK.write_text("a file where the folder should be")
    with pytest.raises(InputError, match="sweep.storage: cannot write"):
        sweep.main("near")


@pytest.mark.parametrize("sampler", ["random", "grid"])
def test_samplers_fill_every_place(tiny, sampler):
    plan = tiny(sampler=sampler, pruner="none")
    sweep.main("near")
    assert states(plan)[TrialState.COMPLETE] == 6


def test_cmaes_searches_numbers(tiny):
    plan = tiny(
        sampler="cmaes", initializers=["default"], clippings={"norm": [0.1, 1]}, learning_rates={"sgd": [0.01, 0.1]}
    )
    sweep.main("near")
    assert states(plan)[TrialState.COMPLETE] + states(plan)[TrialState.PRUNED] == 6


GRID = {
    "sampler": "grid",
    "points": 2,
    "initializers": ["default", "orthogonal"],
    "clippings": {"none": None, "norm": [0.1, 10.0]},
    "learning_rates": {"adamw": [0.001, 0.01]},
}


def test_a_grid_holds_each_choice_once(tiny):
    plan = tiny(**GRID, pruner="none", trials=2 + 12)
    sweep.main("near")
    tried = [tuple(sorted(t.params.items())) for t in study.make(plan, make_space(plan)).get_trials()]
    assert len(tried) == 2 + 12  # default, stated; initializers by thresholds (two, and none) by learning rates
    assert len(set(tried[2:])) == 12


def test_a_grid_that_is_too_small_is_told(tiny):
    tiny(**GRID, trials=200)
    with pytest.raises(InputError, match="200 is more than the grid's 12 points and 2 first trials"):
        sweep.main("near")


def test_numbers_of_a_grid():
    assert spread((0.1, 10.0), 3) == pytest.approx([0.1, 1.0, 10.0])
    assert clamped(5.0, (0.1, 1.0)) == 1.0
