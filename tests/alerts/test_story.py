"""What a channel is told, and when: by a clock of the test's own."""

from collections.abc import Iterable

from proxyapp.alerts.story import LONGEST_RETRY_SECONDS, Message, Peace, Story, TellingPace
from proxyapp.operators.alert_items import AlertItem

PACE = TellingPace(after=30, pause=60)
NOW = 1_000_000.0
DRY = AlertItem("running_dry a", "running_dry", "warning", "Group a runs dry.")
EMPTY = AlertItem("group_without_key a", "group_without_key", "danger", "Group a has no key.")
QUIET = Peace(is_quiet=True)


def look(
    story: Story, items: Iterable[AlertItem], at: float, peace: Peace | None = None
) -> Message | None:
    """What is said at this look; it is delivered."""
    story.hear(items, PACE, NOW + at)
    story.speak(PACE, peace or Peace(), NOW + at)
    message = story.message
    story.delivered()
    return message


def texts(message: Message | None) -> tuple[list[str], list[str], list[str]]:
    assert message is not None
    lists = (message.started, message.ended, message.passed)
    first, second, third = ([each.text for each in happened] for happened in lists)
    return first, second, third


def test_one_message_when_it_starts_and_one_when_it_ends() -> None:
    story = Story()
    assert look(story, [DRY], 0) is None
    assert texts(look(story, [DRY], 30)) == ([DRY.text], [], [])
    assert all(look(story, [DRY], at) is None for at in range(45, 1000, 15))
    assert look(story, [], 1000) is None
    assert texts(look(story, [], 1060)) == ([], [DRY.text], [])
    assert look(story, [], 2000) is None


def test_what_is_gone_after_a_moment_is_not_told() -> None:
    story = Story()
    said = [look(story, [DRY] if step % 2 else [], step * 15) for step in range(20)]
    assert said == [None] * 20


def test_an_end_that_was_none_is_not_told() -> None:
    story = Story()
    look(story, [DRY], 0)
    look(story, [DRY], 30)
    assert [look(story, items, 100 + at) for at, items in ((0, []), (15, [DRY]), (90, [DRY]))] == [
        None,
        None,
        None,
    ]


def test_several_at_once_are_one_message_the_urgent_first() -> None:
    story = Story()
    look(story, [DRY, EMPTY], 0)
    message = look(story, [DRY, EMPTY], 30)
    assert texts(message) == ([EMPTY.text, DRY.text], [], [])
    assert message is not None
    assert message.kind == "failure"


def test_what_comes_in_the_pause_waits_for_its_end() -> None:
    story = Story()
    look(story, [DRY], 0)
    look(story, [DRY], 30)
    assert look(story, [DRY, EMPTY], 31) is None
    assert look(story, [DRY, EMPTY], 75) is None
    assert texts(look(story, [DRY, EMPTY], 90)) == ([EMPTY.text], [], [])


def test_a_storm_is_bounded() -> None:
    storm = [AlertItem(f"exit {n}", "exit", "warning", "x" * 9_000) for n in range(1_000)]
    story = Story()
    look(story, storm, 0)
    message = look(story, storm, 30)
    assert message is not None
    assert (len(message.started), message.more, len(story.entries)) == (20, 180, 200)
    assert max(map(len, (each.text for each in message.started))) == 400


def test_quiet_hours_hold_back_and_are_summed_up() -> None:
    story = Story()
    look(story, [DRY], 0, QUIET)
    assert look(story, [DRY], 60, QUIET) is None
    look(story, [], 120, QUIET)
    assert texts(look(story, [], 4000)) == ([], [], [DRY.text])


def test_what_lasts_is_told_when_the_quiet_hours_end() -> None:
    story = Story()
    look(story, [DRY], 0, QUIET)
    look(story, [DRY], 60, QUIET)
    assert texts(look(story, [DRY], 4000)) == ([DRY.text], [], [])


def test_what_is_urgent_passes_if_the_channel_says_so() -> None:
    for passes in (True, False):
        story, peace = Story(), Peace(is_quiet=True, urgent_passes=passes)
        look(story, [EMPTY], 0, peace)
        assert (look(story, [EMPTY], 30, peace) is not None) is passes


def test_more_dead_keys_are_told_again_and_fewer_are_not() -> None:
    def dead(count: int) -> AlertItem:
        return AlertItem("key_died", "key_died", "warning", f"{count} keys", count)

    story = Story()
    look(story, [dead(1)], 0)
    look(story, [dead(1)], 30)
    assert texts(look(story, [dead(3)], 100)) == (["3 keys"], [], [])
    assert look(story, [dead(2)], 200) is None


def test_a_service_that_is_down_gets_one_message_with_all_that_came_meanwhile() -> None:
    story = Story()
    for at in (0, 30):
        story.hear([DRY], PACE, NOW + at)
        story.speak(PACE, Peace(), NOW + at)
    waits = []
    now = NOW + 30
    for _ in range(10):
        assert story.is_due(now)
        assert not story.failed(now)
        assert story.message is not None
        waits.append(story.message.due_at - now)
        now = story.message.due_at
        story.hear([DRY, EMPTY], PACE, now)
        story.speak(PACE, Peace(), now)
    assert (waits[:3], waits[-1]) == ([30, 60, 120], LONGEST_RETRY_SECONDS)
    story.delivered()
    story.speak(PACE, Peace(), now + 60)
    assert texts(story.message) == ([EMPTY.text], [], [])


def test_a_message_is_given_up_after_a_day() -> None:
    story = Story()
    for at in (0, 30):
        story.hear([DRY], PACE, NOW + at)
        story.speak(PACE, Peace(), NOW + at)
    assert not story.failed(NOW + 3600)
    assert story.failed(NOW + 100_000)
    assert story.message is None


def test_it_goes_on_from_what_was_kept() -> None:
    story = Story()
    for at in (0, 30):
        story.hear([DRY], PACE, NOW + at)
        story.speak(PACE, Peace(), NOW + at)
    again = Story.of_json(story.as_json())
    assert again == story
    assert Story.of_json({"entries": {"a": {"strange": 1}}}) == Story()


def test_a_clock_that_was_set_back_stops_nothing() -> None:
    story = Story()
    look(story, [DRY], 50_000)
    assert texts(look(story, [DRY], 50_030))[0] == [DRY.text]
    look(story, [DRY, EMPTY], 0)
    assert texts(look(story, [DRY, EMPTY], 30))[0] == [EMPTY.text]


def test_kinds_that_are_no_longer_wanted_end_without_a_word() -> None:
    story = Story()
    look(story, [DRY], 0)
    look(story, [DRY], 30)
    story.forget_unwanted({"spool"})
    assert look(story, [], 500) is None
