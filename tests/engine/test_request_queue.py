"""What the engine's client remembers, without an engine."""

from __future__ import annotations

from resnet_studio.engine.protocol import NOTHING, Reply
from resnet_studio.engine.request_queue import RequestQueue


def sent(wishes: RequestQueue) -> list[tuple[str, int]]:
    return [(request.lane, request.number) for request in wishes.to_send()]


def test_only_the_newest_of_what_was_wished_before_the_engine_was_ready_is_sent() -> None:
    wishes = RequestQueue()
    numbers = [wishes.add("table", "count", (), "") for _ in range(20)]
    assert numbers == sorted(set(numbers))
    assert sent(wishes) == [("table", numbers[-1])]
    assert sent(wishes) == []


def test_the_engine_is_never_given_more_than_two_requests_of_a_lane() -> None:
    """One runs, one ends it; otherwise a long step and a fast typist would fill the pipe, and the window would wait."""
    wishes = RequestQueue()
    given = []
    for _ in range(1000):
        wishes.add("table", "count", (), "")
        given += sent(wishes)
    assert given == [("table", 1), ("table", 2)]
    wishes.take(Reply("table", 1, "dropped"))
    assert sent(wishes) == [("table", 1000)]


def test_a_reply_counts_only_for_the_newest_request_of_its_lane() -> None:
    wishes = RequestQueue()
    old = wishes.add("table", "count", (), "")
    sent(wishes)
    assert wishes.take(Reply("table", old, "part"))
    new = wishes.add("table", "count", (), "")
    sent(wishes)
    assert not wishes.take(Reply("table", old, "part"))
    assert not wishes.take(Reply("table", old, "answer"))
    assert wishes.busy
    assert wishes.take(Reply("table", new, "answer"))
    assert not wishes.busy


def test_cancelling_what_was_not_sent_forgets_it_and_asks_the_engine_for_nothing() -> None:
    wishes = RequestQueue()
    wishes.add("table", "count", (), "")
    wishes.cancel("table")
    wishes.cancel("never used")
    assert sent(wishes) == []
    assert not wishes.ending


def test_cancelling_what_was_sent_asks_for_nothing_in_its_place() -> None:
    wishes = RequestQueue()
    number = wishes.add("table", "count", (), "")
    sent(wishes)
    wishes.take(Reply("table", number, "started"))
    wishes.cancel("table")
    (request,) = wishes.to_send()
    assert (request.lane, request.job) == ("table", NOTHING)
    assert wishes.ending
    assert wishes.stuck
    assert not wishes.take(Reply("table", number, "answer", "too late")), "no late result is applied"
    assert not wishes.take(Reply("table", request.number, "dropped"))
    assert not wishes.ending
    assert not wishes.busy


def test_what_is_stuck_is_known_only_while_the_engine_works_on_it() -> None:
    wishes = RequestQueue()
    a, b = wishes.add("a", "count", (), ""), wishes.add("b", "count", (), "")
    sent(wishes)
    wishes.take(Reply("a", a, "started"))
    wishes.take(Reply("b", b, "started"))
    wishes.cancel("a")
    assert wishes.ending
    assert not wishes.stuck, "the engine is at b, which nobody cancelled"
    wishes.take(Reply("a", a, "started"))
    assert wishes.stuck


def test_after_the_engines_death_all_that_has_no_answer_is_sent_again_with_its_number() -> None:
    wishes = RequestQueue()
    answered, a, b = (wishes.add(lane, "count", (), "") for lane in ("answered", "a", "b"))
    sent(wishes)
    wishes.take(Reply("answered", answered, "answer"))
    wishes.cancel("a")
    c = wishes.add("c", "count", (), "")
    assert wishes.engine_died() is None
    assert sent(wishes) == [("b", b), ("c", c)]
    assert a


def test_only_the_request_that_was_worked_on_is_blamed_and_the_second_time_forgotten() -> None:
    wishes = RequestQueue()
    bystander, killer = wishes.add("a", "count", (), "the bystander"), wishes.add("b", "count", (), "the killer")
    for death in (1, 2):
        assert sent(wishes) == [("a", bystander), ("b", killer)]
        wishes.take(Reply("a", bystander, "started"))
        wishes.take(Reply("b", killer, "started"))
        culprit = wishes.engine_died()
        assert culprit
        assert (culprit.label, culprit.deaths) == ("the killer", death)
    assert sent(wishes) == [("a", bystander)]


def test_a_death_while_a_superseded_request_ran_is_not_blamed_on_the_newer_one() -> None:
    wishes = RequestQueue()
    wishes.take(Reply("a", wishes.add("a", "count", (), ""), "started"))
    newer = wishes.add("a", "count", (), "")
    assert wishes.engine_died() is None
    assert sent(wishes) == [("a", newer)]


def test_a_death_between_two_requests_is_blamed_on_none() -> None:
    wishes = RequestQueue()
    number = wishes.add("a", "count", (), "")
    sent(wishes)
    wishes.take(Reply("a", number, "started"))
    wishes.take(Reply("a", number, "error"))
    wishes.add("b", "count", (), "")
    assert wishes.engine_died() is None
