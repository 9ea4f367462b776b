"""What paper 2 (CR-DAgger) reports in numbers: success in per cent, of 20 attempts (book) and 32 (belt)."""

from collections.abc import Mapping
from types import MappingProxyType

DEMONSTRATIONS: Mapping[str, int] = MappingProxyType(
    {"book-flipping": 150, "belt-assembly": 405, "cable-routing": 200, "gear-insertion": 150}
)
ATTEMPTS: Mapping[str, int] = MappingProxyType(
    {"book-flipping": 20, "belt-assembly": 32, "cable-routing": 20, "gear-insertion": 20}
)
"""That test a policy (section 4.1)."""

ALONE = "-"
"""The column of what nobody corrected, or of a table without columns."""
PUSHED, TAKEN = "on-policy delta", "take-over"
ONE_BATCH, SMALL_BATCHES, AFTER_ALL = "one batch of 50", "20 + 3 x 10, trained on with each", "after all"

# Of figure 6 the text gives the base, the best cell, how far it falls with the data of taking over (of the book
# also that a residual without force ends at 35, but not on which data); of figure 7 two ends; table 1 is whole.
FIGURE_6: dict[str, dict[tuple[str, str], str]] = {
    "book-flipping": {
        ("base", ALONE): "40",
        ("compliant-residual", PUSHED): "100",
        ("compliant-residual", TAKEN): "55",
    },
    "belt-assembly": {
        ("base", ALONE): "20",
        ("compliant-residual", PUSHED): "70",
        ("compliant-residual", TAKEN): "40",
    },
}
FIGURE_7: dict[str, dict[tuple[str, str], str]] = {
    "book-flipping": {(ONE_BATCH, AFTER_ALL): "100", (SMALL_BATCHES, AFTER_ALL): "0"}
}
TABLE_1: dict[str, dict[tuple[str, str], str]] = {
    "book-flipping": {("with the base's action", ALONE): "100", ("without the base's action", ALONE): "75"},
    "belt-assembly": {("with the base's action", ALONE): "25", ("without the base's action", ALONE): "70"},
}
