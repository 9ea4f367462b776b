"""See torchvision/__init__.py: no functions here."""
