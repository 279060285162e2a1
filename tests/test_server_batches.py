"""Requests that wait are predicted together: each gets its own answer, whatever the others are."""

import asyncio
import threading
import time

import pandas as pd
import pytest
from small_server import FORECASTS, ROWS, Small, labels, of_texts

from pipeline.common import InputError
from pipeline.server import champion, together
from pipeline.server.champion import Champion, Question
from pipeline.services import Column


class Recorded:
    """A champion's predictions that note what they were asked for together, and wait until they may go on."""

    def __init__(self):
        self.batches: list[list[str]] = []
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def __call__(self, requests: pd.DataFrame) -> pd.DataFrame:
        self.batches.append(requests["text"].tolist())
        assert self.may_go_on.wait(10)
        return labels(requests)


async def ask_while_busy(server, recorded, texts):
    """All texts, each a request, that arrive while another batch is predicted."""
    recorded.may_go_on.clear()
    first = asyncio.ensure_future(server.ask({"inputs": ["first"]}))
    while not recorded.batches:
        await asyncio.sleep(0.001)
    asked = [asyncio.ensure_future(server.ask({"inputs": [text]})) for text in texts]
    while server.server.batches.length < len(texts):
        await asyncio.sleep(0.001)
    recorded.may_go_on.set()
    return [await each for each in (first, *asked)][1:]


def test_requests_that_wait_are_answered_together_each_with_its_own():
    recorded = Recorded()
    texts = [f"text {number}" for number in range(10)]

    async def main():
        async with Small(of_texts(predict=recorded), largest_batch=32) as server:
            return await ask_while_busy(server, recorded, texts)

    answers = asyncio.run(main())
    assert [status for status, _, _ in answers] == [200] * 10
    assert [body["predictions"][0]["label"] for _, _, body in answers] == texts
    assert [len(batch) for batch in recorded.batches] == [1, 10]


def test_two_threads_predict_two_batches_at_once():
    both = threading.Barrier(2, timeout=20)

    def wait_for_the_other(requests):
        both.wait()
        return labels(requests)

    async def main():
        async with Small(of_texts(predict=wait_for_the_other), threads=2, largest_batch=1) as server:
            return await asyncio.gather(*(server.ask({"inputs": [text]}) for text in ("first", "second")))

    assert [body["predictions"][0]["label"] for _, _, body in asyncio.run(main())] == ["first", "second"]


def test_batches_are_ordered_by_length_and_no_larger_than_set():
    recorded = Recorded()
    texts = ["x" * length for length in (9, 2, 7, 4, 5, 6, 3, 8)]

    async def main():
        async with Small(of_texts(predict=recorded), largest_batch=3) as server:
            return await ask_while_busy(server, recorded, texts)

    answers = asyncio.run(main())
    assert [body["predictions"][0]["label"] for _, _, body in answers] == texts
    assert [[len(text) for text in batch] for batch in recorded.batches[1:]] == [[2, 3, 4], [5, 6, 7], [8, 9]]


def test_a_bad_request_spoils_no_other_and_costs_few_attempts():
    recorded = Recorded()
    texts = [f"text {number:02}" for number in range(13)] + ["wrong", "broken", "zzz"]

    async def main():
        async with Small(of_texts(predict=recorded), largest_batch=16) as server:
            return await ask_while_busy(server, recorded, texts)

    answers = dict(zip(texts, asyncio.run(main()), strict=True))
    assert {text for text, (status, _, _) in answers.items() if status == 200} == {*texts} - {"wrong", "broken"}
    assert answers["wrong"][::2] == (400, {"error_code": "BAD_REQUEST", "message": "row 1: text is wrong"})
    assert answers["broken"][0] == 500
    assert answers["broken"][2]["message"] == "the server failed on this request"
    assert answers["zzz"][2]["predictions"] == [{"label": None, "abstained": True, "probability": 0.5}]
    assert len(recorded.batches) - 1 <= 1 + 2 * 2 * 4


def test_a_client_that_is_alone_never_waits():
    async def main():
        async with Small(of_texts(), longest_wait_ms=30_000) as server:
            begun = time.perf_counter()
            for _ in range(3):
                await server.ask({"inputs": ["alone"]})
            return time.perf_counter() - begun

    assert asyncio.run(main()) < 29


def test_a_batch_waits_for_as_many_as_the_last_had():
    recorded = Recorded()

    async def main():
        async with Small(of_texts(predict=recorded), longest_wait_ms=30_000) as server:
            await ask_while_busy(server, recorded, ["a", "b", "c"])
            begun = time.perf_counter()
            late = [asyncio.ensure_future(server.ask({"inputs": ["d"]}))]
            await asyncio.sleep(0.05)
            late += [asyncio.ensure_future(server.ask({"inputs": [text]})) for text in ("e", "f")]
            await asyncio.gather(*late)
            return time.perf_counter() - begun

    assert asyncio.run(main()) < 29
    assert [sorted(batch) for batch in recorded.batches[2:]] == [["d", "e", "f"]]


def test_a_batch_waits_no_longer_than_set():
    recorded = Recorded()

    async def main():
        async with Small(of_texts(predict=recorded), longest_wait_ms=300) as server:
            await ask_while_busy(server, recorded, ["a", "b", "c"])
            begun = time.perf_counter()
            await server.ask({"inputs": ["late"]})
            return time.perf_counter() - begun

    assert 0.29 <= asyncio.run(main()) < 20
    assert recorded.batches[2:] == [["late"]]


def test_a_request_longer_than_a_batch_is_answered_in_pieces_between_others():
    recorded = Recorded()
    long = [f"row {number}" for number in range(25)]

    async def main():
        async with Small(of_texts(predict=recorded), largest_batch=4) as server:
            recorded.may_go_on.clear()
            asking = asyncio.ensure_future(server.ask({"inputs": long}))
            while not recorded.batches:
                await asyncio.sleep(0.001)
            short = asyncio.ensure_future(server.ask({"inputs": ["short"]}))
            await asyncio.sleep(0.01)
            recorded.may_go_on.set()
            await short
            return asking.done(), await asking

    was_done, (status, _, body) = asyncio.run(main())
    assert not was_done
    assert status == 200
    assert [row["label"] for row in body["predictions"]] == long
    assert max(map(len, recorded.batches)) <= 5


def test_a_mistake_in_a_piece_has_its_row_in_the_whole_request():
    async def main():
        async with Small(of_texts(), largest_batch=4) as server:
            return await server.ask({"inputs": ["fine"] * 9 + ["wrong"] + ["fine"] * 9})

    assert asyncio.run(main())[2]["message"] == "row 10: text is wrong"


def test_one_version_answers_all_pieces_of_a_request():
    """The champion is exchanged after the first piece: all pieces are asked for again."""
    second = of_texts("2", lambda requests: labels(requests).assign(label="of the second"))
    server = Small(of_texts("1"), largest_batch=2)

    def first(requests: pd.DataFrame) -> pd.DataFrame:
        server.exchange.champion = second
        return labels(requests).assign(label="of the first")

    server.exchange.champion = of_texts("1", first)

    async def main():
        async with server:
            return await server.ask({"inputs": ["a"] * 6})

    _, headers, body = asyncio.run(main())
    assert [row["label"] for row in body["predictions"]] == ["of the second"] * 6
    assert headers["x-champion-version"] == "2"


def test_nothing_is_predicted_for_a_client_that_hung_up_in_the_queue():
    recorded = Recorded()

    async def main():
        async with Small(of_texts(predict=recorded)) as server:
            recorded.may_go_on.clear()
            first = asyncio.ensure_future(server.ask({"inputs": ["first"]}))
            while not recorded.batches:
                await asyncio.sleep(0.001)
            gone = asyncio.Event()
            asked = asyncio.ensure_future(server.send("POST", "/invocations", b'{"inputs": ["gone"]}', gone))
            await asyncio.sleep(0.2)
            gone.set()
            status, _, _ = await asked
            recorded.may_go_on.set()
            await first
            after = await server.ask({"inputs": ["after"]})
            return status, after[0], server.server.gateway.open

    assert asyncio.run(main()) == (400, 200, 0)
    assert recorded.batches == [["first"], ["after"]]


def forecasts(requests: pd.DataFrame) -> pd.DataFrame:
    """Two rows for each series, in order: the mean of its rows."""
    table = requests if "series" in requests else requests.assign(series="1")
    means = table.groupby("series", sort=False)["load"].mean()
    rows = [(name, str(step), mean) for name, mean in means.items() for step in range(2)]
    return pd.DataFrame(rows, columns=["series", "time", "load"])


def test_series_of_several_requests_keep_their_names_apart():
    """Also where two requests use one name, or none."""
    layout = together.layout_of(ROWS, ())
    served = Champion("1", ROWS, FORECASTS, pd.DataFrame(), layout, forecasts)
    tables = [
        {"series": ["a", "a", "b"], "time": ["1", "2", "1"], "load": [1.0, 3.0, 5.0]},
        {"time": ["1", "2"], "load": [10.0, None]},
        {"series": ["a"], "time": ["1"], "load": [7.0]},
    ]
    answers = champion.answer(served, [Question(table) for table in tables])
    assert [answer["series"].tolist() for answer in answers] == [["a", "a", "b", "b"], ["1", "1"], ["a", "a"]]
    assert [answer["load"].tolist() for answer in answers] == [[2, 2, 5, 5], [10, 10], [7, 7]]


def test_windows_of_a_panel_are_counted_by_all_columns_that_name_them():
    columns = [Column("request", "string", required=False), Column("meter", "string"), Column("load", "double")]
    layout = together.layout_of(columns, ["meter"])
    table = {"request": ["1", "1", "2"], "meter": ["north", " north", "north"], "load": [1.0, 2.0, 3.0]}
    assert together.count(table, layout) == 2
    assert together.count({"meter": ["north", "south"], "load": [1.0, 2.0]}, layout) == 2
    joined = together.join([table, {"meter": ["north"], "load": [4.0]}], layout)
    assert joined["request"].nunique() == 3
    assert joined["load"].tolist() == [1, 2, 3, 4]


def test_an_uneven_number_of_predictions_is_an_error_of_the_package():
    broken = of_texts(predict=lambda requests: labels(requests).iloc[:-1])
    (outcome,) = champion.answer(broken, [Question({"text": ["a", "b"]})])
    assert isinstance(outcome, ValueError)


@pytest.mark.parametrize(
    ("predict", "reason"),
    [
        (lambda requests: labels(requests).assign(probability=float("nan")), "'probability' .* is not a finite number"),
        (lambda requests: labels(requests).assign(probability=0.5 / len(requests)), "differs alone and beside another"),
        (lambda requests: labels(requests.assign(text="wrong")), "example cannot be predicted: row 1: text is wrong"),
        (lambda requests: labels(requests.assign(text="broken")), "example cannot be predicted: the package fails"),
    ],
)
def test_a_champion_must_predict_its_own_example(predict, reason):
    with pytest.raises(InputError, match=reason):
        champion.check(of_texts(predict=predict), of_texts().inputs)
    champion.check(of_texts(), of_texts().inputs)


def test_a_failure_of_ours_is_the_answer_to_its_batch_alone():
    async def main():
        async with Small(of_texts()) as server:
            observe = server.server.batches.observe
            server.server.batches.observe = None  # calling it fails
            first = await server.ask({"inputs": ["a"]})
            server.server.batches._take = lambda most, take=server.server.batches._take: broken(take(most))
            failed = await server.ask({"inputs": ["b"]})
            del server.server.batches._take
            server.server.batches.observe = observe
            return first, failed, await server.ask({"inputs": ["c"]})

    def broken(taken):
        taken[0].rows = None  # cannot be added up
        return taken

    (answered, _, _), (failed, _, error), (after, _, _) = asyncio.run(main())
    assert (answered, failed, after) == (200, 500, 200)
    assert error["message"] == "the server failed on this request"
