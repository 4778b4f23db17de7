"""irisbp: a small backpropagation network, trained sample by sample, that shows every number."""

from irisbp.public import NAMES as __all__  # noqa: F401, N811
from irisbp.public import list_names as __dir__  # noqa: F401
from irisbp.public import load as __getattr__  # noqa: F401

__version__ = "0.1.0"
