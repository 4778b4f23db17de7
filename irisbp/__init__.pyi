# The public names for editors and type checkers; public.py has them for Python, a test compares the two.
from irisbp.config.load import load_config as load_config
from irisbp.config.schema import Config as Config
from irisbp.derivations.derivation import Derivation as Derivation
from irisbp.derivations.derive import derive as derive
from irisbp.errors import Busy as Busy
from irisbp.errors import CheckFailed as CheckFailed
from irisbp.errors import ConfigError as ConfigError
from irisbp.errors import DataError as DataError
from irisbp.errors import Diverged as Diverged
from irisbp.errors import Interrupted as Interrupted
from irisbp.errors import IrisbpError as IrisbpError
from irisbp.errors import NoRoom as NoRoom
from irisbp.errors import NotFinite as NotFinite
from irisbp.errors import RunError as RunError
from irisbp.errors import StorageError as StorageError
from irisbp.explanations.explain import explain as explain
from irisbp.explanations.gradient import ExplainedGradient as ExplainedGradient
from irisbp.explanations.update import ExplainedUpdate as ExplainedUpdate
from irisbp.gradients.report import GradientReport as GradientReport
from irisbp.nn.backprop import Objective as Objective
from irisbp.nn.network import Network as Network
from irisbp.runs.compare import diff as diff
from irisbp.runs.evaluate import Evaluation as Evaluation
from irisbp.runs.gradcheck import gradcheck as gradcheck
from irisbp.runs.listing import list_runs as list_runs
from irisbp.runs.open import evaluate as evaluate
from irisbp.runs.open import open_run as open_run
from irisbp.runs.open import predict as predict
from irisbp.runs.resume import resume as resume
from irisbp.runs.run import Run as Run
from irisbp.runs.train import train as train
from irisbp.runs.verify import verify as verify
from irisbp.show.bar import progress_bar as progress_bar
from irisbp.show.bar import sweep_bar as sweep_bar
from irisbp.show.plots.pictures import plot as plot
from irisbp.show.plots.sweep import plot_sweep as plot_sweep
from irisbp.sweeps.run import confirm as confirm
from irisbp.sweeps.run import resume_sweep as resume_sweep
from irisbp.sweeps.run import sweep as sweep
from irisbp.sweeps.sweep import Sweep as Sweep
from irisbp.sweeps.sweep import open_sweep as open_sweep

__version__: str
__all__: list[str]
