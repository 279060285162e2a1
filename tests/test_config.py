"""Settings: what a person may write in params.yaml, and what they are told when it is wrong."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pipeline import params as command_params
from pipeline.architectures import Architecture
from pipeline.challenges.initialization.settings import Evidence
from pipeline.common import InputError, command, files, params
from pipeline.common.dvc_yaml import refuse_what_dvc_cannot_expand
from pipeline.common.registry import find, names
from pipeline.common.renamed import upgraded
from pipeline.tasks import Task, make
from pipeline.tasks.sentiment import Sentiment
from pipeline.training.settings import Train

ROOT = Path(__file__).parent.parent


def test_a_number_is_taken_at_the_scale(project):
    project(scale="full", train={"seeds": {"smoke": 1, "quick": 2, "full": 5}})
    assert params.section(Train).seeds == 5


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"trian": {}}, "unknown key 'trian'; accepted: scale, seed, tasks"),
        ({"tasks": None}, "tasks: None is not a mapping of names to settings"),
        ({"architectures": {"gru": 5}}, "architectures.gru: 5 is not a mapping of settings"),
        ({"scale": "huge"}, "scale: 'huge' is not one of smoke, quick, full"),
        ({"seed": "zero"}, "seed: 'zero' is not a whole number"),
        ({"train": {"seeds": {"quick": 2}}}, "train.seeds: no value for scale 'smoke'; it has quick"),
        ({"train": {"sedes": 2}}, "train.sedes: unknown setting; accepted: seeds,"),
        ({"train": {"seeds": "two"}}, r"train.seeds: Input should be a valid integer.*got 'two'"),
        ({"train": {"precision": "fp64"}}, "train.precision: Input should be 'fp32' or 'bf16', got 'fp64'"),
        ({"train": [1]}, r"train: \[1\] is not a mapping of settings"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_what_is_accepted(project, values, told):
    project(**values)
    with pytest.raises(InputError, match=told):
        params.section(Train)


def test_a_setting_that_was_renamed_is_told_its_name_now(project):
    project(tasks={"near": {"kind": "recall", "enough": 0.1}}, memory={"problems": [{"most": 1}]})
    with pytest.raises(InputError) as error:
        command_params.main()
    assert "tasks.near.enough: unknown setting; its name is now target_loss" in str(error.value)
    assert "memory.problems[0].most: unknown setting; its name is now max_sequences" in str(error.value)
    project(train={"level": 1})  # was never a setting of train
    with pytest.raises(InputError, match="train.level: unknown setting; accepted: seeds, "):
        params.section(Train)


def test_what_an_older_version_recorded_of_a_task_is_read():
    older = {"enough": 0.1, "directions": 2, "epoch_steps": 5, "band": 0.05, "labels": ["a", "b"]}
    fields = {*Sentiment.model_fields}
    values = upgraded(older, fields)
    assert (values["target_loss"], values["bidirectional"], values["steps_per_epoch"]) == (0.1, True, 5)
    assert upgraded(values, fields) == values
    assert upgraded({"level": 1, "windows": 2}, {"level", "windows", "max_windows"}) == {"level": 1, "windows": 2}


def test_all_mistakes_of_a_file_come_in_one_message_with_their_places(project):
    project(
        seed=-1,
        tasks={"near": {"kind": "recall", "lag": 0, "lgg": 1}, "mine": {"kind": "recal"}},
        architectures={"gru": {"layers": "two", "choice": {"initializer": "chron", "clipping": "norms"}}, "lst": None},
        trian={},
    )
    with pytest.raises(InputError) as error:
        params.load()
    assert str(error.value).splitlines()[:2] == [
        "params.yaml: 2 mistakes:",
        f"  unknown key 'trian'; accepted: {', '.join(params.KEYS)}",
    ]
    project(
        tasks={"near": {"kind": "recall", "lag": 0, "lgg": 1}, "mine": {"kind": "recal"}},
        architectures={"gru": {"layers": "two", "choice": {"initializer": "chron", "clipping": "norms"}}, "lst": None},
        sweep={"tasks": ["recall"], "architectures": ["gru", "rnn"], "clippings": {"none": None}},
        evidence={"tasks": ["near", "far"]},
        diagnose={"tasks": ["adding"]},
        memory={
            "problems": [
                {"task": "recall", "variant": "bits", "lags": [3], "max_sequences": 9, "architectures": ["rnn"]}
            ]
        },
        convergence={"series": "sine"},
        train={"seeds": 0, "precision": "fp64", "momentum": float("nan")},
    )
    with pytest.raises(InputError) as error:
        command_params.main()
    mistakes = str(error.value).splitlines()[1:]
    for place, reason in {
        "tasks.near.lag": "Input should be greater than 0, got 0",
        "tasks.near.lgg": "unknown setting; accepted: parameters, ",
        "tasks.mine.kind": "no kind of task named 'recal'; there are: adding, ",
        "architectures.gru.layers": "Input should be a valid integer",
        "architectures.gru.choice.initializer": "no initializer named 'chron'; there are: default, ",
        "architectures.gru.choice.clipping": "no clipping named 'norms'; there are: none, ",
        "architectures.lst": "no architecture named 'lst'; there are: attention, ",
        "sweep.tasks[0]": "no task named 'recall'; there are: near, mine; [] for none",
        "sweep.architectures[1]": "no architecture named 'rnn'; there are: gru, lst; [] for none",
        "evidence.tasks[1]": "no task named 'far'; there are: near, mine; [] for none",
        "diagnose.tasks[0]": "no task named 'adding'; there are: near, mine; [] for none",
        "memory.problems[0].architectures[0]": "no architecture named 'rnn'; there are: gru, lst",
        "convergence.series": "no task named 'sine'; there are: near, mine; null for none",
        "train.seeds": "Input should be greater than 0, got 0",
        "train.precision": "Input should be 'fp32' or 'bf16', got 'fp64'",
        "train.momentum": "Input should be a finite number",
    }.items():
        assert [line for line in mistakes if line.startswith(f"  {place}: {reason}")], place
    assert len(mistakes) == 16


def test_evidence_needs_its_architecture_only_where_it_has_tasks(project):
    project(tasks={"near": {"kind": "recall"}}, architectures={"gru": None}, evidence={"tasks": []})
    assert params.section(Evidence).architecture == "rnn"
    project(tasks={"near": {"kind": "recall"}}, architectures={"gru": None}, evidence={"tasks": ["near"]})
    with pytest.raises(
        InputError,
        match=r"evidence.architecture: no architecture named 'rnn'; there are: gru; evidence.tasks: \[\] compares none",
    ):
        params.section(Evidence)


def test_an_architecture_may_not_be_called_like_a_baseline(project):
    project(tasks={"near": {"kind": "recall"}}, architectures={"constant": None})
    with pytest.raises(InputError, match="architectures.constant: near has a baseline of that name"):
        command_params.main()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed: 0\ntasks:\n  load: {}\n  load: {}\n", "line 4: 'load' is already in line 3"),
        ("{seed: 0, tasks: {load: {}, load: {}}}", "line 1: 'load' is already in line 1"),
        ("seed: 0\ntrain:\n  seeds: 0b_\n", "line 3: '0b_': invalid literal for int"),
        ("train: &again {seeds: *again}", "cannot be read: a value contains itself, or hundreds of others"),
        ("train: {1: 2}", "train: 1: a setting's name must be text"),
        ("tasks: [unclosed", "is not YAML"),
    ],
)
def test_what_yaml_takes_or_cannot_take_is_reported_with_its_line(project, tmp_path, text, message):
    project()
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(InputError, match=f"params.yaml.*{message}") as error:
        params.load()
    assert "\n" not in str(error.value)


def test_another_encoding_is_reported_with_the_line(project, tmp_path):
    project()
    (tmp_path / "params.yaml").write_bytes("seed: 0\n# Größe\n".encode("latin-1"))
    with pytest.raises(InputError, match="params.yaml is not UTF-8: byte 0xf6 in line 2"):
        params.load()


def test_what_dvc_reads_is_there_and_not_by_scale(project):
    whole = yaml.safe_load((ROOT / "params.yaml").read_text())
    root = project(**whole)
    shutil.copy(ROOT / "dvc.yaml", root)
    refuse_what_dvc_cannot_expand()
    del whole["architectures"]
    project(**whole | {"evidence": {"tasks": {"smoke": ["recall"], "quick": ["recall"]}}})
    with pytest.raises(InputError) as error:
        refuse_what_dvc_cannot_expand()
    assert str(error.value).splitlines()[1:] == [
        "  architectures: missing, though dvc.yaml reads it",
        "  evidence.tasks: depends on the scale; accepted: one value, since dvc.yaml makes stages from it",
    ]


def test_a_file_without_mistakes_is_not_looked_through_twice(project, monkeypatch):
    project(tasks={"near": {"kind": "recall"}}, architectures={"gru": None})
    command_params.main(check=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command_params, "refuse_mistakes", lambda params: pytest.fail("looked through again"))
        command_params.main(check=True)
    project(tasks={"near": {"kind": "recall", "lag": 0}}, architectures={"gru": None})
    for _ in range(2):
        with pytest.raises(InputError, match="tasks.near.lag"):
            command_params.main(check=True)


def test_not_yaml_and_no_file_are_told_in_one_line(project, tmp_path):
    with pytest.raises(InputError, match="run this from the project's root"):
        params.load()
    (tmp_path / "params.yaml").write_text("tasks: [unclosed")
    with pytest.raises(InputError, match="params.yaml is not YAML") as error:
        params.load()
    assert "\n" not in str(error.value)


def test_tasks_are_found_by_name_and_kind(project):
    project(tasks={"far": {"kind": "recall", "lag": 7}, "odd": {"kind": "recal"}, "bad": {"kind": "recall", "lgg": 1}})
    assert make("far").lag == 7
    with pytest.raises(InputError, match="no task named 'imbd'; there are: far, odd, bad"):
        make("imbd")
    with pytest.raises(InputError, match="tasks.odd.kind: no kind of task named 'recal'; there are: adding, "):
        make("odd")
    with pytest.raises(InputError, match="tasks.bad.lgg: unknown setting; accepted: parameters, "):
        make("bad")


def test_names_are_file_names():
    assert {"adding", "copy_memory", "recall", "sine", "sum_sign", "temporal_order"} <= set(names(Task))
    assert find(Architecture, "lstm").__name__ == "LSTM"
    with pytest.raises(InputError, match="no architecture named 'lst'; there are: attention, gru, identity, lstm"):
        find(Architecture, "lst")


def test_a_failed_write_leaves_the_old_file_whole(tmp_path):
    path = tmp_path / "result.json"
    files.write_json(path, {"kept": 1})
    with pytest.raises(OSError, match="No space left"), files.replacing(path) as temporary:
        temporary.write_text('{"half": ')
        raise OSError(28, "No space left on device")
    assert files.read_json(path) == {"kept": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["result.json"]


def test_a_kill_between_two_renames_is_undone(tmp_path):
    """What the first rename moved aside comes back when the folder is written the next time, also if that fails."""
    path, aside = tmp_path / "splits", tmp_path / ".splits.old"
    aside.mkdir()
    (aside / "kept").write_text("kept")
    with pytest.raises(OSError, match="No space left"), files.replacing(path) as temporary:
        temporary.mkdir()
        raise OSError(28, "No space left on device")
    assert (path / "kept").read_text() == "kept"
    assert [file.name for file in tmp_path.iterdir()] == ["splits"]


def test_a_folder_is_replaced_whole(tmp_path):
    path = tmp_path / "splits"
    for content in ("old", "new"):
        with files.replacing(path) as temporary:
            temporary.mkdir()
            (temporary / content).write_text(content)
    assert [file.name for file in path.iterdir()] == ["new"]
    assert [file.name for file in tmp_path.iterdir()] == ["splits"]


def test_json_is_never_written_with_nan(tmp_path):
    with pytest.raises(ValueError, match="JSON compliant"):
        files.write_json(tmp_path / "x.json", {"loss": float("nan")})


def test_a_digest_follows_names_and_bytes(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/one").write_text("1")
    before = files.digest(tmp_path / "a")
    (tmp_path / "a/one").rename(tmp_path / "a/two")
    renamed = files.digest(tmp_path / "a")
    (tmp_path / "a/two").write_text("2")
    assert len({before, renamed, files.digest(tmp_path / "a")}) == 3


def test_an_interrupt_waits_for_the_end_of_what_must_not_be_cut():
    done, before = [], signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), command.uninterrupted():
        signal.raise_signal(signal.SIGTERM)
        done.append("whole")
    assert done == ["whole"]
    assert signal.getsignal(signal.SIGTERM) is before


def test_an_interrupt_in_an_inner_block_waits_for_the_end_of_the_outer():
    done = []
    with pytest.raises(KeyboardInterrupt), command.uninterrupted():
        with command.uninterrupted():
            signal.raise_signal(signal.SIGTERM)
            done.append("inner")
        done.append("outer")
    assert done == ["inner", "outer"]


SAYS = """
import atexit, sys
from pipeline.common import InputError, command
atexit.register(lambda: print("hook"))

def main(wrong: bool = False) -> None:
    "Say it."
    print("said")
    if wrong:
        raise InputError("a mistake")

command.run(main, sys.argv[1:])
"""


def test_a_command_that_ends_has_written_all_of_its_output(tmp_path):
    def ask(*words, **kwargs):
        return subprocess.run([sys.executable, "-c", SAYS, *words], text=True, stderr=subprocess.PIPE, **kwargs)

    for words, code, told in (([], 0, ""), (["--wrong"], 2, "error: a mistake\n")):
        done = ask(*words, stdout=subprocess.PIPE)
        assert (done.returncode, done.stdout, done.stderr) == (code, "said\nhook\n", told)
    with open("/dev/full", "w") as full:
        done = ask(stdout=full)
    assert done.returncode != 0
    assert "No space left on device" in done.stderr


WAITS = """
import signal, sys, time
from pipeline.common import command

def main(whole: bool = False) -> None:
    "Wait to be ended; with --whole until a part that must not be cut is done."
    try:
        if whole:
            with command.uninterrupted():
                print("begun", flush=True)
                time.sleep(0.5)
                print("whole", flush=True)
        print("begun", flush=True)
        time.sleep(20)
    finally:
        print("closed", flush=True)

command.run(main, sys.argv[1:])
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("words", [[], ["--whole"]])
def test_a_command_whose_terminal_is_closed_closes_what_is_open(number, words):
    with subprocess.Popen([sys.executable, "-c", WAITS, *words], text=True, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == "begun\n"
        process.send_signal(number)
        printed = process.stdout.read()
    assert printed == ("whole\nclosed\n" if words else "closed\n")
    assert process.returncode not in (0, -number)


def test_nohup_keeps_a_command_running_when_its_terminal_is_closed():
    ignoring = ["sh", "-c", "trap '' HUP; exec \"$@\"", "sh", sys.executable, "-c", WAITS]
    with subprocess.Popen(ignoring, text=True, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGHUP)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        process.send_signal(signal.SIGTERM)
        assert process.stdout.read() == "closed\n"


def test_half_a_json_file_is_named(tmp_path):
    (tmp_path / "half.json").write_text('{"a": ')
    with pytest.raises(InputError, match=r"half.json is not JSON \(Expecting value.*\): restore it \(`git checkout"):
        files.read_json(tmp_path / "half.json")


def test_the_digest_of_what_is_not_there_is_refused(tmp_path):
    (tmp_path / "a").write_text("a")
    with pytest.raises(FileNotFoundError, match="gone"):
        files.digest(tmp_path / "a", tmp_path / "gone")
