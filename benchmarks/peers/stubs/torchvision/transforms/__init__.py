"""See torchvision/__init__.py: the two names that robomimic imports."""

from torchvision import Absent

Compose = Lambda = Absent
