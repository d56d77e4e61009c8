"""Draws a trace as text."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from deploy.local.waterfall import Axis, Span, bar, draw, in_order, newest, read


def span(
    span_id: str, parent_id: str | None, start_ms: int, end_ms: int, name: str = "work", service: str = "epcr"
) -> Span:
    return Span("a" * 32, span_id, parent_id, name, service, start_ms * 10**6, end_ms * 10**6, "unset", {})


def test_children_follow_their_parent_and_brothers_follow_time() -> None:
    spans = [
        span("late", "root", 5, 6),
        span("early", "root", 1, 4),
        span("root", None, 0, 9),
        span("grandchild", "early", 2, 3),
    ]
    assert [(depth, each.span_id) for depth, each in in_order(spans)] == [
        (0, "root"),
        (1, "early"),
        (2, "grandchild"),
        (1, "late"),
    ]


def test_a_span_whose_parent_was_not_recorded_is_still_drawn() -> None:
    assert in_order([span("orphan", "elsewhere", 0, 1)])[0][0] == 0


times = st.integers(0, 10**12)


@given(st.lists(st.tuples(times, times), min_size=1, max_size=8), st.integers(16, 200))
def test_every_bar_has_at_least_one_cell_and_stays_inside(moments: list[tuple[int, int]], width: int) -> None:
    spans = [span(str(number), None, min(pair), max(pair)) for number, pair in enumerate(moments)]
    axis = Axis(spans)
    for each in spans:
        drawn = bar(axis, each, width, "cyan").plain
        assert "█" in drawn
        assert len(drawn) == width


@given(st.lists(st.tuples(times, times), min_size=1, max_size=8))
def test_later_is_never_drawn_further_left(moments: list[tuple[int, int]]) -> None:
    axis = Axis([span(str(number), None, min(pair), max(pair)) for number, pair in enumerate(moments)])
    edges = sorted(moment * 10**6 for pair in moments for moment in pair)
    positions = [axis.position(edge) for edge in edges]
    assert positions == sorted(positions)
    assert all(0 <= position <= 1 for position in positions)


def test_a_retry_long_after_does_not_flatten_the_rest() -> None:
    spans = [
        span("request", None, 0, 50),
        span("deliver", "request", 50, 100),
        span("retry", "request", 300_000, 300_020),
    ]
    axis = Axis(spans)
    assert axis.folded == 299_900 * 10**6
    assert axis.position(50 * 10**6) > 0.3
    assert "┊" in bar(axis, spans[0], 80, "cyan").plain


def test_silence_is_drawn_to_scale_when_it_is_short() -> None:
    axis = Axis([span("first", None, 0, 60), span("second", None, 80, 100)])
    assert axis.folded == 0
    assert axis.position(80 * 10**6) == 0.8


def test_waits_look_unlike_work(tmp_path: Path) -> None:
    console = Console(width=120, record=True, file=(tmp_path / "out").open("w"))
    with console.file:
        console.print(draw([span("root", None, 0, 10), span("wait", "root", 10, 400, "outbox wait", "epcr")], 120))
    text = console.export_text()
    assert "2 spans, 1 services, 400.0 ms" in text
    assert "░" in next(line for line in text.splitlines() if "outbox wait" in line)


def test_half_a_line_written_by_another_process_is_skipped(tmp_path: Path) -> None:
    line = '{"trace_id":"%s","span_id":"1","parent_id":null,"name":"n","service":"gateway","start_ns":%d,"end_ns":9,"status":"ok"'
    line += ',"attributes":{}}'
    old, new, poll = "b" * 32, "c" * 32, "d" * 32
    file = tmp_path / "spans.jsonl"
    file.write_text("\n".join([line % (old, 1), line % (new, 2), (line % (new, 3))[:50]]))
    assert [each.start_ns for each in read(file, old)] == [1]
    assert len(read(file, new)) == 1
    assert newest(file) == new
    file.write_text("\n".join([line % (new, 2), (line % (poll, 3)).replace("gateway", "auth")]))
    assert newest(file) == new, "the call of one process of the platform to another is no request of a client"
