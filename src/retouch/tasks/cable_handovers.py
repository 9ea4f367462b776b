"""States of cable routing in which a person may be handed control."""

from retouch.tasks.handovers import Handovers

HANDOVERS = Handovers(kinds={}, unsolvable=lambda seen: None)
