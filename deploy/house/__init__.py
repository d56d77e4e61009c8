"""How the house keeps itself habitable: `make house` measures it, `make lint` reads its words, `make mutate` tries its tests."""
