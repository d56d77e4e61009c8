"""Tools for the quality of the code: `make house` measures it, `make lint` checks its words, `make mutate` checks its tests."""
