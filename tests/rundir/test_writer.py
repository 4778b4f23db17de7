"""What a run's files say of its records."""

import math
import tempfile
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from irisbp.config.load import load_config
from irisbp.rundir.storage import Directory
from irisbp.rundir.writer import RunWriter
from irisbp.runs.session import finish
from irisbp.training.setup import prepare
from irisbp.training.state import Block

_OF_ANY_SIZE = st.builds(math.ldexp, st.floats(0.5, 1.0), st.integers(-1074, 1024))
_EDGES = [
    0.0,
    -0.0,
    1e-4,
    math.nextafter(1e-4, 0),
    9999999999999998.0,
    1e16,
    math.inf,
    math.nan,
    5e-324,
    1e22,
]


@given(losses=st.lists(st.floats() | _OF_ANY_SIZE | st.floats(1e-5, 20.0), min_size=1))
@example(losses=_EDGES)
def test_losses_stand_in_steps_csv_as_python_writes_them(losses: list[float]) -> None:
    count, training = len(losses), prepare(load_config(None))
    block = Block(3, 301, [7] * count, [0] * count, [2] * count, losses)
    with tempfile.TemporaryDirectory() as name, Directory(Path(name)) as directory:
        writer = RunWriter(directory, training)
        writer.take(block)
        finish(writer, training, "completed")
        lines = (Path(name) / "steps.csv").read_text().splitlines()
    classes = training.dataset.classes
    assert lines[0] == "step,epoch,sample,label,predicted,loss"
    assert lines[1:] == [f"{301 + k},3,7,{classes[0]},{classes[2]},{loss!r}" for k, loss in enumerate(losses)]
