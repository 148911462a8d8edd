"""What runs on a worker: data, processes, networks, strategies, the engine, training and trials.

Imports point downwards only: nothing here knows `search_spaces`, `dashboards` or `platform`.
"""

from trainables.core import threads as _threads

_threads.set_environment()  # here, as whatever loads torch for us is below
