"""Opening language models: which files, which bytes, which kernels.

torch reads its threading settings when it is first imported, so they are settled here, before any
module of this package imports it.
"""

from pot_recorder.environment.threads import prepare_threads

prepare_threads()
