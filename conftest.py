"""The environment of every test and of every chapter that nbval executes."""

import os

os.environ["FF_COMPILE"] = "0"
os.environ["OMP_NUM_THREADS"] = "1"  # The nets are tiny, and other tests run beside.
