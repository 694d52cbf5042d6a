"""A fixed budget of mutated files; by hand for longer: see fuzz_read."""

from pathlib import Path

from fuzz_read import fuzz

from tonghop.catalogue.model import Catalogue


def test_no_mutation_of_a_real_file_breaks_the_reader(catalogue: Catalogue, tmp_path: Path) -> None:
    seen = fuzz(30, 1, catalogue, tmp_path)
    assert seen["files"] >= 50
    # mutations that all end the same way would test nothing
    assert seen["quarantined"]
    assert seen["returned"]
    assert seen["accepted"]
