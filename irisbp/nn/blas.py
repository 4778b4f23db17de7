"""The number of threads of BLAS, fixed while numbers are made: a large product is cut into a part for each.

With another number of threads the parts end elsewhere, and last digits may differ. This file loads
threadpoolctl, and is loaded only where a product may be cut, see `network.fixed_threads`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock

from threadpoolctl import ThreadpoolController

# OpenBLAS, MKL, BLIS and FlexiBLAS; others, such as Apple's Accelerate, are left as they are.
_BLAS = ThreadpoolController().select(user_api="blas")
_IN_USE = RLock()


@contextmanager
def blas_threads(count: int) -> Iterator[None]:
    """Compute with so many threads, on however few cores; ValueError if BLAS does not take so many.

    The number is one for the whole process, or for each Python thread, depending on the BLAS. So one Python
    thread at a time computes in here; others wait.
    """
    with _IN_USE, _BLAS.limit(limits=count):
        taken = min((library.num_threads for library in _BLAS.lib_controllers), default=1)
        if taken != count:
            raise ValueError(f"this machine's BLAS takes at most {taken}")
        yield
