"""`make chaos`: each service's clock is ten minutes ahead, then ten behind, under traffic of all kinds."""

import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.arena import COMPILER, NUMBERS, Arena
from tests.chaos.judging import Field, pause, under_traffic
from tests.support import network


class Clocked(Arena):
    """Each service's wall clock can be set, through a preloaded library."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        library = folder / "clock.so"
        source = Path(__file__).with_name("clock.c")
        subprocess.run([str(COMPILER), "-O2", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
        self.environment |= {"LD_PRELOAD": str(library)}
        for name in NUMBERS:
            self.set_clock(name, 0)
            self.settings[name] = {"CHAOS_CLOCK": str(self._clock(name))}

    def set_clock(self, name: str, ahead: int) -> None:
        """Moves the service's clock ahead by `ahead` seconds at once."""
        with self._clock(name).open("r+b" if self._clock(name).exists() else "wb") as file:
            file.write(struct.pack("@l", ahead))

    def _clock(self, name: str) -> Path:
        return self.folder / f"{name}.clock"


pytestmark = [
    pytest.mark.chaos,
    network.needed,
    pytest.mark.skipif(not COMPILER, reason="no C compiler is installed; Debian's gcc is one"),
]


@pytest.fixture(scope="module")
def clocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with network.own_network(), under_traffic(Clocked(tmp_path_factory.mktemp("clocked") / "arena")) as made:
        yield made


@pytest.mark.parametrize("ahead", [600, -600])
@pytest.mark.parametrize("name", list(NUMBERS))
def test_clocks_are_ten_minutes_apart(clocked: Field, name: str, ahead: int) -> None:
    assert isinstance(clocked.arena, Clocked)
    with clocked.judge.of(f"{name}'s clock {abs(ahead) // 60} min {'ahead' if ahead > 0 else 'behind'}"):
        clocked.arena.set_clock(name, ahead)
        pause()
        clocked.arena.set_clock(name, 0)
