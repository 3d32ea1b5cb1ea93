"""Prompts made ready ahead of an engine: in order, a few at a time, and once more when what they counted on is gone."""

import threading

import pytest

from mmk12.backends._ahead import Ahead
from mmk12.types import Request, Sampling


def asked(number: int) -> Request:
    return Request(f"key{number}", f"id{number}", "", (), Sampling())


def taken(ahead: Ahead) -> list[tuple[str, object]]:
    found = []
    while ahead:
        request, ready = ahead.take()
        found.append((request.id, ready.result()))
    return found


def test_each_is_made_ready_once_in_order_in_one_thread_that_is_not_the_callers():
    threads = set()

    def prepare(request):
        threads.add(threading.current_thread())
        return request.key

    ahead = Ahead(prepare, 3)
    for number in range(20):
        ahead.put(asked(number))
    assert len(ahead) == 20
    assert taken(ahead) == [(f"id{number}", f"key{number}") for number in range(20)]
    assert len(threads) == 1 and threading.current_thread() not in threads


def test_only_so_many_are_begun_before_their_turn():
    begun, last = [], threading.Event()

    def prepare(request):
        begun.append(request.id)
        if request.id == "id2":
            last.set()

    ahead = Ahead(prepare, 3)
    for number in range(10):
        ahead.put(asked(number))
    assert last.wait(10)
    assert begun == ["id0", "id1", "id2"]
    ahead.take()[1].result()
    taken(ahead)
    assert len(begun) == 10


def test_an_error_belongs_to_its_request():
    def prepare(request):
        if request.id == "id1":
            raise ValueError("no picture")
        return request.key

    ahead = Ahead(prepare, 2)
    for number in range(3):
        ahead.put(asked(number))
    first, second, third = (ahead.take()[1] for _ in range(3))
    assert (first.result(), third.result()) == ("key0", "key2")
    with pytest.raises(ValueError, match="no picture"):
        second.result()


def test_what_was_not_taken_is_made_ready_anew_after_the_cache_is_gone():
    """Whatever was being made when the cache went is not used: it may count on a picture that nobody has now."""
    epoch, busy = [0], threading.Lock()

    def prepare(request):
        with busy:
            return request.id, epoch[0]

    def forget():
        assert busy.acquire(blocking=False), "the thread rests"
        epoch[0] += 1
        busy.release()

    ahead = Ahead(prepare, 4)
    for number in range(9):
        ahead.put(asked(number))
    ahead.take()[1].result()
    ahead.anew(forget)
    assert [made for _, made in taken(ahead)] == [(f"id{number}", 1) for number in range(1, 9)]
