"""In lerobot's place: the classes of it that a robot is made of, with the same names, methods and properties."""

__version__ = "0.0.counterpart"
