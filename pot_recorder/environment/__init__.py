"""What a run ran on and what it cost, measured on the run itself.

torch's libraries read their settings when they are first used. The recorder's packages import this
one before torch, so the settings are made here.
"""

from pot_recorder.environment.kernel_environment import prepare_kernel_environment

prepare_kernel_environment()
