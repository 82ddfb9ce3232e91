"""Each bug that `make mutants` plants still finds its place: code that moved away from under one is seen at once."""

from __future__ import annotations

import pytest

from tests.conftest import ROOT
from tests.mutant_list import MUTANTS, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.bug)
def test_a_bug_has_one_place(mutant: Mutant) -> None:
    assert (ROOT / mutant.file).read_text("utf-8").count(mutant.old) == 1
    assert mutant.new != mutant.old
    for test in mutant.tests:
        assert (ROOT / test.partition("::")[0]).is_file()
