"""The ways in which a person corrects; no MuJoCo here, so that commands can name them quickly."""

from typing import Literal

Way = Literal["demonstrate", "observe", "take-over", "delta"]
"""By whole demonstrations, by those where the policy was seen to fail, by taking over, or by pushing while the policy
goes on."""
