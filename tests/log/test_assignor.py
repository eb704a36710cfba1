"""Assignments are complete, even and stable."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from headrace.log.embedded.assignor import assign
from headrace.spi.context import TopicPartition

TOPICS = ["a", "b", "c"]
topics = st.dictionaries(st.sampled_from(TOPICS), st.integers(1, 9), max_size=3)
members = st.sets(st.integers(1, 9), max_size=6)
everything = [TopicPartition(topic, n) for topic in TOPICS for n in range(9)]
current = st.dictionaries(st.sampled_from(everything), st.integers(1, 9), max_size=27)


def loads(result: dict[TopicPartition, int], of: set[int]) -> list[int]:
    return [sum(owner == member for owner in result.values()) for member in of]


@given(topics, members, current)
def test_equal_subscriptions_are_shared_evenly_with_the_fewest_moves(
    topics: dict[str, int], members: set[int], current: dict[TopicPartition, int]
) -> None:
    subscriptions = {member: list(topics) for member in members}
    result = assign(subscriptions, topics, current)
    partitions = {TopicPartition(topic, n) for topic, count in topics.items() for n in range(count)}
    assert set(result) == (partitions if members else set())
    if not members:
        return
    counts = loads(result, members)
    assert max(counts) - min(counts) <= 1
    assert assign(subscriptions, topics, result) == result
    # What a member may keep of what it has: its even share, and as many as possible keep one more.
    share, extra = divmod(len(partitions), len(members))
    held = sorted((sum(current.get(p) == member for p in partitions) for member in members), reverse=True)
    keepable = sum(min(count, share + (1 if place < extra else 0)) for place, count in enumerate(held))
    kept = sum(current.get(partition) == member for partition, member in result.items())
    assert kept == keepable


@given(topics, st.dictionaries(st.integers(1, 6), st.sets(st.sampled_from(TOPICS))), current)
def test_members_get_only_what_they_subscribed_to_and_no_single_move_would_help(
    topics: dict[str, int], subscriptions: dict[int, set[str]], current: dict[TopicPartition, int]
) -> None:
    result = assign(subscriptions, topics, current)
    wanted = {t for t in topics if any(t in names for names in subscriptions.values())}
    assert set(result) == {TopicPartition(t, n) for t in wanted for n in range(topics[t])}
    load = {m: sum(owner == m for owner in result.values()) for m in subscriptions}
    for partition, owner in result.items():
        assert partition.topic in subscriptions[owner]
        assert all(load[owner] - load[m] < 2 for m, names in subscriptions.items() if partition.topic in names)
    assert assign(subscriptions, topics, result) == result
