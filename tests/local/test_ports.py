"""Ports are given out before a program listens on them."""

from deploy.local import ports


def test_no_port_is_given_to_two_programs_of_a_stack() -> None:
    given = [ports.free_port() for _ in range(500)]
    assert len(set(given)) == 500
