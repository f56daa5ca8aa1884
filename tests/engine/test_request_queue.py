"""The request queue of the engine's client, without an engine."""

from __future__ import annotations

from resnet_studio.engine.protocol import CANCEL, Reply
from resnet_studio.engine.request_queue import RequestQueue


def sent(queue: RequestQueue) -> list[tuple[str, int]]:
    return [(request.lane, request.number) for request in queue.to_send()]


def test_only_the_newest_request_from_before_the_engine_was_ready_is_sent() -> None:
    queue = RequestQueue()
    numbers = [queue.add("table", "count", (), "") for _ in range(20)]
    assert numbers == sorted(set(numbers))
    assert sent(queue) == [("table", numbers[-1])]
    assert sent(queue) == []


def test_the_engine_is_never_given_more_than_two_requests_of_a_lane() -> None:
    """One runs, one replaces it; otherwise fast typing during a long step would fill the pipe and block the window."""
    queue = RequestQueue()
    given = []
    for _ in range(1000):
        queue.add("table", "count", (), "")
        given += sent(queue)
    assert given == [("table", 1), ("table", 2)]
    queue.handle_reply(Reply("table", 1, "dropped"))
    assert sent(queue) == [("table", 1000)]


def test_a_reply_counts_only_for_the_newest_request_of_its_lane() -> None:
    queue = RequestQueue()
    old = queue.add("table", "count", (), "")
    sent(queue)
    assert queue.handle_reply(Reply("table", old, "part"))
    new = queue.add("table", "count", (), "")
    sent(queue)
    assert not queue.handle_reply(Reply("table", old, "part"))
    assert not queue.handle_reply(Reply("table", old, "answer"))
    assert queue.busy
    assert queue.handle_reply(Reply("table", new, "answer"))
    assert not queue.busy


def test_canceling_an_unsent_request_drops_it_and_sends_nothing() -> None:
    queue = RequestQueue()
    queue.add("table", "count", (), "")
    queue.cancel("table")
    queue.cancel("never used")
    assert sent(queue) == []
    assert not queue.canceling


def test_canceling_a_sent_request_sends_cancel_in_its_place() -> None:
    queue = RequestQueue()
    number = queue.add("table", "count", (), "")
    sent(queue)
    queue.handle_reply(Reply("table", number, "started"))
    queue.cancel("table")
    (request,) = queue.to_send()
    assert (request.lane, request.job) == ("table", CANCEL)
    assert queue.canceling
    assert queue.stuck
    assert not queue.handle_reply(Reply("table", number, "answer", "too late")), "no late result is applied"
    assert not queue.handle_reply(Reply("table", request.number, "dropped"))
    assert not queue.canceling
    assert not queue.busy


def test_stuck_is_true_only_while_the_engine_works_on_a_canceled_request() -> None:
    queue = RequestQueue()
    a, b = queue.add("a", "count", (), ""), queue.add("b", "count", (), "")
    sent(queue)
    queue.handle_reply(Reply("a", a, "started"))
    queue.handle_reply(Reply("b", b, "started"))
    queue.cancel("a")
    assert queue.canceling
    assert not queue.stuck, "the engine is at b, which nobody canceled"
    queue.handle_reply(Reply("a", a, "started"))
    assert queue.stuck


def test_after_a_death_every_unanswered_request_is_sent_again_with_its_number() -> None:
    queue = RequestQueue()
    answered, a, b = (queue.add(lane, "count", (), "") for lane in ("answered", "a", "b"))
    sent(queue)
    queue.handle_reply(Reply("answered", answered, "answer"))
    queue.cancel("a")
    c = queue.add("c", "count", (), "")
    assert queue.engine_died() is None
    assert sent(queue) == [("b", b), ("c", c)]
    assert a


def test_only_the_running_request_is_blamed_and_dropped_the_second_time() -> None:
    queue = RequestQueue()
    bystander, killer = queue.add("a", "count", (), "the bystander"), queue.add("b", "count", (), "the killer")
    for death in (1, 2):
        assert sent(queue) == [("a", bystander), ("b", killer)]
        queue.handle_reply(Reply("a", bystander, "started"))
        queue.handle_reply(Reply("b", killer, "started"))
        culprit = queue.engine_died()
        assert culprit
        assert (culprit.label, culprit.deaths) == ("the killer", death)
    assert sent(queue) == [("a", bystander)]


def test_a_death_while_a_superseded_request_ran_is_not_blamed_on_the_newer_one() -> None:
    queue = RequestQueue()
    queue.handle_reply(Reply("a", queue.add("a", "count", (), ""), "started"))
    newer = queue.add("a", "count", (), "")
    assert queue.engine_died() is None
    assert sent(queue) == [("a", newer)]


def test_a_death_between_two_requests_is_blamed_on_none() -> None:
    queue = RequestQueue()
    number = queue.add("a", "count", (), "")
    sent(queue)
    queue.handle_reply(Reply("a", number, "started"))
    queue.handle_reply(Reply("a", number, "error"))
    queue.add("b", "count", (), "")
    assert queue.engine_died() is None
