"""`make chaos`: each service's clock is ten minutes ahead, then ten behind, under traffic of all kinds."""

from collections.abc import Iterator

import pytest

from tests.chaos.arena import COMPILER, NUMBERS, Clocked
from tests.chaos.field import Field, field, pause
from tests.support import network

pytestmark = [
    pytest.mark.chaos,
    network.needed,
    pytest.mark.skipif(not COMPILER, reason="no C compiler is installed; Debian's gcc is one"),
]


@pytest.fixture(scope="module")
def clocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with network.own_network(), field(Clocked(tmp_path_factory.mktemp("clocked") / "arena")) as made:
        yield made


@pytest.mark.parametrize("ahead", [600, -600])
@pytest.mark.parametrize("name", list(NUMBERS))
def test_clocks_are_ten_minutes_apart(clocked: Field, name: str, ahead: int) -> None:
    assert isinstance(clocked.arena, Clocked)
    with clocked.judge.of(f"{name}'s clock {abs(ahead) // 60} min {'ahead' if ahead > 0 else 'behind'}"):
        clocked.arena.set_clock(name, ahead)
        pause()
        clocked.arena.set_clock(name, 0)
