"""See torchvision/__init__.py: no models here."""
