"""Routing: hard filters, the order among the able, explanations, the queue, batches, and what holds for any input."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiying.core.routing import (
    ABLE,
    REFUSALS,
    Assignment,
    Candidate,
    Left,
    Need,
    Waiting,
    assign_many,
    choose,
    pick_ticket,
    queue_order,
)

NEED = Need("chat", "P3", {"退款": 2})
ABLE_ONE = Candidate(1, {"chat": 3, "email": 5}, 2, 8, {"退款": 2})


def verdict(candidate, need=NEED):
    (one,) = choose(need, [candidate]).considered
    return one.verdict, dict(one.parts)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"presence": "busy"}, ("not_online", {"presence": "busy"})),
        ({"presence": "offline"}, ("not_online", {"presence": "offline"})),
        ({"on_shift": False}, ("off_shift", {})),
        ({"channels": {"email": 5}}, ("no_channel", {})),
        ({"channels": {"email": 5, "chat": 0}}, ("no_channel", {})),
        ({"channel_load": {"chat": 3}}, ("channel_full", {"load": 3, "capacity": 3})),
        ({"load": 8}, ("full", {"load": 8, "capacity": 8})),
        ({"load": 0, "capacity": 0}, ("full", {"load": 0, "capacity": 0})),
        ({"skills": {"物流": 5}}, ("skill_missing", {"skill": "退款", "needed": 2, "has": 0})),
        ({"skills": {"退款": 1}}, ("level_too_low", {"skill": "退款", "needed": 2, "has": 1})),
    ],
)
def test_each_hard_filter_refuses_with_its_data(change, expected):
    assert verdict(ABLE_ONE)[0] == ABLE
    assert verdict(replace(ABLE_ONE, **change)) == expected
    assert choose(NEED, [replace(ABLE_ONE, **change)]).person is None


def test_who_had_the_ticket_before_is_not_asked_again():
    assert verdict(ABLE_ONE, replace(NEED, tried=frozenset({1}))) == ("tried", {})


def test_a_foreign_language_is_a_skill():
    english = replace(NEED, language="en")
    assert verdict(ABLE_ONE, english) == ("skill_missing", {"skill": "language:en", "needed": 1, "has": 0})
    assert verdict(replace(ABLE_ONE, skills={"退款": 2, "language:en": 1}), english)[0] == ABLE
    fluent = replace(english, skills={"language:en": 3})
    assert verdict(replace(ABLE_ONE, skills={"language:en": 2}), fluent)[0] == "level_too_low"


def other(**change):
    return replace(ABLE_ONE, **{"id": 2, **change})


@pytest.mark.parametrize(
    ("need", "first", "second", "decided_by"),
    [
        (replace(NEED, tier="vip", dedicated=2), ABLE_ONE, other(load=7, skills={"退款": 5}), "dedicated"),
        (replace(NEED, priority="P1"), ABLE_ONE, other(seniority=2, load=7, skills={"退款": 5}), "seniority"),
        (replace(NEED, priority="P2"), ABLE_ONE, other(seniority=1), "seniority"),
        (NEED, replace(ABLE_ONE, skills={"退款": 5}, load=0), other(), "skill_fit"),
        (NEED, ABLE_ONE, other(load=3, capacity=16), "load"),
        (NEED, replace(ABLE_ONE, idle_since=900), other(idle_since=800), "idle"),
    ],
)
def test_the_order_among_the_able_step_by_step(need, first, second, decided_by):
    choice = choose(need, [first, second])
    assert (choice.person, choice.decided_by) == (2, decided_by)


def test_the_lowest_id_ends_every_tie_and_seniority_counts_for_urgent_tickets_only():
    assert choose(NEED, [other(seniority=9), ABLE_ONE]).person == 1
    assert choose(NEED, [other(), ABLE_ONE]).decided_by == "id"
    assert choose(NEED, [ABLE_ONE]).decided_by == "only_one"
    assert choose(NEED, []).decided_by == "nobody"


def test_a_dedicated_agent_counts_for_vips_only_and_must_be_able():
    plain = replace(NEED, dedicated=2)
    assert choose(plain, [ABLE_ONE, other()]).person == 1
    assert choose(replace(plain, tier="vip"), [ABLE_ONE, other()]).person == 2
    assert choose(replace(plain, tier="vip"), [ABLE_ONE, other(presence="away")]).person == 1


CENTRE = [
    Candidate(11, {"phone": 1, "chat": 3}, 2, 4, {"退款": 3}, seniority=2, idle_since=1_000),
    Candidate(12, {"phone": 1, "chat": 3}, 1, 4, {"退款": 4}, seniority=2, idle_since=2_000),
    Candidate(13, {"phone": 1, "chat": 3}, 0, 4, {"退款": 2}, seniority=1, idle_since=500),
    Candidate(14, {"phone": 1, "chat": 3}, 0, 4, {"退款": 5}, presence="break", seniority=3),
    Candidate(15, {"email": 6}, 0, 6, {"退款": 5}, seniority=3),
    Candidate(16, {"phone": 1, "chat": 3}, 0, 4, {"退款": 1}, seniority=3),
]


def test_worked_example_of_the_algorithm_page():
    urgent = choose(Need("chat", "P1", {"退款": 2}), CENTRE)
    assert urgent.as_data() == {
        "person": 11,
        "decided_by": "skill_fit",
        "n_considered": 6,
        "n_able": 3,
        "refused": {"level_too_low": 1, "no_channel": 1, "not_online": 1},
        "considered": [
            {"id": 11, "verdict": "able", "dedicated": False, "seniority": 2, "excess_level": 1, "load": 2,
             "capacity": 4, "idle_since": 1_000},
            {"id": 12, "verdict": "able", "dedicated": False, "seniority": 2, "excess_level": 2, "load": 1,
             "capacity": 4, "idle_since": 2_000},
            {"id": 13, "verdict": "able", "dedicated": False, "seniority": 1, "excess_level": 0, "load": 0,
             "capacity": 4, "idle_since": 500},
            {"id": 16, "verdict": "level_too_low", "skill": "退款", "needed": 2, "has": 1},
            {"id": 15, "verdict": "no_channel"},
            {"id": 14, "verdict": "not_online", "presence": "break"},
        ],
    }  # fmt: skip
    assert json.loads(json.dumps(urgent.as_data())) == urgent.as_data()
    assert choose(Need("chat", "P3", {"退款": 2}), CENTRE).person == 13
    assert choose(Need("chat", "P3", {"退款": 2}, tier="vip", dedicated=12), CENTRE).person == 12


def test_the_explanation_stays_small_and_counts_all():
    crowd = [other(id=n, presence="online" if n % 3 else "offline") for n in range(1, 3001)]
    choice = choose(NEED, crowd)
    assert (choice.n_considered, choice.n_able, choice.refused) == (3000, 2000, {"not_online": 1000})
    assert [one.id for one in choice.considered] == [1, 2, 4, 5, 7, 8, 10, 11, 13, 14]
    nobody = choose(replace(NEED, channel="phone"), crowd)
    assert len(nobody.considered) == 10 and nobody.refused == {"no_channel": 2000, "not_online": 1000}


def waiting(number, due_at=None, received_at=0, **need):
    return Waiting(number, replace(NEED, **need), received_at, due_at)


def test_the_queue_goes_by_due_time_and_vips_jump_it():
    queue = [waiting(1, 500), waiting(2, 400, skills={"法务": 1}), waiting(3), waiting(4, 900), waiting(5, 500, -10)]
    assert [ticket.id for ticket in sorted(queue, key=queue_order)] == [2, 5, 1, 4, 3]
    pick = pick_ticket(ABLE_ONE, queue)
    assert (pick.ticket, pick.n_waiting, pick.passed_over) == (5, 5, {"skill_missing": 1})
    assert pick_ticket(ABLE_ONE, [*queue, waiting(6, 9_999, tier="vip")]).ticket == 6


def test_an_agent_who_is_not_able_gets_nothing_from_the_queue():
    queue = [waiting(1, 500), waiting(2, 400)]
    assert pick_ticket(replace(ABLE_ONE, presence="break"), queue).passed_over == {"not_online": 2}
    assert pick_ticket(replace(ABLE_ONE, load=8), queue).passed_over == {"full": 2}
    assert pick_ticket(ABLE_ONE, [waiting(1, channel="phone")]).passed_over == {"no_channel": 1}
    assert pick_ticket(ABLE_ONE, []).passed_over == pick_ticket(replace(ABLE_ONE, load=8), []).passed_over == {}


def test_a_batch_hands_out_in_queue_order_until_full_and_says_what_is_left():
    batch = assign_many([waiting(1, 500), waiting(2, 400), waiting(3, 300)], [replace(ABLE_ONE, capacity=4)])
    assert [(one.ticket, one.person) for one in batch.assigned] == [(3, 1), (2, 1)]
    assert [one.parts["load"] for one in batch.assigned] == [2, 3]
    assert batch.left == (Left(1, {"full": 1}),)
    with pytest.raises(ValueError, match="twice"):
        assign_many([], [ABLE_ONE, ABLE_ONE])


def test_a_batch_keeps_tickets_apart_that_rank_agents_otherwise():
    pair = [replace(ABLE_ONE, load=0, seniority=1), other(load=0, skills={"退款": 2})]
    queue = [
        waiting(1, 100, tier="vip", dedicated=1),
        waiting(2, 200, tier="vip", dedicated=2),
        waiting(3, 300, tried=frozenset({1})),
        waiting(4, 400),
        waiting(5, 500, priority="P1"),
    ]
    batch = assign_many(queue, pair)
    assert [(one.ticket, one.person) for one in batch.assigned] == [(1, 1), (2, 2), (3, 2), (4, 1), (5, 1)]


def numbered(strategy, max_size):
    return st.lists(strategy, max_size=max_size).map(lambda all_: [replace(one, id=n) for n, one in enumerate(all_, 1)])


SKILLS = st.dictionaries(st.sampled_from(["退款", "物流", "language:en"]), st.integers(1, 4))
CHANNELS = st.sampled_from(["phone", "chat", "email"])
NEEDS = st.builds(
    Need,
    channel=CHANNELS,
    priority=st.sampled_from(["P1", "P2", "P3", "P4"]),
    skills=SKILLS,
    tier=st.sampled_from([None, "vip", "standard"]),
    language=st.sampled_from([None, None, "en"]),
    dedicated=st.none() | st.integers(1, 12),
    tried=st.frozensets(st.integers(1, 12), max_size=2),
)
AGENT = st.builds(
    Candidate,
    id=st.just(0),
    channels=st.dictionaries(CHANNELS, st.integers(0, 4), min_size=2),
    load=st.integers(0, 4),
    capacity=st.integers(0, 6),
    skills=SKILLS,
    channel_load=st.dictionaries(CHANNELS, st.integers(0, 3)),
    presence=st.sampled_from(["online", "online", "online", "busy", "away", "break", "offline"]),
    on_shift=st.sampled_from([True, True, False]),
    seniority=st.integers(0, 2),
    idle_since=st.integers(0, 3),
)
TEAM = numbered(AGENT, 12)
QUEUE = numbered(
    st.builds(Waiting, id=st.just(0), need=NEEDS, received_at=st.integers(0, 5), due_at=st.none() | st.integers(0, 5)),
    25,
)
# A backlog as it is: few kinds of need, most agents able, so that tickets of one kind compete and loads decide.
PLAIN_NEEDS = st.builds(
    Need,
    channel=st.sampled_from(["chat", "chat", "email"]),
    priority=st.sampled_from(["P1", "P3"]),
    skills=st.sampled_from([{}, {"退款": 1}]),
    tier=st.sampled_from([None, "vip"]),
    dedicated=st.sampled_from([None, 2]),
    tried=st.sampled_from([frozenset[int](), frozenset({1})]),
)
PLAIN_AGENT = st.builds(
    Candidate,
    id=st.just(0),
    channels=st.fixed_dictionaries({"chat": st.integers(1, 5), "email": st.integers(1, 5)}),
    load=st.integers(0, 2),
    capacity=st.integers(2, 6),
    skills=st.sampled_from([{"退款": 1}, {"退款": 2}]),
)
PLAIN_TEAM = numbered(PLAIN_AGENT, 6)
PLAIN_QUEUE = numbered(st.builds(Waiting, id=st.just(0), need=PLAIN_NEEDS, received_at=st.integers(0, 5)), 25)


def is_able(one, need):
    """The hard filters, written once more and otherwise."""
    skills = {**({f"language:{need.language}": 1} if need.language else {}), **need.skills}
    return (
        one.presence == "online"
        and one.on_shift
        and one.id not in need.tried
        and one.load < one.capacity
        and one.channel_load.get(need.channel, 0) < one.channels.get(need.channel, 0)
        and all(one.skills.get(skill, 0) >= level for skill, level in skills.items())
    )


@given(NEEDS, TEAM)
def test_somebody_able_is_chosen_exactly_when_there_is_one(need, team):
    choice = choose(need, team)
    able = {one.id for one in team if is_able(one, need)}
    assert (choice.person in able) if able else choice.person is None
    assert choice.n_able == len(able) and choice.n_able + sum(choice.refused.values()) == choice.n_considered
    assert set(choice.refused) <= set(REFUSALS) and len(choice.considered) <= 10


@given(NEEDS, TEAM, st.randoms())
def test_the_order_of_the_candidates_does_not_matter(need, team, random):
    shuffled = list(team)
    random.shuffle(shuffled)
    assert choose(need, shuffled) == choose(need, team)


@given(NEEDS, TEAM, AGENT, st.sampled_from(["busy", "offline", "away", "full"]))
def test_one_more_who_cannot_take_it_changes_nothing(need, team, extra, state):
    extra = replace(extra, id=99)
    extra = replace(extra, load=extra.capacity) if state == "full" else replace(extra, presence=state)
    before, after = choose(need, team), choose(need, [*team, extra])
    assert (after.person, after.decided_by, after.n_able) == (before.person, before.decided_by, before.n_able)


@given(AGENT, QUEUE)
def test_an_agent_gets_the_first_in_the_queue_that_fits(agent, queue):
    agent = replace(agent, id=1)
    fitting = [ticket for ticket in sorted(queue, key=queue_order) if is_able(agent, ticket.need)]
    assert pick_ticket(agent, queue).ticket == (fitting[0].id if fitting else None)


@given(QUEUE | PLAIN_QUEUE, TEAM | PLAIN_TEAM)
def test_a_batch_equals_one_choice_after_another_and_never_overruns(queue, team):
    batch = assign_many(queue, team)
    agents = {one.id: one for one in team}
    expected: list[Assignment | Left] = []
    for ticket in sorted(queue, key=queue_order):
        choice = choose(ticket.need, agents.values())
        if choice.person is None:
            expected.append(Left(ticket.id, choice.refused))
            continue
        expected.append(Assignment(ticket.id, choice.person, choice.considered[0].parts))
        one, channel = agents[choice.person], ticket.need.channel
        taken = {**one.channel_load, channel: one.channel_load.get(channel, 0) + 1}
        agents[one.id] = replace(one, load=one.load + 1, channel_load=taken)
    assert list(batch.assigned) == [step for step in expected if isinstance(step, Assignment)]
    assert [left.ticket for left in batch.left] == [step.ticket for step in expected if isinstance(step, Left)]
    for one in team:
        mine = [step.ticket for step in batch.assigned if step.person == one.id]
        assert len(mine) <= max(0, one.capacity - one.load)
        for channel, limit in one.channels.items():
            n_taken = sum(ticket.id in mine and ticket.need.channel == channel for ticket in queue)
            assert n_taken <= max(0, limit - one.channel_load.get(channel, 0))
