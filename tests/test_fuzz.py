"""A fixed budget of mutated files; a longer one in `make trials`, and by hand: see fuzz_read."""

from pathlib import Path

import pytest
from fuzz_read import fuzz

from tonghop.catalogue.model import Catalogue


@pytest.mark.parametrize("seconds", [10, pytest.param(600, marks=pytest.mark.trials)])
def test_no_mutation_of_a_real_file_breaks_the_reader(catalogue: Catalogue, tmp_path: Path, seconds: int) -> None:
    seen = fuzz(seconds, 1, catalogue, tmp_path)
    assert seen["files"] >= 50
    # mutations that all end the same way would test nothing
    assert seen["quarantined"]
    assert seen["returned"]
    assert seen["accepted"]
