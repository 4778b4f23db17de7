"""The short form of every fault of the campaign."""

from pathlib import Path

import pytest

from tests.campaign.faults import FAULTS


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_in_short(name: str, tmp_path: Path) -> None:
    fault = FAULTS[name]
    outcome = fault.run(fault.SHORT, tmp_path)
    assert outcome.failures == []
    assert outcome.trials >= fault.SHORT
