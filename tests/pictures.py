"""Draws the README's picture of a run at work: `python -m tests.pictures`.

It trains the article's run, stops in the middle, and keeps what the terminal shows just then.
"""

import io
import re
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI

from irisbp.config.load import load_config
from irisbp.show.live import LiveView
from irisbp.training.loop import train
from irisbp.training.setup import prepare
from irisbp.training.state import Epoch

PICTURE = Path(__file__).parent.parent / ".readme" / "live.svg"


def main() -> None:
    """Write .readme/live.svg."""
    training = prepare(load_config(None))
    console = Console(file=io.StringIO(), record=True, force_terminal=True, width=76, height=24, markup=False)
    view = LiveView(
        console, "runs/article-001  4-3-3  sgd 0.1  seed 0", 50, range(7500), training.dataset.classes
    )
    for record in train(training):
        view.take(record)
        if isinstance(record, Epoch) and record.epoch == 31:
            break
    view.close()
    console.export_text()  # forget the frames so far
    console.print(view.view())
    svg = console.export_svg(title="irisbp train configs/article.yaml", theme=MONOKAI)
    # The fonts that the template would load from elsewhere are a matter of taste.
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    PICTURE.write_text(re.sub(r"terminal-\d+", "terminal", svg))


if __name__ == "__main__":
    main()
